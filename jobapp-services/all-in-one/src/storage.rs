//! How the things are on which the marketplace stands: its disk, its databases, its search index.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use jobapp_gigs::SearchIndex;
use jobapp_kernel::RepositoryError;
use jobapp_metrics::{Gauges, Metrics};
use jobapp_platform::{Kept, Part, Shared, Vitals, observe_parts};
use jobapp_runtime::error_text;
use jobapp_sqlite::{Depth, SqliteBus, examine};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::Folder;
use crate::databases::{ADVICE, AT_ONCE, DATABASES};
use crate::folder::InUse;
use crate::parts::Parts;
use crate::stores::Stores;

/// What is written to see whether the disk takes anything.
const TRIAL: usize = 256 * 1024;
/// How long it holds that the disk takes something, or does not.
const FRESH: Duration = Duration::from_secs(2);

/// How the parts are. A clone is another handle.
#[derive(Clone)]
pub(crate) struct Storage(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    stores: Arc<Stores>,
    bus: SqliteBus,
    search: Arc<dyn SearchIndex>,
    /// What the last trial of the disk found.
    disk: tokio::sync::Mutex<Option<(Instant, Option<String>)>>,
    /// Damage in large databases.
    damage: Mutex<BTreeMap<String, String>>,
}

impl Storage {
    pub(crate) fn new(folder: &Folder, stores: Arc<Stores>, bus: SqliteBus, search: Arc<dyn SearchIndex>) -> Self {
        let folder = folder.path().to_owned();
        Self(Arc::new(Inner { folder, stores, bus, search, disk: Default::default(), damage: Mutex::default() }))
    }

    /// Tells Prometheus how its parts are, and how much room the disk has.
    pub(crate) fn observed_in(&self, metrics: &Metrics) {
        observe_parts(metrics, Arc::new(self.clone()));
        let gauge = |name, help| -> Gauges<()> { metrics.gauges(name, help, &[]) };
        let size = gauge("jobapp_data_disk_bytes", "How much the disk of the data folder holds.");
        let free = gauge("jobapp_data_disk_free_bytes", "How much of it may still be written.");
        let folder = self.0.folder.clone();
        metrics.asks(move || {
            match rustix::fs::statvfs(&folder) {
                Ok(disk) => {
                    size.one().set(disk.f_blocks as f64 * disk.f_frsize as f64);
                    free.one().set(disk.f_bavail as f64 * disk.f_frsize as f64);
                }
                Err(error) => {
                    tracing::debug!(%error, "the room of the disk is not known");
                    [&size, &free].iter().for_each(|gauge| gauge.one().unknown());
                }
            }
            std::future::ready(())
        });
    }

    /// Looks through the databases that were too large to be looked through before they were opened.
    pub(crate) async fn look_through_large(&self) {
        for name in DATABASES.map(|name| format!("{name}.db")) {
            let path = self.0.folder.join(&name);
            if !std::fs::metadata(&path).is_ok_and(|file| file.len() > AT_ONCE) {
                continue;
            }
            match examine(&path, Depth::Quick).await {
                Ok(findings) => {
                    if let Some(first) = findings.into_iter().next() {
                        tracing::error!(database = name, finding = first, "a database is damaged: {ADVICE}");
                        self.0.damage.lock().insert(name, format!("it is damaged: {first}"));
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        database = name,
                        error = error_text(&error),
                        "a database could not be looked through"
                    );
                }
            }
        }
    }

    /// What is wrong with the disk, as far as a trial tells.
    async fn disk(&self) -> Option<String> {
        let mut known = self.0.disk.lock().await;
        if let Some((at, found)) = &*known
            && at.elapsed() < FRESH
        {
            return found.clone();
        }
        let folder = self.0.folder.clone();
        let tried = tokio::task::spawn_blocking(move || try_to_write(&folder)).await;
        let found = match tried {
            Ok(found) => found,
            Err(error) => Some(error.to_string()),
        };
        *known = Some((Instant::now(), found.clone()));
        found
    }

    /// A database, by the name of its file.
    fn database(&self, name: &str, service: Option<&'static str>, fault: Option<String>) -> Part {
        let name = format!("{name}.db");
        let trouble = self.0.damage.lock().get(&name).cloned().or(fault);
        Part { name, service, is_vital: true, trouble }
    }
}

#[async_trait]
impl Vitals for Storage {
    async fn parts(&self) -> Vec<Part> {
        let disk = Part { name: "disk".to_owned(), service: None, is_vital: true, trouble: self.disk().await };
        let mut parts = vec![disk];
        for (name, store) in self.0.stores.all() {
            // The fake provider of payments is asked by orders only.
            let service = if name == "payments" { "order" } else { name };
            parts.push(self.database(name, Some(service), store.trouble().await));
        }
        parts.push(self.database("bus", None, self.0.bus.fault().await.map(|fault| fault.to_string())));
        let trouble = match self.0.search.needs_rebuild().await {
            Ok(false) => None,
            Ok(true) => Some("it is being built; the store answers in its place".to_owned()),
            Err(error) => Some(error_text(&error)),
        };
        parts.push(Part { name: "search".to_owned(), service: Some("gig"), is_vital: false, trouble });
        parts
    }
}

/// Writes a file and removes it again. Returns what is wrong in words.
fn try_to_write(folder: &Path) -> Option<String> {
    let path = folder.join("jobapp.trial");
    let written = write_and_sync(&path);
    let removed = std::fs::remove_file(&path);
    let error = written.and(removed).err()?;
    Some(match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "the disk is full".to_owned(),
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => "the data folder cannot be written".to_owned(),
        ErrorKind::NotFound => "the data folder is gone".to_owned(),
        _ => format!("the data folder cannot be written: {error}"),
    })
}

fn write_and_sync(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(&[0xa5; TRIAL])?;
    file.sync_all()
}

/// Looks through every database and the search index of a folder, which may be in use, and prints what was found. Returns
/// whether all is well.
pub(crate) async fn check(data: &Path) -> anyhow::Result<bool> {
    Folder::require_used(data)?;
    let mut is_well = true;
    for database in DATABASES {
        let path = data.join(format!("{database}.db"));
        if !path.exists() {
            jobapp_ctl::say(format_args!("{database}.db: not there"))?;
            continue;
        }
        let findings = examine(&path, Depth::Full).await.with_context(|| format!("{database}.db"))?;
        jobapp_ctl::say(format_args!("{database}.db: {}", if findings.is_empty() { "whole" } else { "DAMAGED" }))?;
        for finding in &findings {
            jobapp_ctl::say(format_args!("  {}", finding.replace('\n', "\n  ")))?;
        }
        is_well &= findings.is_empty();
    }
    // An index is made again by itself: what is wrong with it is no harm.
    let index = data.join("search");
    match jobapp_tantivy::examine(&index) {
        // As in a backup, which leaves it out.
        _ if !index.exists() => jobapp_ctl::say("search: not there; it is made by itself")?,
        None => jobapp_ctl::say("search: whole")?,
        Some(reason) => jobapp_ctl::say(format_args!("search: {reason}; it is made again by itself"))?,
    }
    if is_well {
        is_well = read_everything(data).await?;
    }
    if !is_well {
        jobapp_ctl::say("Take the data folder from a backup, or see \"A damaged database\" in docs/running.md.")?;
    }
    Ok(is_well)
}

/// Reads every stored value, unless the marketplace runs, and prints which cannot be read. Returns whether all can.
async fn read_everything(data: &Path) -> anyhow::Result<bool> {
    let folder = match Folder::open_used(data) {
        Err(error) if error.is::<InUse>() => {
            jobapp_ctl::say("stored values: not read, since the marketplace runs")?;
            return Ok(true);
        }
        opened => opened?,
    };
    let stores = Box::pin(Stores::open(&folder)).await?;
    let mut reading = Reading::default();
    let read = read_stores(&stores, &mut reading).await;
    stores.close().await;
    read?;
    jobapp_ctl::say(format_args!("stored values: {} read, {} DAMAGED", reading.read, reading.unreadable.len()))?;
    for finding in &reading.unreadable {
        jobapp_ctl::say(format_args!("  {finding}"))?;
    }
    Ok(reading.unreadable.is_empty())
}

async fn read_stores(stores: &Stores, reading: &mut Reading) -> anyhow::Result<()> {
    // What a service keeps is known once its ports are there.
    Parts::to_look_at(stores, &Shared::in_memory()).await?;
    for kept in stores.kept() {
        reading.read(&*kept).await?;
    }
    Ok(())
}

/// Reads what it is shown.
#[derive(Default)]
struct Reading {
    read: usize,
    unreadable: Vec<String>,
}

impl Reading {
    async fn read(&mut self, kept: &dyn Kept) -> anyhow::Result<()> {
        const PAGE: usize = 500;
        let mut after: Option<String> = None;
        let mut page = PAGE;
        loop {
            match kept.scan(after.as_deref(), page).await {
                Ok(found) => {
                    self.read += found.len();
                    let Some(last) = found.into_iter().next_back() else { return Ok(()) };
                    after = Some(last.id);
                }
                // One after the other up to the one that cannot be read, and on behind it.
                Err(RepositoryError::Corrupt { .. }) if page > 1 => page = 1,
                Err(error @ RepositoryError::Corrupt { .. }) => {
                    self.unreadable.push(error_text(&error));
                    let RepositoryError::Corrupt { id, .. } = error else { return Ok(()) };
                    // One whose id is none cannot be left behind.
                    anyhow::ensure!(after.as_ref() != Some(&id), "the id {id:?} of a stored {} is none", kept.name());
                    after = Some(id);
                    page = PAGE;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_leaves_nothing_and_tells_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(try_to_write(folder.path()), None);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(try_to_write(&folder.path().join("none")).as_deref(), Some("the data folder is gone"));
    }
}
