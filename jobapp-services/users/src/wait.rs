//! Waiting for what an event is about to bring.

use std::time::Duration;

use tokio::time::Instant;

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until there is something, at most for `limit`; `None` when there was nothing until then.
pub(crate) async fn until_found<T, E, F>(limit: Duration, mut look: impl FnMut() -> F) -> Result<Option<T>, E>
where
    F: Future<Output = Result<Option<T>, E>>,
{
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look().await? {
            return Ok(Some(found));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn looks_again_until_it_is_there() {
        let mut looks = 0;
        let found = until_found(Duration::from_secs(3), || {
            looks += 1;
            let found = (looks == 5).then_some(looks);
            async move { Ok::<_, Infallible>(found) }
        });
        assert_eq!(found.await, Ok(Some(5)));
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_after_the_limit() {
        let start = Instant::now();
        let found = until_found(Duration::from_secs(3), || async { Ok::<Option<()>, Infallible>(None) }).await;
        assert_eq!(found, Ok(None));
        assert!(start.elapsed() < Duration::from_millis(3100));
    }
}
