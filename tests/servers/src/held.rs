//! Servers that live as long as somebody holds them.

use std::time::Instant;

use tokio::task::JoinSet;

use crate::container::Container;
use crate::{Kind, Server, engine};

/// Servers of a run, removed when dropped.
pub struct Held {
    containers: Vec<Container>,
}

impl Held {
    /// Where they are.
    pub fn servers(&self) -> impl Iterator<Item = Server> {
        self.containers.iter().map(Server::of)
    }
}

/// Starts servers of these kinds, all at once, and waits until each answers.
///
/// # Errors
/// When one cannot be started; the others are removed.
pub async fn hold(kinds: &[Kind]) -> anyhow::Result<Held> {
    let mut starting: JoinSet<anyhow::Result<Container>> = JoinSet::new();
    for kind in kinds {
        starting.spawn(engine::run(start(*kind)));
    }
    let mut containers = Vec::new();
    while let Some(started) = starting.join_next().await {
        containers.push(started??);
    }
    containers.sort_by_key(|container| container.kind as usize);
    Ok(Held { containers })
}

#[expect(clippy::print_stderr, reason = "whoever runs the tests waits for it")]
async fn start(kind: Kind) -> anyhow::Result<Container> {
    let begun = Instant::now();
    let container = Container::start(kind).await?;
    eprintln!("{kind} is ready after {:.1} s", begun.elapsed().as_secs_f32());
    Ok(container)
}
