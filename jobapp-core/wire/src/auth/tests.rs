//! Every text a body can be refused with.

use serde_json::{Value, json};

use super::*;

const TOO_SHORT: &str = "Password must have at least 8 characters.";
const TOO_LONG: &str = "Password must have at most 128 characters.";

type Parse = fn(&Value) -> Option<String>;

const SIGN_UP: Parse = |body| SignUpBody::parse(body).err().map(|invalid| invalid.message);
const SIGN_IN: Parse = |body| SignInBody::parse(body).err().map(|invalid| invalid.message);
const FORGOT: Parse = |body| ForgotPasswordBody::parse(body).err().map(|invalid| invalid.message);
const RESET: Parse = |body| ResetPasswordBody::parse(body).err().map(|invalid| invalid.message);
const CHANGE: Parse = |body| ChangePasswordBody::parse(body).err().map(|invalid| invalid.message);

fn sign_up() -> Value {
    json!({"username": "Marta", "password": "correct horse", "country": "Portugal", "email": "marta@example.org",
        "profilePicture": "https://img.example.org/1.png", "browserName": "Chrome", "deviceType": "browser"})
}

fn sign_in() -> Value {
    json!({"username": "Marta", "password": "x", "browserName": "Chrome", "deviceType": "browser"})
}

/// One case: a key, what it holds (`None`: it is taken out) and the text that follows.
type Case = (&'static str, Option<Value>, &'static str);

fn check(parse: Parse, valid: &Value, cases: &[Case]) {
    assert_eq!(parse(valid), None, "the body to begin with is valid");
    for (key, value, expected) in cases {
        let mut body = valid.clone();
        match value {
            Some(value) => body[*key] = value.clone(),
            None => drop(body.as_object_mut().unwrap().remove(*key)),
        }
        let expected = (!expected.is_empty()).then(|| (*expected).to_owned());
        assert_eq!(parse(&body), expected, "{key}: {value:?}");
    }
}

#[test]
fn sign_up_refuses_with_these_texts() {
    let long = "x".repeat(129);
    let cases = [
        ("username", None, "\"username\" is required"),
        ("username", Some(json!(7)), "Username must be of type string"),
        ("username", Some(json!(null)), "Username must be of type string"),
        ("username", Some(json!("")), "Username is a required field"),
        ("username", Some(json!("abc")), "Invalid username"),
        ("username", Some(json!("abcdefghijklm")), "Invalid username"),
        ("username", Some(json!("abcdefghijkl")), ""),
        ("username", Some(json!("e\u{301}".repeat(12))), ""),
        ("username", Some(json!("e\u{301}".repeat(3))), "Invalid username"),
        ("username", Some(json!("😀😀😀")), "Invalid username"),
        ("username", Some(json!("😀".repeat(12))), ""),
        ("username", Some(json!("abc\u{a0}")), "Invalid username"),
        ("password", None, "\"password\" is required"),
        ("password", Some(json!(12_345_678)), "Password must be of type string"),
        ("password", Some(json!("")), "Password is a required field"),
        ("password", Some(json!("seven77")), TOO_SHORT),
        ("password", Some(json!(long)), TOO_LONG),
        ("password", Some(json!("x".repeat(128))), ""),
        ("password", Some(json!("😀".repeat(4))), TOO_SHORT),
        ("password", Some(json!("e\u{301}".repeat(7))), TOO_SHORT),
        ("password", Some(json!("😀".repeat(8))), ""),
        ("password", Some(json!("😀".repeat(65))), ""),
        ("password", Some(json!("😀".repeat(128))), ""),
        ("password", Some(json!("😀".repeat(129))), TOO_LONG),
        ("password", Some(json!("e\u{301}".repeat(128))), ""),
        ("country", None, "\"country\" is required"),
        ("country", Some(json!(1)), "Country must be of type string"),
        ("country", Some(json!("")), "Country is a required field"),
        ("country", Some(json!("x".repeat(256))), "Invalid country"),
        ("email", None, "\"email\" is required"),
        ("email", Some(json!(["a@b.com"])), "Email must be of type string"),
        ("email", Some(json!("")), "Email is a required field"),
        ("email", Some(json!("a@b.local")), "Invalid email"),
        ("email", Some(json!("a@localhost")), "Invalid email"),
        ("email", Some(json!("jörg@example.org")), "Invalid email"),
        ("email", Some(json!("a@bücher.com")), ""),
        ("email", Some(json!(" a@ｂüｃｈｅｒ．ｃｏｍ ")), ""),
        ("profilePicture", None, "\"profilePicture\" is required"),
        ("profilePicture", Some(json!(1)), "Please add a profile picture"),
        ("profilePicture", Some(json!("")), "Profile picture is required"),
        ("browserName", None, ""),
        ("browserName", Some(json!(1)), "\"browserName\" must be a string"),
        ("browserName", Some(json!(null)), "\"browserName\" must be a string"),
        ("browserName", Some(json!("")), "\"browserName\" is not allowed to be empty"),
        ("deviceType", None, ""),
        ("deviceType", Some(json!(false)), "\"deviceType\" must be a string"),
        ("deviceType", Some(json!("")), "\"deviceType\" is not allowed to be empty"),
        ("role", Some(json!("operator")), "\"role\" is not allowed"),
    ];
    check(SIGN_UP, &sign_up(), &cases);
}

#[test]
fn sign_up_answers_with_the_first_broken_rule_in_order() {
    for (body, expected) in [
        (json!({}), "\"username\" is required"),
        (json!({"username": "Marta", "extra": 1}), "\"password\" is required"),
        (json!({"username": "Marta", "password": "correct horse"}), "\"country\" is required"),
        (json!([]), "\"username\" is required"),
    ] {
        assert_eq!(SIGN_UP(&body).as_deref(), Some(expected));
    }
}

#[test]
fn sign_in_refuses_with_these_texts() {
    let cases = [
        ("username", None, "\"username\" is required"),
        ("username", Some(json!(7)), "Username must be of type string"),
        ("username", Some(json!("")), "Username is a required field"),
        ("username", Some(json!("abc")), "Invalid username"),
        ("username", Some(json!("somebody@host.local")), "Invalid username"),
        ("username", Some(json!("somebody.with.a.long.name@example.org")), ""),
        ("username", Some(json!(" somebody@bücher.com ")), ""),
        ("username", Some(json!("jörg.with.a.long.name@example.org")), ""),
        ("username", Some(json!("e\u{301}".repeat(12))), ""),
        ("username", Some(json!("😀😀")), ""),
        ("username", Some(json!("  Marta         ")), ""),
        ("password", None, "\"password\" is required"),
        ("password", Some(json!(1)), "Password must be of type string"),
        ("password", Some(json!("")), "Password is a required field"),
        ("password", Some(json!("abcd")), ""),
        ("password", Some(json!("x".repeat(1000))), ""),
        ("browserName", None, ""),
        ("browserName", Some(json!("")), "\"browserName\" is not allowed to be empty"),
        ("deviceType", Some(json!(null)), "\"deviceType\" must be a string"),
        ("extra", Some(json!(1)), "\"extra\" is not allowed"),
    ];
    check(SIGN_IN, &sign_in(), &cases);
}

#[test]
fn forgot_password_refuses_with_these_texts() {
    let cases = [
        ("email", None, "\"email\" is required"),
        ("email", Some(json!(1)), "Field must be valid"),
        ("email", Some(json!("marta")), "Field must be valid"),
        ("email", Some(json!("")), "\"email\" is not allowed to be empty"),
        ("extra", Some(json!(1)), "\"extra\" is not allowed"),
    ];
    check(FORGOT, &json!({"email": "marta@example.org"}), &cases);
}

#[test]
fn reset_password_refuses_with_these_texts() {
    let cases = [
        ("password", None, "\"password\" is required"),
        ("password", Some(json!(1)), "Password should be of type string"),
        ("password", Some(json!("")), "Password is a required field"),
        ("password", Some(json!("seven77")), TOO_SHORT),
        ("confirmPassword", None, "Confirm password is a required field"),
        ("confirmPassword", Some(json!("another one")), "Passwords should match"),
        ("confirmPassword", Some(json!("")), "Passwords should match"),
        ("confirmPassword", Some(json!(null)), "Passwords should match"),
        ("extra", Some(json!(1)), "\"extra\" is not allowed"),
    ];
    check(RESET, &json!({"password": "correct horse", "confirmPassword": "correct horse"}), &cases);
    let composed = json!({"password": "p\u{e4}ssw\u{f6}rter", "confirmPassword": "pa\u{308}sswo\u{308}rter"});
    assert_eq!(RESET(&composed), None, "one password on two keyboards");
    let both = json!({"password": "correct horse", "confirmPassword": "x", "extra": 1});
    assert_eq!(RESET(&both).as_deref(), Some("Passwords should match"), "unknown keys come last");
}

#[test]
fn change_password_refuses_with_these_texts() {
    let cases = [
        ("currentPassword", None, "\"currentPassword\" is required"),
        ("currentPassword", Some(json!(1)), "Password should be of type string"),
        ("currentPassword", Some(json!("")), "Password is a required field"),
        ("currentPassword", Some(json!("abcd")), ""),
        ("currentPassword", Some(json!("x".repeat(500))), ""),
        ("newPassword", None, "\"newPassword\" is required"),
        ("newPassword", Some(json!(1)), "Password should be of type string"),
        ("newPassword", Some(json!("")), "Password is a required field"),
        ("newPassword", Some(json!("seven77")), TOO_SHORT),
        ("extra", Some(json!(1)), "\"extra\" is not allowed"),
    ];
    check(CHANGE, &json!({"currentPassword": "old one", "newPassword": "correct horse"}), &cases);
}

#[test]
fn lenient_bodies_read_what_is_there() {
    assert_eq!(VerifyEmailBody::parse(&json!({"token": 7})).token.expose(), "");
    let otp = VerifyOtpBody::parse(&json!({"browserName": "", "deviceType": "x".repeat(256), "extra": 1}));
    assert_eq!(otp, VerifyOtpBody { browser_name: None, device_type: None });
    for (user_id, expected) in [(json!(7), Some("7")), (json!("7"), Some("7")), (json!(null), None)] {
        let body = ResendEmailBody::parse(&json!({"email": "a@b.com", "userId": user_id}));
        assert_eq!(body.user_id.as_deref(), expected);
    }
    assert_eq!(RefreshBody::parse(&json!({"refreshToken": null})).refresh_token, None);
}

#[test]
fn passwords_are_not_printed() {
    let body = SignUpBody::parse(&sign_up()).unwrap();
    assert!(!format!("{body:?}").contains("correct horse"));
}

#[test]
fn second_factor_bodies_are_refused_with_their_texts() {
    const BEGIN: Parse = |body| BeginSecondFactorBody::parse(body).err().map(|invalid| invalid.message);
    const CONFIRM: Parse = |body| ConfirmSecondFactorBody::parse(body).err().map(|invalid| invalid.message);
    const END: Parse = |body| EndSecondFactorBody::parse(body).err().map(|invalid| invalid.message);
    let password: [Case; 4] = [
        ("password", None, "\"password\" is required"),
        ("password", Some(json!(7)), "Password must be of type string"),
        ("password", Some(json!("")), "Password is a required field"),
        ("password", Some(json!("x")), ""),
    ];
    let code: [Case; 5] = [
        ("code", None, "\"code\" is required"),
        ("code", Some(json!(123_456)), "Code must be of type string"),
        ("code", Some(json!("")), "Code is a required field"),
        ("code", Some(json!("x".repeat(256))), "OTP is invalid."),
        ("code", Some(json!("abcd-efgh-jkmn-pqrs")), ""),
    ];
    check(BEGIN, &json!({"password": "x"}), &password);
    check(CONFIRM, &json!({"code": "123456"}), &code);
    check(END, &json!({"password": "x", "code": "123456"}), &[&password[..], &code[..]].concat());
}
