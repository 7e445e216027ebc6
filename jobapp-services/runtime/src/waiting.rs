//! Waiting for what an event is about to bring.

use std::time::Duration;

use jobapp_kernel::{ObjectId, Timestamp};
use tokio::time::Instant;

/// The pause after the first look. Each further one is twice as long, so that what never comes is not asked for too often.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How long an event is on its way at most, and clocks differ.
const ON_ITS_WAY: Duration = Duration::from_secs(60);

/// Whether the news of what has this id may still be on its way: it was made within a minute of `now`, on either side.
pub fn may_be_on_its_way(id: &ObjectId, now: Timestamp) -> bool {
    let made = id.made_at();
    now.since(made) <= ON_ITS_WAY && made.since(now) <= ON_ITS_WAY
}

/// Tries again while the failure `is_early`, at most for `limit`. The last failure counts.
///
/// # Errors
/// Whatever the last attempt failed with.
pub async fn patiently<T, E, F>(
    limit: Duration,
    is_early: impl Fn(&E) -> bool,
    mut attempt: impl FnMut() -> F,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let deadline = Instant::now() + limit;
    let mut pause = FIRST_PAUSE;
    loop {
        match attempt().await {
            Err(error) if is_early(&error) && Instant::now() < deadline => {}
            result => return result,
        }
        tokio::time::sleep_until(deadline.min(Instant::now() + pause)).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

/// Looks until there is something, at most for `limit`; `None` when there was nothing until then.
///
/// # Errors
/// The first failure of a look.
pub async fn until_found<T, E, F>(limit: Duration, mut look: impl FnMut() -> F) -> Result<Option<T>, E>
where
    F: Future<Output = Result<Option<T>, E>>,
{
    let attempt = || {
        let looking = look();
        async { looking.await.map_err(Some)?.ok_or(None) }
    };
    match patiently(limit, Option::is_none, attempt).await {
        Ok(found) => Ok(Some(found)),
        Err(None) => Ok(None),
        Err(Some(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn early_failures_are_tried_again_until_the_limit() {
        let mut attempts = 0;
        let fifth = patiently(
            Duration::from_secs(3),
            |_| true,
            || {
                attempts += 1;
                let result = if attempts == 5 { Ok(attempts) } else { Err("early") };
                async move { result }
            },
        );
        assert_eq!(fifth.await, Ok(5));
        let start = Instant::now();
        let mut looks = 0;
        let never = patiently(
            Duration::from_secs(3),
            |_| true,
            || {
                looks += 1;
                async { Err::<(), _>("early") }
            },
        );
        assert_eq!(never.await, Err("early"));
        assert_eq!(start.elapsed(), Duration::from_secs(3));
        assert!(looks < 20, "{looks} looks for what never comes");
        let late = patiently(Duration::from_secs(3), |_| false, || async { Err::<(), _>("late") });
        assert_eq!(late.await, Err("late"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_arrives_in_time_is_found_and_a_failure_ends_the_wait() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let look = || async { Ok::<_, &str>((start.elapsed() >= second).then_some("it")) };
        assert_eq!(until_found(3 * second, look).await, Ok(Some("it")));
        assert!(start.elapsed() <= second + LONGEST_PAUSE);
        assert_eq!(until_found(3 * second, || async { Ok::<Option<()>, &str>(None) }).await, Ok(None));
        assert_eq!(until_found(3 * second, || async { Err::<Option<()>, _>("broken") }).await, Err("broken"));
    }

    #[test]
    fn an_id_tells_how_old_it_is() {
        let id: ObjectId = "66f0c0ff0000000000000001".parse().unwrap();
        let made = 0x66f0_c0ff_i64;
        for (after, expected) in [(0, true), (60, true), (-60, true), (61, false), (-61, false), (86_400, false)] {
            let now = Timestamp::from_millis((made + after) * 1000).unwrap();
            assert_eq!(may_be_on_its_way(&id, now), expected, "{after} seconds after");
        }
        let now = Timestamp::from_millis(made * 1000).unwrap();
        for other in ["000000000000000000000001", "ffffffffffffffffffffffff"] {
            assert!(!may_be_on_its_way(&other.parse().unwrap(), now), "{other}");
        }
    }
}
