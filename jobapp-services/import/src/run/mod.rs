//! The import: kind by kind, page by page.

mod accounts;
mod buyers;
mod conversations;
mod gigs;
mod insert;
mod messages;
mod notifications;
mod orders;
mod people;
mod reviews;
mod sellers;

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jobapp_kernel::RepositoryError;
use jobapp_platform::OpenError;
use jobapp_runtime::Exclusive;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::position::Position;
use crate::report::Report;
use crate::target::Target;
use crate::targets::Targets;
use crate::{Counts, Kind, OldRow, OldSystem, OldSystemError, Ours, Outcome, Progress, Summary};

/// How many rows are read and gone through at a time.
pub const PAGE: usize = 500;

/// How long it is waited for who is at a kind already: longer than the right of one that was killed lasts.
const PATIENCE: Duration = Duration::from_secs(40);
/// How often it is looked whether he still is.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What to import, and how.
pub struct Options {
    /// Which kinds; those that others need are not added.
    pub kinds: BTreeSet<Kind>,
    /// Whether everything is done but storing.
    pub dry_run: bool,
    /// Whether to begin with the first row again instead of behind the last one that an earlier run went through. What is here
    /// already stays as it is; what was refused may be taken by now.
    pub again: bool,
    /// How many rows are read at a time, at least one.
    pub page: usize,
    /// Where a line of JSON goes for each row that was not taken, or was taken otherwise.
    pub report: Option<Box<dyn Write + Send>>,
    /// What this run is known by to others: two do not import one kind at once.
    pub owner: String,
    /// Cancelled when the run is to end early. Unlike one that is dropped or killed, it leaves to the next one at once what it was at.
    pub stop: CancellationToken,
}

impl Options {
    /// Everything, as far as it is not here yet.
    pub fn new(owner: impl Into<String>) -> Self {
        Self {
            kinds: Kind::ALL.into_iter().collect(),
            dry_run: false,
            again: false,
            page: PAGE,
            report: None,
            owner: owner.into(),
            stop: CancellationToken::new(),
        }
    }
}

/// Why an import has ended early. Another run goes on where it ended.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A store of ours cannot be opened.
    #[error("a store cannot be opened")]
    Open(#[from] OpenError),
    /// A store of ours failed.
    #[error("what was read could not be stored")]
    Store(#[from] RepositoryError),
    /// The existing system cannot be read.
    #[error(transparent)]
    Old(#[from] OldSystemError),
    /// The report cannot be written.
    #[error("the report cannot be written")]
    Report(#[from] std::io::Error),
    /// Another run is at this kind, or this one has not answered for so long that another may be.
    #[error("another import of the {0} is running, or took over: wait for it, and run this one again")]
    Busy(Kind),
    /// It was asked to stop.
    #[error("the import of the {0} was stopped: run it again, and it goes on")]
    Stopped(Kind),
    /// A kind cannot be imported yet.
    #[error("the {kind} speak of the {missing}, which are not here yet: import those first")]
    Missing {
        /// What was to be imported.
        kind: Kind,
        /// What has to be before.
        missing: Kind,
    },
}

/// Imports what the existing system keeps. Nothing there is changed; here, only what is not here yet is stored. Services may run
/// on both meanwhile. Nobody is mailed.
///
/// It may be ended at any moment: another run goes on behind the last page that was gone through to its end.
///
/// # Errors
/// [`ImportError`].
pub async fn import(
    options: Options,
    old: &dyn OldSystem,
    ours: &Ours,
    progress: &dyn Progress,
) -> Result<Summary, ImportError> {
    let Options { kinds, dry_run, again, page, report, owner, stop } = options;
    let targets = Targets::open(ours, dry_run).await?;
    let (report, page) = (Report::to(report), page.max(1));
    let mut run = Run { old, ours, targets, progress, report, dry_run, again, page, owner };
    let mut summary = Summary::default();
    for kind in kinds {
        for needed in kind.needs() {
            if !summary.0.contains_key(needed) && !position_of(ours, *needed).await?.is_complete {
                return Err(ImportError::Missing { kind, missing: *needed });
            }
        }
        let counts = run.alone(kind, &stop).await?;
        summary.0.insert(kind, counts);
    }
    Ok(summary)
}

/// How far the import of a kind is.
///
/// # Errors
/// [`ImportError`] when the store fails.
pub async fn position_of(ours: &Ours, kind: Kind) -> Result<Position, ImportError> {
    let stored = ours.of(kind).repository::<Position>().await?.find(&kind).await?;
    Ok(stored.map_or_else(|| Position::start(kind), |stored| stored.value))
}

struct Run<'a> {
    old: &'a dyn OldSystem,
    ours: &'a Ours,
    targets: Targets,
    progress: &'a dyn Progress,
    report: Report,
    dry_run: bool,
    again: bool,
    page: usize,
    owner: String,
}

impl Run<'_> {
    /// Imports a kind, unless somebody else is at it. A run that was killed is at it for a moment longer. A dry run disturbs nobody.
    async fn alone(&mut self, kind: Kind, stop: &CancellationToken) -> Result<Counts, ImportError> {
        let stopped = Err(ImportError::Stopped(kind));
        if self.dry_run {
            return stop.run_until_cancelled(self.all(kind)).await.unwrap_or(stopped);
        }
        let exclusive = Exclusive::new(self.ours.of(kind).leases(), self.owner.clone());
        let name = format!("import {kind}");
        let given_up = Instant::now() + PATIENCE;
        loop {
            let has_begun = AtomicBool::new(false);
            let work = Box::pin(stop.run_until_cancelled(async {
                has_begun.store(true, Ordering::Relaxed);
                self.all(kind).await
            }));
            match exclusive.run(&name, work).await? {
                Some(done) => return done.unwrap_or(stopped),
                None if has_begun.load(Ordering::Relaxed) || Instant::now() >= given_up => {
                    return Err(ImportError::Busy(kind));
                }
                None => {
                    self.progress.waits(kind);
                    if stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_none() {
                        return stopped;
                    }
                }
            }
        }
    }

    async fn all(&mut self, kind: Kind) -> Result<Counts, ImportError> {
        let positions = Target::<Position>::open(self.ours.of(kind), self.dry_run).await?;
        let mut position = positions.find(&kind).await?.map_or_else(|| Position::start(kind), |stored| stored.value);
        if self.again {
            position.after = None;
            position.counts = Counts::default();
        }
        self.progress.begins(kind, self.old.count(kind).await?, position.counts.read);
        let mut counts = Counts::default();
        loop {
            let rows = self.old.page(kind, position.after.as_deref(), self.page).await?;
            let Some(last) = rows.last() else { break };
            self.reserve(kind, &rows, &mut position).await?;
            let outcomes = self.take(kind, &rows).await?;
            for (row, outcome) in rows.iter().zip(&outcomes) {
                counts.count(outcome);
                position.counts.count(outcome);
                self.report.tell(kind, &row.id, outcome)?;
            }
            self.report.flush()?;
            position.after = Some(last.id.clone());
            save(&positions, position.clone()).await?;
            self.progress.advances(kind, counts);
        }
        if !position.is_complete {
            position.is_complete = true;
            save(&positions, position).await?;
        }
        self.progress.ends(kind, counts);
        Ok(counts)
    }

    /// Leaves to the existing system the numbers that it gave out: whatever is made here gets a higher one.
    async fn reserve(&self, kind: Kind, rows: &[OldRow], position: &mut Position) -> Result<(), ImportError> {
        let (numbers, name) = match kind {
            Kind::Accounts => (&self.targets.account_numbers, jobapp_auth::Account::NUMBERS),
            Kind::Reviews => (&self.targets.review_numbers, jobapp_reviews::Review::NUMBERS),
            _ => return Ok(()),
        };
        let of_page = rows.iter().filter_map(|row| row.id.parse().ok()).max();
        if of_page.is_none_or(|highest| highest <= position.reserved) {
            return Ok(());
        }
        let highest = self.old.highest(kind).await?.max(of_page).unwrap_or_default();
        numbers.reserve(name, highest).await?;
        position.reserved = highest;
        Ok(())
    }

    async fn take(&self, kind: Kind, rows: &[OldRow]) -> Result<Vec<Outcome>, RepositoryError> {
        let stored = || self.progress.stored(kind);
        let (targets, stored): (&Targets, insert::Stored<'_>) = (&self.targets, &stored);
        match kind {
            Kind::Accounts => Box::pin(accounts::take(targets, rows, stored)).await,
            Kind::Buyers => Box::pin(buyers::take(targets, rows, stored)).await,
            Kind::Sellers => Box::pin(sellers::take(targets, rows, stored)).await,
            Kind::Gigs => Box::pin(gigs::take(targets, rows, stored)).await,
            Kind::Conversations => Box::pin(conversations::take(targets, rows, stored)).await,
            Kind::Messages => Box::pin(messages::take(targets, rows, stored)).await,
            Kind::Orders => Box::pin(orders::take(targets, rows, stored)).await,
            Kind::Notifications => Box::pin(notifications::take(targets, rows, stored)).await,
            Kind::Reviews => Box::pin(reviews::take(targets, rows, stored)).await,
        }
    }
}

async fn save(positions: &Target<Position>, position: Position) -> Result<(), RepositoryError> {
    let kind = *jobapp_kernel::Aggregate::id(&position);
    positions.change(kind, move |before| Some(position.clone()).filter(|now| before.as_ref() != Some(now))).await
}
