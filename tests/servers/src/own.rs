//! A server of one test.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use crate::container::Container;
use crate::{Kind, Server, engine};

/// A server of a test's own, at an address that stays. Removed when dropped.
///
/// What fails here, panics: it is the test that fails.
pub struct OwnServer {
    server: Server,
    container: Arc<Container>,
}

/// Starts a server of this kind for one test.
///
/// # Panics
/// When it cannot be started.
pub async fn own(kind: Kind) -> OwnServer {
    let container = done(engine::run(Container::start(kind)).await);
    OwnServer { server: Server::of(&container), container: Arc::new(container) }
}

impl OwnServer {
    /// Ends the server as an operator would; its data stays.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn stop(&self) {
        let container = Arc::clone(&self.container);
        done(engine::run(async move { container.stop().await }).await);
    }

    /// Starts the server again, with its data and at its address, and waits until it answers.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn start(&self) {
        let container = Arc::clone(&self.container);
        done(engine::run(async move { container.start_again().await }).await);
    }

    /// Freezes the server: connections stay, and new ones are taken, and nothing answers.
    ///
    /// # Panics
    /// When it cannot be paused.
    pub async fn pause(&self) {
        let container = Arc::clone(&self.container);
        done(engine::run(async move { container.pause().await }).await);
    }

    /// Thaws the server.
    ///
    /// # Panics
    /// When it was not paused.
    pub async fn unpause(&self) {
        let container = Arc::clone(&self.container);
        done(engine::run(async move { container.unpause().await }).await);
    }

    /// Runs a line of the shell in its container: what it printed, errors included.
    ///
    /// # Panics
    /// When it fails.
    pub async fn shell(&self, line: &str) -> String {
        let (container, line) = (Arc::clone(&self.container), line.to_owned());
        done(engine::run(async move { container.shell(&line).await }).await)
    }

    /// Where other containers find it, at the port of its kind.
    ///
    /// # Panics
    /// When it runs on the host's network.
    pub async fn address(&self) -> IpAddr {
        let container = Arc::clone(&self.container);
        done(engine::run(async move { container.address().await }).await)
    }

    /// Ends the server as a crash would. `start` brings it back.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub async fn kill(&self) {
        let container = Arc::clone(&self.container);
        done(engine::run(async move { container.kill().await }).await);
    }
}

impl Deref for OwnServer {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

fn done<T>(result: anyhow::Result<T>) -> T {
    match result {
        Ok(done) => done,
        Err(error) => panic!("{error:#}"),
    }
}
