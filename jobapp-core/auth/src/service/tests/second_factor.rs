//! Signing in with a second factor.

use super::*;
use crate::account::SecondFactorRefused;
use crate::{FREE_FAILURES, RECOVERY_CODES};

impl World {
    /// Turns Marta's second factor on. Returns her session and the recovery codes.
    async fn with_second_factor(&self) -> (OpenSession, Vec<OneTimeSecret>) {
        let open = self.marta().await;
        self.auth.begin_second_factor(caller(&open), "correct horse").await.unwrap();
        let codes = self.auth.confirm_second_factor(caller(&open), &self.code(&open).await).await.unwrap();
        self.later(60);
        (open, codes)
    }

    /// What the authenticator shows now.
    async fn code(&self, open: &OpenSession) -> String {
        let account = self.auth.ports.accounts.find(open.account.id()).await.unwrap().unwrap().value;
        let state = serde_json::to_value(account.to_state()).unwrap();
        let key: crate::AuthenticatorKey = serde_json::from_value(state["second_factor"]["key"].clone()).unwrap();
        key.code_at(self.clock.now()).unwrap().expose().to_owned()
    }

    async fn asked(&self) -> OneTimeSecret {
        match self.auth.sign_in(by_name("correct horse", "Chrome")).await.unwrap() {
            SignedIn::SecondFactor { token, known_device } => {
                assert_eq!(known_device, a_device("Chrome"));
                token
            }
            other => panic!("{other:?}"),
        }
    }

    async fn bring(&self, token: &OneTimeSecret, code: &str) -> Result<OpenSession, AuthError> {
        self.auth.verify_code(token, code, None, &Origin::default()).await
    }
}

#[tokio::test]
async fn it_is_asked_for_on_every_device_and_nothing_is_mailed() {
    let world = world();
    let (open, _) = world.with_second_factor().await;
    let token = world.asked().await;
    assert!(world.events::<PendingSignIn>().is_empty());
    let signed_in = world.bring(&token, &world.code(&open).await).await.unwrap();
    assert!(world.auth.current(caller(&signed_in)).await.is_ok());
    let status = world.auth.second_factor(caller(&signed_in)).await.unwrap();
    assert_eq!((status.is_on, status.recovery_codes_left), (true, RECOVERY_CODES));
}

#[tokio::test]
async fn a_code_signs_in_once_even_in_two_sign_ins_at_once() {
    let world = world();
    let (open, _) = world.with_second_factor().await;
    let (one, two) = (world.asked().await, world.asked().await);
    let code = world.code(&open).await;
    let (first, second) = tokio::join!(world.bring(&one, &code), world.bring(&two, &code));
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1);
    let three = world.asked().await;
    assert!(matches!(world.bring(&three, &code).await, Err(AuthError::WrongCode)));
    world.later(30);
    assert!(world.bring(&three, &world.code(&open).await).await.is_ok());
}

#[tokio::test]
async fn a_recovery_code_stands_in_once() {
    let world = world();
    let (open, codes) = world.with_second_factor().await;
    let token = world.asked().await;
    assert!(world.bring(&token, codes[0].expose()).await.is_ok());
    let token = world.asked().await;
    assert!(matches!(world.bring(&token, codes[0].expose()).await, Err(AuthError::WrongCode)));
    let status = world.auth.second_factor(caller(&open)).await.unwrap();
    assert_eq!(status.recovery_codes_left, RECOVERY_CODES - 1);
}

#[tokio::test]
async fn five_wrong_codes_end_the_sign_in() {
    let world = world();
    let (open, _) = world.with_second_factor().await;
    let token = world.asked().await;
    for _ in 0..5 {
        assert!(matches!(world.bring(&token, "000000").await, Err(AuthError::WrongCode)));
    }
    assert!(matches!(world.bring(&token, &world.code(&open).await).await, Err(AuthError::WrongCode)));
}

#[tokio::test]
async fn a_mailed_code_is_worth_nothing_once_the_second_factor_is_on() {
    let world = world();
    let open = world.marta().await;
    let (token, code) = world.code_sent("Firefox").await;
    world.auth.begin_second_factor(caller(&open), "correct horse").await.unwrap();
    world.auth.confirm_second_factor(caller(&open), &world.code(&open).await).await.unwrap();
    assert!(matches!(world.bring(&token, &code).await, Err(AuthError::WrongCode)));
}

#[tokio::test]
async fn setting_it_up_needs_the_password_and_a_first_code() {
    let world = world();
    let open = world.marta().await;
    let refused = |result: Result<_, AuthError>| match result {
        Err(AuthError::SecondFactor(refused)) => refused,
        other => panic!("{:?}", other.map(|_: Vec<OneTimeSecret>| ())),
    };
    assert!(matches!(world.auth.begin_second_factor(caller(&open), "wrong").await, Err(AuthError::WrongPassword)));
    let nothing = world.auth.confirm_second_factor(caller(&open), "123456").await;
    assert_eq!(refused(nothing), SecondFactorRefused::Off);
    let begun = world.auth.begin_second_factor(caller(&open), "correct horse").await.unwrap();
    assert_eq!(begun.key.expose().len(), 32);
    assert!(begun.url.expose().contains(begun.key.expose()));
    assert!(is_open(&world.auth.sign_in(by_name("correct horse", "Chrome")).await), "not asked for yet");
    let wrong = world.auth.confirm_second_factor(caller(&open), "12345x").await;
    assert_eq!(refused(wrong), SecondFactorRefused::WrongCode);
    world.auth.confirm_second_factor(caller(&open), &world.code(&open).await).await.unwrap();
    let again = world.auth.begin_second_factor(caller(&open), "correct horse").await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Refused);
}

#[tokio::test]
async fn taking_it_away_needs_password_and_code_and_neither_can_be_guessed() {
    let world = world();
    let (open, codes) = world.with_second_factor().await;
    let end = |password: &'static str, code: String| async {
        let code = code;
        world.auth.end_second_factor(caller(&open), password, &code).await
    };
    let code = world.code(&open).await;
    assert!(matches!(end("wrong", code.clone()).await, Err(AuthError::WrongPassword)));
    for _ in 1..FREE_FAILURES {
        assert_eq!(end("correct horse", "000000".into()).await.unwrap_err().kind(), ErrorKind::Invalid);
    }
    assert!(matches!(end("correct horse", code).await, Err(AuthError::TooManyAttempts { .. })));
    world.later(30);
    end("correct horse", codes[9].expose().to_owned()).await.unwrap();
    assert!(is_open(&world.auth.sign_in(by_name("correct horse", "Chrome")).await));
    assert_eq!(end("correct horse", "000000".into()).await.unwrap_err().kind(), ErrorKind::Refused);
}

#[tokio::test]
async fn a_reset_of_the_password_leaves_it_on() {
    let world = world();
    world.with_second_factor().await;
    world.auth.forgot_password("marta@example.org").await.unwrap();
    assert!(world.auth.reset_password(&world.last_link(), "battery staple").await.unwrap().unfinished.is_none());
    let signed_in = world.auth.sign_in(by_name("battery staple", "Chrome")).await;
    assert!(matches!(signed_in, Ok(SignedIn::SecondFactor { .. })));
}
