//! The end of a connection.

/// How far a connection is from its end.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    #[default]
    Open,
    /// After what waits.
    Closing,
    /// Nobody sends anything any more.
    Closed,
}
