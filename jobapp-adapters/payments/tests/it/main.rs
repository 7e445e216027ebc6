//! The fake provider behaves as a real one does, and its page does what it says.

mod contract;
mod page;
mod provider;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jobapp_kernel::{Clock, FixedClock, Money, Timestamp};
use jobapp_memory::MemoryStore;
use jobapp_orders::{Customer, PaymentProvider, Webhook, WebhookError};
use jobapp_payments::FakePayments;

const AMOUNT: Money = Money::from_cents(44_20);

fn clock() -> Arc<dyn Clock> {
    Arc::new(FixedClock::at(Timestamp::EPOCH))
}

fn provider(store: &MemoryStore) -> FakePayments {
    FakePayments::new(store.repository(), clock())
}

fn marta() -> Customer {
    Customer { username: "Marta".into(), email: "marta@example.org".into() }
}

/// Remembers what it was told; refuses the first `refusals` notices.
struct Ears {
    provider: FakePayments,
    heard: Mutex<Vec<String>>,
    refusals: Mutex<u32>,
}

impl Ears {
    fn of(provider: &FakePayments, refusals: u32) -> Arc<Self> {
        let ears =
            Arc::new(Self { provider: provider.clone(), heard: Mutex::default(), refusals: Mutex::new(refusals) });
        provider.set_webhook(Arc::clone(&ears) as Arc<dyn Webhook>);
        ears
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

#[async_trait]
impl Webhook for Ears {
    async fn receive(&self, payload: &[u8], signature: &str) -> Result<(), WebhookError> {
        let intent = self.provider.intent_of_notice(payload, signature).map_err(|error| WebhookError(error.into()))?;
        let mut refusals = self.refusals.lock().unwrap();
        if *refusals > 0 {
            *refusals -= 1;
            return Err(WebhookError("not now".into()));
        }
        self.heard.lock().unwrap().extend(intent);
        Ok(())
    }
}
