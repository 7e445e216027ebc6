//! The program of one service: what eight `main.rs` have in common.
//!
//! A [`Program`] says what its service is called, which settings it has beside those of all programs, and how it is opened. [`run`]
//! does the rest: it reads the command line and the settings, tells everything that is wrong with them at once, answers `/livez` and
//! `/readyz` from the first moment on, waits for servers that are away, runs the service, and stops when it is asked to.

mod base;
mod check;
mod command_line;
mod host;
mod start;

use std::sync::Arc;

use axum::Router;
use jobapp_runtime::ServerConfig;

pub use self::base::{Base, sealing_key};
pub use self::check::Standing;
pub use self::host::Host;
pub use self::start::run;
use crate::config::Reader;
use crate::{Service, Store, WaitError};

/// A program that runs one service.
pub trait Program: Sized {
    /// Its service, such as `auth`: the program is called `jobapp-auth`.
    const SERVICE: &'static str;
    /// What it does, in a sentence.
    const ABOUT: &'static str;
    /// The port it listens on unless somebody says otherwise.
    const PORT: u16;
    /// Whether it serves users: then it knows the marketplace's secrets and where media are.
    const SERVES_USERS: bool = true;

    /// Reads the settings it has beside those of all programs. `None` when one is missing or wrong; the reader tells which.
    fn read(reader: &mut Reader) -> Option<Self>;

    /// The servers it stands on, beside those of all programs: what `--check` tries.
    fn stands_on(&self) -> Vec<Standing>;

    /// Who may be connected. Those who call a service are gateways, which are few and call for all.
    fn server(&self, base: &Base) -> ServerConfig {
        base.connections.server(false)
    }

    /// Opens what it stands on, waiting for what is missing, and makes the service.
    fn open(self, host: &Host) -> impl Future<Output = Result<Opened, WaitError>>;
}

/// A service that is ready to run.
pub struct Opened {
    service: Arc<dyn Service>,
    store: Option<Store>,
    routes: Router,
    /// Whether the routes also tell how the process is.
    is_whole: bool,
}

impl Opened {
    /// This service, which answers what its router does.
    pub fn new(service: impl Service + 'static) -> Self {
        let routes = service.router();
        Self { service: Arc::new(service), store: None, routes, is_whole: false }
    }

    /// The same, which keeps what it stores here: what it has to tell is published from there.
    #[must_use]
    pub fn storing_in(self, store: Store) -> Self {
        Self { store: Some(store), ..self }
    }

    /// The same with further pages, such as those for developers.
    #[must_use]
    pub fn with_pages(self, pages: Router) -> Self {
        Self { routes: self.routes.merge(pages), ..self }
    }

    /// The same, which answers everything so, also `/livez` and `/readyz`: it has rules that hold for every request.
    #[must_use]
    pub fn answering_all(self, routes: Router) -> Self {
        Self { routes, is_whole: true, ..self }
    }
}
