//! `POST /signin` and `PUT /verify-otp/{otp}`

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use jobapp_auth::{Device, Login, OneTimeSecret, SignIn, SignedIn};
use jobapp_http::{ApiError, ErrorBody, JsonBody};
use jobapp_wire::auth::{SessionAnswer, SignInAnswer, SignInBody, VerifyOtpBody};

use super::answers::opened;
use super::{Segment, origin, refused, segment};
use crate::AuthService;

const SIGN_IN: &str = "SignIn read() method error";
const VERIFY_OTP: &str = "VerifyOTP updateOTP() method error";

/// What the gateway sends the pending token in.
const PENDING_TOKEN: &str = "x-pending-token";

/// Signs in by name or address. An unknown device gets a mailed code asked for instead; an account with a second factor gets a
/// code of the authenticator asked for, on any device.
#[utoipa::path(post, path = "/api/v1/auth/signin", tag = "auth", request_body = SignInBody, responses(
    (status = 200, description = "The user and the tokens of a session, or the token of a sign-in that waits for its code.", body = SignInAnswer),
    (status = 400, description = "A broken rule, an unknown user or a wrong password.", body = ErrorBody),
    (status = 429, description = "Many wrong passwords came from there, or many codes were mailed lately.", body = ErrorBody),
))]
pub(crate) async fn sign_in(
    State(service): State<AuthService>,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Json<SignInAnswer>, ApiError> {
    let wish = SignInBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, SIGN_IN))?;
    let is_by_email = wish.is_by_email();
    let sign_in = SignIn {
        login: if is_by_email { Login::Email(wish.username) } else { Login::Name(wish.username) },
        password: wish.password.expose().to_owned(),
        device: Device::pair(wish.browser_name, wish.device_type),
        origin: origin(&headers),
    };
    let signed_in = service.auth.sign_in(sign_in).await;
    service.sign_ins.tried(&signed_in);
    let signed_in = signed_in.map_err(|error| refused(error, SIGN_IN))?;
    let answer = match signed_in {
        SignedIn::Open(open) => {
            let SessionAnswer { message, user, token, refresh_token, device_token } =
                opened(&service, "User login successfully", &open)?;
            SignInAnswer {
                message,
                user: Some(user),
                token,
                browser_name: String::new(),
                device_type: String::new(),
                refresh_token,
                pending_token: None,
                device_token,
                hint: None,
            }
        }
        SignedIn::CodeSent { token, known_device } => {
            let hint =
                service.config.mailbox.as_ref().map(|mailbox| format!("The code was mailed. Mails are at {mailbox}"));
            SignInAnswer { hint, ..code_wanted("OTP code sent", &token, known_device) }
        }
        SignedIn::SecondFactor { token, known_device } => {
            code_wanted("Enter the code of your authenticator.", &token, known_device)
        }
    };
    Ok(Json(answer))
}

/// The answer that makes clients ask for a code: they look at the device, which is never empty.
fn code_wanted(text: &str, token: &OneTimeSecret, known_device: Device) -> SignInAnswer {
    SignInAnswer {
        message: text.to_owned(),
        user: None,
        token: String::new(),
        browser_name: known_device.browser,
        device_type: known_device.kind,
        refresh_token: None,
        pending_token: Some(token.expose().to_owned()),
        device_token: None,
        hint: None,
    }
}

/// Ends a sign-in with its code: the mailed one, one of the authenticator, or a recovery code.
#[utoipa::path(put, path = "/api/v1/auth/verify-otp/{otp}", tag = "auth", request_body = VerifyOtpBody,
    params(
        ("otp" = String, Path, description = "Six digits, or a recovery code; blanks and dashes do not count."),
        ("x-pending-token" = String, Header, description = "The sign-in's `pendingToken`."),
    ),
    responses(
        (status = 200, description = "The user and the tokens of a session.", body = SessionAnswer),
        (status = 400, description = "The code is wrong, used up, too old, guessed too often, or another sign-in's.", body = ErrorBody),
    ))]
pub(crate) async fn verify_otp(
    State(service): State<AuthService>,
    otp: Segment,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Json<SessionAnswer>, ApiError> {
    let token = headers.get(PENDING_TOKEN).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let VerifyOtpBody { browser_name, device_type } = VerifyOtpBody::parse(&body.value);
    let said = Device::pair(browser_name, device_type);
    let origin = origin(&headers);
    let verified = service.auth.verify_code(&OneTimeSecret::new(token), &segment(otp), said, &origin).await;
    service.sign_ins.code_tried(&verified);
    let open = verified.map_err(|error| refused(error, VERIFY_OTP))?;
    Ok(Json(opened(&service, "OTP verified successfully.", &open)?))
}
