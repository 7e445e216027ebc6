//! What became of log lines that are shipped.

use std::sync::Arc;

use jobapp_metrics::{Counter, Counters, Gauges, Metrics};
use parking_lot::Mutex;

use crate::{LineCounts, LogServer};

jobapp_metrics::label! {
    /// Why a log line was not shipped.
    enum Loss: "reason" {
        /// It was the oldest when no more could wait.
        Full = "full",
        /// It was too long.
        Long = "long",
        /// The server will never take it.
        Refused = "refused",
        /// It still waited when the process stopped.
        Stopped = "stopped",
    }
}

/// Asks what became of log lines that are shipped. Where none are, nothing is lost.
pub fn observe_logs(metrics: &Metrics, server: Option<&LogServer>) {
    let shipped: Counters<()> =
        metrics.counters("jobapp_log_lines_shipped_total", "Log lines that are on the server they go to.", &[]);
    let lost: Counters<Loss> = metrics.counters(
        "jobapp_log_lines_lost_total",
        "Log lines that are not, and never will be. Standard error had them.",
        &[],
    );
    let waiting: Gauges<()> = metrics.gauges("jobapp_log_lines_waiting", "Log lines that wait to be shipped.", &[]);
    let Some(counts) = server.map(LogServer::counts) else { return };
    // Two may ask at the same time.
    let told = Arc::new(Mutex::new(LineCounts::default()));
    metrics.asks(move || {
        let mut told = told.lock();
        let now = counts();
        let add = |counter: &Counter, read: fn(&LineCounts) -> u64| counter.add(read(&now) - read(&told));
        add(shipped.one(), |counts| counts.shipped);
        add(lost.of(Loss::Full), |counts| counts.lost_full);
        add(lost.of(Loss::Long), |counts| counts.lost_long);
        add(lost.of(Loss::Refused), |counts| counts.lost_refused);
        add(lost.of(Loss::Stopped), |counts| counts.lost_stopped);
        waiting.one().set(now.waiting as f64);
        *told = now;
        std::future::ready(())
    });
}
