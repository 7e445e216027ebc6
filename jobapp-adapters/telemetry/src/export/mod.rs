//! Spans on their way to the collector. Nobody waits for it: those for which there is no place are lost, and counted.

mod collector;
mod losses;

use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use tokio::sync::Notify;
use tokio::sync::mpsc as queue;
use tokio_util::sync::CancellationToken;

use crate::{Lost, TracesConfig, TracesError};
use collector::Collector;
use losses::Losses;

/// How many spans are sent at once.
const BATCH: usize = 512;
/// How long the thread may take to end beyond what the spans have that wait.
const GRACE: Duration = Duration::from_millis(500);

/// Takes spans that have ended.
#[derive(Debug)]
pub(crate) struct Queueing {
    waiting: queue::Sender<SpanData>,
    /// Enough wait to be sent.
    enough: Arc<Notify>,
    losses: Arc<Losses>,
}

/// Sends what waits, on a thread of its own, until it is dropped.
#[derive(Debug)]
pub(crate) struct Exporting {
    stop: CancellationToken,
    ended: mpsc::Receiver<()>,
    thread: Option<JoinHandle<()>>,
    last_patience: Duration,
    losses: Arc<Losses>,
}

impl Queueing {
    pub(crate) fn start(
        config: TracesConfig,
        resource: &Resource,
        lost: Lost,
    ) -> Result<(Self, Exporting), TracesError> {
        let losses = Arc::new(Losses::new(lost));
        let collector = Collector::new(&config, ResourceAttributesWithSchema::from(resource))?;
        // Its own runtime: that of the program may be busy, or at its end.
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(TracesError::Thread)?;
        let (waiting, waits) = queue::channel(config.space.max(1));
        let (enough, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let (end, ended) = mpsc::sync_channel(1);
        let sender = Sender {
            waits,
            enough: Arc::clone(&enough),
            stop: stop.clone(),
            losses: Arc::clone(&losses),
            wait: config.wait,
            last_patience: config.last_patience,
        };
        let work = move || {
            runtime.block_on(sender.run(&collector));
            // A connection that hangs does not hold up the end.
            runtime.shutdown_background();
            if end.send(()).is_err() {
                tracing::debug!("nobody waited for the end of traces");
            }
        };
        let thread = std::thread::Builder::new().name("traces".to_owned()).spawn(work).map_err(TracesError::Thread)?;
        let last_patience = config.last_patience;
        let exporting = Exporting { stop, ended, thread: Some(thread), last_patience, losses: Arc::clone(&losses) };
        Ok((Self { waiting, enough, losses }, exporting))
    }
}

impl SpanProcessor for Queueing {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        match self.waiting.try_send(span) {
            Ok(()) => {
                let waiting = self.waiting.max_capacity() - self.waiting.capacity();
                // A batch, or half of what there is place for, whichever is less.
                if waiting >= BATCH.min(self.waiting.max_capacity().div_ceil(2)) {
                    self.enough.notify_one();
                }
            }
            Err(_) => self.losses.lost(1, &"there is no place for more: OTEL_BSP_MAX_QUEUE_SIZE makes some"),
        }
    }

    /// What waits is sent when the thread ends.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Drop for Exporting {
    fn drop(&mut self) {
        self.stop.cancel();
        let ended = self.ended.recv_timeout(self.last_patience + GRACE).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| ended)
            && thread.join().is_err()
        {
            tracing::error!("the thread that tells traces panicked");
        }
        self.losses.told_at_the_end(ended);
    }
}

/// What the thread does.
struct Sender {
    waits: queue::Receiver<SpanData>,
    enough: Arc<Notify>,
    stop: CancellationToken,
    losses: Arc<Losses>,
    wait: Duration,
    last_patience: Duration,
}

impl Sender {
    async fn run(mut self, collector: &Collector) {
        let mut is_over = false;
        while !is_over {
            tokio::select! {
                () = self.stop.cancelled() => is_over = true,
                () = self.enough.notified() => {}
                () = tokio::time::sleep(self.wait) => {}
            }
            self.send_all(collector).await;
        }
    }

    /// Sends what waits now.
    async fn send_all(&mut self, collector: &Collector) {
        loop {
            let mut batch = Vec::with_capacity(BATCH.min(self.waits.len()));
            while batch.len() < BATCH
                && let Ok(span) = self.waits.try_recv()
            {
                batch.push(span);
            }
            if batch.is_empty() {
                return;
            }
            let count = batch.len();
            let no_time_left = async {
                self.stop.cancelled().await;
                tokio::time::sleep(self.last_patience).await;
            };
            tokio::select! {
                outcome = collector.send(batch) => match outcome {
                    Ok(0) => self.losses.arrived(),
                    Ok(refused) => self.losses.lost(refused.min(count), &"the collector refused them"),
                    Err(error) => self.losses.lost(count, &error),
                },
                () = no_time_left => {
                    self.waits.close();
                    let rest = self.waits.len();
                    self.losses.lost(count + rest, &"the process ends, and the collector does not answer");
                    while self.waits.try_recv().is_ok() {}
                    return;
                }
            }
        }
    }
}
