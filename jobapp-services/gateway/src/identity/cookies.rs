//! The session: cookies in, a caller out; tokens in, cookies out.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;

/// Base64 with or without padding, which cookies often lose.
const STANDARD_LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The access token's cookie.
const SESSION: &str = "session";
/// The refresh token's cookie.
const REFRESH: &str = "session.refresh";
/// What ties a one-time code to the sign-in that asked for it.
const PENDING: &str = "session.pending";
/// What a browser is recognised by at its next sign-in. It outlives sessions.
const DEVICE: &str = "session.device";
/// How long a browser is recognised, in seconds.
const DEVICE_SECONDS: u64 = 365 * 24 * 3600;

/// What the cookies of a request say.
#[derive(Debug, Default)]
pub(crate) struct Cookies {
    /// The access token.
    pub(crate) access: Option<String>,
    /// The refresh token.
    pub(crate) refresh: Option<String>,
    /// The pending sign-in.
    pub(crate) pending: Option<String>,
    /// What the browser is recognised by.
    pub(crate) device: Option<String>,
}

impl Cookies {
    /// Reads the cookies of a request, pair by pair: what other pairs are, and whether they can be read, does not matter. A
    /// repeated one keeps its first value, as browsers send the most specific first.
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let mut cookies = Self::default();
        for pair in headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';')) {
            let Some(equals) = pair.iter().position(|byte| *byte == b'=') else { continue };
            let slot = match pair[..equals].trim_ascii() {
                name if name == SESSION.as_bytes() => &mut cookies.access,
                name if name == REFRESH.as_bytes() => &mut cookies.refresh,
                name if name == PENDING.as_bytes() => &mut cookies.pending,
                name if name == DEVICE.as_bytes() => &mut cookies.device,
                _ => continue,
            };
            let value = std::str::from_utf8(pair[equals + 1..].trim_ascii()).unwrap_or_default();
            // Values of ours are ASCII.
            if slot.is_none() && !value.is_empty() && value.is_ascii() {
                *slot = Some(value.to_owned());
            }
        }
        if let Some(token) = cookies.access.as_deref().and_then(token_of_reference) {
            cookies.access = Some(token);
        }
        cookies
    }
}

/// The token in a session cookie of the reference system: JSON in Base64, `{"jwt": …}`. A token of ours has dots, which
/// Base64 has not. Whether the token is accepted is decided where tokens are verified.
fn token_of_reference(cookie: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Session {
        jwt: String,
    }
    if cookie.contains('.') {
        return None;
    }
    let json = STANDARD_LENIENT.decode(cookie).ok()?;
    serde_json::from_slice::<Session>(&json).ok().map(|session| session.jwt)
}

/// How cookies are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CookieRules {
    /// Whether they travel over https only.
    pub(crate) secure: bool,
    /// Whether the client lives on another site than the gateway.
    pub(crate) cross_site: bool,
    /// How long a session's cookies live, in seconds.
    pub(crate) session_seconds: u64,
}

/// Cookies to set on an answer.
#[derive(Debug, Default)]
pub(crate) struct SetCookies(Vec<HeaderValue>);

impl SetCookies {
    /// Cookies for a session that starts or goes on.
    pub(crate) fn start(rules: CookieRules, access: &str, refresh: Option<&str>) -> Self {
        let mut cookies = Self::default();
        cookies.push(rules, SESSION, access, rules.session_seconds);
        if let Some(refresh) = refresh {
            cookies.push(rules, REFRESH, refresh, rules.session_seconds);
        }
        cookies
    }

    /// The same with the cookie the browser will be recognised by.
    pub(crate) fn with_device(mut self, rules: CookieRules, token: Option<&str>) -> Self {
        if let Some(token) = token {
            self.push(rules, DEVICE, token, DEVICE_SECONDS);
        }
        self
    }

    /// The cookie of a sign-in that waits for its code: ten minutes. Whatever session there was is over.
    pub(crate) fn pending(rules: CookieRules, token: &str) -> Self {
        let mut cookies = Self::default();
        cookies.push(rules, PENDING, token, 600);
        cookies.push(rules, SESSION, "", 0);
        cookies.push(rules, REFRESH, "", 0);
        cookies
    }

    /// The end of a session.
    pub(crate) fn clear(rules: CookieRules) -> Self {
        let mut cookies = Self::default();
        for name in [SESSION, REFRESH, PENDING] {
            cookies.push(rules, name, "", 0);
        }
        cookies
    }

    fn push(&mut self, rules: CookieRules, name: &str, value: &str, seconds: u64) {
        let flags = match (rules.secure, rules.cross_site) {
            (true, true) => "; Secure; SameSite=None",
            (true, false) => "; Secure; SameSite=Lax",
            (false, _) => "; SameSite=Lax",
        };
        // An expiry date as well as an age: some clients know only one of them.
        let expiry = if seconds == 0 { "; Expires=Thu, 01 Jan 1970 00:00:00 GMT" } else { "" };
        let text = format!("{name}={value}; Path=/; HttpOnly; Max-Age={seconds}{expiry}{flags}");
        match HeaderValue::try_from(text) {
            Ok(value) => self.0.push(value),
            Err(error) => tracing::error!(%error, cookie = name, "a cookie could not be written"),
        }
    }

    /// Puts the cookies on an answer.
    pub(crate) fn apply(self, headers: &mut HeaderMap) {
        for cookie in self.0 {
            headers.append(SET_COOKIE, cookie);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_read_from_several_headers() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=b; session=one"));
        headers.append(COOKIE, HeaderValue::from_static("session.refresh=two; session=three"));
        let cookies = Cookies::read(&headers);
        assert_eq!(cookies.access.as_deref(), Some("one"));
        assert_eq!(cookies.refresh.as_deref(), Some("two"));
    }

    #[test]
    fn a_foreign_cookie_that_cannot_be_read_is_skipped_alone() {
        for neighbour in
            [&b"nick=Jos\xe9"[..], b"nick=Jos\xc3\xa9", b"\xff", b"=", b"a", b"a=\"b", b"session=\xe9", b" ; ;"]
        {
            for line in [
                [b"session=one; session.refresh=two; ", neighbour].concat(),
                [b"session=one; ", neighbour, b"; session.refresh=two"].concat(),
                [neighbour, b";session=one ;session.refresh = two"].concat(),
            ] {
                let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_bytes(&line).unwrap())]);
                let cookies = Cookies::read(&headers);
                let line = String::from_utf8_lossy(&line);
                assert_eq!(cookies.access.as_deref(), Some("one"), "{line}");
                assert_eq!(cookies.refresh.as_deref(), Some("two"), "{line}");
            }
        }
    }

    #[test]
    fn a_session_of_the_reference_system_holds_its_token_in_base64() {
        let mut headers = HeaderMap::new();
        // {"jwt":"a.b.c"}
        headers.append(COOKIE, HeaderValue::from_static("session=eyJqd3QiOiJhLmIuYyJ9; session.sig=x"));
        assert_eq!(Cookies::read(&headers).access.as_deref(), Some("a.b.c"));
        for (cookie, access) in [("eyJqd3QiOjd9", "eyJqd3QiOjd9"), ("e30=", "e30="), ("a.b.c", "a.b.c")] {
            let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::try_from(format!("session={cookie}")).unwrap())]);
            assert_eq!(Cookies::read(&headers).access.as_deref(), Some(access));
        }
    }

    #[test]
    fn flags_follow_the_public_address() {
        let rules = CookieRules { secure: true, cross_site: false, session_seconds: 60 };
        let mut headers = HeaderMap::new();
        SetCookies::start(rules, "t", Some("r")).apply(&mut headers);
        let cookies: Vec<&str> = headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect();
        assert_eq!(cookies.len(), 2);
        assert!(
            cookies.iter().all(|cookie| cookie.contains("HttpOnly; ") && cookie.ends_with("; Secure; SameSite=Lax"))
        );
    }
}
