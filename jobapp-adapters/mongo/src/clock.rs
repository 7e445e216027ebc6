//! The server's clock, by which leases end.
//!
//! No filter and no update that every server takes has the server's time in it. So a store asks for it now and then, and goes on from
//! there by a clock that only counts: whatever time it is where a process runs, all go by one. The answer was given at some
//! moment between the question and its arrival, so what a store knows is an interval. Who gives a lease counts from its end, and who
//! takes over what has ended counts from its beginning: no lease is shorter than it was promised.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mongodb::Database;
use mongodb::bson::doc;

use crate::failure::Failure;

/// How long an answer is gone on from: after that there may be another primary, whose clock is another one.
const FRESH: Duration = Duration::from_secs(10);

/// What is known of the server's clock.
#[derive(Debug, Default)]
pub(crate) struct ServerClock(Mutex<Option<Reading>>);

#[derive(Debug, Clone, Copy)]
struct Reading {
    /// Milliseconds since 1970.
    told: i64,
    asked: Instant,
    heard: Instant,
}

/// The server's time, in milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// It is not earlier.
    pub(crate) earliest: i64,
    /// It is not later.
    latest: i64,
}

impl ServerClock {
    /// What time it is there.
    pub(crate) async fn now(&self, database: &Database) -> Result<Now, Failure> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = match known {
            Some(reading) if reading.heard.elapsed() < FRESH => reading,
            _ => self.ask(database).await?,
        };
        Ok(Now {
            earliest: reading.told.saturating_add(millis(reading.heard.elapsed())),
            // What was told was cut to whole milliseconds, and so is what has passed since.
            latest: reading.told.saturating_add(millis(reading.asked.elapsed())).saturating_add(2),
        })
    }

    async fn ask(&self, database: &Database) -> Result<Reading, Failure> {
        let asked = Instant::now();
        let answer = database.run_command(doc! {"hello": 1}).await?;
        let told = answer
            .get_datetime("localTime")
            .map_err(|error| Failure::Other(format!("the server does not say what time it is: {error}")))?
            .timestamp_millis();
        let reading = Reading { told, asked, heard: Instant::now() };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
        Ok(reading)
    }
}

impl Now {
    /// When a lease of this length ends that is given now. One of no length has ended already.
    pub(crate) fn plus(self, time: Duration) -> i64 {
        if time.is_zero() { 0 } else { self.latest.saturating_add(millis(time)) }
    }

    /// The time that is certainly not over yet for a lease that ends later.
    pub(crate) fn latest(self) -> i64 {
        self.latest
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
