//! A payment provider without money.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{
    Bounds, Change, Clock, ErrorKind, Kinded, Money, PageRequest, Repository, RepositoryError, Saved, Stored, in_turn,
};
use jobapp_orders::{Customer, Intent, PaymentProvider, ProviderError, Webhook};
use parking_lot::Mutex;
use rand::distr::{Alphanumeric, SampleString};

use crate::intent::{FakeIntent, FakeIntentId, FakeStatus};
use crate::notice::{Notice, Signer};

/// The most it takes at once, as Stripe does.
const LARGEST: Money = Money::from_cents(99_999_999);

/// How long a notice that was not taken waits for its next attempts.
const NOTICE_AGAIN: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(60)];

/// A payment provider without money: Stripe's states, idempotency keys, secrets and signed notices.
///
/// Clones share everything.
#[derive(Clone)]
pub struct FakePayments {
    shared: Arc<Shared>,
}

struct Shared {
    intents: Arc<dyn Repository<FakeIntent>>,
    clock: Arc<dyn Clock>,
    signer: Signer,
    webhook: Mutex<Option<Arc<dyn Webhook>>>,
    away: AtomicBool,
}

impl FakePayments {
    /// A provider that keeps its payments in this repository.
    pub fn new(intents: Arc<dyn Repository<FakeIntent>>, clock: Arc<dyn Clock>) -> Self {
        let signer = Signer::new(rand::random());
        Self {
            shared: Arc::new(Shared {
                intents,
                clock,
                signer,
                webhook: Mutex::new(None),
                away: AtomicBool::new(false),
            }),
        }
    }

    /// Who gets the notices from now on.
    ///
    /// The receiver usually holds this provider, so the two keep each other alive: whoever takes a marketplace down without
    /// ending the process calls [`FakePayments::forget_webhook`].
    pub fn set_webhook(&self, webhook: Arc<dyn Webhook>) {
        *self.shared.webhook.lock() = Some(webhook);
    }

    /// Nobody gets notices any more.
    pub fn forget_webhook(&self) {
        *self.shared.webhook.lock() = None;
    }

    /// From now on every call of the marketplace fails as [`ProviderError::Unavailable`], or none does.
    pub fn set_away(&self, away: bool) {
        self.shared.away.store(away, Ordering::SeqCst);
    }

    /// The newest payments.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn newest(&self, limit: usize) -> Result<Vec<FakeIntent>, ProviderError> {
        let page = self.shared.intents.range(FakeIntent::CREATED, Bounds::default(), PageRequest::newest(limit)).await;
        let page = page.map_err(|error| away("list the payments", error))?;
        Ok(page.items.into_iter().map(|stored| stored.value).collect())
    }

    /// The buyer pays, and the bank says yes.
    ///
    /// # Errors
    /// When it is unknown or cancelled, or the store cannot answer.
    pub async fn confirm(&self, id: &str) -> Result<Intent, ProviderError> {
        self.answer(id, FakeStatus::Succeeded, false).await
    }

    /// The buyer pays, and the bank says no. He may try again.
    ///
    /// # Errors
    /// When it is unknown, paid or cancelled, or the store cannot answer.
    pub async fn decline(&self, id: &str) -> Result<Intent, ProviderError> {
        self.answer(id, FakeStatus::RequiresPaymentMethod, true).await
    }

    /// The buyer pays, and the bank says that it takes a while.
    ///
    /// # Errors
    /// When it is unknown, paid or cancelled, or the store cannot answer.
    pub async fn process(&self, id: &str) -> Result<Intent, ProviderError> {
        self.answer(id, FakeStatus::Processing, false).await
    }

    /// Sends the notice about a payment once more, as a provider does now and then.
    pub async fn notify_again(&self, id: &str) {
        if let Ok(Some(intent)) = self.find(id).await {
            self.notify(id, intent.value.status()).await;
        }
    }

    async fn answer(&self, id: &str, to: FakeStatus, declined: bool) -> Result<Intent, ProviderError> {
        let (intent, changed) = self.change(id, |intent| intent.moved(to, declined)).await?;
        if changed {
            self.notify(id, intent.status()).await;
        }
        Ok(intent.seen())
    }

    /// Loads, changes and stores in one's turn with the payment. Says whether anything changed.
    async fn change(
        &self,
        id: &str,
        change: impl Fn(FakeIntent) -> Result<Option<FakeIntent>, ProviderError>,
    ) -> Result<(FakeIntent, bool), ProviderError> {
        let unknown = || ProviderError::Unknown { intent: id.chars().take(64).collect() };
        let known: FakeIntentId = id.parse().map_err(|_| unknown())?;
        let attempt = || async {
            let found = self.shared.intents.find(&known).await.map_err(Fault::Store)?;
            let stored = found.ok_or_else(|| Fault::Refused(unknown()))?;
            let Some(changed) = change(stored.value.clone()).map_err(Fault::Refused)? else {
                return Ok((stored.value, false));
            };
            let update = Change::update(stored.version, changed.clone(), Vec::new());
            match self.shared.intents.save(update).await.map_err(Fault::Store)? {
                Saved::Stored(_) | Saved::Duplicate { .. } => Ok((changed, true)),
            }
        };
        in_turn(&*self.shared.intents, &known, attempt).await.map_err(|fault| match fault {
            Fault::Refused(error) => error,
            Fault::Store(error) => away("change a payment", error),
        })
    }

    async fn find(&self, id: &str) -> Result<Option<Stored<FakeIntent>>, ProviderError> {
        let Ok(id) = id.parse::<FakeIntentId>() else { return Ok(None) };
        self.shared.intents.find(&id).await.map_err(|error| away("look for a payment", error))
    }

    /// Sends a notice; one that is not taken comes again a few times. Whoever misses them all asks for the payment.
    async fn notify(&self, id: &str, status: FakeStatus) {
        let Some(webhook) = self.shared.webhook.lock().clone() else { return };
        let kind = match status {
            FakeStatus::RequiresPaymentMethod => "payment_intent.payment_failed",
            FakeStatus::Processing => "payment_intent.processing",
            FakeStatus::Succeeded => "payment_intent.succeeded",
            FakeStatus::Canceled => "payment_intent.canceled",
        };
        let notice = Notice { id: format!("evt_{}", random()), kind: kind.to_owned(), intent: id.to_owned() };
        let payload = match serde_json::to_vec(&notice) {
            Ok(payload) => payload,
            Err(error) => {
                tracing::error!(intent = id, %error, "a notice could not be written");
                return;
            }
        };
        let signature = self.shared.signer.sign(&payload, self.shared.clock.now());
        let Err(error) = webhook.receive(&payload, &signature).await else { return };
        tracing::warn!(intent = id, %error, "a notice about the payment {id} is sent again");
        let id = id.to_owned();
        tokio::spawn(async move {
            for pause in NOTICE_AGAIN {
                tokio::time::sleep(pause).await;
                match webhook.receive(&payload, &signature).await {
                    Ok(()) => return,
                    Err(error) => tracing::warn!(intent = id, %error, "a notice about the payment {id} is not taken"),
                }
            }
        });
    }

    fn is_here(&self, attempt: &str) -> Result<(), ProviderError> {
        if self.shared.away.load(Ordering::SeqCst) {
            return Err(away(attempt, "it was told to be away"));
        }
        Ok(())
    }
}

/// Why a payment was not changed.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Refused(ProviderError),
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

impl Kinded for Fault {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}

/// What the store says about it. A key that it does not take it never takes: that is no outage.
fn failed(attempt: &str, error: RepositoryError) -> ProviderError {
    match error {
        RepositoryError::KeyTooLong { .. } => ProviderError::Refused { reason: "the key is too long".to_owned() },
        RepositoryError::KeyHasNul { .. } => {
            ProviderError::Refused { reason: "the key has a character that cannot be stored".to_owned() }
        }
        error => away(attempt, error),
    }
}

fn away(attempt: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ProviderError {
    ProviderError::Unavailable { attempt: attempt.to_owned(), source: source.into() }
}

fn random() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), 24)
}

#[async_trait]
impl PaymentProvider for FakePayments {
    async fn create_intent(&self, amount: Money, customer: &Customer, key: &str) -> Result<Intent, ProviderError> {
        self.is_here("prepare a payment")?;
        if !amount.is_positive() || amount > LARGEST {
            return Err(ProviderError::Refused { reason: format!("a payment carries up to {LARGEST}, not {amount}") });
        }
        let same_key = || self.shared.intents.find_by(FakeIntent::KEY, key.into());
        let repeat = |stored: Stored<FakeIntent>| match stored.value.is_for(amount, customer) {
            true => Ok(stored.value.seen()),
            false => Err(ProviderError::Refused { reason: "the key was used for another payment".to_owned() }),
        };
        if let Some(stored) = same_key().await.map_err(|error| failed("look for a payment", error))? {
            return repeat(stored);
        }
        let (id, secret) = (random(), random());
        let intent = FakeIntent::new([&id, &secret], key.to_owned(), amount, customer, self.shared.clock.now());
        match self.shared.intents.save(Change::insert(intent.clone(), Vec::new())).await {
            Ok(Saved::Stored(_) | Saved::Duplicate { .. }) => Ok(intent.seen()),
            Err(taken @ RepositoryError::Taken { .. }) => {
                let stored = same_key().await.map_err(|error| failed("look for a payment", error))?;
                stored.map_or_else(|| Err(away("prepare a payment", taken)), repeat)
            }
            Err(error) => Err(failed("prepare a payment", error)),
        }
    }

    async fn intent(&self, id: &str) -> Result<Option<Intent>, ProviderError> {
        self.is_here("look for a payment")?;
        Ok(self.find(id).await?.map(|stored| stored.value.seen()))
    }

    async fn refund(&self, id: &str, key: &str) -> Result<Intent, ProviderError> {
        self.is_here("refund a payment")?;
        Ok(self.change(id, |intent| intent.refunded(key)).await?.0.seen())
    }

    async fn cancel(&self, id: &str) -> Result<Intent, ProviderError> {
        self.is_here("cancel a payment")?;
        let (intent, changed) = self.change(id, |intent| intent.moved(FakeStatus::Canceled, false)).await?;
        if changed {
            self.notify(id, intent.status()).await;
        }
        Ok(intent.seen())
    }

    fn intent_of_notice(&self, payload: &[u8], signature: &str) -> Result<Option<String>, ProviderError> {
        self.shared.signer.check(payload, signature)?;
        let notice: Notice = serde_json::from_slice(payload)
            .map_err(|error| ProviderError::Refused { reason: format!("the notice cannot be read: {error}") })?;
        tracing::debug!(notice = notice.id, kind = notice.kind, intent = notice.intent, "a notice about a payment");
        Ok(Some(notice.intent))
    }
}
