//! What every payment provider promises.
//!
//! ```ignore
//! jobapp_contracts::payments!(super::a_fresh_one()); // a future of `jobapp_contracts::payments::Till`
//! ```

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::future::{BoxFuture, join_all};
use jobapp_kernel::Money;
use jobapp_orders::{Customer, Intent, PaymentProvider, PaymentStatus, ProviderError, Webhook, WebhookError};

/// What costs something.
const AMOUNT: Money = Money::from_cents(44_20);

/// Does to a payment what its payer or a bank does.
pub type Act = Arc<dyn Fn(String) -> BoxFuture<'static, ()> + Send + Sync>;

/// A provider with payers who do what they are told.
#[derive(Clone)]
pub struct Till {
    /// What is promised about.
    pub provider: Arc<dyn PaymentProvider>,
    /// The payer pays, and the bank says yes.
    pub pay: Act,
    /// The payer pays, and the bank says no.
    pub decline: Act,
    /// The payer pays, and the bank takes its time.
    pub process: Act,
    /// Sends the last notice about a payment once more.
    pub notify_again: Act,
    /// Says who gets the notices.
    pub listen: Arc<dyn Fn(Arc<dyn Webhook>) + Send + Sync>,
    /// What must live as long.
    pub keep: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Till {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Till").finish_non_exhaustive()
    }
}

impl Till {
    async fn prepared(&self, key: &str) -> Intent {
        self.provider.create_intent(AMOUNT, &marta(), key).await.unwrap()
    }

    async fn paid(&self, key: &str) -> Intent {
        let id = self.prepared(key).await.id;
        (self.pay)(id.clone()).await;
        self.seen(&id).await
    }

    async fn seen(&self, id: &str) -> Intent {
        self.provider.intent(id).await.unwrap().unwrap()
    }
}

fn marta() -> Customer {
    Customer { username: "Marta".into(), email: "marta@example.org".into() }
}

/// A payment is open until it is paid, and says for whom and how much it is.
pub async fn a_payment_is_prepared_and_paid(of: &Till) {
    let prepared = of.prepared("k").await;
    assert_eq!((prepared.status, prepared.amount, prepared.refunded), (PaymentStatus::Open, AMOUNT, Money::ZERO));
    assert_eq!(prepared.username.as_deref(), Some("Marta"));
    assert!(!prepared.id.is_empty() && !prepared.client_secret.is_empty());
    assert!(!format!("{prepared:?}").contains(&prepared.client_secret), "a secret is never printed");
    assert_eq!(of.seen(&prepared.id).await, prepared);
    (of.pay)(prepared.id.clone()).await;
    assert_eq!(of.seen(&prepared.id).await.status, PaymentStatus::Paid);
}

/// The same key again is the same payment, also many times at once; another key is another one.
pub async fn a_key_makes_one_payment(of: &Till) {
    let preparing = (0..16).map(|_| {
        let of = of.clone();
        tokio::spawn(async move { of.prepared("k").await })
    });
    let prepared: Vec<Intent> = join_all(preparing).await.into_iter().map(|intent| intent.unwrap()).collect();
    let ids: BTreeSet<&str> = prepared.iter().map(|intent| intent.id.as_str()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(of.prepared("k").await, prepared[0]);
    assert_ne!(of.prepared("l").await.id, prepared[0].id);
}

/// A key that was used for another amount or by somebody else is refused, not answered with a payment of somebody else.
pub async fn a_key_means_what_it_meant(of: &Till) {
    of.prepared("k").await;
    let more = of.provider.create_intent(Money::from_cents(44_21), &marta(), "k").await.unwrap_err();
    let bruno = Customer { username: "Bruno".into(), email: "bruno@example.org".into() };
    let other = of.provider.create_intent(AMOUNT, &bruno, "k").await.unwrap_err();
    for error in [more, other] {
        assert!(matches!(error, ProviderError::Refused { .. }), "{error:?}");
    }
}

/// Nothing, less than nothing and too much are refused.
pub async fn an_amount_must_be_one(of: &Till) {
    for cents in [0, -1, 100_000_000] {
        let refused = of.provider.create_intent(Money::from_cents(cents), &marta(), &cents.to_string()).await;
        assert!(matches!(refused, Err(ProviderError::Refused { .. })), "{cents}");
    }
}

/// What nobody made is not there, and cannot be changed.
pub async fn an_unknown_payment_is_none(of: &Till) {
    for id in ["pi_unknown", "", "../x"] {
        assert!(of.provider.intent(id).await.unwrap().is_none(), "{id}");
        assert!(matches!(of.provider.refund(id, "k").await, Err(ProviderError::Unknown { .. })), "{id}");
        assert!(matches!(of.provider.cancel(id).await, Err(ProviderError::Unknown { .. })), "{id}");
    }
}

/// A payment that a bank declined is open: the payer may try again.
pub async fn a_declined_payment_may_be_tried_again(of: &Till) {
    let id = of.prepared("k").await.id;
    (of.decline)(id.clone()).await;
    assert_eq!(of.seen(&id).await.status, PaymentStatus::Open);
    (of.pay)(id.clone()).await;
    assert_eq!(of.seen(&id).await.status, PaymentStatus::Paid);
}

/// What is paid is given back, all of it, once: the same key answers as the first time.
pub async fn a_refund_gives_all_back_once(of: &Till) {
    let id = of.paid("k").await.id;
    for _ in 0..2 {
        let refunded = of.provider.refund(&id, "r").await.unwrap();
        assert_eq!((refunded.id.as_str(), refunded.refunded), (id.as_str(), AMOUNT));
    }
    assert_eq!(of.seen(&id).await.refunded, AMOUNT);
}

/// Refunds at once, with one key or with many, never give back more than was paid.
pub async fn refunds_at_once_give_back_no_more_than_was_paid(of: &Till) {
    let id = of.paid("k").await.id;
    let refunding = (0..16).map(|number| {
        let (of, id) = (of.clone(), id.clone());
        tokio::spawn(async move { of.provider.refund(&id, &format!("r{}", number % 4)).await })
    });
    let refunds: Vec<_> = join_all(refunding).await.into_iter().map(|refund| refund.unwrap()).collect();
    assert!(refunds.iter().any(Result::is_ok));
    assert_eq!(of.seen(&id).await.refunded, AMOUNT);
}

/// What was not paid cannot be given back.
pub async fn what_was_not_paid_is_not_given_back(of: &Till) {
    let id = of.prepared("k").await.id;
    assert!(matches!(of.provider.refund(&id, "r").await, Err(ProviderError::Refused { .. })));
    assert_eq!(of.seen(&id).await.refunded, Money::ZERO);
}

/// A cancelled payment stays so; what is paid or on its way cannot be cancelled.
pub async fn only_an_open_payment_is_cancelled(of: &Till) {
    let id = of.prepared("a").await.id;
    for _ in 0..2 {
        assert_eq!(of.provider.cancel(&id).await.unwrap().status, PaymentStatus::Cancelled);
    }
    let paid = of.paid("b").await.id;
    let underway = of.prepared("c").await.id;
    (of.process)(underway.clone()).await;
    for (id, status) in [(paid, PaymentStatus::Paid), (underway, PaymentStatus::Processing)] {
        assert!(matches!(of.provider.cancel(&id).await, Err(ProviderError::Refused { .. })));
        assert_eq!(of.seen(&id).await.status, status);
    }
}

/// Listens, and remembers what it heard.
struct Ears {
    provider: Arc<dyn PaymentProvider>,
    heard: Mutex<Vec<(Vec<u8>, String, String)>>,
}

#[async_trait]
impl Webhook for Ears {
    async fn receive(&self, payload: &[u8], signature: &str) -> Result<(), WebhookError> {
        let intent = self.provider.intent_of_notice(payload, signature).map_err(|error| WebhookError(error.into()))?;
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.extend(intent.map(|intent| (payload.to_vec(), signature.to_owned(), intent)));
        Ok(())
    }
}

/// A notice says which payment changed, and can be told from one that somebody else wrote or touched. It may come twice.
pub async fn a_notice_is_signed(of: &Till) {
    let ears = Arc::new(Ears { provider: Arc::clone(&of.provider), heard: Mutex::default() });
    (of.listen)(Arc::clone(&ears) as Arc<dyn Webhook>);
    let id = of.paid("k").await.id;
    (of.notify_again)(id.clone()).await;
    let heard = ears.heard.lock().unwrap().clone();
    assert!(heard.len() >= 2 && heard.iter().all(|(_, _, intent)| *intent == id));
    let (payload, signature, _) = &heard[0];
    let touched = [&payload[..], b" "].concat();
    let forged = [(&touched, signature.as_str()), (payload, "t=0,v1=00"), (payload, ""), (payload, "v1=")];
    for (payload, signature) in forged {
        let error = of.provider.intent_of_notice(payload, signature).unwrap_err();
        assert!(matches!(error, ProviderError::NotSigned), "{signature}: {error:?}");
    }
}

/// Makes one test of each promise of `PaymentProvider`. The argument makes a future of a fresh
/// [`Till`](crate::payments::Till).
#[macro_export]
macro_rules! payments {
    ($factory:expr) => {
        $crate::__suite! { $factory, $crate::payments::Till, [$crate::payments], payments:
            a_payment_is_prepared_and_paid
            a_key_makes_one_payment
            a_key_means_what_it_meant
            an_amount_must_be_one
            an_unknown_payment_is_none
            a_declined_payment_may_be_tried_again
            a_refund_gives_all_back_once
            refunds_at_once_give_back_no_more_than_was_paid
            what_was_not_paid_is_not_given_back
            only_an_open_payment_is_cancelled
            a_notice_is_signed
        }
    };
}
