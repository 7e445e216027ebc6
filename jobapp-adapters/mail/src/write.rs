//! Writing a file whole or not at all.

use std::io::{self, Write};
use std::path::Path;

/// What the names of files that are still being written begin with.
const PARTIAL: &str = ".partial-";

/// Writes `folder/name`, replacing what is there. A reader sees the old content or the new one, also after a power cut.
pub(crate) fn atomically(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(PARTIAL).tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(folder.join(name)).map_err(|error| error.error)?;
    sync(folder)
}

/// Makes a new name in a folder survive a power cut.
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { std::fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Removes what a killed process left half written. The folder must have no other writer.
pub(crate) fn remove_partial(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
