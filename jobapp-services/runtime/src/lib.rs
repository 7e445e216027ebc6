//! What every service needs to run: settings, logs, relay, consumers, signals and draining.

mod backoff;
mod behind;
mod consumers;
mod exclusive;
mod hold;
mod lifecycle;
mod logging;
mod relay;
mod server;
mod system;
mod translating;
mod waiting;

pub use backoff::Backoff;
pub use behind::{behind, is_behind};
pub use consumers::{Consumer, Handled, json_handler, run_consumer, spawn_consumers, told};
pub use exclusive::Exclusive;
pub use hold::{HoldError, holding_back};
pub use jobapp_kernel::error_text;
pub use lifecycle::{STOP_LIMIT, Shutdown, Signals};
pub use logging::{Beside, LogFormat, Logging, start_logging};
pub use relay::{Relay, RelayError, Translate, TranslateError};
pub use server::{
    BindFailure, Deadlines, LeastRate, MAX_CONNECTIONS, ServerConfig, listen, reserve_descriptors, serve,
};
pub use system::{SystemClock, SystemIds};
pub use translating::{event_of, message_of, note};
pub use waiting::{may_be_on_its_way, patiently, until_found};
