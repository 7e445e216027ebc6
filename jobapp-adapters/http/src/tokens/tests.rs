//! What is no token of ours is refused, however much it looks like one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

fn keys(text: &str) -> TokenKeys {
    TokenKeys::single(&secret(text))
}

fn users() -> UserTokens {
    UserTokens::new(keys("one"), 900)
}

fn gateway() -> GatewayTokens {
    GatewayTokens::new(keys("one"))
}

fn user() -> UserClaims {
    UserClaims { id: 7, email: "a@b.com".into(), username: "Anna".into(), sid: "s".into(), role: None }
}

/// The claims of a good user token.
fn claims() -> Value {
    let now = unix_now();
    json!({"id": 7, "email": "a@b.com", "username": "Anna", "sid": "s", "iss": "jobapp", "aud": "jobapp-users",
        "typ": "access", "iat": now, "exp": now + 900})
}

/// The claims of a good gateway token for the gig service.
fn gateway_claims() -> Value {
    let now = unix_now();
    json!({"id": "gig", "iss": "jobapp", "aud": "gig", "typ": "gateway", "iat": now, "exp": now + 60})
}

fn header() -> Header {
    Header { kid: Some("1".into()), ..Header::new(Algorithm::HS256) }
}

fn signed_as(header: &Header, claims: &Value) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(b"one")).unwrap()
}

fn signed(claims: &Value) -> String {
    signed_as(&header(), claims)
}

fn with(mut claims: Value, key: &str, value: Value) -> Value {
    claims[key] = value;
    claims
}

fn without(mut claims: Value, key: &str) -> Value {
    claims.as_object_mut().unwrap().remove(key).unwrap();
    claims
}

/// A token with this header and this signature, which need not fit.
fn by_hand(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn a_user_token_survives_a_round_trip() {
    assert_eq!(users().verify(&users().issue(&user()).unwrap()).unwrap(), user());
    assert!(users().verify(&signed(&claims())).is_ok(), "what the other tests start from is good");
    let operator = UserClaims { role: Some("operator".into()), ..user() };
    assert_eq!(users().verify(&users().issue(&operator).unwrap()).unwrap(), operator);
}

#[test]
fn another_secret_is_refused() {
    let other = UserTokens::new(keys("two"), 900);
    assert!(users().verify(&other.issue(&user()).unwrap()).is_err());
    assert!(users().verify("").is_err());
    assert!(users().verify("a.b.c").is_err());
}

#[test]
fn tokens_of_one_kind_are_none_of_the_other_even_with_the_same_secret() {
    assert!(users().verify(&gateway().issue("gig").unwrap()).is_err());
    assert!(gateway().verify(&users().issue(&user()).unwrap(), "jobapp-users").is_err());
    assert!(gateway().verify(&signed(&with(gateway_claims(), "typ", json!("access"))), "gig").is_err());
    assert!(users().verify(&signed(&with(claims(), "typ", json!("refresh")))).is_err());
    assert!(users().verify(&signed(&without(claims(), "typ"))).is_err());
}

#[test]
fn unsigned_tokens_are_refused() {
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({"alg": alg, "typ": "JWT", "kid": "1"});
        assert!(users().verify(&by_hand(&header, &claims(), b"")).is_err(), "{alg}");
    }
    let token = users().issue(&user()).unwrap();
    let (unsigned, _) = token.rsplit_once('.').unwrap();
    assert!(users().verify(unsigned).is_err() && users().verify(&format!("{unsigned}.")).is_err());
}

#[test]
fn the_algorithm_is_ours_to_choose() {
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let header = Header { kid: Some("1".into()), ..Header::new(algorithm) };
        assert!(users().verify(&signed_as(&header, &claims())).is_err(), "{algorithm:?}");
        assert!(gateway().verify(&signed_as(&header, &gateway_claims()), "gig").is_err());
    }
    let token = users().issue(&user()).unwrap();
    let signature = URL_SAFE_NO_PAD.decode(token.rsplit_once('.').unwrap().1).unwrap();
    for alg in ["RS256", "ES256", "PS256", "EdDSA", "hs256"] {
        let header = json!({"alg": alg, "typ": "JWT", "kid": "1"});
        assert!(users().verify(&by_hand(&header, &claims(), &signature)).is_err(), "{alg}");
    }
}

#[test]
fn a_key_id_is_one_of_ours_or_the_token_is_refused() {
    let tricks =
        ["", "2", "01", "1 ", "../1", "../../dev/null", "/etc/passwd", "1' OR '1'='1", "1\0", "https://evil.test/k"];
    for kid in tricks {
        let header = Header { kid: Some(kid.into()), ..header() };
        assert!(users().verify(&signed_as(&header, &claims())).is_err(), "{kid}");
    }
    let unnamed = Header { kid: None, ..header() };
    assert!(users().verify(&signed_as(&unnamed, &claims())).is_err());
    assert!(gateway().verify(&signed_as(&unnamed, &gateway_claims()), "gig").is_err());
    for kid in [json!(1), json!(["1"]), json!({"1": 1}), json!(null)] {
        let header = json!({"alg": "HS256", "typ": "JWT", "kid": kid});
        assert!(users().verify(&by_hand(&header, &claims(), b"x")).is_err(), "{kid}");
    }
}

#[test]
fn keys_that_a_token_brings_along_are_not_believed() {
    let evil = EncodingKey::from_secret(b"evil");
    let header =
        Header { jku: Some("https://evil.test/keys".into()), x5u: Some("https://evil.test/x".into()), ..header() };
    assert!(users().verify(&jsonwebtoken::encode(&header, &claims(), &evil).unwrap()).is_err());
    let jwk = json!({"alg": "HS256", "kid": "1", "jwk": {"kty": "oct", "k": URL_SAFE_NO_PAD.encode("evil")}});
    assert!(users().verify(&by_hand(&jwk, &claims(), b"x")).is_err());
}

#[test]
fn headers_that_mean_something_else_are_refused() {
    for typ in ["at+jwt", "JWE", "refresh"] {
        assert!(users().verify(&signed_as(&Header { typ: Some(typ.into()), ..header() }, &claims())).is_err(), "{typ}");
    }
    let critical = Header { crit: Some(vec!["exp".into()]), ..header() };
    assert!(users().verify(&signed_as(&critical, &claims())).is_err());
    assert!(users().verify(&signed_as(&Header { typ: None, ..header() }, &claims())).is_ok());
}

#[test]
fn issuer_and_audience_must_be_ours() {
    for (key, value) in [
        ("iss", json!("somebody")),
        ("iss", json!(null)),
        ("iss", json!(7)),
        ("aud", json!("gig")),
        ("aud", json!(["jobapp-users", "gig"])),
        ("aud", json!(null)),
    ] {
        assert!(users().verify(&signed(&with(claims(), key, value.clone()))).is_err(), "{key}: {value}");
    }
    for key in ["iss", "aud", "exp", "iat", "id", "username", "email"] {
        assert!(users().verify(&signed(&without(claims(), key))).is_err(), "{key}");
    }
}

#[test]
fn a_token_has_its_time() {
    let now = unix_now();
    let expired = signed(&with(claims(), "exp", json!(now - 1)));
    assert_eq!(users().verify(&expired), Err(InvalidToken { expired: true }));
    assert!(users().verify(&signed(&with(claims(), "iat", json!(now + 3600)))).is_err(), "issued in the future");
    assert!(users().verify(&signed(&with(claims(), "iat", json!(now + 10)))).is_ok(), "clocks differ a little");
    assert!(users().verify(&signed(&with(claims(), "nbf", json!(now + 3600)))).is_err());
    for exp in [json!("never"), json!(null), json!(-1), json!([now + 900]), json!({})] {
        assert!(users().verify(&signed(&with(claims(), "exp", exp.clone()))).is_err(), "{exp}");
    }
    assert!(gateway().verify(&signed(&with(gateway_claims(), "exp", json!(now - 10))), "gig").is_err());
    assert!(gateway().verify(&signed(&with(gateway_claims(), "exp", json!(now + 3600))), "gig").is_err(), "too long");
    let future = with(with(gateway_claims(), "iat", json!(now + 3600)), "exp", json!(now + 3660));
    assert!(gateway().verify(&signed(&future), "gig").is_err());
}

#[test]
fn a_clock_that_was_set_back_a_little_ends_no_token() {
    let now = unix_now();
    for ahead in [40, CLOCKS_DIFFER] {
        let token = signed(&with(claims(), "iat", json!(now + ahead)));
        assert!(users().verify(&token).is_ok() && users().verify_passed_on(&token).is_ok(), "{ahead}");
        let token = signed(&with(with(gateway_claims(), "iat", json!(now + ahead)), "exp", json!(now + ahead + 60)));
        assert!(gateway().verify(&token, "gig").is_ok(), "{ahead}");
    }
}

#[test]
fn what_somebody_we_trust_found_good_is_good_a_moment_later_and_by_another_clock() {
    let now = unix_now();
    for (key, value) in [("exp", now), ("exp", now - PASSED_ON + 5), ("iat", now + CLOCKS_DIFFER + PASSED_ON - 5)] {
        let token = signed(&with(claims(), key, json!(value)));
        assert!(users().verify(&token).is_err() && users().verify_passed_on(&token).is_ok(), "{key}");
    }
    for (key, value) in [("exp", now - PASSED_ON), ("iat", now + CLOCKS_DIFFER + PASSED_ON + 5)] {
        let token = signed(&with(claims(), key, json!(value)));
        assert!(users().verify_passed_on(&token).is_err(), "{key}");
    }
}

#[test]
fn whose_session_a_token_belongs_to_can_be_told_whatever_the_time() {
    let now = unix_now();
    for (iat, exp) in [(now - 90_000, now - 89_100), (now + 3600, now + 4500)] {
        let token = signed(&with(with(claims(), "iat", json!(iat)), "exp", json!(exp)));
        assert!(users().verify(&token).is_err());
        assert_eq!(users().verify_expired(&token).unwrap().sid, "s");
    }
}

#[test]
fn a_token_outlives_its_session_for_no_longer_than_ended_sessions_are_remembered() {
    let lifetime = 15 * 60;
    assert!(lifetime + CLOCKS_DIFFER + PASSED_ON <= 20 * 60);
}

#[test]
fn a_token_that_was_changed_is_refused_wherever_it_was() {
    let token = users().issue(&user()).unwrap();
    for position in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        // The last letter of a part has bits that mean nothing; whoever changes those changes nothing.
        let decoded = |text: &str| text.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).ok()).collect::<Vec<_>>();
        if decoded(&changed) != decoded(&token) {
            assert!(users().verify(&changed).is_err(), "{position}");
        }
    }
    assert!(users().verify(&format!("{token}.x")).is_err() && users().verify(&format!(" {token}")).is_err());
}

#[test]
fn an_old_secret_still_verifies_after_a_change() {
    let (old, new) = (secret("old"), secret("new"));
    let before = UserTokens::new(TokenKeys::ring([("1".to_owned(), &old)]), 900);
    let after = UserTokens::new(TokenKeys::ring([("2".to_owned(), &new), ("1".to_owned(), &old)]), 900);
    let dropped = UserTokens::new(TokenKeys::ring([("2".to_owned(), &new)]), 900);
    let token = before.issue(&user()).unwrap();
    assert!(after.verify(&token).is_ok());
    assert!(before.verify(&after.issue(&user()).unwrap()).is_err());
    assert!(dropped.verify(&token).is_err() && dropped.verify(&after.issue(&user()).unwrap()).is_ok());
    let (before, after) = (
        GatewayTokens::new(TokenKeys::ring([("1".to_owned(), &old)])),
        GatewayTokens::new(TokenKeys::ring([("2".to_owned(), &new), ("1".to_owned(), &old)])),
    );
    assert!(after.verify(&before.issue("gig").unwrap(), "gig").is_ok());
}

#[test]
fn a_token_that_names_one_key_and_is_signed_with_another_of_ours_is_refused() {
    let (one, two) = (secret("one"), secret("two"));
    let ring = UserTokens::new(TokenKeys::ring([("2".to_owned(), &two), ("1".to_owned(), &one)]), 900);
    let header = Header { kid: Some("2".into()), ..header() };
    assert!(ring.verify(&signed_as(&header, &claims())).is_err());
}

#[test]
fn a_gateway_token_opens_one_service() {
    let token = gateway().issue("gig").unwrap();
    assert!(gateway().verify(&token, "gig").is_ok());
    assert!(gateway().verify(&token, "order").is_err());
    assert!(gateway().verify(&signed(&with(gateway_claims(), "aud", json!(["gig", "order"]))), "gig").is_err());
    assert!(gateway().verify(&signed(&with(gateway_claims(), "id", json!("order"))), "gig").is_err());
}

fn reference_user() -> Value {
    json!({"id": 7, "email": "a@b.com", "username": "Anna", "iat": 1_700_000_000})
}

fn unnamed(claims: &Value, secret: &str) -> String {
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

#[test]
fn tokens_of_the_reference_are_refused_unless_they_are_asked_for() {
    let token = unnamed(&reference_user(), "their secret");
    assert!(users().verify(&token).is_err());
    let accepting = users().accepting_reference(&secret("their secret"));
    let found = accepting.verify(&token).unwrap();
    assert_eq!((found.id, found.username.as_str(), found.sid.as_str(), found.role), (7, "Anna", "", None));
    assert!(accepting.verify(&users().issue(&user()).unwrap()).is_ok(), "ours as well");
    let token = unnamed(&json!({"id": "gig", "iat": 1_700_000_000}), "their literal");
    assert!(gateway().verify(&token, "gig").is_err());
    let accepting = gateway().accepting_reference(&secret("their literal"));
    assert!(
        accepting.verify(&token, "gig").is_ok() && accepting.verify(&gateway().issue("gig").unwrap(), "gig").is_ok()
    );
    assert!(accepting.verify(&token, "order").is_err(), "it opens the service it names");
}

#[test]
fn what_the_reference_would_not_have_made_is_refused_even_with_its_secret() {
    let accepting = users().accepting_reference(&secret("one"));
    for (key, value) in [("role", json!("operator")), ("sid", json!("s")), ("exp", json!(unix_now() + 900))] {
        assert!(accepting.verify(&unnamed(&with(reference_user(), key, value), "one")).is_err(), "{key}");
    }
    assert!(accepting.verify(&unnamed(&with(reference_user(), "iat", json!(unix_now() + 3600)), "one")).is_err());
    assert!(accepting.verify(&by_hand(&json!({"alg": "none"}), &reference_user(), b"")).is_err());
    let expired = signed(&with(claims(), "exp", json!(unix_now() - 1)));
    assert_eq!(
        accepting.verify(&expired),
        Err(InvalidToken { expired: true }),
        "ours stay expired with one secret for both"
    );
    let hs512 = Header::new(Algorithm::HS512);
    assert!(accepting.verify(&signed_as(&hs512, &reference_user())).is_err());
}
