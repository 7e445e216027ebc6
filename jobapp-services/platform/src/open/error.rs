//! Why something could not be opened.

use std::error::Error;

use super::Address;

/// Why something could not be opened. It says of itself what its cause says.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct OpenError(Why);

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error(transparent)]
    Hopeless(Box<dyn Error + Send + Sync>),
    #[error(transparent)]
    Away(Box<dyn Error + Send + Sync>),
}

/// An address that nothing here opens.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {value:?} is no address of {what}; known are {known}")]
pub struct UnknownAddress {
    /// The setting that has it.
    pub setting: String,
    /// The address, without what follows a user's name.
    pub value: String,
    /// What it should be the address of: `a store`.
    pub what: &'static str,
    /// How such addresses look.
    pub known: String,
}

impl OpenError {
    /// This is why, and trying again does not help.
    pub fn of(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Why::Hopeless(cause.into()))
    }

    /// This is why. Somebody may see to it meanwhile: trying again may help.
    pub fn away(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Why::Away(cause.into()))
    }

    pub(super) fn unknown(address: &Address, what: &'static str, known: &[&str]) -> Self {
        let (setting, value) = (address.setting().to_owned(), address.to_string());
        Self::of(UnknownAddress { setting, value, what, known: known.join(", ") })
    }

    /// Whether trying again may help.
    pub const fn may_pass(&self) -> bool {
        matches!(self.0, Why::Away(_))
    }

    /// What the technology says.
    pub fn cause(&self) -> &(dyn Error + Send + Sync + 'static) {
        match &self.0 {
            Why::Hopeless(cause) | Why::Away(cause) => &**cause,
        }
    }
}
