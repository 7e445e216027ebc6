//! Races: of those who want the same thing at the same time, one gets it, and the others are told.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jobapp_kernel::{Cause, Change, Repository, RepositoryError, Saved, in_turn};
use tokio::sync::Barrier;

use crate::Harness;
use crate::fixture::{Kettle, KettleEvent, a_kettle, id};

/// How many race in a round.
const RACERS: u64 = 6;
/// How many rounds there are.
const ROUNDS: u64 = 10;

/// What the racers were told.
pub(crate) type Outcomes = Vec<Result<Saved, RepositoryError>>;

/// Lets every change go at the same instant, each in its own task, in turn through these stores.
pub(crate) async fn race(stores: &[&Arc<dyn Repository<Kettle>>], changes: Vec<Change<Kettle>>) -> Outcomes {
    let barrier = Arc::new(Barrier::new(changes.len()));
    let tasks = changes.into_iter().zip(stores.iter().copied().cycle().cloned()).map(|(change, kettles)| {
        let barrier = Arc::clone(&barrier);
        tokio::spawn(async move {
            barrier.wait().await;
            kettles.save(change).await
        })
    });
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

/// One was stored, and every other outcome is as expected.
pub(crate) fn assert_one_won(outcomes: &Outcomes, is_expected: impl Fn(&Result<Saved, RepositoryError>) -> bool) {
    let won = |outcome: &&Result<Saved, RepositoryError>| matches!(outcome, Ok(Saved::Stored(_)));
    assert_eq!(outcomes.iter().filter(won).count(), 1, "{outcomes:?}");
    let lost = |outcome: &&Result<Saved, RepositoryError>| !matches!(outcome, Ok(Saved::Stored(_)));
    assert!(outcomes.iter().filter(lost).all(is_expected), "{outcomes:?}");
}

pub(crate) fn lost_to_another_version(outcome: &Result<Saved, RepositoryError>) -> bool {
    matches!(outcome, Err(RepositoryError::Conflict { .. }))
}

pub(crate) fn lost_to_another_holder(key: &'static str) -> impl Fn(&Result<Saved, RepositoryError>) -> bool {
    move |outcome| matches!(outcome, Err(error) if error.taken_key() == Some(key))
}

fn boiled() -> Vec<KettleEvent> {
    vec![KettleEvent::Boiled { times: 1 }]
}

/// Each racer's kettle.
pub(crate) fn racers(round: u64, kettle: impl Fn(Kettle, u64) -> Kettle) -> Vec<Change<Kettle>> {
    (0..RACERS).map(|racer| Change::insert(kettle(a_kettle(round * 1000 + racer), racer), boiled())).collect()
}

/// The same version is updated once.
pub async fn one_of_many_updates_of_a_version_wins(h: &Harness) {
    h.insert(&a_kettle(1)).await;
    for round in 1..=ROUNDS {
        let update = |racer: u64| Change::update(round, Kettle { note: format!("{racer}"), ..a_kettle(1) }, boiled());
        let outcomes = race(&[&h.kettles], (0..RACERS).map(update).collect()).await;
        assert_one_won(&outcomes, lost_to_another_version);
        let winner = outcomes.iter().position(Result::is_ok).unwrap();
        let stored = h.load(id(1)).await;
        assert_eq!((stored.version, stored.value.note), (round + 1, winner.to_string()));
    }
    assert_eq!(h.outbox.waiting().await.unwrap(), ROUNDS, "losers raise nothing");
}

/// The same id is inserted once.
pub async fn one_of_many_inserts_of_an_id_wins(h: &Harness) {
    for round in 1..=ROUNDS {
        let same_id = |kettle: Kettle, _| Kettle { id: id(round), ..kettle };
        assert_one_won(&race(&[&h.kettles], racers(round, same_id)).await, lost_to_another_holder("id"));
    }
    assert_eq!(h.outbox.waiting().await.unwrap(), ROUNDS);
}

/// The same unique value is had by one.
pub async fn one_of_many_holders_of_a_unique_value_wins(h: &Harness) {
    for round in 1..=ROUNDS {
        let same_nickname = |kettle, _| Kettle { nickname: Some(format!("{round}")), ..kettle };
        assert_one_won(&race(&[&h.kettles], racers(round, same_nickname)).await, lost_to_another_holder("nickname"));
    }
    assert_eq!(h.outbox.waiting().await.unwrap(), ROUNDS);
}

/// The same value of a unique key of many is had by one.
pub async fn one_of_many_holders_of_a_part_wins(h: &Harness) {
    for round in 1..=ROUNDS {
        let shared_part =
            |kettle, racer| Kettle { parts: vec![format!("{round} {racer}"), format!("{round}")], ..kettle };
        assert_one_won(&race(&[&h.kettles], racers(round, shared_part)).await, lost_to_another_holder("part"));
    }
    assert_eq!(h.outbox.waiting().await.unwrap(), ROUNDS);
}

/// A request that is sent several times at once makes one thing, and everybody is told which.
pub async fn one_of_many_requests_with_a_cause_wins(h: &Harness) {
    for round in 1..=ROUNDS {
        let cause = Cause::Request {
            caller: "ada".into(),
            route: "POST /kettles".into(),
            key: format!("{round}"),
            body_hash: "b".into(),
        };
        let changes =
            racers(round, |kettle, _| kettle).into_iter().map(|change| change.caused_by(cause.clone())).collect();
        let outcomes = race(&[&h.kettles], changes).await;
        let made = h.kettles.caused(&cause).await.unwrap().unwrap().to_string();
        assert_one_won(&outcomes, |outcome| matches!(outcome, Ok(Saved::Duplicate { id }) if *id == made));
    }
    assert_eq!(h.kettles.scan(None, 1000).await.unwrap().len() as u64, ROUNDS);
    assert_eq!(h.outbox.waiting().await.unwrap(), ROUNDS);
}

/// A message that is delivered several times at once has its effect once, and no delivery is told of a conflict.
pub async fn one_of_many_deliveries_of_a_message_wins(h: &Harness) {
    h.insert(&a_kettle(1)).await;
    for round in 1..=ROUNDS {
        let delivery =
            |_| Change::update(round, a_kettle(1), boiled()).caused_by(Cause::message("kettles", format!("{round}")));
        let outcomes = race(&[&h.kettles], (0..RACERS).map(delivery).collect()).await;
        assert_one_won(&outcomes, |outcome| matches!(outcome, Ok(Saved::Duplicate { .. })));
    }
    assert_eq!(h.load(id(1)).await.version, ROUNDS + 1);
}

/// Load, decide, save, in one's turn: no update is lost, and nobody is told of the others.
pub async fn updates_in_turn_all_go_through(h: &Harness) {
    h.insert(&Kettle { price: 0, ..a_kettle(1) }).await;
    let tasks = (0..RACERS).map(|_| {
        let kettles = Arc::clone(&h.kettles);
        tokio::spawn(async move {
            for _ in 0..ROUNDS {
                raise_price(&*kettles).await;
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    assert_eq!(h.load(id(1)).await.value.price, i64::try_from(RACERS * ROUNDS).unwrap());
}

/// A caller may go away at any moment, as when a browser closes its connection: its change is stored with its event or not
/// at all, and nobody else notices.
pub async fn a_caller_that_goes_away_leaves_a_whole_change_or_none(h: &Harness) {
    const CALLERS: u64 = 60;
    for number in 1..=CALLERS {
        let kettles = Arc::clone(&h.kettles);
        let change = Change::insert(Kettle { parts: vec![format!("{number}")], ..a_kettle(number) }, boiled());
        let caller = tokio::spawn(async move { kettles.save(change).await });
        // A little later each time, so that they go away in the middle of everything a save does.
        for _ in 0..number {
            tokio::task::yield_now().await;
        }
        caller.abort();
        // Aborted or done: what matters is what is stored.
        drop(caller.await);
    }
    h.insert(&a_kettle(CALLERS + 1)).await;
    // What was begun may go on for a while without its caller.
    let ending = async {
        while !every_change_is_whole(h, CALLERS).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(30), ending).await.is_ok(), "half of a change is stored");
}

/// Whether each kettle has its event and its part, or none of them; the last has no event.
async fn every_change_is_whole(h: &Harness, callers: u64) -> bool {
    let stored = h.kettles.scan(None, 1000).await.unwrap();
    for number in 1..=callers {
        let part = h.holder(Kettle::PART, &format!("{number}")).await;
        if part != stored.iter().map(|stored| stored.value.id).find(|stored| *stored == id(number)) {
            return false;
        }
    }
    h.outbox.waiting().await.unwrap() == stored.len() as u64 - 1
}

async fn raise_price(kettles: &dyn Repository<Kettle>) {
    let mut attempts = 0;
    let raised = in_turn(kettles, &id(1), || {
        attempts += 1;
        async {
            let stored = kettles.find(&id(1)).await?.expect("the kettle is stored");
            let dearer = Kettle { price: stored.value.price + 1, ..stored.value };
            kettles.save(Change::update(stored.version, dearer, vec![])).await
        }
    })
    .await;
    assert!(matches!(raised, Ok(Saved::Stored(_))), "{raised:?}");
    assert_eq!(attempts, 1, "nobody else had the turn");
}
