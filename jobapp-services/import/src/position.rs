//! How far the import of a kind is. It is kept in the store of what it is about, so that the two never disagree: a store that is
//! put back to what it was yesterday goes on from yesterday.

use jobapp_kernel::{Aggregate, InvalidState, Key};
use serde::{Deserialize, Serialize};

use crate::{Counts, Kind};

/// How far the import of a kind is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    kind: Kind,
    /// The primary key of the last row of the last page that was gone through.
    pub(crate) after: Option<String>,
    /// Whether the end was reached once.
    pub(crate) is_complete: bool,
    /// Up to here numbers are left free for those of the existing system.
    pub(crate) reserved: i64,
    /// What became of the rows so far.
    pub(crate) counts: Counts,
}

impl Position {
    pub(crate) fn start(kind: Kind) -> Self {
        Self { kind, after: None, is_complete: false, reserved: 0, counts: Counts::default() }
    }

    /// What became of the rows so far, in all runs together.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether the end was reached once.
    pub const fn is_complete(&self) -> bool {
        self.is_complete
    }
}

/// What is stored of a position.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "v")]
pub enum PositionState {
    /// The first form.
    #[serde(rename = "1")]
    V1(PositionV1),
}
jobapp_kernel::forms!(PositionState { "1" => V1 });

/// The first stored form of a position.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PositionV1 {
    kind: Kind,
    after: Option<String>,
    is_complete: bool,
    reserved: i64,
    counts: Counts,
}

impl Aggregate for Position {
    const NAME: &'static str = "import_position";
    type Id = Kind;
    type Event = ();
    type State = PositionState;

    fn id(&self) -> &Kind {
        &self.kind
    }

    fn keys() -> &'static [Key<Self>] {
        &[]
    }

    fn to_state(&self) -> PositionState {
        let Self { kind, after, is_complete, reserved, counts } = self.clone();
        PositionState::V1(PositionV1 { kind, after, is_complete, reserved, counts })
    }

    fn from_state(state: PositionState) -> Result<Self, InvalidState> {
        let PositionState::V1(PositionV1 { kind, after, is_complete, reserved, counts }) = state;
        Ok(Self { kind, after, is_complete, reserved, counts })
    }
}
