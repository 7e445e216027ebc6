//! Which edition of the analytics answers, and which is being built.

use jobapp_kernel::{Aggregate, InvalidId, InvalidState, Key};
use serde::{Deserialize, Serialize};

use crate::Edition;

/// What identifies the only [`Editions`] there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EditionsId;

const ID: &str = "editions";

impl std::fmt::Display for EditionsId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(ID)
    }
}

impl std::str::FromStr for EditionsId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text == ID { Ok(Self) } else { Err(InvalidId::new(text, ID)) }
    }
}

/// Which edition answers, and which is being built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Editions {
    published: Edition,
    building: Option<Edition>,
}

impl Default for Editions {
    fn default() -> Self {
        Self { published: Edition::UNBUILT, building: None }
    }
}

impl Editions {
    /// The one that answers.
    pub const fn published(&self) -> Edition {
        self.published
    }

    /// Those in which is counted.
    pub fn counting(&self) -> impl Iterator<Item = Edition> {
        [self.published].into_iter().chain(self.building)
    }

    /// The same with a new one that is being built, and that one.
    pub(super) fn begin(self) -> (Self, Edition) {
        let Edition(newest) = self.building.unwrap_or(self.published);
        let edition = Edition(newest + 1);
        (Self { building: Some(edition), ..self }, edition)
    }

    /// The same once this one answers; `None` when it is not the one that is being built.
    pub(super) fn publish(&self, edition: Edition) -> Option<Self> {
        (self.building == Some(edition)).then_some(Self { published: edition, building: None })
    }
}

/// What is stored of it.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "v")]
pub enum EditionsState {
    /// The first form.
    #[serde(rename = "1")]
    V1(EditionsV1),
}
jobapp_kernel::forms!(EditionsState { "1" => V1 });

/// The first stored form.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EditionsV1 {
    published: i64,
    building: Option<i64>,
}

impl Aggregate for Editions {
    const NAME: &'static str = "rating_editions";
    type Id = EditionsId;
    type Event = ();
    type State = EditionsState;

    fn id(&self) -> &EditionsId {
        &EditionsId
    }

    fn keys() -> &'static [Key<Self>] {
        &[]
    }

    fn to_state(&self) -> EditionsState {
        let building = self.building.map(|Edition(number)| number);
        EditionsState::V1(EditionsV1 { published: self.published.0, building })
    }

    fn from_state(state: EditionsState) -> Result<Self, InvalidState> {
        let EditionsState::V1(EditionsV1 { published, building }) = state;
        if building.is_some_and(|building| building <= published) {
            return Err(InvalidState::new("the edition that is being built is not behind the one that answers"));
        }
        Ok(Self { published: Edition(published), building: building.map(Edition) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_edition_has_the_number_of_another() {
        let (editions, first) = Editions::default().begin();
        let (editions, second) = editions.begin();
        assert_eq!((first, second), (Edition(1), Edition(2)));
        assert_eq!(editions.publish(first), None, "it was given up");
        let editions = editions.publish(second).unwrap();
        assert_eq!(editions.counting().collect::<Vec<_>>(), [second]);
        let (editions, third) = editions.begin();
        assert_eq!(editions.counting().collect::<Vec<_>>(), [second, third]);
        assert_eq!(Editions::from_state(editions.to_state()).unwrap(), editions);
    }
}
