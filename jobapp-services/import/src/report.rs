//! What became of every row.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::Kind;

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is here now. What of it was left out, or taken otherwise, is told.
    Taken(Vec<String>),
    /// It was here already, and stays as it is here.
    There,
    /// It is not taken, and why.
    Refused(String),
}

/// How many rows came to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Rows that were read.
    pub read: u64,
    /// Those that are here now.
    pub taken: u64,
    /// Those among them of which something was left out, or taken otherwise.
    pub noted: u64,
    /// Those that were here already.
    pub there: u64,
    /// Those that were not taken.
    pub refused: u64,
}

impl Counts {
    pub(crate) fn count(&mut self, outcome: &Outcome) {
        self.read += 1;
        match outcome {
            Outcome::Taken(notes) => {
                self.taken += 1;
                self.noted += u64::from(!notes.is_empty());
            }
            Outcome::There => self.there += 1,
            Outcome::Refused(_) => self.refused += 1,
        }
    }
}

/// What a run came to, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Summary(pub BTreeMap<Kind, Counts>);

impl Summary {
    /// All kinds together.
    pub fn total(&self) -> Counts {
        self.0.values().fold(Counts::default(), |all, of| Counts {
            read: all.read + of.read,
            taken: all.taken + of.taken,
            noted: all.noted + of.noted,
            there: all.there + of.there,
            refused: all.refused + of.refused,
        })
    }
}

/// A table: a line for each kind, and one for all together.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = ["", "read", "taken", "(noted)", "there", "refused"];
        let [name, read, taken, noted, there, refused] = columns;
        writeln!(f, "{name:<14}{read:>10}{taken:>10}{noted:>10}{there:>10}{refused:>10}")?;
        let by_kind = self.0.iter().map(|(kind, counts)| (kind.name(), *counts));
        for (name, Counts { read, taken, noted, there, refused }) in by_kind.chain([("all", self.total())]) {
            writeln!(f, "{name:<14}{read:>10}{taken:>10}{noted:>10}{there:>10}{refused:>10}")?;
        }
        Ok(())
    }
}

/// One line of a report.
#[derive(Serialize)]
struct Line<'a> {
    kind: Kind,
    id: &'a str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    reasons: &'a [String],
}

/// Where it is written what was not taken, or was taken otherwise: a line of JSON each. A page that was cut off is gone through
/// again, and told again.
pub(crate) struct Report(Option<Box<dyn Write + Send>>);

impl Report {
    pub(crate) fn to(writer: Option<Box<dyn Write + Send>>) -> Self {
        Self(writer)
    }

    pub(crate) fn tell(&mut self, kind: Kind, id: &str, outcome: &Outcome) -> io::Result<()> {
        let Some(writer) = &mut self.0 else { return Ok(()) };
        let (outcome, reasons) = match outcome {
            Outcome::Refused(reason) => ("refused", std::slice::from_ref(reason)),
            Outcome::Taken(notes) if !notes.is_empty() => ("taken", notes.as_slice()),
            Outcome::Taken(_) | Outcome::There => return Ok(()),
        };
        serde_json::to_writer(&mut *writer, &Line { kind, id, outcome, reasons })?;
        writer.write_all(b"\n")
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), |writer| writer.flush())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_a_table_and_its_last_line_is_the_sum() {
        let counts = Counts { read: 10, taken: 6, noted: 1, there: 1, refused: 3 };
        let text = Summary(BTreeMap::from([(Kind::Gigs, counts), (Kind::Orders, counts)])).to_string();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["read", "taken", "(noted)", "there", "refused"]);
        assert_eq!(lines[1], ["gigs", "10", "6", "1", "1", "3"]);
        assert_eq!(lines[3], ["all", "20", "12", "2", "2", "6"]);
    }
}
