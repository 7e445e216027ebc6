//! What orders ask of the outside.

use std::error::Error;

use async_trait::async_trait;
use jobapp_kernel::{ErrorKind, Kinded, Money, Timestamp};

use crate::payment::PaymentStatus;

/// Who pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// The user name, stored form.
    pub username: String,
    /// The address, lower case.
    pub email: String,
}

/// A payment at the provider.
#[derive(Clone, PartialEq, Eq)]
pub struct Intent {
    /// The provider's id, such as `pi_…`.
    pub id: String,
    /// With this the buyer's browser pays. A secret: for the buyer, never for a log.
    pub client_secret: String,
    /// How far it is.
    pub status: PaymentStatus,
    /// How much.
    pub amount: Money,
    /// Who pays: the user name if the provider knows it.
    pub username: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// How much went back.
    pub refunded: Money,
}

impl std::fmt::Debug for Intent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intent")
            .field("id", &self.id)
            .field("status", &self.status)
            .field("amount", &self.amount)
            .field("username", &self.username)
            .field("refunded", &self.refunded)
            .finish_non_exhaustive()
    }
}

/// Why the provider did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It is away; the same call, with the same key, may succeed later.
    #[error("the payment provider could not {attempt}")]
    Unavailable {
        /// What was attempted.
        attempt: String,
        /// Why it failed.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It does not know this payment.
    #[error("the payment provider knows no payment {intent}")]
    Unknown {
        /// The id that was asked for.
        intent: String,
    },
    /// It will not do this.
    #[error("the payment provider refuses: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// A notice that did not come from it.
    #[error("the notice was not signed by the payment provider")]
    NotSigned,
}

impl Kinded for ProviderError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unavailable { .. } => ErrorKind::Unavailable,
            Self::Unknown { .. } => ErrorKind::NotFound,
            Self::Refused { .. } => ErrorKind::Refused,
            Self::NotSigned => ErrorKind::Unauthorized,
        }
    }
}

/// Takes money and gives it back. A call with a key that was used before does nothing and answers as the first time.
#[async_trait]
pub trait PaymentProvider: Send + Sync {
    /// Prepares a payment.
    async fn create_intent(&self, amount: Money, customer: &Customer, key: &str) -> Result<Intent, ProviderError>;

    /// How a payment stands; `None` when there is none with this id.
    async fn intent(&self, id: &str) -> Result<Option<Intent>, ProviderError>;

    /// Gives all of it back.
    async fn refund(&self, id: &str, key: &str) -> Result<Intent, ProviderError>;

    /// Makes sure it is never paid. What is paid or on its way is [`ProviderError::Refused`].
    async fn cancel(&self, id: &str) -> Result<Intent, ProviderError>;

    /// Checks the signature of a notice and tells which payment it is about. Notices come twice and in any order, so
    /// nothing else in them counts: ask for the payment.
    ///
    /// # Errors
    /// [`ProviderError::NotSigned`] when it is not the provider's, [`ProviderError::Refused`] when it cannot be read.
    fn intent_of_notice(&self, payload: &[u8], signature: &str) -> Result<Option<String>, ProviderError>;
}

/// Takes the provider's notices. The order service implements it.
#[async_trait]
pub trait Webhook: Send + Sync {
    /// Takes a notice; when it fails, the provider sends it again.
    async fn receive(&self, payload: &[u8], signature: &str) -> Result<(), WebhookError>;
}

/// Why a notice was not taken.
#[derive(Debug, thiserror::Error)]
#[error("the notice was not taken")]
pub struct WebhookError(#[source] pub Box<dyn Error + Send + Sync>);
