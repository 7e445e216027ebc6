use super::*;
use crate::Secrets;
use crate::second_factor::recovery_codes;
use crate::testing::{CountingSecrets, a_device, an_account, at};

fn typed(code: &str) -> TypedCode {
    TypedCode::new(code)
}

fn secret(text: &str) -> OneTimeSecret {
    OneTimeSecret::new(text)
}

#[test]
fn registering_tells_what_a_buyer_and_a_mail_need() {
    let (account, events) = an_account(7, "Marta", at(0));
    let AccountEvent::Registered { account: id, username, email, verification: Some(verification), .. } = &events[0]
    else {
        panic!("{events:?}")
    };
    assert_eq!((id.0, username.as_str(), email.as_str()), (7, "Marta", "marta@example.org"));
    assert!(account.verify_email(verification, at(1)).unwrap().unwrap().is_email_verified());
}

#[test]
fn states_survive_a_round_trip_and_hold_no_secrets() {
    let (account, _) = an_account(7, "Marta", at(0));
    let (account, _) = account.request_reset(secret("reset me"), at(1));
    let text = serde_json::to_string(&account.to_state()).unwrap();
    assert!(text.starts_with("{\"v\":\"1\""), "{text}");
    assert!(!text.contains("reset me") && !text.contains("verify me"), "{text}");
    assert_eq!(Account::from_state(serde_json::from_str(&text).unwrap()).unwrap(), account);
}

#[test]
fn an_account_of_before_keeps_its_name_and_claims_nothing() {
    let (account, _) = an_account(7, "Marta", at(0));
    let mut state = serde_json::to_value(account.to_state()).unwrap();
    assert_eq!(state.as_object_mut().unwrap().remove("claim"), Some("rnarta".into()));
    for (name, email) in [("Mar\u{3164}ta", "jörg@bücher.com"), ("Q@ab.co", "x@y"), ("E\u{301}abcde", "a b@c")] {
        state["username"] = name.into();
        state["email"] = email.into();
        let old = Account::from_state(serde_json::from_value(state.clone()).unwrap()).unwrap();
        assert_eq!((old.username().as_str(), old.email().as_str()), (name, email));
        assert!((Account::CLAIM.read)(&old).is_empty());
        assert_eq!(serde_json::to_value(old.to_state()).unwrap(), state);
    }
}

#[test]
fn what_was_kept_elsewhere_is_taken_over_without_a_word_to_anybody() {
    let former = |id: i64| FormerAccount {
        registration: Registration {
            id: AccountId(id),
            username: Username::lookup("mARTA"),
            email: EmailAddress::lookup("Marta@Example.org"),
            password_hash: "$2b$10$x".to_owned(),
            profile_public_id: "p".to_owned(),
            profile_picture: String::new(),
            country: "Portugal".to_owned(),
            devices: vec![a_device("Firefox")],
        },
        email_verified: false,
        verification: Some(secret("mailed before")),
        created_at: at(1),
        updated_at: at(2),
    };
    let account = Account::taken_over(former(7)).unwrap();
    assert_eq!((account.username().as_str(), account.created_at(), account.updated_at()), ("Marta", at(1), at(2)));
    assert!((Account::CLAIM.read)(&account).is_empty() && account.knows(&a_device("Firefox")));
    let verified = account.verify_email(&secret("mailed before"), at(3)).unwrap().unwrap();
    assert!(verified.is_email_verified());
    assert!(Account::taken_over(former(0)).is_err());
}

#[test]
fn a_stored_account_without_a_name_is_refused() {
    let (account, _) = an_account(7, "Marta", at(0));
    let mut state = serde_json::to_value(account.to_state()).unwrap();
    state["username"] = "".into();
    assert!(Account::from_state(serde_json::from_value(state).unwrap()).is_err());
}

#[test]
fn a_verify_link_repeats_its_success_for_ten_minutes_and_is_used_up_then() {
    let (account, _) = an_account(7, "Marta", at(0));
    let link = secret("verify me");
    let account = account.verify_email(&link, at(100)).unwrap().unwrap();
    assert_eq!(account.verify_email(&link, at(100)), Ok(None));
    assert_eq!(account.verify_email(&link, at(700)), Ok(None));
    assert_eq!(account.verify_email(&link, at(701)), Err(VerificationRefused));
    assert_eq!(account.verify_email(&secret("another"), at(100)), Err(VerificationRefused));
}

#[test]
fn another_verify_link_replaces_the_one_before_and_takes_nothing_back() {
    let (account, _) = an_account(7, "Marta", at(0));
    let account = account.verify_email(&secret("verify me"), at(1)).unwrap().unwrap();
    let (account, events) = account.request_verification(secret("again"), at(2));
    assert!(matches!(&events[..], [AccountEvent::VerificationRequested { .. }]));
    assert!(account.is_email_verified());
    assert_eq!(account.verify_email(&secret("verify me"), at(3)), Err(VerificationRefused));
    assert!(account.verify_email(&secret("again"), at(3)).unwrap().is_some());
}

#[test]
fn a_reset_link_is_good_once_and_for_an_hour() {
    let (account, _) = an_account(7, "Marta", at(0));
    assert_eq!(account.check_reset(&secret("r"), at(0)), Err(ResetRefused));
    let (account, _) = account.request_reset(secret("r"), at(0));
    assert_eq!(account.check_reset(&secret("x"), at(1)), Err(ResetRefused));
    assert_eq!(account.check_reset(&secret("r"), at(3599)), Ok(()));
    assert_eq!(account.check_reset(&secret("r"), at(3600)), Err(ResetRefused));
    let (account, events) = account.reset_password(&secret("r"), "new".into(), at(5)).unwrap();
    assert!(matches!(&events[..], [AccountEvent::PasswordChanged { .. }]));
    assert_eq!((account.password_hash(), account.epoch()), ("new", 1));
    assert_eq!(account.reset_password(&secret("r"), "newer".into(), at(6)).unwrap_err(), ResetRefused);
}

#[test]
fn changing_the_password_closes_an_open_reset_link() {
    let (account, _) = an_account(7, "Marta", at(0));
    let (account, _) = account.request_reset(secret("r"), at(0));
    let (account, _) = account.change_password("new".into(), at(1));
    assert_eq!(account.check_reset(&secret("r"), at(2)), Err(ResetRefused));
}

#[test]
fn several_devices_are_remembered_and_the_first_is_forgotten_first() {
    let (account, _) = an_account(7, "Marta", at(0));
    assert!(account.clone().remember([a_device("Chrome")], at(1)).is_none(), "known already");
    let account = (1..=MAX_DEVICES)
        .fold(account, |account, n| account.remember([a_device(&format!("Browser {n}"))], at(1)).unwrap());
    assert!(!account.knows(&a_device("Chrome")));
    assert!(account.knows(&a_device("Browser 1")));
    assert_eq!(account.last_device(), a_device(&format!("Browser {MAX_DEVICES}")));
}

#[test]
fn a_rehash_never_undoes_a_change_of_the_password() {
    let (account, _) = an_account(7, "Marta", at(0));
    let old = account.password_hash().to_owned();
    assert_eq!(account.clone().rehash(&old, "better".into()).unwrap().password_hash(), "better");
    let (account, _) = account.change_password("changed".into(), at(1));
    assert!(account.rehash(&old, "better".into()).is_none());
}

fn key() -> AuthenticatorKey {
    AuthenticatorKey::random(&CountingSecrets::default())
}

/// An account with a second factor that was turned on at 0 with the code of then.
fn with_second_factor(recovery: &[OneTimeSecret]) -> Account {
    let (account, _) = an_account(7, "Marta", at(0));
    let account = account.begin_second_factor(key(), at(0)).unwrap();
    let code = key().code_at(at(0)).unwrap();
    account.confirm_second_factor(&typed(code.expose()), recovery, at(0)).unwrap()
}

#[test]
fn a_device_is_recognised_by_its_token_until_the_password_changes() {
    let (account, _) = an_account(7, "Marta", at(0));
    let account = account.give_device(&secret("d"), at(0));
    let lifetime = DEVICE_TOKEN_LIFETIME.as_secs();
    assert!(account.recognises(&secret("d"), at(lifetime - 1)));
    assert!(!account.recognises(&secret("d"), at(lifetime)));
    assert!(!account.recognises(&secret("e"), at(1)) && !account.recognises(&secret(""), at(1)));
    let (changed, _) = account.clone().change_password("new".into(), at(1));
    assert!(!changed.recognises(&secret("d"), at(1)));
    let many = (0..MAX_DEVICE_TOKENS).fold(account, |account, n| account.give_device(&secret(&n.to_string()), at(1)));
    assert!(!many.recognises(&secret("d"), at(1)), "the first one is forgotten first");
    assert!(many.recognises(&secret("0"), at(1)));
}

#[test]
fn a_role_is_given_once_and_what_began_before_is_over() {
    let (account, _) = an_account(7, "Marta", at(0));
    let (operator, events) = account.clone().set_role(Some(Role::Operator), at(1)).unwrap();
    assert_eq!((operator.role(), operator.epoch()), (Some(Role::Operator), 1));
    assert!(matches!(&events[..], [AccountEvent::RoleChanged { role: Some(Role::Operator), .. }]));
    assert!(operator.clone().set_role(Some(Role::Operator), at(2)).is_none());
    assert_eq!(operator.set_role(None, at(2)).unwrap().0.epoch(), 2);
    assert!(account.set_role(None, at(1)).is_none());
}

#[test]
fn a_second_factor_counts_from_its_first_right_code_on() {
    let (account, _) = an_account(7, "Marta", at(0));
    assert_eq!(account.clone().confirm_second_factor(&typed("123456"), &[], at(0)), Err(SecondFactorRefused::Off));
    let begun = account.begin_second_factor(key(), at(0)).unwrap();
    assert!(!begun.has_second_factor());
    let code = key().code_at(at(0)).unwrap();
    assert_eq!(begun.clone().use_second_factor(&typed(code.expose()), at(0)), Err(SecondFactorRefused::Off));
    assert_eq!(begun.clone().confirm_second_factor(&typed("12345"), &[], at(0)), Err(SecondFactorRefused::WrongCode));
    let on = begun.confirm_second_factor(&typed(code.expose()), &[], at(0)).unwrap();
    assert!(on.has_second_factor());
    assert_eq!(on.clone().begin_second_factor(key(), at(1)), Err(SecondFactorRefused::On));
    assert_eq!(
        on.clone().use_second_factor(&typed(code.expose()), at(0)),
        Err(SecondFactorRefused::WrongCode),
        "used up"
    );
    let next = key().code_at(at(60)).unwrap();
    assert!(!on.end_second_factor(&typed(next.expose()), at(60)).unwrap().has_second_factor());
}

#[test]
fn recovery_codes_stand_in_for_the_authenticator_and_are_stored_as_hashes() {
    let codes = recovery_codes(&CountingSecrets::default() as &dyn Secrets);
    let account = with_second_factor(&codes);
    assert_eq!(account.recovery_codes_left(), 10);
    let text = serde_json::to_string(&account.to_state()).unwrap();
    assert!(codes.iter().all(|code| !text.contains(&code.expose().replace('-', ""))));
    assert_eq!(Account::from_state(serde_json::from_str(&text).unwrap()).unwrap(), account);
    let used = account.use_second_factor(&typed(codes[0].expose()), at(1)).unwrap();
    assert_eq!(used.recovery_codes_left(), 9);
    assert_eq!(used.use_second_factor(&typed(codes[0].expose()), at(1)), Err(SecondFactorRefused::WrongCode));
}
