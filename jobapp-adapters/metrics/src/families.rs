//! Families of series whose labels are known beforehand: each series is there from the start, and found by its place.
//!
//! So that a rate begins at zero, and counting costs neither a look-up nor a lock.

use std::marker::PhantomData;
use std::sync::Arc;

use prometheus::core::Collector;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts};

use crate::Labels;

/// Counts what happened.
#[derive(Debug, Clone)]
pub struct Counter(prometheus::IntCounter);

impl Counter {
    /// It happened.
    pub fn inc(&self) {
        self.0.inc();
    }

    /// It happened this often.
    pub fn add(&self, count: u64) {
        self.0.inc_by(count);
    }

    /// How often it happened so far.
    pub fn get(&self) -> u64 {
        self.0.get()
    }
}

/// Tells how something is.
#[derive(Debug, Clone)]
pub struct Gauge(prometheus::Gauge);

impl Gauge {
    /// It is so.
    pub fn set(&self, value: f64) {
        self.0.set(value);
    }

    /// Nobody knows how it is.
    pub fn unknown(&self) {
        self.0.set(f64::NAN);
    }

    /// There is one more.
    pub fn inc(&self) {
        self.0.inc();
    }

    /// There is one less.
    pub fn dec(&self) {
        self.0.dec();
    }
}

/// Tells how values are spread, mostly durations.
#[derive(Debug, Clone)]
pub struct Histogram(pub(crate) prometheus::Histogram);

impl Histogram {
    /// A value, such as a duration in seconds.
    pub fn observe(&self, value: f64) {
        self.0.observe(value);
    }
}

macro_rules! family {
    ($(#[$about:meta])* $Family:ident of $Kind:ident) => {
        $(#[$about])*
        #[derive(Debug)]
        pub struct $Family<L> {
            series: Arc<[$Kind]>,
            labels: PhantomData<fn(L)>,
        }

        impl<L> Clone for $Family<L> {
            fn clone(&self) -> Self {
                Self { series: Arc::clone(&self.series), labels: PhantomData }
            }
        }

        impl<L: Labels> $Family<L> {
            /// The series of these labels.
            pub fn of(&self, labels: L) -> &$Kind {
                &self.series[labels.place()]
            }

            fn every(make: impl Fn(&[&'static str]) -> $Kind) -> Self {
                Self { series: L::every().iter().map(|values| make(values)).collect(), labels: PhantomData }
            }
        }

        impl $Family<()> {
            /// The one series.
            pub fn one(&self) -> &$Kind {
                self.of(())
            }
        }
    };
}

family! {
    /// Counters of one name.
    Counters of Counter
}
family! {
    /// Gauges of one name.
    Gauges of Gauge
}
family! {
    /// Histograms of one name.
    Histograms of Histogram
}

/// What a family is made with: its name, what it is about, and labels that are the same for all its series.
#[derive(Clone, Copy)]
pub(crate) struct Made<'m> {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) fixed: &'m [(&'static str, &'static str)],
}

/// What the names, labels and bounds of the code are: found by the first test that counts anything.
const CONSTANTS: &str = "names, labels and bounds are constants that Prometheus accepts";

impl Made<'_> {
    pub(crate) fn opts(self) -> Opts {
        self.fixed.iter().fold(Opts::new(self.name, self.help), |opts, (name, value)| opts.const_label(*name, *value))
    }

    pub(crate) fn counters<L: Labels>(self) -> (Counters<L>, Box<dyn Collector>) {
        let all = IntCounterVec::new(self.opts(), &L::names()).expect(CONSTANTS);
        (Counters::every(|values| Counter(all.with_label_values(values))), Box::new(all))
    }

    pub(crate) fn gauges<L: Labels>(self) -> (Gauges<L>, Box<dyn Collector>) {
        let all = prometheus::GaugeVec::new(self.opts(), &L::names()).expect(CONSTANTS);
        (Gauges::every(|values| Gauge(all.with_label_values(values))), Box::new(all))
    }

    pub(crate) fn histograms<L: Labels>(self, bounds: &[f64]) -> (Histograms<L>, Box<dyn Collector>) {
        let all = self.histogram_vec(&L::names(), bounds);
        (Histograms::every(|values| Histogram(all.with_label_values(values))), Box::new(all))
    }

    pub(crate) fn counter_vec(self, labels: &[&str]) -> IntCounterVec {
        IntCounterVec::new(self.opts(), labels).expect(CONSTANTS)
    }

    pub(crate) fn histogram_vec(self, labels: &[&str], bounds: &[f64]) -> HistogramVec {
        let opts = HistogramOpts { common_opts: self.opts(), buckets: bounds.to_vec() };
        HistogramVec::new(opts, labels).expect(CONSTANTS)
    }
}
