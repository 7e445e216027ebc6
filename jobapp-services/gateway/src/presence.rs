//! Who is online.

use std::collections::BTreeSet;

use parking_lot::Mutex;

/// Who is online, as far as this process knows.
#[derive(Debug, Default)]
pub struct Presence(Mutex<BTreeSet<String>>);

impl Presence {
    /// This user is here.
    pub fn seen(&self, username: &str) {
        self.0.lock().insert(username.to_owned());
    }

    /// This user left.
    pub fn gone(&self, username: &str) {
        self.0.lock().remove(username);
    }

    /// Everybody who is here, by name.
    pub fn online(&self) -> Vec<String> {
        self.0.lock().iter().cloned().collect()
    }
}
