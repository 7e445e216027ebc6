//! Everything a process counts.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use parking_lot::Mutex;
use prometheus::core::Collector;
use prometheus::{Registry, TextEncoder};

use crate::families::Made;
use crate::{Counters, Gauges, Histograms, Labels, process};

/// How long what is asked before a page is written may take. Prometheus waits ten seconds by default.
const PATIENCE: Duration = Duration::from_secs(5);

/// Everything a process counts. A clone is another handle.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    /// What was made so far, by its name and the labels that are the same for all its series.
    made: Mutex<HashMap<String, Box<dyn Any + Send + Sync>>>,
    questions: Mutex<Vec<Question>>,
}

type Question = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Why a page could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the metrics could not be written down")]
pub struct PageError(#[from] prometheus::Error);

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// With what is known of any process: its memory, time, open files and start, as far as the system tells, and the version.
    pub fn new() -> Self {
        let metrics =
            Self(Arc::new(Inner { registry: Registry::new(), made: Mutex::default(), questions: Mutex::default() }));
        metrics.process("");
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        metrics.gauges::<()>("jobapp_build_info", "Which version this is.", &version).one().set(1.0);
        metrics
    }

    fn unanswered(&self) -> Gauges<()> {
        let help =
            "How many questions were not answered in time when this was written down: what they are about is older.";
        self.gauges("jobapp_metrics_unanswered", help, &[])
    }

    /// What is known of the process under a name of its own, such as `gig_service` for `gig_service_process_open_fds`.
    pub fn process(&self, namespace: &'static str) {
        let made = Made { name: "process", help: "", fixed: &[("namespace", namespace)] };
        self.once(made, || ((), process::collector(namespace)));
    }

    /// Counters of this name, which ends in `_total`; `fixed` are labels that are the same for all of them. Who asks for the same again
    /// gets the same.
    ///
    /// # Panics
    /// When the name is in use for something else, or is none.
    pub fn counters<L: Labels>(
        &self,
        name: &'static str,
        help: &'static str,
        fixed: &[(&'static str, &'static str)],
    ) -> Counters<L> {
        let made = Made { name, help, fixed };
        self.once(made, || {
            let (family, collector) = made.counters::<L>();
            (family, Some(collector))
        })
    }

    /// Gauges of this name, as [`Metrics::counters`].
    ///
    /// # Panics
    /// As there.
    pub fn gauges<L: Labels>(
        &self,
        name: &'static str,
        help: &'static str,
        fixed: &[(&'static str, &'static str)],
    ) -> Gauges<L> {
        let made = Made { name, help, fixed };
        self.once(made, || {
            let (family, collector) = made.gauges::<L>();
            (family, Some(collector))
        })
    }

    /// Histograms of this name with these upper bounds, as [`Metrics::counters`].
    ///
    /// # Panics
    /// As there.
    pub fn histograms<L: Labels>(
        &self,
        name: &'static str,
        help: &'static str,
        fixed: &[(&'static str, &'static str)],
        bounds: &[f64],
    ) -> Histograms<L> {
        let made = Made { name, help, fixed };
        self.once(made, || {
            let (family, collector) = made.histograms::<L>(bounds);
            (family, Some(collector))
        })
    }

    /// Asks this before a page is written, together with everything else, for five seconds at most: to set gauges of what is not told unasked.
    pub fn asks<F>(&self, question: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.0.questions.lock().push(Arc::new(move || Box::pin(question())));
    }

    /// Everything, in Prometheus' text format.
    ///
    /// # Errors
    /// [`PageError`] when it has no form there.
    pub async fn page(&self) -> Result<String, PageError> {
        let questions = self.0.questions.lock().clone();
        // Whoever does not answer in time keeps nobody else waiting; its gauges are what they were.
        let asked = questions.iter().map(|question| tokio::time::timeout(PATIENCE, question()));
        let unanswered = join_all(asked).await.into_iter().filter(Result::is_err).count();
        self.unanswered().one().set(unanswered as f64);
        Ok(TextEncoder::new().encode_to_string(&self.0.registry.gather())?)
    }

    /// What has a name that begins so. Nothing is asked before.
    ///
    /// # Errors
    /// [`PageError`] when it has no form there.
    pub fn page_of(&self, prefix: &str) -> Result<String, PageError> {
        let mut families = self.0.registry.gather();
        families.retain(|family| family.name().starts_with(prefix));
        Ok(TextEncoder::new().encode_to_string(&families)?)
    }

    /// Makes something and has it written down from now on, unless that was done before.
    pub(crate) fn once<T: Clone + Send + Sync + 'static>(
        &self,
        made: Made<'_>,
        make: impl FnOnce() -> (T, Option<Box<dyn Collector>>),
    ) -> T {
        let key = format!("{} {:?}", made.name, made.fixed);
        let mut all = self.0.made.lock();
        if let Some(known) = all.get(&key) {
            let known = known.downcast_ref::<T>();
            return known
                .unwrap_or_else(|| panic!("{key} is something else already: a metric needs a name of its own"))
                .clone();
        }
        let (value, collector) = make();
        if let Some(collector) = collector {
            let registered = self.0.registry.register(collector);
            registered.unwrap_or_else(|error| panic!("{key} differs from another metric of its name: {error}"));
        }
        all.insert(key, Box::new(value.clone()));
        value
    }
}
