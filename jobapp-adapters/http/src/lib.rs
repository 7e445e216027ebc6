//! HTTP for every service: who calls, what a body holds, how an error is answered, how another service is called.
//!
//! A service's router gets [`guard`]: it refuses requests that do not come from the gateway and puts the signed-in
//! [`Caller`] into the request's extensions. Handlers take [`Caller`], [`JsonBody`] ([`FileBody`] where a large file may
//! come along) and answer `Result<_, ApiError>`.

mod arrival;
mod body;
mod caller;
mod error;
mod field;
mod field_event;
mod file_body;
mod inflate;
pub mod lists;
mod path;
mod tokens;
mod unescape;
mod upstream;

pub use arrival::Arrival;
pub use body::{BodyTooSlow, IdempotencyKey, JsonBody, not_read};
pub use caller::{
    CLIENT_ADDRESS, Caller, DEVICE_TOKEN, GATEWAY_CHALLENGE, MaybeCaller, OPERATOR, REQUEST_ID, ServiceGuard, guard,
};
pub use error::{ApiError, ErrorBody, not_found};
pub use file_body::{FileBody, FileIntake};
pub use inflate::Coding;
pub use path::{Segments, segments};
pub use secrecy::SecretString;
pub use tokens::{GatewayTokens, InvalidToken, TokenKeys, UserClaims, UserTokens, Validity};
pub use upstream::{BoxError, NoServiceAddress, Upstream, in_process, over_network};
