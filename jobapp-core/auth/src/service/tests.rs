//! The use cases on stores in memory.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{
    Aggregate, Cause, Collected, ErrorKind, FixedClock, Kinded, MediaError, MediaSink, MediaStore, SequenceIds,
    StoredMedia, Upload,
};
use jobapp_memory::MemoryStore;

mod guarding;
mod operators;
mod second_factor;
mod writings;

use super::*;
use crate::pending::PendingSignInEvent;
use crate::session::EndReason;
use crate::testing::{CountingSecrets, PlainHasher, a_device, at};
use crate::{OneTimeSecret, SessionEvent};

/// Takes every picture but those called `bad`, and counts.
#[derive(Default)]
struct Pictures(std::sync::atomic::AtomicUsize);

#[async_trait]
impl MediaStore for Pictures {
    async fn store(&self, upload: Upload) -> Result<StoredMedia, MediaError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        // Lets a sign-up that races go on: between the look for the name and the insert.
        tokio::task::yield_now().await;
        match upload.source.as_str() {
            "bad" => Err(MediaError::invalid("it is no picture")),
            "huge" => Err(MediaError::TooLarge { limit: 5 }),
            "away" => Err(MediaError::unavailable("away")),
            _ => Ok(StoredMedia { reference: format!("https://img.example.org/{}", upload.public_id.unwrap()) }),
        }
    }

    async fn begin(self: Arc<Self>) -> Result<Box<dyn MediaSink>, MediaError> {
        Ok(Collected::begin(self))
    }
}

struct World {
    auth: Auth,
    store: MemoryStore,
    clock: Arc<FixedClock>,
    hasher: Arc<PlainHasher>,
    pictures: Arc<Pictures>,
}

fn world() -> World {
    let clock = Arc::new(FixedClock::at(at(0)));
    let store = MemoryStore::with(clock.clone(), None);
    let (hasher, pictures) = (Arc::new(PlainHasher::default()), Arc::new(Pictures::default()));
    let ports = Ports {
        accounts: store.repository(),
        sessions: store.repository(),
        pending: store.repository(),
        attempts: store.repository(),
        numbers: store.sequence(),
        media: pictures.clone(),
        hasher: hasher.clone(),
        secrets: Arc::new(CountingSecrets::default()),
        clock: clock.clone(),
        ids: Arc::new(SequenceIds::default()),
    };
    World { auth: Auth::new(ports, Policy { codes_per_hour: 3 }), store, clock, hasher, pictures }
}

impl World {
    /// The same service in another process, on the same store.
    fn of_another_process(&self) -> Auth {
        let store = self.store.of_another_process();
        let ports = Ports {
            accounts: store.repository(),
            sessions: store.repository(),
            pending: store.repository(),
            attempts: store.repository(),
            ..self.auth.ports.clone()
        };
        Auth::new(ports, self.auth.policy)
    }
}

fn marta() -> SignUp {
    SignUp {
        username: "mARTA".into(),
        email: "Marta@Example.org".into(),
        password: "correct horse".into(),
        country: "Portugal".into(),
        picture: "data:".into(),
        device: a_device("Chrome"),
    }
}

fn sign_in(login: Login, password: &str, device: Option<Device>) -> SignIn {
    SignIn { login, password: password.into(), device, origin: Origin::default() }
}

fn by_name(password: &str, browser: &str) -> SignIn {
    sign_in(Login::Name("MARTA".into()), password, Some(a_device(browser)))
}

fn caller(open: &OpenSession) -> CallerId {
    CallerId { account: *open.account.id(), session: Some(open.session) }
}

impl World {
    async fn marta(&self) -> OpenSession {
        self.auth.sign_up(marta(), None).await.unwrap()
    }

    /// The events of one aggregate, oldest first.
    fn events<A: Aggregate>(&self) -> Vec<A::Event> {
        let entries = self.store.events().into_iter().filter(|entry| entry.aggregate == A::NAME);
        entries.map(|entry| serde_json::from_value(entry.event).unwrap()).collect()
    }

    fn last_code(&self) -> String {
        let PendingSignInEvent::CodeRequested { code, .. } = self.events::<PendingSignIn>().pop().unwrap();
        code.expose().to_owned()
    }

    fn last_link(&self) -> OneTimeSecret {
        let secret = |event| match event {
            AccountEvent::Registered { verification, .. } => verification,
            AccountEvent::VerificationRequested { verification, .. } => Some(verification),
            AccountEvent::ResetRequested { reset, .. } => Some(reset),
            AccountEvent::PasswordChanged { .. } | AccountEvent::RoleChanged { .. } => None,
        };
        self.events::<Account>().into_iter().rev().find_map(secret).unwrap()
    }

    async fn code_sent(&self, browser: &str) -> (OneTimeSecret, String) {
        match self.auth.sign_in(by_name("correct horse", browser)).await.unwrap() {
            SignedIn::CodeSent { token, .. } => (token, self.last_code()),
            other => panic!("the device should be unknown: {other:?}"),
        }
    }

    fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn is_open(signed_in: &Result<SignedIn, AuthError>) -> bool {
    matches!(signed_in, Ok(SignedIn::Open(_)))
}

#[tokio::test]
async fn signing_up_makes_an_account_a_session_and_one_event() {
    let world = world();
    let open = world.marta().await;
    assert_eq!((open.account.id().0, open.account.username().as_str()), (1, "Marta"));
    assert_eq!(open.account.email().as_str(), "marta@example.org");
    assert!(open.account.profile_picture().ends_with(open.account.profile_public_id()));
    assert!(matches!(&world.events::<Account>()[..], [AccountEvent::Registered { .. }]));
    assert_eq!(world.auth.current(caller(&open)).await.unwrap(), open.account);
}

#[tokio::test]
async fn a_name_or_an_address_can_be_had_once_and_the_answer_does_not_say_which() {
    let world = world();
    world.marta().await;
    let other_name = SignUp { username: "somebody".into(), ..marta() };
    let other_email = SignUp { email: "other@example.org".into(), ..marta() };
    for sign_up in [other_name, other_email] {
        let error = world.auth.sign_up(sign_up, None).await.unwrap_err();
        assert_eq!(error.to_string(), "Invalid credentials. Email or Username");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    assert_eq!(world.pictures.0.load(Ordering::SeqCst), 1, "nothing is uploaded for a name that is taken");
}

#[tokio::test]
async fn of_two_sign_ups_at_once_one_wins() {
    let world = world();
    let (first, second) = tokio::join!(world.auth.sign_up(marta(), None), world.auth.sign_up(marta(), None));
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1);
    assert_eq!(world.store.count::<Account>(), 1);
}

#[tokio::test]
async fn names_passwords_and_pictures_are_judged() {
    let world = world();
    let cases = [
        (SignUp { username: "con/ver".into(), ..marta() }, "Invalid username", ErrorKind::Invalid),
        (SignUp { username: "Email".into(), ..marta() }, "Invalid username", ErrorKind::Invalid),
        (SignUp { email: "nowhere".into(), ..marta() }, "Invalid email", ErrorKind::Invalid),
        (SignUp { username: "q@ab.co".into(), ..marta() }, "Invalid username", ErrorKind::Invalid),
        (SignUp { username: "evil.com".into(), ..marta() }, "Invalid username", ErrorKind::Invalid),
        (SignUp { email: "j\u{f6}rg@example.org".into(), ..marta() }, "Invalid email", ErrorKind::Invalid),
        (
            SignUp { password: "password1".into(), ..marta() },
            "This password is too common. Please choose another one.",
            ErrorKind::Invalid,
        ),
        (
            SignUp { password: "😀😁😂😃".into(), ..marta() },
            "Password must have at least 8 characters.",
            ErrorKind::Invalid,
        ),
        (SignUp { picture: "bad".into(), ..marta() }, "File upload error. Try again", ErrorKind::Invalid),
        (
            SignUp { picture: "huge".into(), ..marta() },
            "The picture is too large: choose one of at most 5 bytes.",
            ErrorKind::TooLarge,
        ),
        (SignUp { picture: "away".into(), ..marta() }, "File upload error. Try again", ErrorKind::Unavailable),
    ];
    for (sign_up, text, kind) in cases {
        let error = world.auth.sign_up(sign_up, None).await.unwrap_err();
        assert_eq!((error.to_string().as_str(), error.kind()), (text, kind));
    }
    assert_eq!(world.store.count::<Account>(), 0);
}

#[tokio::test]
async fn a_repeated_sign_up_answers_as_the_first_time_to_who_knows_the_password() {
    let world = world();
    let cause = |hash: &str| {
        let (caller, route, key) = ("marta@example.org".into(), "POST /auth/signup".into(), "k".into());
        Some(Cause::Request { caller, route, key, body_hash: hash.into() })
    };
    let first = world.auth.sign_up(marta(), cause("h")).await.unwrap();
    world.later(1);
    let lost = world.auth.sign_up(marta(), cause("h")).await.unwrap();
    world.later(1);
    let again = world.auth.sign_up(marta(), cause("h")).await.unwrap();
    let recognises =
        |open: &OpenSession| again.account.recognises(open.device_token.as_ref().unwrap(), world.clock.now());
    assert_eq!([&first, &lost, &again].map(recognises), [false, false, true], "the one device has one token");
    assert_eq!(again.account.id(), first.account.id());
    assert_ne!(again.session, first.session);
    assert_eq!((world.store.count::<Account>(), world.pictures.0.load(Ordering::SeqCst)), (1, 1));
    let thief = SignUp { password: "something else".into(), ..marta() };
    assert_eq!(world.auth.sign_up(thief, cause("h")).await.unwrap_err().kind(), ErrorKind::Mismatch);
    assert_eq!(world.auth.sign_up(marta(), cause("other")).await.unwrap_err().kind(), ErrorKind::Mismatch);
    world.later(3601);
    let late = world.auth.sign_up(marta(), cause("h")).await.unwrap_err();
    assert!(matches!(late, AuthError::Taken), "it is no way to sign in");
}

#[tokio::test]
async fn a_known_device_is_let_in_by_name_and_by_address_in_any_case() {
    let world = world();
    world.marta().await;
    let by_email = sign_in(Login::Email("MARTA@example.ORG".into()), "correct horse", Some(a_device("Chrome")));
    assert!(is_open(&world.auth.sign_in(by_name("correct horse", "Chrome")).await));
    assert!(is_open(&world.auth.sign_in(by_email).await));
}

#[tokio::test]
async fn unknown_users_and_wrong_passwords_are_answered_alike_with_the_same_work() {
    let world = world();
    world.marta().await;
    let unknown = [
        sign_in(Login::Name("Nobody".into()), "correct horse", None),
        sign_in(Login::Email("nobody@example.org".into()), "correct horse", None),
        sign_in(Login::Email("no address".into()), "correct horse", None),
        by_name(&"x".repeat(100_000), "Chrome"),
    ];
    for (n, sign_in) in unknown.into_iter().enumerate() {
        assert_eq!(world.auth.sign_in(sign_in).await.unwrap_err().to_string(), "Invalid credentials");
        assert_eq!(world.hasher.pretended.load(Ordering::SeqCst), n + 1);
    }
    assert_eq!(world.hasher.verified.load(Ordering::SeqCst), 0);
    assert_eq!(world.auth.sign_in(by_name("wrong", "Chrome")).await.unwrap_err().to_string(), "Invalid credentials");
    assert_eq!(world.hasher.verified.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_old_hash_is_made_anew_when_its_owner_signs_in() {
    let world = world();
    let account = world.marta().await.account;
    let stored = world.auth.ports.accounts.find(account.id()).await.unwrap().unwrap();
    let imported = stored.value.rehash("plain$correct horse", "old$abcd".into()).unwrap();
    world.auth.ports.accounts.save(Change::update(stored.version, imported, Vec::new())).await.map(drop).unwrap();
    assert!(is_open(&world.auth.sign_in(by_name("abcd", "Chrome")).await), "short passwords of old accounts are good");
    let stored = world.auth.ports.accounts.find(account.id()).await.unwrap().unwrap();
    assert_eq!(stored.value.password_hash(), "plain$abcd");
}

#[tokio::test]
async fn an_unknown_device_needs_the_mailed_code_and_is_known_from_then_on() {
    let world = world();
    world.marta().await;
    let (token, code) = world.code_sent("Firefox").await;
    let open = world.auth.verify_code(&token, &code, None, &Origin::default()).await.unwrap();
    assert!(world.auth.current(caller(&open)).await.is_ok());
    assert!(is_open(&world.auth.sign_in(by_name("correct horse", "Firefox")).await));
    assert!(is_open(&world.auth.sign_in(by_name("correct horse", "Chrome")).await), "the first one is still known");
}

#[tokio::test]
async fn a_device_that_is_called_otherwise_with_the_code_is_known_by_both_names() {
    let world = world();
    world.marta().await;
    let (token, code) = world.code_sent("Firefox").await;
    let turned = Device { browser: "Firefox".into(), kind: "mobile".into() };
    world.auth.verify_code(&token, &code, Some(turned.clone()), &Origin::default()).await.unwrap();
    for device in [a_device("Firefox"), turned] {
        let sign_in = sign_in(Login::Name("Marta".into()), "correct horse", Some(device));
        assert!(is_open(&world.auth.sign_in(sign_in).await));
    }
}

#[tokio::test]
async fn a_client_that_does_not_say_what_it_is_always_needs_a_code() {
    let world = world();
    world.marta().await;
    for _ in 0..2 {
        let signed_in = world.auth.sign_in(sign_in(Login::Name("Marta".into()), "correct horse", None)).await.unwrap();
        let SignedIn::CodeSent { token, known_device } = signed_in else { panic!("{signed_in:?}") };
        assert_eq!(known_device, a_device("Chrome"));
        assert!(world.auth.verify_code(&token, &world.last_code(), None, &Origin::default()).await.is_ok());
    }
}

#[tokio::test]
async fn codes_are_good_once_for_their_own_sign_in_for_ten_minutes_and_five_tries() {
    let world = world();
    world.marta().await;
    let (token, code) = world.code_sent("One").await;
    let (other_token, _) = world.code_sent("Two").await;
    let wrong = |result: Result<OpenSession, AuthError>| assert_eq!(result.unwrap_err().to_string(), "OTP is invalid.");
    wrong(world.auth.verify_code(&other_token, &code, None, &Origin::default()).await);
    wrong(world.auth.verify_code(&OneTimeSecret::new(""), &code, None, &Origin::default()).await);
    assert!(world.auth.verify_code(&token, &code, None, &Origin::default()).await.is_ok());
    wrong(world.auth.verify_code(&token, &code, None, &Origin::default()).await);
    let (token, code) = world.code_sent("Three").await;
    for _ in 0..5 {
        wrong(world.auth.verify_code(&token, "000000", None, &Origin::default()).await);
    }
    wrong(world.auth.verify_code(&token, &code, None, &Origin::default()).await);
    world.later(3600);
    let (token, code) = world.code_sent("Four").await;
    world.later(600);
    wrong(world.auth.verify_code(&token, &code, None, &Origin::default()).await);
}

#[tokio::test]
async fn an_account_is_mailed_a_bounded_number_of_codes() {
    let world = world();
    world.marta().await;
    for browser in ["One", "Two", "Three"] {
        world.code_sent(browser).await;
    }
    let error = world.auth.sign_in(by_name("correct horse", "Four")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limited);
    assert!(is_open(&world.auth.sign_in(by_name("correct horse", "Chrome")).await), "known devices need no code");
    world.later(3600);
    world.code_sent("Four").await;
}

#[tokio::test]
async fn a_change_of_the_password_ends_sign_ins_that_wait_for_their_code() {
    let world = world();
    let open = world.marta().await;
    let (token, code) = world.code_sent("Firefox").await;
    assert!(
        world
            .auth
            .change_password(caller(&open), "correct horse", "battery staple")
            .await
            .unwrap()
            .unfinished
            .is_none()
    );
    assert!(matches!(world.auth.verify_code(&token, &code, None, &Origin::default()).await, Err(AuthError::WrongCode)));
}

#[tokio::test]
async fn a_session_is_renewed_and_a_spent_token_ends_it() {
    let world = world();
    let open = world.marta().await;
    let first = open.refresh_token.expose();
    world.later(900);
    let renewed = world.auth.refresh(&first).await.unwrap();
    assert_eq!(renewed.session, open.session);
    let (second, again) =
        (renewed.refresh_token.expose(), world.auth.refresh(&first).await.unwrap().refresh_token.expose());
    assert_eq!(second, again);
    world.later(900);
    world.auth.refresh(&second).await.unwrap();
    assert!(matches!(world.auth.refresh(&first).await, Err(AuthError::Stolen { .. })));
    assert!(matches!(world.auth.refresh(&second).await, Err(AuthError::SessionOver)));
    assert!(matches!(world.auth.current(caller(&open)).await, Err(AuthError::SessionOver)));
    assert!(matches!(&world.events::<Session>()[..], [SessionEvent::Ended { reason: EndReason::Stolen, .. }]));
}

#[tokio::test]
async fn racing_renewals_get_the_same_token() {
    let world = world();
    let first = world.marta().await.refresh_token.expose();
    let (a, b, c) = tokio::join!(world.auth.refresh(&first), world.auth.refresh(&first), world.auth.refresh(&first));
    let (a, b, c) = (a.unwrap().refresh_token, b.unwrap().refresh_token, c.unwrap().refresh_token);
    assert!(a == b && b == c);
}

#[tokio::test]
async fn texts_that_are_no_tokens_are_refused() {
    let world = world();
    for text in ["", "undefined", "a.b.c"] {
        assert!(matches!(world.auth.refresh(text).await, Err(AuthError::SessionOver)));
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_by_either_proof_as_often_as_one_likes() {
    let world = world();
    for by_token in [false, true] {
        let open = if by_token {
            match world.auth.sign_in(by_name("correct horse", "Chrome")).await.unwrap() {
                SignedIn::Open(open) => *open,
                other => panic!("the device should be known: {other:?}"),
            }
        } else {
            world.marta().await
        };
        let spent = open.refresh_token.expose();
        let newest = world.auth.refresh(&spent).await.unwrap().refresh_token.expose();
        for is_first in [true, false] {
            let (who, token) = if by_token { (None, Some(spent.as_str())) } else { (Some(caller(&open)), None) };
            assert_eq!(world.auth.sign_out(who, token).await.unwrap(), is_first, "whether there was one to end");
        }
        assert!(matches!(world.auth.refresh(&newest).await, Err(AuthError::SessionOver)), "a parallel pair dies too");
        assert!(matches!(world.auth.current(caller(&open)).await, Err(AuthError::SessionOver)));
    }
    assert_eq!(world.events::<Session>().len(), 2);
    assert!(!world.auth.sign_out(None, None).await.unwrap());
    assert!(!world.auth.sign_out(None, Some("nonsense")).await.unwrap());
}

#[tokio::test]
async fn ones_own_sessions_can_be_listed_and_ended_and_nobody_elses() {
    let world = world();
    let open = world.marta().await;
    world.later(5);
    world.auth.sign_in(by_name("correct horse", "Chrome")).await.unwrap();
    let other = SignUp { username: "other".into(), email: "other@example.org".into(), ..marta() };
    let other = world.auth.sign_up(other, None).await.unwrap();
    let sessions = world.auth.sessions(caller(&open)).await.unwrap();
    assert_eq!(sessions.len(), 2);
    assert!(sessions[0].last_used_at() > sessions[1].last_used_at());
    assert!(matches!(world.auth.end_session(caller(&open), other.session).await, Err(AuthError::NoSuchSession)));
    world.auth.end_session(caller(&open), *sessions[0].id()).await.unwrap();
    assert_eq!(world.auth.sessions(caller(&open)).await.unwrap().len(), 1);
    let ended = world.auth.ended_since(at(0), 10).await.unwrap();
    assert_eq!(ended.iter().map(Aggregate::id).collect::<Vec<_>>(), [sessions[0].id()]);
    assert!(world.auth.ended_since(at(6), 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn whoever_runs_the_marketplace_sees_and_ends_the_sessions_of_a_user_and_of_nobody_else() {
    let world = world();
    let open = world.marta().await;
    world.later(5);
    world.auth.sign_in(by_name("correct horse", "Chrome")).await.unwrap();
    let other = SignUp { username: "other".into(), email: "other@example.org".into(), ..marta() };
    let other = world.auth.sign_up(other, None).await.unwrap();
    let ids = async |username: &str| {
        let sessions = world.auth.sessions_of(username).await.unwrap();
        sessions.iter().map(|session| *session.id()).collect::<Vec<_>>()
    };
    let all = ids("marta").await;
    assert_eq!((all.len(), all[1]), (2, open.session));

    let not_hers = world.auth.end_sessions_of("Marta", Some(other.session)).await;
    assert!(matches!(not_hers, Err(AuthError::NoSuchSession)));
    assert!(matches!(world.auth.sessions_of("nobody").await, Err(AuthError::NoSuchAccount)));
    assert!(matches!(world.auth.end_sessions_of("nobody", None).await, Err(AuthError::NoSuchAccount)));
    for ended in [1, 0] {
        assert_eq!(world.auth.end_sessions_of("Marta", Some(open.session)).await.unwrap(), ended);
    }
    assert_eq!(ids("marta").await, all[..1]);
    assert_eq!(world.auth.end_sessions_of("Marta", None).await.unwrap(), 1);
    assert_eq!((ids("Marta").await, ids("other").await), (vec![], vec![other.session]));
    assert!(!world.auth.is_live(open.session).await.unwrap());
    assert_eq!(world.auth.ended_since(at(0), 10).await.unwrap().len(), 2, "gateways are told of both");
}

#[tokio::test]
async fn changing_the_password_needs_the_current_one_and_ends_every_session() {
    let world = world();
    let open = world.marta().await;
    let signed_in = world.auth.sign_in(by_name("correct horse", "Chrome")).await.unwrap();
    let SignedIn::Open(second) = signed_in else { panic!("{signed_in:?}") };
    for wrong in ["wrong", "", &"x".repeat(5000)] {
        let error = world.auth.change_password(caller(&open), wrong, "battery staple").await.unwrap_err();
        assert_eq!(error.to_string(), "The current password is wrong.");
    }
    let weak = world.auth.change_password(caller(&open), "correct horse", "password1").await.unwrap_err();
    assert!(matches!(weak, AuthError::WeakPassword(_)));
    let changed = world.auth.change_password(caller(&open), "correct horse", "battery staple").await.unwrap();
    assert!(changed.unfinished.is_none());
    for session in [&open, &second] {
        assert!(matches!(world.auth.current(caller(session)).await, Err(AuthError::SessionOver)));
        let refreshed = world.auth.refresh(&session.refresh_token.expose()).await;
        assert!(matches!(refreshed, Err(AuthError::SessionOver)));
    }
    assert!(matches!(world.events::<Account>().last(), Some(AccountEvent::PasswordChanged { .. })));
    assert_eq!(world.events::<Session>().len(), 2);
    assert!(is_open(&world.auth.sign_in(by_name("battery staple", "Chrome")).await));
}

#[tokio::test]
async fn a_session_that_a_change_of_the_password_could_not_end_cannot_be_renewed() {
    let world = world();
    let open = world.marta().await;
    let stored = world.auth.ports.accounts.find(open.account.id()).await.unwrap().unwrap();
    // As if the process had died between the two steps.
    let (account, events) = stored.value.change_password("plain$new".into(), at(1));
    world.auth.ports.accounts.save(Change::update(stored.version, account, events)).await.map(drop).unwrap();
    assert!(matches!(world.auth.current(caller(&open)).await, Err(AuthError::SessionOver)));
    assert!(matches!(world.auth.refresh(&open.refresh_token.expose()).await, Err(AuthError::SessionOver)));
    assert!(matches!(&world.events::<Session>()[..], [SessionEvent::Ended { reason: EndReason::PasswordChanged, .. }]));
}

#[tokio::test]
async fn a_forgotten_password_is_reset_once_with_the_mailed_link() {
    let world = world();
    let open = world.marta().await;
    world.auth.forgot_password("MARTA@example.org").await.unwrap();
    let link = world.last_link();
    let weak = world.auth.reset_password(&link, "12345678").await.unwrap_err();
    assert!(matches!(weak, AuthError::WeakPassword(_)));
    assert!(world.auth.reset_password(&link, "battery staple").await.unwrap().unfinished.is_none());
    assert!(matches!(world.auth.current(caller(&open)).await, Err(AuthError::SessionOver)));
    let again = world.auth.reset_password(&link, "battery staple").await.unwrap_err();
    assert_eq!(again.to_string(), "Reset token has expired");
    assert!(is_open(&world.auth.sign_in(by_name("battery staple", "Chrome")).await));
}

#[tokio::test]
async fn a_reset_link_is_good_for_an_hour_and_an_invented_one_costs_no_hashing() {
    let world = world();
    world.marta().await;
    world.auth.forgot_password("marta@example.org").await.unwrap();
    let link = world.last_link();
    world.later(3600);
    let hashed = world.hasher.hashed.load(Ordering::SeqCst);
    for link in [link, OneTimeSecret::new(""), OneTimeSecret::new("invented")] {
        assert!(matches!(world.auth.reset_password(&link, "battery staple").await, Err(AuthError::Reset(_))));
    }
    assert_eq!(world.hasher.hashed.load(Ordering::SeqCst), hashed);
}

#[tokio::test]
async fn forgetting_a_password_nobody_has_mails_nothing_and_says_nothing() {
    let world = world();
    world.auth.forgot_password("nobody@example.org").await.unwrap();
    world.auth.forgot_password("no address").await.unwrap();
    assert!(world.store.events().is_empty());
}

#[tokio::test]
async fn a_verify_link_works_twice_within_ten_minutes_and_never_again() {
    let world = world();
    world.marta().await;
    let link = world.last_link();
    assert!(world.auth.verify_email(&link).await.unwrap().is_email_verified());
    world.later(600);
    assert!(world.auth.verify_email(&link).await.unwrap().is_email_verified());
    world.later(1);
    let error = world.auth.verify_email(&link).await.unwrap_err();
    assert_eq!(error.to_string(), "Verification token is either invalid or is already used.");
    assert!(world.auth.verify_email(&OneTimeSecret::new("")).await.is_err());
}

#[tokio::test]
async fn a_verify_link_is_mailed_again_to_its_own_account_only() {
    let world = world();
    let open = world.marta().await;
    let resend = |email: &'static str, account: Option<&'static str>| {
        world.auth.resend_verification(caller(&open), email, account)
    };
    let first = world.last_link();
    assert_eq!(resend("other@example.org", Some("1")).await.unwrap_err().to_string(), "Email is invalid");
    assert_eq!(resend("marta@example.org", Some("2")).await.unwrap_err().kind(), ErrorKind::Forbidden);
    let account = resend("Marta@Example.org", Some("1")).await.unwrap();
    assert!(!account.is_email_verified());
    assert!(world.auth.verify_email(&first).await.is_err(), "the link before is worth nothing");
    assert!(world.auth.verify_email(&world.last_link()).await.is_ok());
}

#[tokio::test]
async fn sample_users_are_real_users() {
    let world = world();
    let seed =
        Seed { count: 60, mail_domain: "example.com".into(), password: "qwerty".into(), picture: "data:".into() };
    let users = world.auth.seed(&seed).await.unwrap();
    assert_eq!((users.len(), world.store.count::<Account>()), (60, 60));
    assert!(users.iter().all(|user| user.is_email_verified() && (4..=12).contains(&user.username().as_str().len())));
    assert_eq!(world.events::<Account>().len(), 60);
    let login = Login::Name(users[59].username().as_str().to_owned());
    assert!(is_open(&world.auth.sign_in(sign_in(login, "qwerty", Some(a_device("Safari")))).await));
    for count in [0, MAX_SEED + 1] {
        assert!(matches!(world.auth.seed(&Seed { count, ..seed.clone() }).await, Err(AuthError::Count { .. })));
    }
}

#[tokio::test]
async fn what_nobody_needs_any_more_is_forgotten() {
    let world = world();
    let open = world.marta().await;
    world.auth.sign_in(by_name("correct horse", "Chrome")).await.unwrap();
    world.code_sent("Firefox").await;
    world.auth.sign_out(Some(caller(&open)), None).await.unwrap();
    assert_eq!(world.auth.forget_old().await.unwrap(), 0);
    world.later(3601);
    assert_eq!(world.auth.forget_old().await.unwrap(), 2, "the ended session and the code");
    world.later(7 * 24 * 3600);
    assert_eq!(world.auth.forget_old().await.unwrap(), 1, "the session nobody renewed");
    assert_eq!((world.store.count::<Session>(), world.store.count::<PendingSignIn>()), (0, 0));
}

#[test]
fn a_token_of_a_system_without_sessions_names_none() {
    assert_eq!(CallerId::new(7, "").unwrap().session, None);
    assert!(CallerId::new(7, "66f0c0ffee0000000000b001").unwrap().session.is_some());
    assert!(matches!(CallerId::new(7, "x"), Err(AuthError::SessionOver)));
}
