//! A bar for each kind that is imported.

use std::collections::BTreeMap;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use jobapp_import::{Counts, Kind, Progress};
use parking_lot::Mutex;

/// Bars on the terminal, if standard error is one.
#[derive(Debug, Default)]
pub(super) struct Bars {
    all: MultiProgress,
    by_kind: Mutex<BTreeMap<Kind, Bar>>,
}

#[derive(Debug)]
struct Bar {
    bar: ProgressBar,
    /// How many rows earlier runs went through.
    before: u64,
}

impl Bars {
    /// Takes them away: the answer tells the same.
    pub(super) fn clear(&self) -> std::io::Result<()> {
        self.all.clear()
    }

    fn with(&self, kind: Kind, tell: impl FnOnce(&mut Bar)) {
        tell(self.by_kind.lock().entry(kind).or_insert_with(|| self.new_bar(kind)));
    }

    fn new_bar(&self, kind: Kind) -> Bar {
        let bar = self.all.add(ProgressBar::new(0));
        let style = ProgressStyle::with_template("{prefix:14} {bar:30} {pos:>9}/{len:<9} {per_sec:>12} {msg}");
        // A template that is none leaves the usual bar.
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(kind.name());
        Bar { bar, before: 0 }
    }
}

impl Progress for Bars {
    fn waits(&self, kind: Kind) {
        self.with(kind, |Bar { bar, .. }| bar.set_message("waits for another import"));
    }

    fn begins(&self, kind: Kind, rows: u64, before: u64) {
        self.with(kind, |begun| {
            begun.before = before;
            begun.bar.set_length(rows);
            begun.bar.set_position(before);
            begun.bar.set_message("");
            begun.bar.reset_eta();
        });
    }

    fn advances(&self, kind: Kind, counts: Counts) {
        self.with(kind, |Bar { bar, before }| {
            bar.set_position(*before + counts.read);
            if counts.refused > 0 {
                bar.set_message(format!("{} refused", counts.refused));
            }
        });
    }

    fn ends(&self, kind: Kind, _: Counts) {
        self.with(kind, |Bar { bar, .. }| bar.finish());
    }
}
