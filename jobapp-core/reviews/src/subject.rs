//! What totals are kept of: sellers and gigs.

use jobapp_kernel::InvalidId;

/// Which kind of thing was rated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectKind {
    /// A seller.
    Seller,
    /// A gig.
    Gig,
}

impl SubjectKind {
    /// `seller` or `gig`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seller => "seller",
            Self::Gig => "gig",
        }
    }
}

/// What totals are kept of: a seller or a gig.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    kind: SubjectKind,
    id: String,
}

impl Subject {
    /// The longest id, in bytes: with what else tells totals apart it must fit into an index.
    pub const MAX_BYTES: usize = 128;

    /// A seller.
    ///
    /// # Errors
    /// When the id is empty, too long or has U+0000.
    pub fn seller(id: &str) -> Result<Self, InvalidId> {
        Self::of(SubjectKind::Seller, id)
    }

    /// A gig.
    ///
    /// # Errors
    /// When the id is empty, too long or has U+0000.
    pub fn gig(id: &str) -> Result<Self, InvalidId> {
        Self::of(SubjectKind::Gig, id)
    }

    fn of(kind: SubjectKind, id: &str) -> Result<Self, InvalidId> {
        // Not every database can store, or even compare, U+0000.
        if id.is_empty() || id.len() > Self::MAX_BYTES || id.contains('\0') {
            return Err(InvalidId::new(id, "the id of a seller or a gig"));
        }
        Ok(Self { kind, id: id.to_owned() })
    }

    /// Whether it is a seller or a gig.
    pub const fn kind(&self) -> SubjectKind {
        self.kind
    }

    /// The id of the seller or the gig.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind.name(), self.id)
    }
}

impl std::str::FromStr for Subject {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.split_once('/') {
            Some(("seller", id)) => Self::seller(id),
            Some(("gig", id)) => Self::gig(id),
            _ => Err(InvalidId::new(text, "seller/… or gig/…")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_survive_a_round_trip() {
        let subject = Subject::gig("a/b").unwrap();
        assert_eq!(subject.to_string().parse::<Subject>().unwrap(), subject);
        assert_eq!((subject.kind(), subject.id()), (SubjectKind::Gig, "a/b"));
    }

    #[test]
    fn what_no_database_takes_is_no_subject() {
        for id in ["", "a\0b", &"x".repeat(Subject::MAX_BYTES + 1)] {
            assert!(Subject::seller(id).is_err() && Subject::gig(id).is_err(), "{id:?}");
        }
        assert!("other/1".parse::<Subject>().is_err() && "seller".parse::<Subject>().is_err());
    }
}
