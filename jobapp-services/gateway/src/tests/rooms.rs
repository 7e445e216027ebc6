//! The rooms of the gateway know each other in one direction.

use std::fs;
use std::path::{Path, PathBuf};

/// Each knows only those before it.
const ROOMS: [&str; 7] = ["table", "door", "calls", "identity", "api", "pages", "sockets"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The first name of each path of this crate in a source.
fn named(source: &str) -> impl Iterator<Item = &str> {
    let names = source.split("crate::").skip(1);
    names.map(|rest| rest.split(|sign: char| !sign.is_alphanumeric() && sign != '_').next().unwrap_or_default())
}

#[test]
fn a_room_knows_only_those_before_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (at, room) in ROOMS.iter().enumerate() {
        let mut files = Vec::new();
        sources(&root.join(room), &mut files);
        assert!(!files.is_empty(), "{room}");
        for file in files {
            for name in named(&fs::read_to_string(&file).unwrap()) {
                assert!(ROOMS[..=at].contains(&name), "{} must not know `{name}`", file.display());
            }
        }
    }
}
