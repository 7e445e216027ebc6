//! Keeps the data folder from everybody but its owner, whatever the process's mask, and whatever an earlier version left.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

use anyhow::{Context, bail};

/// What was found, and changed, in a folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Mended {
    /// How many files and folders others could reach before.
    pub(crate) closed: usize,
    /// How many others can still reach: they belong to somebody else, or the disk knows no rights.
    pub(crate) open: usize,
    /// Whether the folder itself stays as it is, since it holds other folders as well, so that it is no one of its own.
    pub(crate) is_mixed: bool,
}

impl Mended {
    /// Says in the log what was done, in a line; says nothing when there was nothing to do.
    pub(crate) fn tell(&self, root: &Path) {
        let folder = root.display();
        if self.closed > 0 {
            tracing::warn!(%folder, count = self.closed, "others could reach files or folders of the data folder: only their owner can now");
        }
        if self.open > 0 {
            tracing::warn!(%folder, count = self.open, "others can reach files or folders of the data folder, whose rights this user cannot change");
        }
        if self.is_mixed {
            tracing::warn!(%folder, "the data folder holds other folders, so its own rights stay: better give the marketplace one of its own");
        }
    }
}

/// Makes a folder for its owner only; one that is there stays as it is.
pub(crate) fn make(root: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(root)
}

/// Folders that all users of a machine share.
const SHARED: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// Refuses a folder that others use as well, such as `/tmp`: it cannot be made private.
pub(crate) fn refuse_shared(root: &Path) -> anyhow::Result<()> {
    let failed = || format!("the data folder {} cannot be read", root.display());
    let is_shared = fs::canonicalize(root).is_ok_and(|path| SHARED.iter().any(|shared| path == Path::new(shared)));
    let metadata = fs::metadata(root).with_context(failed)?;
    // A disk in memory of one's own is open to everybody as well, but holds nothing else.
    if is_shared || rights::is_for_everybody(&metadata) && holds_other_things(root).with_context(failed)? {
        bail!(
            "{} is a folder for everybody. Choose one of the marketplace's own, such as --data {}",
            root.display(),
            root.join("jobapp").display()
        );
    }
    Ok(())
}

fn holds_other_things(root: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(root)? {
        if !is_known(&entry?.file_name().to_string_lossy()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes the rights of others from the folder and everything in it that is the marketplace's. Nothing else is touched, nor
/// anything that belongs to another user.
pub(crate) fn mend(root: &Path) -> anyhow::Result<Mended> {
    let mut mended = Mended::default();
    for entry in fs::read_dir(root).with_context(|| format!("the data folder {} cannot be read", root.display()))? {
        let entry = entry?;
        if !is_known(&entry.file_name().to_string_lossy()) {
            // A log or a note that lies there makes no other folder of it.
            mended.is_mixed |= entry.file_type()?.is_dir();
            continue;
        }
        // What lies on another disk is the marketplace's, too.
        let path = entry.path();
        let Some(metadata) = if_there(fs::metadata(&path))? else { continue };
        close(&path, &metadata, &mut mended).with_context(|| format!("the rights of {}", path.display()))?;
    }
    let metadata = fs::metadata(root)?;
    if rights::are_open(&metadata) {
        if mended.is_mixed {
            return Ok(mended);
        }
        close_one(root, &metadata, &mut mended)?;
    }
    mended.is_mixed = false;
    Ok(mended)
}

/// Whether a marketplace makes something of this name in its folder.
pub(crate) fn is_known(name: &str) -> bool {
    const FOLDERS: [&str; 3] = ["search", "media", "mail"];
    const FILES: [&str; 2] = ["demo.toml", "files-are-private"];
    // Databases with their logs, and copies of them.
    let is_database = name.contains(".db");
    // A disk of one's own has it.
    let is_of_the_disk = name == "lost+found";
    let is_folder = FOLDERS
        .iter()
        .any(|folder| name == *folder || name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('.')));
    is_database
        || is_folder
        || FILES.contains(&name)
        || is_of_the_disk
        || name.starts_with("jobapp.")
        || name.starts_with("secrets.")
}

/// Closes a file, or a folder with everything in it. Links within are not followed.
fn close(path: &Path, metadata: &Metadata, mended: &mut Mended) -> io::Result<()> {
    close_one(path, metadata, mended)?;
    if !metadata.is_dir() {
        return Ok(());
    }
    let entries = match fs::read_dir(path) {
        // Somebody else's, who keeps it closed.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let Some(metadata) = if_there(entry.metadata())? else { continue };
        if !metadata.is_symlink() {
            close(&entry.path(), &metadata, mended)?;
        }
    }
    Ok(())
}

fn close_one(path: &Path, metadata: &Metadata, mended: &mut Mended) -> io::Result<()> {
    if !rights::are_open(metadata) {
        return Ok(());
    }
    if !rights::are_ours(metadata) || !rights::close(path, metadata)? {
        mended.open += 1;
        return Ok(());
    }
    mended.closed += 1;
    Ok(())
}

/// What may go away while one looks.
fn if_there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

#[cfg(unix)]
mod rights {
    use std::fs::{self, Metadata, Permissions};
    use std::io;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::Path;

    const OTHERS: u32 = 0o077;
    const STICKY: u32 = 0o1000;

    pub(super) fn is_for_everybody(metadata: &Metadata) -> bool {
        metadata.mode() & STICKY != 0 && metadata.mode() & 0o022 != 0
    }

    pub(super) fn are_open(metadata: &Metadata) -> bool {
        metadata.mode() & OTHERS != 0
    }

    pub(super) fn are_ours(metadata: &Metadata) -> bool {
        metadata.uid() == rustix::process::geteuid().as_raw()
    }

    /// Takes the rights of others. Returns whether the disk knows rights at all.
    pub(super) fn close(path: &Path, metadata: &Metadata) -> io::Result<bool> {
        let closed = Permissions::from_mode(metadata.mode() & 0o700);
        match fs::set_permissions(path, closed) {
            Ok(()) => Ok(!are_open(&fs::metadata(path)?)),
            Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported) => {
                Ok(false)
            }
            // A disk that is only read says so where something is written.
            Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Elsewhere a user's folders are for the user from the start.
#[cfg(not(unix))]
mod rights {
    use std::fs::Metadata;
    use std::io;
    use std::path::Path;

    pub(super) fn is_for_everybody(_: &Metadata) -> bool {
        false
    }

    pub(super) fn are_open(_: &Metadata) -> bool {
        false
    }

    pub(super) fn are_ours(_: &Metadata) -> bool {
        true
    }

    pub(super) fn close(_: &Path, _: &Metadata) -> io::Result<bool> {
        Ok(true)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn file(path: &Path, rights: u32) {
        fs::write(path, "x").unwrap();
        set(path, rights);
    }

    #[test]
    fn others_lose_their_rights_to_everything_of_the_marketplaces() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        set(root, 0o755);
        for name in ["auth.db", "auth.db-wal", "bus.db-shm", "jobapp.lock", "jobapp.toml", "secrets.toml", "gig.db.bak"]
        {
            file(&root.join(name), 0o644);
        }
        fs::create_dir_all(root.join("mail/sent")).unwrap();
        set(&root.join("mail"), 0o777);
        set(&root.join("mail/sent"), 0o750);
        file(&root.join("mail/sent/sent-2026-11.log"), 0o640);
        fs::create_dir(root.join("search.set-aside")).unwrap();
        set(&root.join("search.set-aside"), 0o700);
        let mended = mend(root).unwrap();
        assert_eq!(mended, Mended { closed: 11, open: 0, is_mixed: false });
        assert_eq!((mode(root), mode(&root.join("mail")), mode(&root.join("mail/sent"))), (0o700, 0o700, 0o700));
        assert_eq!((mode(&root.join("auth.db")), mode(&root.join("mail/sent/sent-2026-11.log"))), (0o600, 0o600));
        assert_eq!(mend(root).unwrap(), Mended::default(), "once");
    }

    #[test]
    fn what_is_somebody_elses_is_left_alone() {
        let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = root.path();
        set(root, 0o755);
        fs::create_dir(root.join("papers")).unwrap();
        set(&root.join("papers"), 0o755);
        file(&root.join("papers/thesis.txt"), 0o644);
        file(&root.join("notes.txt"), 0o644);
        file(&root.join("auth.db"), 0o644);
        file(&elsewhere.path().join("song.mp3"), 0o644);
        fs::create_dir(root.join("media")).unwrap();
        symlink(elsewhere.path().join("song.mp3"), root.join("media/song.mp3")).unwrap();
        symlink(root.join("nothing"), root.join("media/dangling")).unwrap();
        let mended = mend(root).unwrap();
        assert!(mended.is_mixed, "{mended:?}");
        assert_eq!((mode(root), mode(&root.join("papers")), mode(&root.join("auth.db"))), (0o755, 0o755, 0o600));
        assert_eq!((mode(&root.join("papers/thesis.txt")), mode(&root.join("notes.txt"))), (0o644, 0o644));
        assert_eq!(mode(&elsewhere.path().join("song.mp3")), 0o644);
        set(root, 0o700);
        assert!(!mend(root).unwrap().is_mixed, "it is private already");
        set(root, 0o755);
        fs::remove_dir_all(root.join("papers")).unwrap();
        assert!(!mend(root).unwrap().is_mixed);
        assert_eq!((mode(root), mode(&root.join("notes.txt"))), (0o700, 0o644), "nobody else gets to the notes");
    }

    #[test]
    fn a_folder_of_the_marketplaces_on_another_disk_is_closed_too() {
        let (root, disk) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        set(root.path(), 0o700);
        set(disk.path(), 0o755);
        file(&disk.path().join("a.png"), 0o644);
        symlink(disk.path(), root.path().join("media")).unwrap();
        assert_eq!(mend(root.path()).unwrap().closed, 2);
        assert_eq!((mode(disk.path()), mode(&disk.path().join("a.png"))), (0o700, 0o600));
    }

    #[test]
    fn a_folder_that_others_use_is_refused_and_stays_as_it_is() {
        for shared in SHARED.iter().map(Path::new).filter(|shared| shared.exists()) {
            let before = mode(shared);
            let refused = refuse_shared(shared).unwrap_err().to_string();
            assert!(refused.contains("for everybody") && refused.contains("--data"), "{refused}");
            assert_eq!(mode(shared), before);
        }
        let root = tempfile::tempdir().unwrap();
        file(&root.path().join("thesis.txt"), 0o644);
        set(root.path(), 0o1777);
        refuse_shared(root.path()).unwrap_err();
        assert_eq!(mode(root.path()), 0o1777);
        fs::remove_file(root.path().join("thesis.txt")).unwrap();
        // As a new disk in memory is.
        refuse_shared(root.path()).unwrap();
        assert_eq!(mend(root.path()).unwrap().closed, 1);
        assert_eq!(mode(root.path()), 0o700);
    }
}
