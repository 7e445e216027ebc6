//! How the things are on which services stand: disks, databases, search indexes.

use async_trait::async_trait;

/// One thing services stand on, and how it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is called, such as `order.db`.
    pub name: String,
    /// The one service that stands on it; `None` when all do.
    pub service: Option<&'static str>,
    /// Whether requests must not come while it is in trouble: without it nothing can be stored.
    pub is_vital: bool,
    /// What is wrong with it, in words; `None` while all is well.
    pub trouble: Option<String>,
}

impl Part {
    /// Something all services stand on, and cannot do without.
    pub fn vital(name: impl Into<String>, trouble: Option<String>) -> Self {
        Self { name: name.into(), service: None, is_vital: true, trouble }
    }
}

/// Knows how the parts are. It is asked whenever somebody asks for the health, which anybody may do as often as he likes: what
/// costs much must be kept for a moment.
#[async_trait]
pub trait Vitals: Send + Sync {
    /// Every part, as it is now.
    async fn parts(&self) -> Vec<Part>;
}

/// There are no parts: the services look after their own.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoParts;

#[async_trait]
impl Vitals for NoParts {
    async fn parts(&self) -> Vec<Part> {
        Vec::new()
    }
}
