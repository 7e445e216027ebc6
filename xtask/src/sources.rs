//! The Rust sources below a folder, and which part of them is compiled for tests only.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// What begins the unit tests of a source; nothing but tests stands behind it.
const UNIT_TESTS: &str = "#[cfg(test)]";

/// One source.
pub(crate) struct Source {
    /// Where it is, seen from the folder.
    pub(crate) path: PathBuf,
    text: String,
}

impl Source {
    /// What a program is made of, and what only its tests are.
    pub(crate) fn parts(&self) -> (&str, &str) {
        if self.path.iter().any(|part| Path::new(part).file_stem().is_some_and(is_test)) {
            return ("", &self.text);
        }
        self.text.split_once(UNIT_TESTS).unwrap_or((&self.text, ""))
    }
}

/// Whether a file or folder of this name is compiled for tests only.
fn is_test(name: &std::ffi::OsStr) -> bool {
    name == "tests" || name == "testing"
}

/// Every source below a folder.
pub(crate) fn below(folder: &Path) -> anyhow::Result<Vec<Source>> {
    let mut found = Vec::new();
    collect(folder, Path::new(""), &mut found)?;
    Ok(found)
}

fn collect(root: &Path, within: &Path, found: &mut Vec<Source>) -> anyhow::Result<()> {
    let folder = root.join(within);
    for entry in std::fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let entry = entry?;
        let path = within.join(entry.file_name());
        if entry.path().is_dir() {
            collect(root, &path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(entry.path())
                .with_context(|| format!("{} cannot be read", entry.path().display()))?;
            found.push(Source { path, text });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_told_by_their_names_below_the_folder_and_nowhere_above() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("tests");
        for (path, text) in [
            ("src/lib.rs", "code #[cfg(test)] unit"),
            ("src/testing.rs", "help"),
            ("tests/it/main.rs", "it"),
            ("src/notes.md", "no source"),
        ] {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let mut parts: Vec<_> = below(&folder)
            .unwrap()
            .iter()
            .map(|source| {
                let (code, tests) = source.parts();
                (code.trim().to_owned(), tests.trim().to_owned())
            })
            .collect();
        parts.sort();
        let expected = [("", "help"), ("", "it"), ("code", "unit")];
        assert_eq!(parts, expected.map(|(code, tests)| (code.to_owned(), tests.to_owned())));
    }
}
