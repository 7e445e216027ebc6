//! What a seller says of himself.

use std::collections::BTreeSet;

use jobapp_kernel::{Ids, ObjectId};
use serde::{Deserialize, Serialize};

/// Everything about a seller that the seller may write.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Profile {
    /// The name shown.
    pub full_name: String,
    /// URL.
    pub picture: String,
    /// Id of the picture in the media store; may be empty.
    pub picture_id: String,
    /// The long description.
    pub description: String,
    /// Free text.
    pub country: String,
    /// One line.
    pub oneliner: String,
    /// What the seller can do.
    pub skills: Vec<String>,
    /// What the seller speaks.
    pub languages: Vec<Item<Language>>,
    /// Hours.
    pub response_time: f64,
    /// Where the seller worked.
    pub experience: Vec<Item<Experience>>,
    /// Where the seller learned.
    pub education: Vec<Item<Education>>,
    /// Where else the seller is found.
    pub social_links: Vec<String>,
    /// What the seller has on paper.
    pub certificates: Vec<Item<Certificate>>,
}

/// A part of a profile that has an id of its own: `None` until the profile is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item<T> {
    /// The id.
    pub id: Option<ObjectId>,
    /// What it says.
    #[serde(flatten)]
    pub content: T,
}

impl<T> Item<T> {
    /// Something that has no id yet.
    pub const fn new(content: T) -> Self {
        Self { id: None, content }
    }
}

/// A language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Language {
    /// The language.
    pub language: String,
    /// How well.
    pub level: String,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Experience {
    /// Where.
    pub company: String,
    /// As what.
    pub title: String,
    /// Since when.
    pub start_date: String,
    /// Until when.
    pub end_date: String,
    /// Doing what.
    pub description: String,
    /// Whether it goes on.
    pub currently_working_here: bool,
}

/// A degree.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Education {
    /// Free text.
    pub country: String,
    /// Where.
    pub university: String,
    /// The degree.
    pub title: String,
    /// The subject.
    pub major: String,
    /// When.
    pub year: String,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Certificate {
    /// What.
    pub name: String,
    /// By whom.
    pub from: String,
    /// The year.
    pub year: Option<f64>,
}

impl Profile {
    /// The same profile, where every part has an id: its own if it has one that no part before it has, else a new one.
    #[must_use]
    pub fn with_ids(mut self, ids: &dyn Ids) -> Self {
        give_ids(&mut self.languages, ids);
        give_ids(&mut self.experience, ids);
        give_ids(&mut self.education, ids);
        give_ids(&mut self.certificates, ids);
        self
    }
}

fn give_ids<T>(items: &mut [Item<T>], ids: &dyn Ids) {
    let mut used = BTreeSet::new();
    for item in items {
        let id = item.id.filter(|id| !used.contains(id)).unwrap_or_else(|| ids.object_id());
        used.insert(id);
        item.id = Some(id);
    }
}

#[cfg(test)]
mod tests {
    use jobapp_kernel::SequenceIds;

    use super::*;

    fn language(id: Option<ObjectId>) -> Item<Language> {
        Item { id, content: Language { language: "English".into(), level: "Fluent".into() } }
    }

    #[test]
    fn parts_keep_their_ids_and_new_ones_get_one() {
        let own = ObjectId::from_bytes([7; 12]);
        let profile =
            Profile { languages: vec![language(Some(own)), language(None), language(Some(own))], ..Profile::default() };
        let profile = profile.with_ids(&SequenceIds::default());
        let ids: BTreeSet<_> = profile.languages.iter().map(|item| item.id.unwrap()).collect();
        assert_eq!(profile.languages[0].id, Some(own));
        assert_eq!(ids.len(), 3);
    }
}
