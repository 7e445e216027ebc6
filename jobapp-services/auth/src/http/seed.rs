//! `PUT /seed/{count}`: only where the configuration says so.

use axum::Json;
use axum::extract::State;
use jobapp_auth::{AuthError, MAX_SEED, Seed};
use jobapp_http::{ApiError, ErrorBody};
use jobapp_wire::auth::MessageAnswer;

use super::answers::message;
use super::{Segment, refused, segment};
use crate::AuthService;

const AT: &str = "Seed create() method error";

/// Makes sample users.
#[utoipa::path(put, path = "/api/v1/auth/seed/{count}", tag = "auth",
    params(("count" = usize, Path, minimum = 1, maximum = 1000, description = "How many.")),
    responses(
        (status = 200, description = "They are made.", body = MessageAnswer),
        (status = 400, description = "None or too many.", body = ErrorBody),
    ))]
pub(crate) async fn seed(State(service): State<AuthService>, count: Segment) -> Result<Json<MessageAnswer>, ApiError> {
    let count = segment(count).parse().map_err(|_| refused(AuthError::Count { limit: MAX_SEED }, AT))?;
    let config = &service.config;
    let seed = Seed {
        count,
        mail_domain: config.seed_mail_domain.clone(),
        password: config.seed_password.clone(),
        picture: config.seed_picture.clone(),
    };
    let users = service.auth.seed(&seed).await.map_err(|error| refused(error, AT))?;
    tracing::info!(count = users.len(), "made {} sample users", users.len());
    Ok(Json(message("Seed users created successfully.")))
}
