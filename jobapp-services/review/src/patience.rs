//! Waiting for what an event is about to bring.

use std::time::Duration;

use tokio::time::Instant;

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Tries again while it `is_early`, at most for `limit`. The last failure counts.
pub(crate) async fn patiently<T, E, F>(
    limit: Duration,
    is_early: impl Fn(&E) -> bool,
    mut attempt: impl FnMut() -> F,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let deadline = Instant::now() + limit;
    loop {
        match attempt().await {
            Err(error) if is_early(&error) && Instant::now() < deadline => tokio::time::sleep(LOOK_EVERY).await,
            result => return result,
        }
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
        let never = patiently(Duration::from_secs(3), |_| true, || async { Err::<(), _>("early") });
        assert_eq!(never.await, Err("early"));
        assert!(start.elapsed() < Duration::from_millis(3100));
        let late = patiently(Duration::from_secs(3), |_| false, || async { Err::<(), _>("late") });
        assert_eq!(late.await, Err("late"));
    }
}
