//! `GET /api/v1/buyer/…`

use axum::Json;
use axum::extract::State;
use jobapp_http::{ApiError, Caller, ErrorBody};
use jobapp_runtime::until_found;
use jobapp_users::{Buyer, UsersError};

use super::answers::BuyerAnswer;
use super::{Segments, api_error, segments};
use crate::UsersService;
use crate::documents::buyer_for;

/// The caller's own buyer.
#[utoipa::path(get, path = "/api/v1/buyer/email", tag = "buyer", responses(
    (status = 200, description = "The caller's own buyer.", body = BuyerAnswer),
    (status = 503, description = "It is still being made.", body = ErrorBody),
))]
pub(crate) async fn by_email(
    State(service): State<UsersService>,
    caller: Caller,
) -> Result<Json<BuyerAnswer>, ApiError> {
    own(&service, &caller).await
}

/// The caller's own buyer.
#[utoipa::path(get, path = "/api/v1/buyer/username", tag = "buyer", responses(
    (status = 200, description = "The caller's own buyer.", body = BuyerAnswer),
    (status = 503, description = "It is still being made.", body = ErrorBody),
))]
pub(crate) async fn by_own_name(
    State(service): State<UsersService>,
    caller: Caller,
) -> Result<Json<BuyerAnswer>, ApiError> {
    own(&service, &caller).await
}

/// A buyer by user name, in any case: the whole document for oneself, the public part for others.
#[utoipa::path(get, path = "/api/v1/buyer/{username}", tag = "buyer",
    params(("username" = String, Path, description = "The user name, in any case.")),
    responses(
        (status = 200, description = "The buyer.", body = BuyerAnswer),
        (status = 404, description = "There is no such user.", body = ErrorBody),
        (status = 503, description = "The caller's own buyer is still being made.", body = ErrorBody),
    ))]
pub(crate) async fn by_name(
    State(service): State<UsersService>,
    caller: Caller,
    username: Segments,
) -> Result<Json<BuyerAnswer>, ApiError> {
    let username = segments(username)?;
    match service.users.buyer_named(&username).await.map_err(api_error)? {
        Some(buyer) => Ok(shown(&service, &caller, &buyer)),
        None if caller.is(&username) => own(&service, &caller).await,
        None => Err(ApiError::not_found("There is no such buyer.")),
    }
}

/// Everybody with a session has an account, and an event makes the buyer of every account: it is there, or about to be.
async fn own(service: &UsersService, caller: &Caller) -> Result<Json<BuyerAnswer>, ApiError> {
    let find = || service.users.buyer_of(caller.username());
    match until_found::<_, UsersError, _>(service.config.profile_wait, find).await.map_err(api_error)? {
        Some(buyer) => Ok(shown(service, caller, &buyer)),
        None => {
            tracing::warn!(username = caller.username(), "no event made the buyer of a signed-in user in time");
            Err(ApiError::unavailable("Your profile is being prepared. Please try again in a moment.", 1))
        }
    }
}

fn shown(service: &UsersService, caller: &Caller, buyer: &Buyer) -> Json<BuyerAnswer> {
    Json(BuyerAnswer::new(buyer_for(caller.username(), &*service.shared.media, buyer)))
}
