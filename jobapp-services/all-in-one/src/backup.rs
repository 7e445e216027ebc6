//! `jobapp backup`: a copy of the data folder that a marketplace can be started on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use jobapp_sqlite::copy_databases;

use crate::{Folder, Settings, private};

/// What a backup leaves out: the index is made anew from the gigs, the lock and what is set aside are of no use elsewhere.
const LEFT_OUT: [&str; 3] = ["search", "jobapp.lock", "lost+found"];

/// `jobapp backup FOLDER`: works beside a running marketplace.
pub(crate) async fn backup(settings: &Settings, target: &Path) -> anyhow::Result<ExitCode> {
    let (source, target) = (settings.data.clone(), target.to_owned());
    tokio::task::spawn_blocking(move || copy_folder(&source, &target)).await.context("the backup was given up")??;
    Ok(ExitCode::SUCCESS)
}

fn copy_folder(source: &Path, target: &Path) -> anyhow::Result<()> {
    Folder::require_used(source)?;
    if target.exists() {
        bail!("{} is there already; name a folder that is not", target.display());
    }
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = parent.canonicalize().with_context(|| format!("there is no folder {}", parent.display()))?;
    let data = source.canonicalize().with_context(|| format!("the data folder {} cannot be read", source.display()))?;
    ensure!(!parent.starts_with(data), "{} is within the data folder; name a folder elsewhere", target.display());
    // Whoever finds the folder under its name finds it whole.
    let partial = partial(target)?;
    make(&partial)?;
    let result = fill(source, &partial).and_then(|files| {
        fs::rename(&partial, target)
            .with_context(|| format!("the backup cannot be given its name {}", target.display()))?;
        Ok(files)
    });
    let files = match result {
        Ok(files) => files,
        Err(error) => {
            // The failure is what counts; what is left of it can be seen.
            drop(fs::remove_dir_all(&partial));
            return Err(error);
        }
    };
    jobapp_ctl::say(format_args!(
        "The backup is in {}: {files} files. To go back to it: jobapp --data {}",
        target.display(),
        target.display()
    ))
}

fn partial(target: &Path) -> anyhow::Result<PathBuf> {
    let mut name =
        target.file_name().with_context(|| format!("{} is no name of a folder", target.display()))?.to_owned();
    name.push(".partial");
    let partial = target.with_file_name(name);
    if partial.exists() {
        fs::remove_dir_all(&partial)
            .with_context(|| format!("what an earlier backup left in {} cannot be removed", partial.display()))?;
    }
    Ok(partial)
}

/// Fills an empty folder, and returns with how many files.
fn fill(source: &Path, target: &Path) -> anyhow::Result<usize> {
    let mut databases = Vec::new();
    let mut others = Vec::new();
    for name in names(source)? {
        let path = source.join(&name);
        if path.extension().is_some_and(|extension| extension == "db") {
            databases.push((path, target.join(&name)));
        } else if is_wanted(&name) {
            others.push(name);
        }
    }
    let progress = ProgressBar::no_length();
    progress.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} pages, {elapsed}")?);
    copy_databases(&databases, &|done, total| {
        progress.set_length(total);
        progress.set_position(done);
    })?;
    // Files behind them: whatever the databases name is there by now, since files are stored first.
    progress.set_style(ProgressStyle::with_template("{spinner} {pos} files, {elapsed}")?);
    progress.unset_length();
    progress.set_position(0);
    let mut copied = 0;
    for name in others {
        copied += copy_tree(&source.join(&name), &target.join(&name), &progress)?;
    }
    progress.finish_and_clear();
    Ok(databases.len() + copied)
}

fn names(folder: &Path) -> anyhow::Result<Vec<String>> {
    let unreadable = || format!("the folder {} cannot be read", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        match entry.file_name().into_string() {
            Ok(name) => names.push(name),
            Err(name) => bail!("{} has a name that is no text", folder.join(name).display()),
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn is_wanted(name: &str) -> bool {
    let of_a_database = [".db-wal", ".db-shm", ".db-journal"].iter().any(|ending| name.ends_with(ending));
    private::is_known(name) && !of_a_database && !name.ends_with(".set-aside") && !LEFT_OUT.contains(&name)
}

/// Copies a file or a folder, and returns how many files that were. What goes away meanwhile was on its way out.
fn copy_tree(from: &Path, to: &Path, progress: &ProgressBar) -> anyhow::Result<usize> {
    let kind = match fs::symlink_metadata(from) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", from.display())),
    };
    if kind.is_dir() {
        make(to)?;
        let mut copied = 0;
        for name in names(from)? {
            copied += copy_tree(&from.join(&name), &to.join(&name), progress)?;
        }
        return Ok(copied);
    }
    ensure!(kind.is_file(), "{} is neither a file nor a folder, so it is not of a marketplace", from.display());
    match fs::copy(from, to) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !from.exists() => return Ok(0),
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be copied to {}", from.display(), to.display()));
        }
    }
    progress.inc(1);
    Ok(1)
}

fn make(folder: &Path) -> anyhow::Result<()> {
    private::make(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))
}
