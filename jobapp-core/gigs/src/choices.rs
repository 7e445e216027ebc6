//! The category a user looked at last, as something that is stored.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use jobapp_kernel::{
    Aggregate, Change, InvalidId, InvalidState, Key, MAX_KEY_BYTES, Repository, RepositoryError, in_turn,
};
use serde::{Deserialize, Serialize};

use crate::ports::{SearchError, SelectedCategories};

/// How much of a category is remembered, in characters.
pub const LONGEST_CATEGORY: usize = 200;

/// Who chose: a user name in any case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Chooser(String);

impl fmt::Display for Chooser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Chooser {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let name = text.to_lowercase();
        if name.is_empty() || name.len() > MAX_KEY_BYTES {
            return Err(InvalidId::new(text, "a user name"));
        }
        Ok(Self(name))
    }
}

/// What a user chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenCategory {
    chooser: Chooser,
    category: String,
}

/// What is stored of a choice.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum ChosenCategoryState {
    /// The first form.
    #[serde(rename = "1")]
    V1 {
        /// Who chose.
        chooser: Chooser,
        /// What, as it was sent.
        category: String,
    },
}

impl Aggregate for ChosenCategory {
    const NAME: &'static str = "chosen_category";
    type Id = Chooser;
    type Event = ();
    type State = ChosenCategoryState;

    fn id(&self) -> &Chooser {
        &self.chooser
    }

    fn keys() -> &'static [Key<Self>] {
        &[]
    }

    fn to_state(&self) -> ChosenCategoryState {
        ChosenCategoryState::V1 { chooser: self.chooser.clone(), category: self.category.clone() }
    }

    fn from_state(state: ChosenCategoryState) -> Result<Self, InvalidState> {
        let ChosenCategoryState::V1 { chooser, category } = state;
        Ok(Self { chooser, category })
    }
}

/// Keeps what users chose in a repository: one choice for each user.
#[derive(Clone)]
pub struct StoredCategories {
    choices: Arc<dyn Repository<ChosenCategory>>,
}

impl StoredCategories {
    /// In this repository.
    pub const fn new(choices: Arc<dyn Repository<ChosenCategory>>) -> Self {
        Self { choices }
    }

    async fn try_select(&self, chosen: &ChosenCategory) -> Result<(), RepositoryError> {
        in_turn(&*self.choices, &chosen.chooser, || async {
            let change = match self.choices.find(&chosen.chooser).await? {
                // A browser tells its category on every page it opens.
                Some(stored) if stored.value == *chosen => return Ok(()),
                Some(stored) => Change::update(stored.version, chosen.clone(), Vec::new()),
                None => Change::insert(chosen.clone(), Vec::new()),
            };
            // Another process may be told the first choice in the same instant.
            self.choices.save(change).await.map(drop).map_err(|error| error.or_look_again(&["id"]))
        })
        .await
    }
}

#[async_trait]
impl SelectedCategories for StoredCategories {
    async fn of(&self, username: &str) -> Result<Option<String>, SearchError> {
        // Who has no name a user can have chose nothing.
        let Ok(chooser) = username.parse() else { return Ok(None) };
        Ok(self.choices.find(&chooser).await?.map(|stored| stored.value.category))
    }

    async fn select(&self, username: &str, category: &str) -> Result<(), SearchError> {
        let Ok(chooser) = username.parse() else { return Ok(()) };
        let chosen = ChosenCategory { chooser, category: category.chars().take(LONGEST_CATEGORY).collect() };
        Ok(self.try_select(&chosen).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chooser_is_a_name_in_any_case_that_a_store_can_look_up() {
        let chooser = |text: &str| text.parse::<Chooser>();
        assert_eq!(chooser("Iria").unwrap(), chooser("IRIA").unwrap());
        assert_eq!(chooser("Iria").unwrap().to_string().parse::<Chooser>().unwrap(), chooser("iria").unwrap());
        assert!(chooser("").is_err() && chooser(&"x".repeat(MAX_KEY_BYTES + 1)).is_err());
    }
}
