//! Payments: planned, followed, given back.

use jobapp_kernel::{
    Aggregate, Cause, Change, KeyValue, Kinded, MAX_KEY_BYTES, Price, Saved, Stored, Timestamp, in_turn,
};

use sha2::{Digest, Sha256};

use super::Orders;
use crate::error::OrdersError;
use crate::fees::total;
use crate::payment::{Payment, PaymentEvent, PaymentStatus, RefundReason};
use crate::ports::{Customer, ProviderError};
use crate::{Order, OrderObjectId, PaymentId};

/// A payment the buyer's browser is about to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPayment {
    /// The provider's id.
    pub intent: String,
    /// What the browser pays with. A secret of the buyer.
    pub client_secret: String,
}

impl Orders {
    /// Plans the payment of something that costs `price`: the fee comes on top.
    ///
    /// # Errors
    /// When the provider is away, or the key came with another body.
    pub async fn plan_payment(
        &self,
        customer: &Customer,
        price: Price,
        cause: Option<Cause>,
    ) -> Result<NewPayment, OrdersError> {
        if let Some(cause) = &cause
            && let Some(id) = self.ports.payments.caused(cause).await?
        {
            return self.planned_before(id).await;
        }
        let id = PaymentId(self.ports.ids.object_id());
        let key = cause.as_ref().map_or_else(|| format!("intent-{id}"), intent_key);
        let intent = self.ports.provider.create_intent(total(price.money()), customer, &key).await?;
        let payment =
            Payment::new(id, intent.id.clone(), customer.username.clone(), intent.amount, self.ports.clock.now());
        match self.ports.payments.save(Change::insert(payment, Vec::new()).caused_by(cause)).await? {
            Saved::Stored(_) | Saved::Duplicate { .. } => {
                Ok(NewPayment { intent: intent.id, client_secret: intent.client_secret })
            }
        }
    }

    async fn planned_before(&self, id: PaymentId) -> Result<NewPayment, OrdersError> {
        let unknown = || ProviderError::Unknown { intent: format!("of {id}") };
        let payment = self.ports.payments.find(&id).await?.ok_or_else(unknown)?;
        let intent = self.ports.provider.intent(payment.value.intent()).await?.ok_or_else(unknown)?;
        Ok(NewPayment { intent: intent.id, client_secret: intent.client_secret })
    }

    /// The payment with a provider's id.
    pub(super) async fn payment_of(&self, intent: &str) -> Result<Option<Stored<Payment>>, OrdersError> {
        if intent.is_empty() || intent.len() > MAX_KEY_BYTES {
            return Ok(None);
        }
        Ok(self.ports.payments.find_by(Payment::INTENT, KeyValue::from(intent)).await?)
    }

    /// The payment as the provider sees it now. What is final is not asked for again.
    pub(super) async fn refreshed(&self, known: Stored<Payment>) -> Result<Stored<Payment>, OrdersError> {
        if matches!(known.value.status(), PaymentStatus::Paid | PaymentStatus::Cancelled) {
            return Ok(known);
        }
        match self.ports.provider.intent(known.value.intent()).await? {
            Some(intent) => self.observe(*known.value.id(), intent.status).await,
            None => Ok(known),
        }
    }

    async fn observe(&self, id: PaymentId, status: PaymentStatus) -> Result<Stored<Payment>, OrdersError> {
        self.change_payment(id, |payment, now| payment.observed(status, now)).await
    }

    /// Loads, decides and saves in one's turn with a payment; `None` decides that nothing changes. The provider is asked
    /// before or after, not meanwhile: it may tell of the payment before it answers, and that is taken over in turn as well.
    pub(super) async fn change_payment(
        &self,
        id: PaymentId,
        decide: impl Fn(Payment, Timestamp) -> Option<(Payment, Vec<PaymentEvent>)>,
    ) -> Result<Stored<Payment>, OrdersError> {
        in_turn(&*self.ports.payments, &id, async || {
            let unknown = || ProviderError::Unknown { intent: format!("of {id}") };
            let stored = self.ports.payments.find(&id).await?.ok_or_else(unknown)?;
            match decide(stored.value.clone(), self.ports.clock.now()) {
                None => Ok(stored),
                Some(news) => self.store_payment(stored.version, news).await,
            }
        })
        .await
    }

    /// In one's turn with the payment, or in the turn to place orders of its buyer.
    pub(super) async fn store_payment(
        &self,
        version: u64,
        (payment, events): (Payment, Vec<PaymentEvent>),
    ) -> Result<Stored<Payment>, OrdersError> {
        self.save_payment(version, Change::update(version, payment, events)).await
    }

    /// Stores that a payment is claimed by the order that is stored next.
    pub(super) async fn claim_payment(&self, version: u64, payment: Payment) -> Result<Stored<Payment>, OrdersError> {
        self.save_payment(version, Change::update(version, payment, Vec::new()).before_another()).await
    }

    async fn save_payment(&self, version: u64, change: Change<Payment>) -> Result<Stored<Payment>, OrdersError> {
        let value = change.value().clone();
        match self.ports.payments.save(change).await? {
            Saved::Stored(version) => Ok(Stored { value, version }),
            Saved::Duplicate { .. } => Ok(Stored { value, version: version + 1 }),
        }
    }

    /// The provider says that something happened to a payment. What it is, is asked for. Returns whether the payment is ours.
    ///
    /// # Errors
    /// When the provider or the store cannot answer; calling again is safe.
    pub async fn payment_changed(&self, intent: &str) -> Result<bool, OrdersError> {
        let Some(stored) = self.payment_of(intent).await? else { return Ok(false) };
        self.refreshed(stored).await?;
        Ok(true)
    }

    /// A payment is paid, or never will be: its order goes on, or it goes back if that is owed.
    ///
    /// # Errors
    /// When the provider or the store cannot answer; calling again is safe.
    pub async fn payment_settled(&self, intent: &str) -> Result<(), OrdersError> {
        if let Some(order) = self.ports.orders.find_by(Order::PAYMENT, intent.into()).await? {
            self.reconsider(*order.value.id()).await?;
        }
        self.pay_back(intent).await
    }

    /// An order has ended without its work: its payment is owed to the buyer.
    ///
    /// # Errors
    /// When the store cannot answer; calling again is safe.
    pub async fn refund_order(&self, id: OrderObjectId) -> Result<(), OrdersError> {
        let order = self.load(id).await?.ok_or(OrdersError::OrderNotFound)?.value;
        if order.record().refund.as_ref().is_none_or(|refund| refund.paid_at.is_some()) {
            return Ok(());
        }
        let intent = order.record().payment.clone();
        let unknown = || ProviderError::Unknown { intent: intent.clone() };
        let payment = *self.payment_of(&intent).await?.ok_or_else(unknown)?.value.id();
        let reason = RefundReason::OrderEnded { order: id };
        let owed = self.change_payment(payment, |payment, now| payment.owed_back(reason, now)).await?;
        let settled = owed.value.refund().is_some_and(|refund| refund.settled_at.is_some());
        if settled { self.order_refunded(id).await } else { Ok(()) }
    }

    /// Gives a payment back if that is owed. One that is still on its way goes back once it arrives.
    ///
    /// # Errors
    /// When the provider or the store cannot answer; calling again is safe, the key pays back once.
    pub async fn pay_back(&self, intent: &str) -> Result<(), OrdersError> {
        let Some(known) = self.payment_of(intent).await? else { return Ok(()) };
        let Some(refund) = known.value.refund().cloned().filter(|refund| refund.settled_at.is_none()) else {
            return Ok(());
        };
        let id = *known.value.id();
        let mut status = self.refreshed(known).await?.value.status();
        if status == PaymentStatus::Open {
            // One that is made in this very moment is refused here, and given back when its notice arrives.
            let cancelled = self.ports.provider.cancel(intent).await?;
            status = self.observe(id, cancelled.status).await?.value.status();
        }
        match status {
            PaymentStatus::Open | PaymentStatus::Processing => return Ok(()),
            PaymentStatus::Paid => drop(self.ports.provider.refund(intent, &refund.key).await?),
            PaymentStatus::Cancelled => {}
        }
        self.change_payment(id, |payment, now| payment.refunded(now)).await.map(|_| ())
    }

    /// Notes on a cancelled order that nothing is owed any more.
    ///
    /// # Errors
    /// When the store cannot answer; calling again is safe.
    pub async fn order_refunded(&self, id: OrderObjectId) -> Result<(), OrdersError> {
        in_turn(&*self.ports.orders, &id, async || {
            let stored = self.load(id).await?.ok_or(OrdersError::OrderNotFound)?;
            let decided = stored.value.refunded(self.ports.clock.now())?;
            self.store(stored.version, decided).await.map(|_| ())
        })
        .await
    }

    /// Makes sure a payment nobody made is never made. What the provider does not know any more never is.
    pub(super) async fn expire(&self, stored: Stored<Payment>) -> Result<bool, OrdersError> {
        let stored = self.refreshed(stored).await?;
        let intent = stored.value.intent();
        let status = match stored.value.status() {
            PaymentStatus::Paid | PaymentStatus::Cancelled => return Ok(false),
            PaymentStatus::Processing if self.ports.provider.intent(intent).await?.is_some() => return Ok(false),
            PaymentStatus::Processing => PaymentStatus::Cancelled,
            PaymentStatus::Open => match self.ports.provider.cancel(intent).await {
                Ok(intent) => intent.status,
                Err(ProviderError::Unknown { .. }) => PaymentStatus::Cancelled,
                // Made in this very moment: the next sweep sees.
                Err(error) if !error.kind().retryable() => return Ok(false),
                Err(error) => return Err(error.into()),
            },
        };
        let observed = self.observe(*stored.value.id(), status).await?;
        Ok(observed.value.status() == PaymentStatus::Cancelled)
    }
}

/// The provider's idempotency key for the payment a request plans. A digest, because callers choose long keys and providers
/// take short ones.
fn intent_key(cause: &Cause) -> String {
    let digest = Sha256::digest(cause.inbox_key("intent", ""));
    format!("intent-{}", hex::encode(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_providers_key_is_short_however_long_the_requests_is_and_differs_for_every_request() {
        let cause = |caller: &str, key: &str| Cause::Request {
            caller: caller.to_owned(),
            route: "POST /order/create-payment-intent".to_owned(),
            key: key.to_owned(),
            body_hash: String::new(),
        };
        let long = "k".repeat(128);
        let keys = [cause("日本語日本語日本語日本語", &long), cause("Marta", &long), cause("Marta", "k")]
            .map(|cause| intent_key(&cause));
        assert!(keys.iter().all(|key| key.len() == 71), "{keys:?}");
        assert!(keys[0] != keys[1] && keys[1] != keys[2]);
        assert_eq!(intent_key(&cause("Marta", "k")), keys[2]);
    }
}
