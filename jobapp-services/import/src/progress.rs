//! Who is told how far the import is.

use crate::{Counts, Kind};

/// Is told how far the import is. Nothing is waited for.
pub trait Progress: Send + Sync {
    /// A kind is another import's at the moment, or was one's that was killed. It is waited for.
    fn waits(&self, kind: Kind) {
        let _ = kind;
    }

    /// A kind is begun, of which the existing system has so many rows; some were gone through by earlier runs.
    fn begins(&self, kind: Kind, rows: u64, before: u64) {
        let _ = (kind, rows, before);
    }

    /// Something was stored.
    fn stored(&self, kind: Kind) {
        let _ = kind;
    }

    /// So far this run has come with a kind; a page was gone through.
    fn advances(&self, kind: Kind, counts: Counts) {
        let _ = (kind, counts);
    }

    /// A kind has ended with this.
    fn ends(&self, kind: Kind, counts: Counts) {
        let _ = (kind, counts);
    }
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}
