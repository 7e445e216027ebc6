//! Bodies and documents of accounts and sessions.

mod answers;
#[cfg(test)]
mod tests;

use std::fmt;

use jobapp_kernel::{characters, normalized};
use serde::Deserialize;
use serde_json::{Value, json};

pub use answers::{
    EndedSession, EndedSessionsAnswer, MessageAnswer, RecoveryCodesAnswer, SecondFactorAnswer, SecondFactorBegunAnswer,
    SessionAnswer, SessionDocument, SessionsAnswer, SignInAnswer, UserAnswer, UserDocument,
};

use crate::validate::{Field, Invalid, Schema, anything, is_email, is_known_email, optional_text, secret, text};

/// The longest text of a country, a browser's name or a device's type.
const MAX_TEXT: usize = 255;

/// A password or code in a body: never printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl Hidden {
    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Hidden {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// Four to twelve characters, as people count them.
fn is_name(text: &str) -> bool {
    (4..=12).contains(&characters(text.trim()))
}

/// A name somebody may have already: names of before were counted in UTF-16 units.
fn is_known_name(text: &str) -> bool {
    is_name(text) || (4..=12).contains(&text.encode_utf16().count())
}

const fn username(is_name: fn(&str) -> bool) -> Field {
    Field::text("username")
        .required()
        .format(is_name, "Invalid username")
        .wrong_type("Username must be of type string")
        .empty("Username is a required field")
        .characters(4, 12)
}

/// What every address looks like. That its top-level domain is a registered one no pattern says.
const ADDRESS: &str = r"^[^@\s]+@[^@\s]+\.[^@\s]+$";

const EMAIL: Field = Field::text("email")
    .required()
    .looks_like(ADDRESS)
    .format(is_email, "Invalid email")
    .wrong_type("Email must be of type string")
    .empty("Email is a required field");
const DEVICE: [Field; 2] = [
    Field::text("browserName").length(1, MAX_TEXT, "Invalid browser name"),
    Field::text("deviceType").length(1, MAX_TEXT, "Invalid device type"),
];

/// A new password: 8 to 128 characters, as people count them.
fn is_new_password(text: &str) -> Result<(), &'static str> {
    match characters(text) {
        ..8 => Err("Password must have at least 8 characters."),
        8..=128 => Ok(()),
        _ => Err("Password must have at most 128 characters."),
    }
}

/// A new password. The texts of a wrong type differ between sign-up and the routes that change one.
const fn new_password(name: &'static str, wrong_type: &'static str) -> Field {
    Field::checked(name, is_new_password)
        .required()
        .wrong_type(wrong_type)
        .empty("Password is a required field")
        .characters(8, 128)
        .secret()
}

/// A password somebody has already: never judged by its length.
const fn known_password(name: &'static str, wrong_type: &'static str) -> Field {
    Field::text(name).required().wrong_type(wrong_type).empty("Password is a required field").secret()
}

/// `POST /signup`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(rename_all = "camelCase"))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "username": "Anna", "email": "anna@example.com", "password": "three green boats", "country": "Portugal",
    "profilePicture": "https://example.com/anna.png", "browserName": "Firefox", "deviceType": "browser"
})))]
pub struct SignUpBody {
    /// 4 to 12 characters.
    pub username: String,
    /// 8 to 128 characters, none of the common ones.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password))]
    pub password: Hidden,
    /// Free text.
    pub country: String,
    /// An address with a registered top-level domain.
    pub email: String,
    /// A base64 data URL or an absolute URL.
    pub profile_picture: String,
    /// The browser it is done with.
    pub browser_name: Option<String>,
    /// The kind of device it is done on.
    pub device_type: Option<String>,
}

impl SignUpBody {
    const SCHEMA: Schema = Schema::new(&[
        username(is_name),
        new_password("password", "Password must be of type string"),
        Field::text("country")
            .required()
            .length(1, MAX_TEXT, "Invalid country")
            .wrong_type("Country must be of type string")
            .empty("Country is a required field"),
        EMAIL,
        Field::text("profilePicture")
            .required()
            .wrong_type("Please add a profile picture")
            .empty("Profile picture is required"),
        DEVICE[0],
        DEVICE[1],
    ]);

    /// Reads a body.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        Self::SCHEMA.check(body)?;
        Ok(Self {
            username: text(body, "username").to_owned(),
            password: secret(body, "password").into(),
            country: text(body, "country").to_owned(),
            email: text(body, "email").to_owned(),
            profile_picture: text(body, "profilePicture").to_owned(),
            browser_name: optional_text(body, "browserName"),
            device_type: optional_text(body, "deviceType"),
        })
    }
}

/// `POST /signin`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(rename_all = "camelCase"))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "username": "Anna", "password": "three green boats", "browserName": "Firefox", "deviceType": "browser"
})))]
pub struct SignInBody {
    /// A user name or an address.
    pub username: String,
    /// The password.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password))]
    pub password: Hidden,
    /// The browser it is done with.
    pub browser_name: Option<String>,
    /// The kind of device it is done on.
    pub device_type: Option<String>,
}

impl SignInBody {
    const BY_NAME: Schema = Schema::new(&[
        username(is_known_name),
        known_password("password", "Password must be of type string"),
        DEVICE[0],
        DEVICE[1],
    ]);
    const BY_EMAIL: Schema = Schema::new(&[
        Field { name: "username", ..EMAIL }.format(is_known_email, "Invalid email"),
        known_password("password", "Password must be of type string"),
        DEVICE[0],
        DEVICE[1],
    ]);

    /// Reads a body.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        let schema = if is_known_email(text(body, "username")) { Self::BY_EMAIL } else { Self::BY_NAME };
        schema.check(body)?;
        Ok(Self {
            username: text(body, "username").to_owned(),
            password: secret(body, "password").into(),
            browser_name: optional_text(body, "browserName"),
            device_type: optional_text(body, "deviceType"),
        })
    }

    /// What the body must be, as JSON Schema: `username` is a name or an address.
    fn document() -> Value {
        let mut schema = Self::BY_NAME.document();
        let by_email = Self::BY_EMAIL.document();
        let both = [&schema, &by_email].map(|one| one["properties"]["username"].clone());
        schema["properties"]["username"] = json!({ "anyOf": both });
        schema
    }

    /// Whether `username` is an address.
    pub fn is_by_email(&self) -> bool {
        is_known_email(&self.username)
    }
}

/// What the document says of the bodies whose name comes first.
pub(crate) fn documents() -> Vec<(&'static str, Value)> {
    // Nothing in these is wrong, and what is not there is not needed.
    let device = [("browserName", json!({})), ("deviceType", json!({}))];
    vec![
        ("SignUpBody", SignUpBody::SCHEMA.document()),
        ("SignInBody", SignInBody::document()),
        ("VerifyEmailBody", anything(&[("token", json!({}))])),
        ("VerifyOtpBody", anything(&device)),
        ("ForgotPasswordBody", ForgotPasswordBody::SCHEMA.document()),
        ("ResetPasswordBody", Schema::new(ResetPasswordBody::FIELDS).document()),
        ("ChangePasswordBody", ChangePasswordBody::SCHEMA.document()),
        ("ResendEmailBody", ResendEmailBody::document()),
        ("BeginSecondFactorBody", BeginSecondFactorBody::SCHEMA.document()),
        ("ConfirmSecondFactorBody", ConfirmSecondFactorBody::SCHEMA.document()),
        ("EndSecondFactorBody", EndSecondFactorBody::SCHEMA.document()),
    ]
}

/// `PUT /verify-email`. Anything but a text is as good as a wrong token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({ "token": "the token of the mailed link" })))]
pub struct VerifyEmailBody {
    /// What the link in the mail carries.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub token: Hidden,
}

impl VerifyEmailBody {
    /// Reads a body.
    pub fn parse(body: &Value) -> Self {
        Self { token: text(body, "token").into() }
    }
}

/// `PUT /verify-otp/:otp`. Nothing is required.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(rename_all = "camelCase"))]
#[cfg_attr(feature = "openapi", schema(example = json!({ "browserName": "Firefox", "deviceType": "browser" })))]
pub struct VerifyOtpBody {
    /// The browser it is done with.
    pub browser_name: Option<String>,
    /// The kind of device it is done on.
    pub device_type: Option<String>,
}

impl VerifyOtpBody {
    /// Reads a body. A text that is too long is as good as absent.
    pub fn parse(body: &Value) -> Self {
        let read = |name| optional_text(body, name).filter(|text| text.chars().count() <= MAX_TEXT);
        Self { browser_name: read("browserName"), device_type: read("deviceType") }
    }
}

/// `PUT /forgot-password`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({ "email": "anna@example.com" })))]
pub struct ForgotPasswordBody {
    /// The account's address.
    pub email: String,
}

impl ForgotPasswordBody {
    const SCHEMA: Schema = Schema::new(&[Field::text("email")
        .required()
        .looks_like(ADDRESS)
        .format(is_known_email, "Field must be valid")
        .wrong_type("Field must be valid")]);

    /// Reads a body.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        Self::SCHEMA.check(body)?;
        Ok(Self { email: text(body, "email").to_owned() })
    }
}

/// `PUT /reset-password/:token`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(rename_all = "camelCase"))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "password": "four green boats", "confirmPassword": "four green boats"
})))]
pub struct ResetPasswordBody {
    /// 8 to 128 characters, none of the common ones.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password))]
    pub password: Hidden,
    /// The same again.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password))]
    pub confirm_password: Hidden,
}

impl ResetPasswordBody {
    const FIELDS: &[Field] = &[
        new_password("password", "Password should be of type string"),
        Field::any("confirmPassword").required().missing("Confirm password is a required field"),
    ];

    /// Reads a body.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        // Unknown keys are refused last: after the comparison.
        Schema::lenient(Self::FIELDS).check(body)?;
        let typed = |name: &str| match body.get(name) {
            Some(Value::String(text)) => Some(normalized(text)),
            _ => None,
        };
        if typed("password") != typed("confirmPassword") {
            return Err(Invalid::new("Passwords should match"));
        }
        Schema::new(Self::FIELDS).check(body)?;
        Ok(Self { password: secret(body, "password").into(), confirm_password: secret(body, "confirmPassword").into() })
    }
}

/// `PUT /change-password`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(rename_all = "camelCase"))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "currentPassword": "three green boats", "newPassword": "four green boats"
})))]
pub struct ChangePasswordBody {
    /// The password as it is now.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password))]
    pub current_password: Hidden,
    /// 8 to 128 characters, none of the common ones.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password))]
    pub new_password: Hidden,
}

impl ChangePasswordBody {
    const SCHEMA: Schema = Schema::new(&[
        known_password("currentPassword", "Password should be of type string"),
        new_password("newPassword", "Password should be of type string"),
    ]);

    /// Reads a body.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        Self::SCHEMA.check(body)?;
        Ok(Self {
            current_password: secret(body, "currentPassword").into(),
            new_password: secret(body, "newPassword").into(),
        })
    }
}

/// `POST /resend-email`. Both say what the session says already; they are compared with it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({ "email": "anna@example.com" })))]
#[cfg_attr(feature = "openapi", schema(rename_all = "camelCase"))]
pub struct ResendEmailBody {
    /// The caller's address; empty when the body has none.
    pub email: String,
    /// The caller's number; `None` when the body has none.
    pub user_id: Option<String>,
}

impl ResendEmailBody {
    /// What the body must be, as JSON Schema.
    fn document() -> Value {
        let email = json!({ "type": "string", "pattern": ADDRESS });
        json!({ "type": "object", "properties": { "email": email, "userId": {} }, "required": ["email"] })
    }

    /// Reads a body.
    pub fn parse(body: &Value) -> Self {
        let user_id = match body.get("userId") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.trim().to_owned()),
            Some(other) => Some(other.to_string()),
        };
        Self { email: text(body, "email").to_owned(), user_id }
    }
}

/// Ours. `POST /session/refresh` and `POST /session/end`: what the gateway keeps in a cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(rename_all = "camelCase"))]
pub struct RefreshBody {
    /// The refresh token.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub refresh_token: Option<Hidden>,
}

impl RefreshBody {
    /// Reads a body. Anything but a text is as good as absent.
    pub fn parse(body: &Value) -> Self {
        Self { refresh_token: optional_text(body, "refreshToken").map(Hidden) }
    }
}

/// Ours. `POST /second-factor`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({ "password": "three green boats" })))]
pub struct BeginSecondFactorBody {
    /// The password as it is now.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password))]
    pub password: Hidden,
}

impl BeginSecondFactorBody {
    const SCHEMA: Schema = Schema::new(&[known_password("password", "Password must be of type string")]);

    /// Reads a body.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        Self::SCHEMA.check(body)?;
        Ok(Self { password: secret(body, "password").into() })
    }
}

/// A code of an authenticator, or a recovery code.
const CODE: Field = Field::text("code")
    .required()
    .length(1, MAX_TEXT, "OTP is invalid.")
    .wrong_type("Code must be of type string")
    .empty("Code is a required field");

/// Ours. `PUT /second-factor`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({ "code": "123456" })))]
pub struct ConfirmSecondFactorBody {
    /// The six digits the authenticator shows.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: Hidden,
}

impl ConfirmSecondFactorBody {
    const SCHEMA: Schema = Schema::new(&[CODE]);

    /// Reads a body.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        Self::SCHEMA.check(body)?;
        Ok(Self { code: text(body, "code").into() })
    }
}

/// Ours. `DELETE /second-factor`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({ "password": "three green boats", "code": "123456" })))]
pub struct EndSecondFactorBody {
    /// The password as it is now.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password))]
    pub password: Hidden,
    /// The six digits the authenticator shows, or a recovery code.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: Hidden,
}

impl EndSecondFactorBody {
    const SCHEMA: Schema = Schema::new(&[known_password("password", "Password must be of type string"), CODE]);

    /// Reads a body.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        Self::SCHEMA.check(body)?;
        Ok(Self { password: secret(body, "password").into(), code: text(body, "code").into() })
    }
}
