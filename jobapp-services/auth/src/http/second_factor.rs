//! `GET`, `POST`, `PUT` and `DELETE /second-factor`

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jobapp_http::{ApiError, Caller, ErrorBody, JsonBody};
use jobapp_wire::auth::{
    BeginSecondFactorBody, ConfirmSecondFactorBody, EndSecondFactorBody, MessageAnswer, RecoveryCodesAnswer,
    SecondFactorAnswer, SecondFactorBegunAnswer,
};

use super::answers::message;
use super::{caller_id, refused};
use crate::AuthService;

const AT: &str = "SecondFactor method error";

/// How the caller's second factor stands.
#[utoipa::path(get, path = "/api/v1/auth/second-factor", tag = "second factor", responses(
    (status = 200, description = "Whether it is on.", body = SecondFactorAnswer),
    (status = 401, description = "Nobody is signed in.", body = ErrorBody),
))]
pub(crate) async fn status(
    State(service): State<AuthService>,
    caller: Caller,
) -> Result<Json<SecondFactorAnswer>, ApiError> {
    let caller = caller_id(&caller).map_err(|error| refused(error, AT))?;
    let status = service.auth.second_factor(caller).await.map_err(|error| refused(error, AT))?;
    Ok(Json(SecondFactorAnswer {
        message: "Second factor".to_owned(),
        enabled: status.is_on,
        recovery_codes_left: status.recovery_codes_left,
    }))
}

/// Begins to set up the second factor: answers the key for the authenticator. It counts once it is confirmed.
#[utoipa::path(post, path = "/api/v1/auth/second-factor", tag = "second factor", request_body = BeginSecondFactorBody, responses(
    (status = 201, description = "The key. Beginning again makes another one.", body = SecondFactorBegunAnswer),
    (status = 400, description = "A broken rule, or a wrong password.", body = ErrorBody),
    (status = 401, description = "Nobody is signed in.", body = ErrorBody),
    (status = 409, description = "It is on already.", body = ErrorBody),
    (status = 429, description = "The password was wrong often.", body = ErrorBody),
))]
pub(crate) async fn begin(
    State(service): State<AuthService>,
    caller: Caller,
    body: JsonBody,
) -> Result<(StatusCode, Json<SecondFactorBegunAnswer>), ApiError> {
    let wish = BeginSecondFactorBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, AT))?;
    let caller = caller_id(&caller).map_err(|error| refused(error, AT))?;
    let begun = service.auth.begin_second_factor(caller, wish.password.expose()).await;
    let begun = begun.map_err(|error| refused(error, AT))?;
    let answer = SecondFactorBegunAnswer {
        message: "Scan the code with your authenticator and confirm.".to_owned(),
        secret: begun.key.expose().to_owned(),
        otpauth_url: begun.url.expose().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Turns the second factor on with a first code of the authenticator. The recovery codes are told this once.
#[utoipa::path(put, path = "/api/v1/auth/second-factor", tag = "second factor", request_body = ConfirmSecondFactorBody, responses(
    (status = 200, description = "It is on. Ten recovery codes.", body = RecoveryCodesAnswer),
    (status = 400, description = "A broken rule, or a wrong code.", body = ErrorBody),
    (status = 401, description = "Nobody is signed in.", body = ErrorBody),
    (status = 409, description = "It was not begun, or is on already.", body = ErrorBody),
))]
pub(crate) async fn confirm(
    State(service): State<AuthService>,
    caller: Caller,
    body: JsonBody,
) -> Result<Json<RecoveryCodesAnswer>, ApiError> {
    let wish = ConfirmSecondFactorBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, AT))?;
    let caller = caller_id(&caller).map_err(|error| refused(error, AT))?;
    let codes = service.auth.confirm_second_factor(caller, wish.code.expose()).await;
    let codes = codes.map_err(|error| refused(error, AT))?;
    Ok(Json(RecoveryCodesAnswer {
        message: "The second factor is on. Keep the recovery codes in a safe place.".to_owned(),
        recovery_codes: codes.iter().map(|code| code.expose().to_owned()).collect(),
    }))
}

/// Takes the second factor away. Needs the password and a code.
#[utoipa::path(delete, path = "/api/v1/auth/second-factor", tag = "second factor", request_body = EndSecondFactorBody, responses(
    (status = 200, description = "It is off.", body = MessageAnswer),
    (status = 400, description = "A broken rule, a wrong password or a wrong code.", body = ErrorBody),
    (status = 401, description = "Nobody is signed in.", body = ErrorBody),
    (status = 409, description = "There is none.", body = ErrorBody),
    (status = 429, description = "Password or code were wrong often.", body = ErrorBody),
))]
pub(crate) async fn end(
    State(service): State<AuthService>,
    caller: Caller,
    body: JsonBody,
) -> Result<Json<MessageAnswer>, ApiError> {
    let wish = EndSecondFactorBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, AT))?;
    let caller = caller_id(&caller).map_err(|error| refused(error, AT))?;
    let ended = service.auth.end_second_factor(caller, wish.password.expose(), wish.code.expose()).await;
    ended.map_err(|error| refused(error, AT))?;
    Ok(Json(message("The second factor is off.")))
}
