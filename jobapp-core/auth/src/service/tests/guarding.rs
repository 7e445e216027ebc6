//! Guessing passwords becomes slow, for who guesses.

use super::*;
use crate::{ATTACK, FAILURES_KEPT, FREE_FAILURES, MAX_SESSIONS};

fn from(address: &str, token: Option<&OneTimeSecret>) -> Origin {
    Origin { address: address.into(), device_token: token.cloned() }
}

fn named(name: &str, password: &str, browser: &str, origin: Origin) -> SignIn {
    SignIn { origin, ..sign_in(Login::Name(name.into()), password, Some(a_device(browser))) }
}

const THIEF: &str = "198.51.100.7";
const HOME: &str = "192.0.2.1";

impl World {
    async fn wrong(&self, name: &str, origin: Origin) -> AuthError {
        self.auth.sign_in(named(name, "wrong", "Chrome", origin)).await.unwrap_err()
    }

    fn compared(&self) -> usize {
        self.hasher.verified.load(Ordering::SeqCst) + self.hasher.pretended.load(Ordering::SeqCst)
    }
}

fn wait_of(error: &AuthError) -> Option<u64> {
    match error {
        AuthError::TooManyAttempts { wait } => Some(wait.as_secs()),
        _ => None,
    }
}

#[tokio::test]
async fn who_guesses_waits_longer_each_time_whether_the_name_exists_or_not() {
    for name in ["Marta", "Nobody"] {
        let world = world();
        world.marta().await;
        for _ in 0..FREE_FAILURES {
            assert_eq!(wait_of(&world.wrong(name, from(THIEF, None)).await), None, "{name}");
        }
        for wait in [1, 2, 4, 8] {
            let compared = world.compared();
            assert_eq!(wait_of(&world.wrong(name, from(THIEF, None)).await), Some(wait), "{name}");
            assert_eq!(world.compared(), compared, "nothing is compared meanwhile");
            world.later(wait);
            assert_eq!(wait_of(&world.wrong(name, from(THIEF, None)).await), None, "{name}");
        }
        world.later(FAILURES_KEPT.as_secs());
        assert_eq!(wait_of(&world.wrong(name, from(THIEF, None)).await), None);
        assert_eq!(world.store.count::<Attempts>(), 2, "one for the place, one for all places");
    }
}

#[tokio::test]
async fn nobody_is_kept_out_by_somebody_else() {
    let world = world();
    let token = world.marta().await.device_token.unwrap();
    for _ in 0..FREE_FAILURES {
        world.wrong("Marta", from(THIEF, None)).await;
    }
    let right = |origin| world.auth.sign_in(named("Marta", "correct horse", "Chrome", origin));
    assert!(wait_of(&right(from(THIEF, None)).await.unwrap_err()).is_some());
    assert!(is_open(&right(from(HOME, None)).await), "from another address");
    assert!(is_open(&right(from(THIEF, Some(&token))).await), "a remembered device, even from the same address");
    assert_eq!(wait_of(&world.wrong("Bruno", from(THIEF, None)).await), None, "another name");
}

#[tokio::test]
async fn a_stolen_device_token_is_a_place_of_its_own_and_no_licence_to_guess() {
    let world = world();
    let token = world.marta().await.device_token.unwrap();
    for n in 0..FREE_FAILURES {
        world.wrong("Marta", from(&format!("198.51.100.{n}"), Some(&token))).await;
    }
    assert!(wait_of(&world.wrong("Marta", from(HOME, Some(&token))).await).is_some());
    let invented = OneTimeSecret::new("invented");
    assert_eq!(wait_of(&world.wrong("Marta", from(HOME, Some(&invented))).await), None, "counted by address");
}

#[tokio::test]
async fn the_right_password_begins_anew() {
    let world = world();
    world.marta().await;
    for _ in 0..3 {
        for _ in 0..FREE_FAILURES - 1 {
            assert_eq!(wait_of(&world.wrong("Marta", from(HOME, None)).await), None);
        }
        assert!(is_open(&world.auth.sign_in(named("Marta", "correct horse", "Chrome", from(HOME, None))).await));
    }
}

#[tokio::test]
async fn of_many_guesses_at_once_few_are_let_in() {
    let world = world();
    world.marta().await;
    let guesses: Vec<_> = (0..100).map(|_| world.wrong("Marta", from(THIEF, None))).collect();
    let refused = futures_all(guesses).await.iter().filter(|error| wait_of(error).is_some()).count();
    assert!(world.compared() <= FREE_FAILURES as usize, "{} were compared", world.compared());
    assert!(refused >= 95);
}

#[tokio::test]
async fn several_processes_let_in_no_more_guesses_than_one() {
    let world = world();
    world.marta().await;
    let other = world.of_another_process();
    let guess = |auth: Auth| async move {
        // Lets those of the other process go on.
        tokio::task::yield_now().await;
        auth.sign_in(named("Marta", "wrong", "Chrome", from(THIEF, None))).await.unwrap_err()
    };
    let guesses: Vec<_> = (0..40).flat_map(|_| [guess(world.auth.clone()), guess(other.clone())]).collect();
    let refused = futures_all(guesses).await.iter().filter(|error| wait_of(error).is_some()).count();
    assert!(world.compared() <= FREE_FAILURES as usize, "{} were compared", world.compared());
    assert!(refused >= 75, "{refused} were refused");
    world.later(1);
    let again: Vec<_> = (0..5).flat_map(|_| [guess(world.auth.clone()), guess(other.clone())]).collect();
    futures_all(again).await;
    assert!(world.compared() <= FREE_FAILURES as usize + 1, "one more after the wait");
}

/// Drives futures together on this thread.
async fn futures_all<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut is_done = true;
        for (future, output) in &mut futures {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => is_done = false,
                }
            }
        }
        if is_done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    futures.into_iter().map(|(_, output)| output.unwrap()).collect()
}

#[tokio::test]
async fn while_many_places_guess_a_code_is_mailed_to_browsers_that_only_say_who_they_are() {
    let world = world();
    let token = world.marta().await.device_token.unwrap();
    for n in 0..ATTACK {
        world.wrong("Marta", from(&format!("198.51.100.{n}"), None)).await;
    }
    let right = |origin| world.auth.sign_in(named("Marta", "correct horse", "Chrome", origin));
    assert!(matches!(right(from(HOME, None)).await, Ok(SignedIn::CodeSent { .. })));
    assert!(is_open(&right(from(HOME, Some(&token))).await));
    world.later(FAILURES_KEPT.as_secs());
    assert!(is_open(&right(from(HOME, None)).await), "it passes");
}

#[tokio::test]
async fn a_device_gets_something_to_be_recognised_by_once() {
    let world = world();
    let given = world.marta().await.device_token.unwrap();
    let again = world.auth.sign_in(named("Marta", "correct horse", "Chrome", from(HOME, Some(&given)))).await.unwrap();
    assert!(matches!(again, SignedIn::Open(open) if open.device_token.is_none()));
    let SignedIn::CodeSent { token, .. } =
        world.auth.sign_in(named("Marta", "correct horse", "Firefox", from(HOME, None))).await.unwrap()
    else {
        panic!("the device should be unknown")
    };
    let open = world.auth.verify_code(&token, &world.last_code(), None, &from(HOME, None)).await.unwrap();
    assert!(open.device_token.is_some_and(|other| other != given));
}

#[tokio::test]
async fn who_knows_the_password_cannot_use_up_the_codes_of_a_recognised_device() {
    let world = world();
    let token = world.marta().await.device_token.unwrap();
    let unknown = |origin| world.auth.sign_in(named("Marta", "correct horse", "Firefox", origin));
    for _ in 0..3 {
        unknown(from(THIEF, None)).await.unwrap();
    }
    assert!(matches!(unknown(from(THIEF, None)).await, Err(AuthError::TooManyCodes)));
    assert!(matches!(unknown(from(HOME, Some(&token))).await, Ok(SignedIn::CodeSent { .. })));
}

#[tokio::test]
async fn proving_the_password_again_is_no_way_to_guess_it() {
    let world = world();
    let open = world.marta().await;
    let change = |current| world.auth.change_password(caller(&open), current, "battery staple");
    for _ in 0..FREE_FAILURES {
        assert!(matches!(change("wrong").await, Err(AuthError::WrongPassword)));
    }
    assert_eq!(wait_of(&change("correct horse").await.unwrap_err()), Some(1));
    world.later(1);
    assert!(change("correct horse").await.unwrap().unfinished.is_none());
}

#[tokio::test]
async fn an_account_has_a_bounded_number_of_sessions_and_the_newest_stay() {
    let world = world();
    let first = world.marta().await;
    for _ in 0..MAX_SESSIONS {
        world.later(1);
        assert!(is_open(&world.auth.sign_in(by_name("correct horse", "Chrome")).await));
    }
    assert!(matches!(world.auth.current(caller(&first)).await, Err(AuthError::SessionOver)));
    assert!(matches!(&world.events::<Session>()[..], [SessionEvent::Ended { reason: EndReason::Surplus, .. }]));
    let live = world.auth.live(*first.account.id()).await.unwrap();
    assert_eq!(live.len(), MAX_SESSIONS);
}
