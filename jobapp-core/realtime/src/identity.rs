//! Whose a connection is.

use std::sync::Arc;

/// Who a connection belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Stored form.
    pub username: Arc<str>,
    /// The session.
    pub sid: Arc<str>,
}

impl Identity {
    /// This user in this session.
    pub fn new(username: &str, sid: &str) -> Self {
        Self { username: username.into(), sid: sid.into() }
    }
}
