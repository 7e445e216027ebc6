//! Who runs the marketplace.

use super::*;
use crate::Role;

fn wish(username: &str) -> NewOperator {
    NewOperator { username: username.into(), email: None, password: None, picture: "data:".into() }
}

#[tokio::test]
async fn an_account_is_promoted_and_its_sessions_end() {
    let world = world();
    let open = world.marta().await;
    let made = world.auth.make_operator(wish("mARTA")).await.unwrap();
    assert_eq!((made.account.role(), made.is_new), (Some(Role::Operator), false));
    assert!(made.reset.is_none() && made.unfinished.is_none());
    assert!(matches!(world.auth.current(caller(&open)).await, Err(AuthError::SessionOver)));
    assert!(matches!(&world.events::<Session>()[..], [SessionEvent::Ended { reason: EndReason::RoleChanged, .. }]));
    assert!(is_open(&world.auth.sign_in(by_name("correct horse", "Chrome")).await), "the password stays");
    let again = world.auth.make_operator(wish("Marta")).await.unwrap();
    assert_eq!(again.account.epoch(), made.account.epoch(), "nothing changes, so nothing ends");
    assert_eq!(world.events::<Session>().len(), 1);
    assert_eq!(world.auth.operators().await.unwrap(), [again.account]);
}

#[tokio::test]
async fn a_new_operator_sets_the_password_with_a_link_that_is_not_mailed() {
    let world = world();
    assert!(matches!(world.auth.make_operator(wish("Boss")).await, Err(AuthError::NoSuchAccount)));
    let made =
        world.auth.make_operator(NewOperator { email: Some("boss@example.org".into()), ..wish("boss") }).await.unwrap();
    assert!(made.is_new && made.account.is_email_verified());
    let mailed = |event: &AccountEvent| matches!(event, AccountEvent::ResetRequested { .. });
    assert!(!world.events::<Account>().iter().any(mailed));
    let changed = world.auth.reset_password(&made.reset.unwrap(), "battery staple").await.unwrap();
    assert!(changed.unfinished.is_none());
    let signed_in = world.auth.sign_in(sign_in(Login::Name("Boss".into()), "battery staple", None)).await.unwrap();
    let SignedIn::CodeSent { token, .. } = signed_in else { panic!("{signed_in:?}") };
    let open = world.auth.verify_code(&token, &world.last_code(), None, &Origin::default()).await.unwrap();
    assert_eq!(open.account.role(), Some(Role::Operator));
}

#[tokio::test]
async fn a_password_can_be_given_and_is_judged() {
    let world = world();
    world.marta().await;
    let with = |password: &str| NewOperator { password: Some(password.into()), ..wish("Marta") };
    assert!(matches!(world.auth.make_operator(with("password1")).await, Err(AuthError::WeakPassword(_))));
    assert!(world.auth.make_operator(with("battery staple")).await.unwrap().unfinished.is_none());
    assert!(is_open(&world.auth.sign_in(by_name("battery staple", "Chrome")).await));
    let taken = NewOperator { email: Some("marta@example.org".into()), ..wish("Other") };
    assert!(matches!(world.auth.make_operator(taken).await, Err(AuthError::Taken)));
}

#[tokio::test]
async fn an_operator_becomes_an_ordinary_user_again() {
    let world = world();
    world.marta().await;
    assert!(!world.auth.unmake_operator("Marta").await.unwrap().is_changed);
    assert!(world.auth.make_operator(wish("Marta")).await.unwrap().unfinished.is_none());
    let signed_in = world.auth.sign_in(by_name("correct horse", "Chrome")).await.unwrap();
    let SignedIn::Open(open) = signed_in else { panic!("{signed_in:?}") };
    assert!(world.auth.unmake_operator("marta").await.unwrap().is_changed);
    assert!(matches!(world.auth.current(caller(&open)).await, Err(AuthError::SessionOver)));
    assert!(world.auth.operators().await.unwrap().is_empty());
    assert!(matches!(world.auth.unmake_operator("Nobody").await, Err(AuthError::NoSuchAccount)));
}
