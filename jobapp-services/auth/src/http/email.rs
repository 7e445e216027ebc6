//! `PUT /verify-email` and `POST /resend-email`

use axum::Json;
use axum::extract::State;
use jobapp_auth::OneTimeSecret;
use jobapp_http::{ApiError, Caller, ErrorBody, JsonBody};
use jobapp_wire::auth::{ResendEmailBody, UserAnswer, VerifyEmailBody};

use super::answers::user;
use super::{caller_id, refused};
use crate::AuthService;

const VERIFY: &str = "VerifyEmail update() method error";
const RESEND: &str = "CurrentUser resentEmail() method error";

/// Verifies an address with the link that was mailed. The same link repeats its success for ten minutes.
#[utoipa::path(put, path = "/api/v1/auth/verify-email", tag = "auth", request_body = VerifyEmailBody, responses(
    (status = 200, description = "The user.", body = UserAnswer),
    (status = 400, description = "The link is used up or was never good.", body = ErrorBody),
))]
pub(crate) async fn verify(State(service): State<AuthService>, body: JsonBody) -> Result<Json<UserAnswer>, ApiError> {
    let secret = OneTimeSecret::pasted(VerifyEmailBody::parse(&body.value).token.expose());
    let account = service.auth.verify_email(&secret).await.map_err(|error| refused(error, VERIFY))?;
    Ok(Json(UserAnswer { message: "Email verified successfully.".to_owned(), user: user(&service, &account) }))
}

/// Mails the caller another verify link.
#[utoipa::path(post, path = "/api/v1/auth/resend-email", tag = "auth", request_body = ResendEmailBody, responses(
    (status = 200, description = "The user.", body = UserAnswer),
    (status = 400, description = "The address is not the caller's.", body = ErrorBody),
    (status = 401, description = "Nobody is signed in.", body = ErrorBody),
    (status = 403, description = "The number is not the caller's.", body = ErrorBody),
))]
pub(crate) async fn resend(
    State(service): State<AuthService>,
    caller: Caller,
    body: JsonBody,
) -> Result<Json<UserAnswer>, ApiError> {
    let ResendEmailBody { email, user_id } = ResendEmailBody::parse(&body.value);
    let caller = caller_id(&caller).map_err(|error| refused(error, RESEND))?;
    let resent = service.auth.resend_verification(caller, &email, user_id.as_deref()).await;
    let account = resent.map_err(|error| refused(error, RESEND))?;
    Ok(Json(UserAnswer { message: "Email verification sent".to_owned(), user: user(&service, &account) }))
}
