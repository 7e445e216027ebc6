//! A bar for each kind.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::{Counts, Kind, Progress};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Bars on the terminal.
#[derive(Debug, Default)]
pub struct Bars {
    all: MultiProgress,
    by_kind: Mutex<BTreeMap<Kind, (ProgressBar, u64)>>,
}

impl Bars {
    fn with(&self, kind: Kind, tell: impl FnOnce(&ProgressBar, u64)) {
        if let Some((bar, before)) = self.by_kind.lock().unwrap_or_else(PoisonError::into_inner).get(&kind) {
            tell(bar, *before);
        }
    }
}

impl Progress for Bars {
    fn begins(&self, kind: Kind, rows: u64, before: u64) {
        let bar = self.all.add(ProgressBar::new(rows));
        let style = ProgressStyle::with_template("{prefix:14} {bar:30} {pos:>9}/{len:<9} {per_sec:>12} {msg}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.set_prefix(kind.name());
        bar.set_position(before);
        bar.reset_eta();
        self.by_kind.lock().unwrap_or_else(PoisonError::into_inner).insert(kind, (bar, before));
    }

    fn advances(&self, kind: Kind, counts: Counts) {
        self.with(kind, |bar, before| {
            bar.set_position(before + counts.read);
            if counts.refused > 0 {
                bar.set_message(format!("{} refused", counts.refused));
            }
        });
    }

    fn ends(&self, kind: Kind, _: Counts) {
        self.with(kind, |bar, _| bar.finish());
    }
}
