//! The rules of the token family.

use jobapp_kernel::ObjectId;
use proptest::prelude::*;

use super::*;
use crate::testing::{CountingSecrets, a_device, an_account, at};

fn id() -> SessionId {
    ObjectId::from_bytes([3; 12]).into()
}

/// A session and what was presented to it.
struct Family {
    session: Session,
    secrets: CountingSecrets,
    events: Vec<SessionEvent>,
}

impl Family {
    fn start() -> (Self, RefreshToken) {
        let (account, _) = an_account(7, "Marta", at(0));
        let secrets = CountingSecrets::default();
        let (session, token) = Session::start(id(), &account, Some(a_device("Chrome")), at(0), &secrets);
        (Self { session, secrets, events: Vec::new() }, token)
    }

    fn present(&mut self, token: &RefreshToken, seconds: u64) -> Presented {
        let (session, presented, events) = self.session.clone().present(token, at(seconds), &self.secrets);
        // Through the store and back each time: what is remembered must be in the state.
        let text = serde_json::to_string(&session.to_state()).unwrap();
        self.session = Session::from_state(serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(self.session, session);
        self.events.extend(events);
        presented
    }

    fn rotate(&mut self, token: &RefreshToken, seconds: u64) -> RefreshToken {
        match self.present(token, seconds) {
            Presented::Rotated(successor) => successor,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_newest_token_is_rotated() {
    let (mut family, first) = Family::start();
    let second = family.rotate(&first, 900);
    let third = family.rotate(&second, 1800);
    assert!(first != second && second != third);
    assert_eq!(family.session.last_used_at(), at(1800));
}

#[test]
fn within_ten_seconds_the_old_token_gets_the_same_successor() {
    let (mut family, first) = Family::start();
    let second = family.rotate(&first, 900);
    for seconds in [900, 905, 910] {
        assert_eq!(family.present(&first, seconds), Presented::Again(second.clone()));
    }
}

#[test]
fn a_racing_tab_gets_the_newest_token_even_if_the_successor_was_presented_meanwhile() {
    let (mut family, first) = Family::start();
    let second = family.rotate(&first, 900);
    let third = family.rotate(&second, 905);
    assert_eq!(family.present(&first, 908), Presented::Again(third.clone()));
    assert_eq!(family.present(&second, 912), Presented::Again(third));
}

#[test]
fn later_a_successor_that_was_never_presented_is_replaced() {
    let (mut family, first) = Family::start();
    let lost = family.rotate(&first, 900);
    let replacement = family.rotate(&first, 911);
    assert_ne!(lost, replacement);
    assert_eq!(
        family.present(&first, 921),
        Presented::Again(replacement.clone()),
        "ten seconds from the latest rotation"
    );
    family.rotate(&replacement, 2000);
    assert!(family.session.is_live(at(2000)));
}

#[test]
fn a_replaced_token_ends_the_family() {
    let (mut family, first) = Family::start();
    let lost = family.rotate(&first, 900);
    let replacement = family.rotate(&first, 911);
    assert_eq!(family.present(&lost, 912), Presented::Stolen);
    assert_eq!(family.session.ended(), Some((at(912), EndReason::Stolen)));
    assert_eq!(family.present(&replacement, 913), Presented::Refused);
    let ended = SessionEvent::Ended {
        session: id(),
        account: AccountId(7),
        username: Username::lookup("marta"),
        reason: EndReason::Stolen,
        at: at(912),
    };
    assert_eq!(family.events, [ended]);
}

#[test]
fn a_spent_token_ends_the_family() {
    let (mut family, first) = Family::start();
    let second = family.rotate(&first, 900);
    let third = family.rotate(&second, 1800);
    assert_eq!(family.present(&first, 1801), Presented::Stolen);
    for token in [&first, &second, &third] {
        assert_eq!(family.present(token, 1802), Presented::Refused);
    }
}

#[test]
fn an_invented_token_changes_nothing() {
    let (mut family, first) = Family::start();
    let text = first.expose();
    let invented = RefreshToken::parse(&text.replace(&text[30..34], "beef")).unwrap();
    let before = family.session.clone();
    assert_eq!(family.present(&invented, 1), Presented::Refused);
    assert_eq!(family.session, before);
}

#[test]
fn a_session_lives_seven_days_from_its_last_use() {
    const WEEK: u64 = 7 * 24 * 3600;
    let (mut family, first) = Family::start();
    let second = family.rotate(&first, WEEK - 1);
    let third = family.rotate(&second, 2 * WEEK - 2);
    assert_eq!(family.present(&third, 3 * WEEK - 2), Presented::Refused);
    assert!(family.session.ended().is_none(), "it expired; nobody ended it");
}

#[test]
fn ending_twice_tells_once() {
    let (family, _) = Family::start();
    let (session, events) = family.session.end(EndReason::SignedOut, at(5));
    assert_eq!(events.len(), 1);
    let (session, events) = session.end(EndReason::PasswordChanged, at(6));
    assert!(events.is_empty());
    assert_eq!(session.ended(), Some((at(5), EndReason::SignedOut)));
}

#[test]
fn a_session_that_began_before_a_change_of_the_password_is_outdated() {
    let (account, _) = an_account(7, "Marta", at(0));
    let (session, _) = Session::start(id(), &account, None, at(0), &CountingSecrets::default());
    assert!(!session.is_outdated(&account));
    let (account, _) = account.change_password("new".into(), at(1));
    assert!(session.is_outdated(&account));
}

#[test]
fn the_store_gets_no_token() {
    let (mut family, first) = Family::start();
    let second = family.rotate(&first, 900);
    let text = serde_json::to_string(&family.session.to_state()).unwrap();
    for token in [first.expose(), second.expose()] {
        for part in token.split('.').skip(1) {
            assert!(!text.contains(part));
        }
    }
    assert!(!format!("{:?}", family.session).contains(&family.session.data.key));
}

#[test]
fn live_sessions_are_listed_by_account_and_ended_ones_by_their_end() {
    let (family, _) = Family::start();
    assert_eq!(Session::ACCOUNT.values_of(&family.session).unwrap(), [7.into()]);
    assert!(Session::ENDED.values_of(&family.session).unwrap().is_empty());
    let (ended, _) = family.session.end(EndReason::SignedOut, at(5));
    assert!(Session::ACCOUNT.values_of(&ended).unwrap().is_empty());
    assert_eq!(Session::ENDED.values_of(&ended).unwrap(), [at(5).into()]);
    assert_eq!(Session::REMOVABLE.values_of(&ended).unwrap(), [at(5).plus(ENDED_KEPT).into()]);
}

/// What should happen, told in another way: every token ever issued, who followed whom and when.
#[derive(Default)]
struct Story {
    tokens: Vec<RefreshToken>,
    followed_by: Vec<Option<(usize, u64)>>,
    parent_of_newest: Option<usize>,
    is_over: bool,
}

impl Story {
    fn newest(&self) -> usize {
        self.tokens.len() - 1
    }

    fn expect(&self, token: usize, now: u64) -> &'static str {
        if self.is_over {
            return "refused";
        }
        let mut at_token = token;
        while let Some((next, when)) = self.followed_by[at_token].filter(|(_, when)| now - when <= 10) {
            assert!(when <= now);
            at_token = next;
        }
        if at_token != token && at_token == self.newest() {
            "again"
        } else if token == self.newest() || Some(token) == self.parent_of_newest {
            "rotated"
        } else {
            "stolen"
        }
    }

    fn issued(&mut self, token: RefreshToken, after: Option<(usize, u64)>) {
        if let Some((parent, when)) = after {
            self.followed_by[parent] = Some((self.tokens.len(), when));
            self.parent_of_newest = Some(parent);
        }
        self.tokens.push(token);
        self.followed_by.push(None);
    }
}

/// At most two tokens can move a session, and only one line comes out of them.
fn there_is_one_line(family: &Family, story: &Story, now: u64) {
    let present = |session: &Session, token: &RefreshToken, seconds: u64| {
        session.clone().present(token, at(seconds), &family.secrets)
    };
    let mut moving = Vec::new();
    for (index, token) in story.tokens.iter().enumerate() {
        match present(&family.session, token, now).1 {
            Presented::Again(newest) => assert_eq!(newest, story.tokens[story.newest()]),
            Presented::Rotated(_) => moving.push(index),
            Presented::Stolen | Presented::Refused => {}
        }
    }
    let newest = story.newest();
    assert!(moving.iter().all(|index| *index == newest || Some(*index) == story.parent_of_newest), "{moving:?}");
    for first in &moving {
        let (moved, _, _) = present(&family.session, &story.tokens[*first], now);
        for second in moving.iter().filter(|second| *second != first) {
            let (_, presented, _) = present(&moved, &story.tokens[*second], now + 11);
            assert_eq!(presented, Presented::Stolen, "both the newest and the one before it moved the session");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_presents_at_any_times_leave_one_line_and_theft_ends_it(
        steps in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![0_u64..4, 8_u64..14, 100_u64..2000]), 1..25)
    ) {
        let (mut family, first) = Family::start();
        let mut story = Story::default();
        story.issued(first, None);
        let mut now = 0;
        for (index, wait) in steps {
            now += wait;
            // Mostly recent tokens: with all equally likely, most families would end at once.
            let recent = index.index(story.tokens.len().min(4));
            let token = story.newest() - recent;
            let expected = story.expect(token, now);
            let presented = family.present(&story.tokens[token].clone(), now);
            match (&presented, expected) {
                (Presented::Rotated(successor), "rotated") => {
                    prop_assert!(!story.tokens.contains(successor));
                    story.issued(successor.clone(), Some((token, now)));
                }
                (Presented::Again(newest), "again") => prop_assert_eq!(newest, &story.tokens[story.newest()]),
                (Presented::Stolen, "stolen") => story.is_over = true,
                (Presented::Refused, "refused") => {}
                other => prop_assert!(false, "{:?}", other),
            }
            prop_assert_eq!(family.session.ended().is_some(), story.is_over);
            prop_assert_eq!(family.events.len(), usize::from(story.is_over));
            there_is_one_line(&family, &story, now);
        }
    }
}
