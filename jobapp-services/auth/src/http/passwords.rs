//! `PUT /forgot-password`, `PUT /reset-password/{token}` and `PUT /change-password`

use axum::Json;
use axum::extract::State;
use jobapp_auth::{OneTimeSecret, PasswordChanged};
use jobapp_http::{ApiError, Caller, ErrorBody, JsonBody};
use jobapp_runtime::error_text;
use jobapp_wire::auth::{ChangePasswordBody, ForgotPasswordBody, MessageAnswer, ResetPasswordBody};

use super::answers::message;
use super::{Segment, caller_id, refused, segment};
use crate::AuthService;

const FORGOT: &str = "Password forgotPassword() method error";
const RESET: &str = "Password resetPassword() method error";
const CHANGE: &str = "Password changePassword() method error";
const UPDATED: &str = "Password successfully updated.";

/// Mails a link that resets the password. Answers the same whether there is such an account or not.
#[utoipa::path(put, path = "/api/v1/auth/forgot-password", tag = "auth", request_body = ForgotPasswordBody, responses(
    (status = 200, description = "If there is such an account, a link was mailed.", body = MessageAnswer),
    (status = 400, description = "A broken rule.", body = ErrorBody),
))]
pub(crate) async fn forgot(
    State(service): State<AuthService>,
    body: JsonBody,
) -> Result<Json<MessageAnswer>, ApiError> {
    let wish = ForgotPasswordBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, FORGOT))?;
    service.auth.forgot_password(&wish.email).await.map_err(|error| refused(error, FORGOT))?;
    Ok(Json(message("Password reset email sent.")))
}

/// Sets the password with the link that was mailed. Ends every session of the account.
#[utoipa::path(put, path = "/api/v1/auth/reset-password/{token}", tag = "auth", request_body = ResetPasswordBody,
    params(("token" = String, Path, description = "What the link carries.")),
    responses(
        (status = 200, description = "The password is set.", body = MessageAnswer),
        (status = 400, description = "A broken rule, or a link that is used up or too old.", body = ErrorBody),
    ))]
pub(crate) async fn reset(
    State(service): State<AuthService>,
    token: Segment,
    body: JsonBody,
) -> Result<Json<MessageAnswer>, ApiError> {
    let wish = ResetPasswordBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, RESET))?;
    let secret = OneTimeSecret::pasted(&segment(token));
    let changed = service.auth.reset_password(&secret, wish.password.expose()).await;
    log_unfinished(&changed.map_err(|error| refused(error, RESET))?);
    Ok(Json(message(UPDATED)))
}

/// Sets the caller's password. Ends every session of the account, the caller's too.
#[utoipa::path(put, path = "/api/v1/auth/change-password", tag = "auth", request_body = ChangePasswordBody, responses(
    (status = 200, description = "The password is set.", body = MessageAnswer),
    (status = 400, description = "A broken rule, or the current password is wrong.", body = ErrorBody),
    (status = 401, description = "Nobody is signed in.", body = ErrorBody),
))]
pub(crate) async fn change(
    State(service): State<AuthService>,
    caller: Caller,
    body: JsonBody,
) -> Result<Json<MessageAnswer>, ApiError> {
    let wish = ChangePasswordBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, CHANGE))?;
    let caller = caller_id(&caller).map_err(|error| refused(error, CHANGE))?;
    let (current, new) = (wish.current_password.expose(), wish.new_password.expose());
    let changed = service.auth.change_password(caller, current, new).await;
    log_unfinished(&changed.map_err(|error| refused(error, CHANGE))?);
    Ok(Json(message(UPDATED)))
}

fn log_unfinished(changed: &PasswordChanged) {
    if let Some(error) = &changed.unfinished {
        tracing::error!(error = error_text(error), "not every session was ended at once by a change of the password");
    }
}
