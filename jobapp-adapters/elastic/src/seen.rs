//! Which indexes there are, and what they are there for.

use std::collections::BTreeMap;

use jobapp_gigs::SearchError;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::ElasticError;
use crate::client::Client;
use crate::form::{FORM, Names};

/// The indexes of a marketplace, as they are at a moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The index that is searched.
    pub(crate) live: Option<String>,
    /// The index that is being built, or was when its builder died.
    pub(crate) building: Option<String>,
    /// Whether a newer version of this program has one of its own, or builds it.
    pub(crate) is_outdated: bool,
    /// All indexes of this form and of older ones.
    pub(crate) indexes: Vec<String>,
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    aliases: BTreeMap<String, IgnoredAny>,
}

impl Seen {
    pub(crate) async fn look(client: &Client, names: &Names) -> Result<Self, ElasticError> {
        let path = format!("/{}/_alias", names.every());
        let indexes = client.get("tell its indexes", &path).await?.read()?;
        Ok(Self::of(indexes, names))
    }

    fn of(indexes: BTreeMap<String, Index>, names: &Names) -> Self {
        let mut seen = Self::default();
        for (index, Index { aliases }) in indexes {
            let Some(form) = names.form_of(&index) else { continue };
            if form > FORM {
                // One that nobody uses was left behind.
                seen.is_outdated |= !aliases.is_empty();
                continue;
            }
            if aliases.contains_key(&names.live()) {
                seen.live = Some(index.clone());
            }
            if aliases.contains_key(&names.building()) {
                seen.building = Some(index.clone());
            }
            seen.indexes.push(index);
        }
        seen
    }

    /// Whether there is no index to search. One of a newer version is not replaced: that version's processes take over.
    pub(crate) fn needs_rebuild(&self) -> bool {
        self.live.is_none() && !self.is_outdated
    }

    /// Where news are written.
    ///
    /// They must reach an index that a newer version builds or searches, and only its own processes can write that: they take the news
    /// once this one has not. Without an index they wait until one is built.
    pub(crate) fn written(&self, names: &Names) -> Result<Vec<String>, SearchError> {
        self.refuse_outdated()?;
        let live = self.live.as_ref().map(|_| names.live());
        let building = self.building.as_ref().map(|_| names.building());
        let aliases: Vec<String> = live.into_iter().chain(building).collect();
        if aliases.is_empty() { Err(SearchError::Incomplete) } else { Ok(aliases) }
    }

    /// Fails where a newer version has taken over.
    pub(crate) fn refuse_outdated(&self) -> Result<(), SearchError> {
        if self.is_outdated {
            return Err(SearchError::unavailable("the index is that of a newer version of this program"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Seen {
        Seen::of(serde_json::from_str(text).unwrap(), &Names::new("shop"))
    }

    #[test]
    fn news_go_to_the_index_that_is_searched_and_to_the_one_that_is_built() {
        let names = Names::new("shop");
        let of = |text| seen(text).written(&names).map_err(|error| error.to_string());
        let [one, two, newer] = [
            "shop-v1-00000000000000000000000000000001",
            "shop-v1-00000000000000000000000000000002",
            "shop-v2-00000000000000000000000000000003",
        ];
        let (live, building) = ("shop-v1".to_owned(), "shop-v1-building".to_owned());
        let searched = format!(r#"{{"{one}": {{"aliases": {{"shop-v1": {{}}}}}}}}"#);
        assert_eq!(of(&searched).unwrap().join(" "), live);
        assert!(!seen(&searched).needs_rebuild());
        let both = format!(
            r#"{{"{one}": {{"aliases": {{"shop-v1": {{}}}}}}, "{two}": {{"aliases": {{"shop-v1-building": {{}}}}}}}}"#
        );
        assert_eq!(of(&both).unwrap(), [live, building.clone()]);
        let first = format!(r#"{{"{two}": {{"aliases": {{"shop-v1-building": {{}}}}}}}}"#);
        assert_eq!(of(&first).unwrap(), [building]);
        assert!(seen(&first).needs_rebuild());
        let abandoned = format!(r#"{{"{one}": {{"aliases": {{}}}}, "other-v1": {{"aliases": {{"shop-v1": {{}}}}}}}}"#);
        assert!(of(&abandoned).unwrap_err().contains("being built"));
        assert_eq!(seen(&abandoned).indexes, [one]);
        let taken_over = format!(
            r#"{{"{one}": {{"aliases": {{"shop-v1": {{}}}}}}, "{newer}": {{"aliases": {{"shop-v2-building": {{}}}}}}}}"#
        );
        assert!(of(&taken_over).is_err() && !seen(&taken_over).needs_rebuild());
        let given_up = format!(r#"{{"{one}": {{"aliases": {{"shop-v1": {{}}}}}}, "{newer}": {{"aliases": {{}}}}}}"#);
        assert!(of(&given_up).is_ok());
    }
}
