//! Who is who, as far as it was taken over.

use std::collections::BTreeMap;

use jobapp_auth::Username;
use jobapp_directory::SellerId;

use crate::fields::Refusal;

/// Somebody who is here already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// Stored form.
    pub(crate) username: String,
    /// Everybody buys, some sell as well.
    pub(crate) seller: Option<SellerId>,
}

/// Those whom some rows speak of, by name in stored form.
#[derive(Debug, Clone, Default)]
pub(crate) struct People(BTreeMap<String, Person>);

impl People {
    pub(crate) fn add(&mut self, person: Person) {
        self.0.insert(person.username.clone(), person);
    }

    /// Who has this name, however it is typed.
    pub(crate) fn named(&self, name: &str) -> Result<&Person, Refusal> {
        self.0.get(&stored_name(name)).ok_or_else(|| Refusal::new(format!("nobody here is called {name:?}")))
    }
}

/// The one form in which a name is stored, which is that of the existing system.
pub(crate) fn stored_name(name: &str) -> String {
    Username::lookup(name).to_string()
}
