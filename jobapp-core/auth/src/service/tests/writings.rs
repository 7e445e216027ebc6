//! One name, address, password or code that is typed in several ways.

use jobapp_kernel::Change;

use super::*;
use crate::AuthError;

/// Somebody who signed up before names and addresses had one form.
async fn of_before(world: &World, id: i64, name: &str, email: &str, hash: &str) {
    let (account, _) = crate::testing::an_account(id, "Marta", at(0));
    let mut state = serde_json::to_value(account.to_state()).unwrap();
    let fields = state.as_object_mut().unwrap();
    fields.remove("claim");
    for (key, value) in [("username", name), ("email", email), ("password_hash", hash)] {
        fields.insert(key.to_owned(), value.into());
    }
    // No two have the same verify link.
    fields.remove("verification");
    let account = Account::from_state(serde_json::from_value(state).unwrap()).unwrap();
    let accounts: Arc<dyn Repository<Account>> = world.store.repository();
    accounts.save(Change::insert(account, Vec::new())).await.map(drop).unwrap();
}

async fn signed_in(world: &World, login: Login, password: &str) -> Option<i64> {
    match world.auth.sign_in(sign_in(login, password, Some(a_device("Chrome")))).await {
        Ok(SignedIn::Open(open)) => Some(open.account.id().0),
        Ok(other) => panic!("{other:?}"),
        Err(AuthError::WrongCredentials) => None,
        Err(other) => panic!("{other:?}"),
    }
}

fn name(text: &str) -> Login {
    Login::Name(text.to_owned())
}

fn email(text: &str) -> Login {
    Login::Email(text.to_owned())
}

#[tokio::test]
async fn a_name_is_one_account_and_found_however_it_is_typed() {
    let world = world();
    world.auth.sign_up(SignUp { username: "\u{e9}abcde".into(), ..marta() }, None).await.unwrap();
    let typed = [
        "e\u{301}abcde",
        "\u{c9}ABCDE",
        "\u{ff45}\u{301}\u{ff41}\u{ff42}\u{ff43}\u{ff44}\u{ff45}",
        "\u{e9}\u{430}bcde",
    ];
    for typed in typed {
        let again = SignUp { username: typed.into(), email: "other@example.org".into(), ..marta() };
        let error = world.auth.sign_up(again, None).await.unwrap_err();
        assert!(matches!(error, AuthError::Taken), "{typed}: {error:?}");
        assert_eq!(signed_in(&world, name(typed), "correct horse").await, Some(1), "{typed}");
    }
    assert_eq!(world.store.count::<Account>(), 1);
}

#[tokio::test]
async fn of_two_sign_ups_at_once_with_names_that_look_alike_one_wins() {
    let world = world();
    let other = SignUp { username: "m\u{430}rt\u{430}".into(), email: "other@example.org".into(), ..marta() };
    let (first, second) = tokio::join!(world.auth.sign_up(marta(), None), world.auth.sign_up(other, None));
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1);
    assert!(matches!(first.and(second), Err(AuthError::Taken)));
}

#[tokio::test]
async fn an_address_is_one_account_and_found_however_its_domain_is_written() {
    let world = world();
    let open = world.auth.sign_up(SignUp { email: "X@b\u{fc}cher.com".into(), ..marta() }, None).await.unwrap();
    assert_eq!(open.account.email().as_str(), "x@xn--bcher-kva.com");
    for typed in
        ["x@xn--bcher-kva.com", "x@bu\u{308}cher.com", "x@\u{ff42}\u{fc}\u{ff43}her.com", " x@B\u{dc}CHER.com "]
    {
        let again = SignUp { username: "Somebody".into(), email: typed.into(), ..marta() };
        assert!(matches!(world.auth.sign_up(again, None).await, Err(AuthError::Taken)), "{typed}");
        assert_eq!(signed_in(&world, email(typed), "correct horse").await, Some(1), "{typed}");
        world.auth.resend_verification(caller(&open), typed, None).await.unwrap();
        let mails = world.store.events().len();
        world.auth.forgot_password(typed).await.unwrap();
        assert_eq!(world.store.events().len(), mails + 1, "{typed}");
    }
}

#[tokio::test]
async fn accounts_of_before_keep_names_and_addresses_that_nobody_new_gets() {
    let world = world();
    let people = [
        (11, "\u{c9}abcde", "x@b\u{fc}cher.com"),
        (12, "E\u{301}abcde", "x@xn--bcher-kva.com"),
        (13, "Mar\u{3164}ta", "j\u{f6}rg@example.org"),
        (14, "Q@ab.co", "q@example.org"),
        (15, "Evil.com", "evil@example.org"),
        (16, "M\u{430}rta", "cyrillic@example.org"),
        (17, "Bill", "bill@example.org"),
        (18, "Bi11", "digits@example.org"),
    ];
    for (id, username, address) in people {
        of_before(&world, id, username, address, "plain$correct horse").await;
    }
    for (id, username, address) in people {
        let by_name = if id == 14 { email(username) } else { name(username) };
        assert_eq!(signed_in(&world, by_name, "correct horse").await, Some(id), "{username}");
        assert_eq!(signed_in(&world, email(address), "correct horse").await, Some(id), "{address}");
    }
    assert_eq!(signed_in(&world, name("bi1l"), "correct horse").await, None, "two that it may be, and it is neither");
    for (username, address) in [
        ("E\u{301}ABCDE", "new@example.org"),
        ("Marta", "new@example.org"),
        ("BILL", "new@example.org"),
        ("Somebody", "x@b\u{fc}cher.com"),
    ] {
        let new = SignUp { username: username.into(), email: address.into(), ..marta() };
        assert!(matches!(world.auth.sign_up(new, None).await, Err(AuthError::Taken)), "{username} {address}");
    }
}

#[tokio::test]
async fn a_role_goes_to_who_is_called_so_and_to_nobody_who_looks_alike() {
    let world = world();
    world.auth.sign_up(SignUp { username: "Bi11".into(), ..marta() }, None).await.unwrap();
    let wish = |username: &str| NewOperator {
        username: username.to_owned(),
        email: Some("boss@example.org".to_owned()),
        password: None,
        picture: "data:".to_owned(),
    };
    assert!(matches!(world.auth.make_operator(wish("Bill")).await, Err(AuthError::Taken)));
    assert!(matches!(world.auth.unmake_operator("Bill").await, Err(AuthError::NoSuchAccount)));
    assert!(!world.auth.make_operator(wish("\u{ff22}\u{ff49}11")).await.unwrap().is_new);
}

#[tokio::test]
async fn a_password_is_right_however_it_is_composed() {
    let world = world();
    let (composed, decomposed) = ("p\u{e4}ssw\u{f6}rter", "pa\u{308}sswo\u{308}rter");
    let open = world.auth.sign_up(SignUp { password: composed.into(), ..marta() }, None).await.unwrap();
    for typed in [composed, decomposed] {
        assert_eq!(signed_in(&world, name("Marta"), typed).await, Some(1), "{typed}");
    }
    assert_eq!(signed_in(&world, name("Marta"), "passworter").await, None);
    let changed = world.auth.change_password(caller(&open), decomposed, "c\u{327}a va bien").await.unwrap();
    assert!(changed.unfinished.is_none());
    assert_eq!(signed_in(&world, name("Marta"), "\u{e7}a va bien").await, Some(1));
}

#[tokio::test]
async fn a_hash_of_before_verifies_what_was_typed_then_and_is_made_anew() {
    let world = world();
    of_before(&world, 11, "Marta", "marta@example.org", "plain$pa\u{308}sswo\u{308}rter").await;
    assert_eq!(signed_in(&world, name("Marta"), "pa\u{308}sswo\u{308}rter").await, Some(11));
    let accounts: Arc<dyn Repository<Account>> = world.store.repository();
    let account = accounts.find(&AccountId(11)).await.unwrap().unwrap().value;
    assert_eq!(account.password_hash(), "plain$p\u{e4}ssw\u{f6}rter");
    assert_eq!(signed_in(&world, name("Marta"), "p\u{e4}ssw\u{f6}rter").await, Some(11));
}

#[tokio::test]
async fn guesses_of_one_name_are_counted_together_however_it_is_typed() {
    let world = world();
    world.marta().await;
    for typed in ["marta", "\u{ff4d}arta", "m\u{430}rta", "MARTA", "mar\u{ad}ta"] {
        assert_eq!(signed_in(&world, name(typed), "wrong").await, None);
    }
    let sixth = world.auth.sign_in(by_name("correct horse", "Chrome")).await;
    assert!(matches!(sixth, Err(AuthError::TooManyAttempts { .. })), "{sixth:?}");
}

#[tokio::test]
async fn a_mailed_code_is_right_however_it_is_pasted() {
    let world = world();
    world.marta().await;
    let signed_in = world.auth.sign_in(by_name("correct horse", "Firefox")).await.unwrap();
    let SignedIn::CodeSent { token, .. } = signed_in else { panic!("{signed_in:?}") };
    let code = world.last_code();
    let pasted = format!("\u{a0}{}-{}\n", &code[..3], &code[3..]);
    assert!(world.auth.verify_code(&token, &pasted, None, &Origin::default()).await.is_ok());
}
