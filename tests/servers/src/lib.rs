//! Databases, brokers and a faulty network for tests, in containers.
//!
//! [`shared`] is the server that every suite of a run uses, each with data of its own; `cargo xtask test` starts it once and says in
//! `JOBAPP_TEST_SERVER_<KIND>` where it is. Without that variable a container is started for this process. [`own`] is a server of
//! one test, to be stopped, paused and killed. [`proxied`] puts a network before a server that can be cut, delayed and silenced.
//! A [`Bucket`] needs no container.
//!
//! A server is ready when it is returned: it has answered in its own protocol. Every container goes with the process that started
//! it, however that ends: a guardian process outlives it for that moment, and what even that left behind is swept away by the next
//! process. A test whose server cannot be had fails; it is never skipped. `docs/testing.md` has the whole.

mod bucket;
mod container;
mod engine;
mod guardian;
mod held;
mod kind;
mod own;
mod owner;
mod ports;
mod probe;
mod proxy;
mod server;

pub use crate::bucket::{Bucket, Fault};
pub use crate::held::{Held, hold};
pub use crate::kind::Kind;
pub use crate::own::{OwnServer, own};
pub use crate::proxy::{Proxy, proxied};
pub use crate::server::{Server, shared};
