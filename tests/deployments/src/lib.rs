//! What must hold of every deployment that this project shows.
//!
//! [`Manifests`] are the objects of one deployment, [`Facts`] what the project itself says: which settings its programs have and on which
//! ports they listen. [`breaches`] tells in words what does not hold. A new policy is a function in `policies` and a line in
//! [`policies::ALL`], with a wrong manifest in `tests/it`.

mod facts;
mod manifests;
pub mod policies;

use std::path::{Path, PathBuf};

pub use crate::facts::Facts;
pub use crate::manifests::Manifests;

/// What does not hold of these manifests; nothing when all is well.
pub fn breaches(manifests: &Manifests, facts: &Facts) -> Vec<String> {
    let mut found = Vec::new();
    for (name, policy) in policies::ALL {
        let mut told = Vec::new();
        policy(manifests, facts, &mut told);
        found.extend(told.into_iter().map(|breach| format!("{name}: {breach}")));
    }
    found
}

/// The folder of the project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(Path::to_owned).unwrap_or_default()
}
