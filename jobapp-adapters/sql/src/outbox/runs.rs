//! Numbers of entries, of which those that follow each other are told together.

use sea_orm::DbErr;
use sea_orm::sea_query::{Condition, Expr, ExprTrait};

use crate::statement::few_sizes;

/// Runs of numbers, each by its first and its last. What is leased at once has been stored one after the other, so they are few.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Runs(Vec<(i64, i64)>);

impl Runs {
    pub(super) fn of(mut numbers: Vec<i64>) -> Self {
        numbers.sort_unstable();
        let mut runs: Vec<(i64, i64)> = Vec::new();
        for number in numbers {
            match runs.last_mut() {
                Some((_, last)) if number <= last.saturating_add(1) => *last = number,
                _ => runs.push((number, number)),
            }
        }
        Self(runs)
    }

    /// As a store keeps them.
    pub(super) fn to_text(&self) -> String {
        let runs: Vec<String> = self.0.iter().map(|(first, last)| format!("{first}-{last}")).collect();
        runs.join(" ")
    }

    pub(super) fn from_text(text: &str) -> Result<Self, DbErr> {
        let run = |run: &str| {
            let (first, last) = run.split_once('-')?;
            Some((first.parse().ok()?, last.parse().ok()?))
        };
        let runs = text.split_ascii_whitespace().map(run).collect::<Option<_>>();
        runs.map(Self).ok_or_else(|| DbErr::Type(format!("these are no runs of numbers: {text}")))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// That the number of an entry is one of them. There must be some.
    pub(super) fn contain(&self, seq: &Expr) -> Condition {
        let runs = few_sizes(self.0.clone());
        runs.into_iter().fold(Condition::any(), |any, (first, last)| any.add(seq.clone().between(first, last)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_follow_each_other_are_one_run() {
        let runs = Runs::of(vec![7, 3, 1, 2, 2, 9, 8]);
        assert_eq!(runs.0, [(1, 3), (7, 9)]);
        assert_eq!(runs.to_text(), "1-3 7-9");
        assert_eq!(Runs::from_text("1-3 7-9").unwrap(), runs);
        assert!(Runs::of(Vec::new()).is_empty());
        assert_eq!(Runs::from_text("").unwrap(), Runs::default());
        assert!(Runs::from_text("1-3 x").unwrap_err().to_string().contains("1-3 x"));
    }
}
