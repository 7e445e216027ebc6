//! The existing system, as it is written down.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jobapp_import::{Kind, OldRow, OldSystem, OldSystemError, Ours};
use jobapp_platform::Store;

use crate::town::{Nul, Size, Town};

/// Tables that are given.
pub struct Scripted {
    pub rows: BTreeMap<Kind, Vec<OldRow>>,
    /// A kind that cannot be read.
    pub away: Option<Kind>,
}

impl Scripted {
    pub fn of(town: &Town) -> Self {
        Self { rows: town.rows.clone(), away: None }
    }

    fn rows(&self, kind: Kind) -> Result<&[OldRow], OldSystemError> {
        if self.away == Some(kind) {
            return Err(OldSystemError { kind, source: "it is away".into() });
        }
        Ok(self.rows.get(&kind).map(Vec::as_slice).unwrap_or_default())
    }
}

#[async_trait]
impl OldSystem for Scripted {
    async fn page(&self, kind: Kind, after: Option<&str>, limit: usize) -> Result<Vec<OldRow>, OldSystemError> {
        let rows = self.rows(kind)?;
        let first =
            after.map_or(0, |after| rows.iter().position(|row| row.id == after).map_or(rows.len(), |place| place + 1));
        Ok(rows[first..].iter().take(limit).cloned().collect())
    }

    async fn count(&self, kind: Kind) -> Result<u64, OldSystemError> {
        Ok(self.rows(kind)?.len() as u64)
    }

    async fn highest(&self, kind: Kind) -> Result<Option<i64>, OldSystemError> {
        Ok(self.rows(kind)?.iter().filter_map(|row| row.id.parse().ok()).max())
    }
}

/// A town that is large enough for every way to be broken that happens often.
pub fn small_town() -> Town {
    Town::of(Size { people: 420, messages: 1200, orders: 260 }, Nul::Anywhere)
}

pub fn in_memory() -> Ours {
    let [auth, users, gig, chat, order, review] = [(); 6].map(|()| Store::in_memory());
    Ours { auth, users, gig, chat, order, review, analytics: None }
}
