//! Who takes the money.

use std::sync::Arc;

use axum::Router;
use jobapp_kernel::Clock;
use jobapp_orders::{PaymentProvider, Webhook};
use jobapp_payments::{FakePayments, dev_page};

use super::{Address, OpenError, Store};

/// How its addresses look.
const KNOWN: &[&str] = &["fake:"];

/// A provider of payments. A clone is another handle.
#[derive(Clone)]
pub struct Payments(FakePayments);

impl Payments {
    /// Opens the provider at this address. One of our own keeps its payments in `store`.
    ///
    /// # Errors
    /// [`OpenError`] when that cannot be done, or nothing here opens such an address.
    pub async fn open(address: &Address, store: &Store, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        match address.scheme() {
            "fake" => Ok(Self(FakePayments::new(store.repository().await?, clock))),
            _ => Err(OpenError::unknown(address, "a provider of payments", KNOWN)),
        }
    }

    /// The port.
    pub fn provider(&self) -> Arc<dyn PaymentProvider> {
        Arc::new(self.0.clone())
    }

    /// Hands the provider's notices to `webhook`, where they come within the process.
    pub fn set_webhook(&self, webhook: Arc<dyn Webhook>) {
        self.0.set_webhook(webhook);
    }

    /// The pages on which developers confirm and decline payments, where it is the fake provider.
    pub fn pages(&self) -> Router {
        self.fake().cloned().map(dev_page).unwrap_or_default()
    }

    /// The fake provider, if it is that: whoever develops confirms payments there.
    pub const fn fake(&self) -> Option<&FakePayments> {
        Some(&self.0)
    }
}
