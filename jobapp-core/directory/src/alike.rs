//! Names that are only typed differently.

use jobapp_kernel::{Stored, folded};

/// The most values that are looked at because their names are alike.
pub const ALIKE: usize = 16;

/// Of values with names that are alike, the one whose name is typed like `name` but for its case, else one whose name is the
/// same however it is typed. Only names of before composition was looked at leave a choice.
pub fn nearest<A>(alike: Vec<Stored<A>>, name_of: fn(&A) -> &str, name: &str) -> Option<Stored<A>> {
    let (small, same) = (name.to_lowercase(), folded(name));
    let mut alike: Vec<Stored<A>> = alike.into_iter().filter(|one| folded(name_of(&one.value)) == same).collect();
    let index = alike.iter().position(|one| name_of(&one.value).to_lowercase() == small).unwrap_or(0);
    (index < alike.len()).then(|| alike.swap_remove(index))
}
