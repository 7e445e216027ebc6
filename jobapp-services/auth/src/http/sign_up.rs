//! `POST /signup`

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jobapp_auth::{Device, SignUp};
use jobapp_http::{ApiError, ErrorBody, JsonBody};
use jobapp_kernel::Cause;
use jobapp_wire::auth::{SessionAnswer, SignUpBody};
use sha2::{Digest, Sha256};

use super::answers::opened;
use super::refused;
use crate::AuthService;

const AT: &str = "SignUp create() method error";

/// Makes an account and signs it in.
#[utoipa::path(post, path = "/api/v1/auth/signup", tag = "auth", request_body = SignUpBody, responses(
    (status = 201, description = "The user and the tokens of the first session.", body = SessionAnswer),
    (status = 400, description = "A broken rule, or a name or address in use.", body = ErrorBody),
    (status = 413, description = "The picture is too large.", body = ErrorBody),
    (status = 422, description = "The idempotency key came with another body.", body = ErrorBody),
))]
pub(crate) async fn sign_up(
    State(service): State<AuthService>,
    body: JsonBody,
) -> Result<(StatusCode, Json<SessionAnswer>), ApiError> {
    let wish = SignUpBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, AT))?;
    let cause = cause(&body, &wish.email);
    let sign_up = SignUp {
        username: wish.username,
        email: wish.email,
        password: wish.password.expose().to_owned(),
        country: wish.country,
        picture: wish.profile_picture,
        device: Device::or_unknown(wish.browser_name, wish.device_type),
    };
    let open = service.auth.sign_up(sign_up, cause).await.map_err(|error| refused(error, AT))?;
    Ok((StatusCode::CREATED, Json(opened(&service, "User created successfully", &open)?)))
}

/// The cause of a sign-up, with a hash of the body without the password: hashes of bodies are kept for weeks and are made to
/// be fast, so one of a password would be an invitation. The use case compares the password instead.
fn cause(body: &JsonBody, email: &str) -> Option<Cause> {
    let cause = body.cause(&email.to_lowercase(), "POST /auth/signup")?;
    let Cause::Request { caller, route, key, .. } = cause else { return Some(cause) };
    let mut public = body.value.clone();
    if let Some(fields) = public.as_object_mut() {
        fields.remove("password");
    }
    let body_hash = hex::encode(Sha256::digest(public.to_string()));
    Some(Cause::Request { caller, route, key, body_hash })
}
