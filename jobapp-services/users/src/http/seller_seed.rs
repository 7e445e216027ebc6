//! `PUT /api/v1/seller/seed/{count}`

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jobapp_http::{ApiError, Caller, ErrorBody};
use jobapp_runtime::until_found;
use jobapp_users::UsersError;

use super::answers::MessageAnswer;
use super::{Segments, api_error, count, segments};
use crate::UsersService;

/// The most sample sellers that are made at once.
const MOST: usize = 1000;

/// Makes sample sellers of buyers who do not sell. Exists only where the configuration says so.
#[utoipa::path(put, path = "/api/v1/seller/seed/{count}", tag = "seller",
    params(("count" = usize, Path, minimum = 1, maximum = 1000, description = "How many.")),
    responses(
        (status = 201, description = "They are made: as many as there were buyers for.", body = MessageAnswer),
        (status = 400, description = "Every buyer sells already, or the count is none.", body = ErrorBody),
    ))]
pub(crate) async fn seed(
    State(service): State<UsersService>,
    _: Caller,
    count_text: Segments,
) -> Result<(StatusCode, Json<MessageAnswer>), ApiError> {
    let failed = |error| api_error(error).at("SellerSeed seller() method error");
    let count = count(&segments(count_text)?, "The count", MOST)?;
    // Sample accounts may have been made a moment ago: their buyers follow by events.
    let users = &service.users;
    let enough = || async {
        let (free, _) = users.buyers_who_do_not_sell(count).await?;
        Ok::<_, UsersError>((free.len() == count).then_some(()))
    };
    if until_found(service.config.profile_wait, enough).await.map_err(failed)?.is_none() {
        tracing::info!(count, "fewer buyers than sample sellers asked for");
    }
    users.seed_sellers(count).await.map_err(failed)?;
    Ok((StatusCode::CREATED, Json(MessageAnswer { message: "Sellers created successfully" })))
}
