//! Payments: who pays how much, whether it arrived, which order it is for, and what goes back.

use std::time::Duration;

use jobapp_kernel::{Aggregate, InvalidState, Key, KeyValue, Money, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{OrderNumber, OrderObjectId, PaymentId};

/// How long an order may take from its claim on the payment until it is stored.
const CLAIM_HOLDS: Duration = Duration::from_secs(5 * 60);

/// How far a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PaymentStatus {
    /// The buyer has not paid yet.
    Open,
    /// The money is on its way.
    Processing,
    /// The money is here.
    Paid,
    /// It will never be paid.
    Cancelled,
}

/// Which order a payment is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The number of the order. It may not be stored yet, or never: a claim comes before the order.
    pub order: OrderNumber,
    /// When.
    pub at: Timestamp,
    /// Whether the order is known to be stored.
    pub confirmed: bool,
}

/// Why money goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum RefundReason {
    /// The order it paid was cancelled.
    OrderEnded {
        /// The order.
        order: OrderObjectId,
    },
    /// The order it was to pay was refused.
    OrderRefused,
    /// No order was ever placed with it.
    Unclaimed,
}

/// Money that goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRefund {
    /// Why.
    pub reason: RefundReason,
    /// The provider's idempotency key: a repeated call pays back once.
    pub key: String,
    /// Since when it is owed.
    pub owed_at: Timestamp,
    /// When it was settled.
    pub settled_at: Option<Timestamp>,
}

/// What we know of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    record: PaymentV1,
}

/// The first stored form of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentV1 {
    id: PaymentId,
    intent: String,
    username: String,
    amount: Money,
    created_at: Timestamp,
    status: PaymentStatus,
    paid_at: Option<Timestamp>,
    claim: Option<Claim>,
    refund: Option<PaymentRefund>,
}

/// What is stored of a payment.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "v")]
pub enum PaymentState {
    /// The first form.
    #[serde(rename = "1")]
    V1(Box<PaymentV1>),
}
jobapp_kernel::forms!(PaymentState { "1" => V1 });

/// What payments raise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum PaymentEvent {
    /// It is paid, or never will be: whoever waits for it goes on.
    PaymentSettled {
        /// The provider's id.
        intent: String,
    },
    /// It has to go back.
    RefundOwed {
        /// The provider's id.
        intent: String,
    },
    /// It went back, or there is nothing to give back.
    PaymentRefunded {
        /// The provider's id.
        intent: String,
        /// The order that was cancelled, if that was the reason.
        order: Option<OrderObjectId>,
    },
}

/// Why a payment cannot be used for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotUsable {
    /// It went back or will.
    #[error("the payment was refunded")]
    Refunded,
    /// It will never be paid.
    #[error("the payment was cancelled")]
    Cancelled,
}

impl Payment {
    /// The payment with a provider's id.
    pub const INTENT: Key<Self> =
        Key::<Self>::text("intent", |payment| vec![payment.record.intent.as_str().into()]).unique();
    /// The payments of a user that an order may still use; by age.
    pub const USABLE_OF: Key<Self> = Key::<Self>::text("usable_of", |payment| {
        payment.is_unsettled().then(|| payment.record.username.as_str().into()).into_iter().collect()
    })
    .sorted_by(|payment| payment.record.created_at.into());
    /// The payments no order is known to be paid with, by since when.
    pub const IDLE_SINCE: Key<Self> =
        Key::<Self>::int("idle_since", |payment| payment.idle_since().map(KeyValue::from).into_iter().collect());
    /// The payments that have to go back, by since when.
    pub const REFUND_OWED: Key<Self> = Key::<Self>::int("refund_owed", |payment| {
        let owed = payment.record.refund.iter().filter(|refund| refund.settled_at.is_none());
        owed.map(|refund| refund.owed_at.into()).collect()
    });

    /// A payment somebody is about to make.
    pub const fn new(id: PaymentId, intent: String, username: String, amount: Money, created_at: Timestamp) -> Self {
        let status = PaymentStatus::Open;
        Self {
            record: PaymentV1 {
                id,
                intent,
                username,
                amount,
                created_at,
                status,
                paid_at: None,
                claim: None,
                refund: None,
            },
        }
    }

    /// The provider's id.
    pub fn intent(&self) -> &str {
        &self.record.intent
    }

    /// Who pays: a user name.
    pub fn username(&self) -> &str {
        &self.record.username
    }

    /// How much.
    pub const fn amount(&self) -> Money {
        self.record.amount
    }

    /// When the buyer set out to pay.
    pub const fn created_at(&self) -> Timestamp {
        self.record.created_at
    }

    /// How far it is.
    pub const fn status(&self) -> PaymentStatus {
        self.record.status
    }

    /// Which order it is for.
    pub const fn claimed_by(&self) -> Option<&Claim> {
        self.record.claim.as_ref()
    }

    /// The money that goes back.
    pub const fn refund(&self) -> Option<&PaymentRefund> {
        self.record.refund.as_ref()
    }

    /// Since when it is paid, or planned, without an order that is known to be stored.
    pub fn idle_since(&self) -> Option<Timestamp> {
        self.is_unsettled().then(|| self.record.paid_at.unwrap_or(self.record.created_at))
    }

    fn is_unsettled(&self) -> bool {
        let record = &self.record;
        record.refund.is_none()
            && record.status != PaymentStatus::Cancelled
            && !record.claim.as_ref().is_some_and(|claim| claim.confirmed)
    }

    /// Takes over what the provider says. `None` when it is no news; what was paid or cancelled stays so.
    #[must_use]
    pub fn observed(mut self, status: PaymentStatus, now: Timestamp) -> Option<(Self, Vec<PaymentEvent>)> {
        use PaymentStatus::{Cancelled, Open, Paid, Processing};
        match (self.record.status, status) {
            (Paid | Cancelled, _) | (Open, Open) | (Processing, Processing) => None,
            (Open | Processing, Open | Processing) => {
                self.record.status = status;
                Some((self, Vec::new()))
            }
            (Open | Processing, Paid | Cancelled) => {
                self.record.status = status;
                self.record.paid_at = (status == Paid).then_some(now);
                let settled = PaymentEvent::PaymentSettled { intent: self.record.intent.clone() };
                Some((self, vec![settled]))
            }
        }
    }

    /// Reserves it for an order that is about to be stored. Whoever comes later takes over: that one payment pays one order is
    /// the unique key of the orders; what a claim prevents is that the money goes back meanwhile. Every claim makes a new
    /// version, also one for the same order, so that whoever claimed can tell whether somebody else has since.
    ///
    /// # Errors
    /// [`NotUsable`] when it went back or never comes.
    pub fn claimed(mut self, order: &OrderNumber, now: Timestamp) -> Result<Self, NotUsable> {
        if self.record.refund.is_some() {
            return Err(NotUsable::Refunded);
        }
        if self.record.status == PaymentStatus::Cancelled {
            return Err(NotUsable::Cancelled);
        }
        self.record.claim = Some(Claim { order: order.clone(), at: now, confirmed: false });
        Ok(self)
    }

    /// Takes back a claim whose order will not be stored. For the one who claimed, at the version of the claim only.
    #[must_use]
    pub fn released(mut self) -> Self {
        self.record.claim = None;
        self
    }

    /// Notes that the order of the claim is stored; `None` when that is no news.
    #[must_use]
    pub fn confirmed(mut self) -> Option<Self> {
        let claim = self.record.claim.as_mut().filter(|claim| !claim.confirmed)?;
        claim.confirmed = true;
        Some(self)
    }

    /// Has it go back; `None` when it does already, or when an order is just being placed with it.
    #[must_use]
    pub fn owed_back(mut self, reason: RefundReason, now: Timestamp) -> Option<(Self, Vec<PaymentEvent>)> {
        let is_claimed = self.record.claim.as_ref().is_some_and(|claim| now.since(claim.at) < CLAIM_HOLDS);
        let is_order_over = matches!(reason, RefundReason::OrderEnded { .. });
        if self.record.refund.is_some() || is_claimed && !is_order_over {
            return None;
        }
        let key = match reason {
            RefundReason::OrderEnded { order } => format!("refund-order-{order}"),
            RefundReason::OrderRefused => format!("refund-refused-{}", self.record.id),
            RefundReason::Unclaimed => format!("refund-unclaimed-{}", self.record.id),
        };
        self.record.refund = Some(PaymentRefund { reason, key, owed_at: now, settled_at: None });
        let owed = PaymentEvent::RefundOwed { intent: self.record.intent.clone() };
        Some((self, vec![owed]))
    }

    /// Notes that nothing is owed any more; `None` when nothing was.
    #[must_use]
    pub fn refunded(mut self, now: Timestamp) -> Option<(Self, Vec<PaymentEvent>)> {
        let refund = self.record.refund.as_mut().filter(|refund| refund.settled_at.is_none())?;
        refund.settled_at = Some(now);
        let order = match refund.reason {
            RefundReason::OrderEnded { order } => Some(order),
            RefundReason::OrderRefused | RefundReason::Unclaimed => None,
        };
        let refunded = PaymentEvent::PaymentRefunded { intent: self.record.intent.clone(), order };
        Some((self, vec![refunded]))
    }
}

impl Aggregate for Payment {
    const NAME: &'static str = "payment";
    type Id = PaymentId;
    type Event = PaymentEvent;
    type State = PaymentState;

    fn id(&self) -> &PaymentId {
        &self.record.id
    }

    fn keys() -> &'static [Key<Self>] {
        const { &[Self::INTENT, Self::USABLE_OF, Self::IDLE_SINCE, Self::REFUND_OWED] }
    }

    fn to_state(&self) -> PaymentState {
        PaymentState::V1(Box::new(self.record.clone()))
    }

    fn from_state(state: PaymentState) -> Result<Self, InvalidState> {
        let PaymentState::V1(record) = state;
        if !record.amount.is_positive() {
            return Err(InvalidState::new("a payment has a positive amount"));
        }
        if record.paid_at.is_some() != (record.status == PaymentStatus::Paid) {
            return Err(InvalidState::new("a payment knows when it was paid exactly when it is paid"));
        }
        Ok(Self { record: *record })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::EPOCH;

    fn payment() -> Payment {
        let id = "66f0c0ffee0000000000f001".parse().unwrap();
        Payment::new(id, "pi_1".into(), "Marta".into(), Money::from_cents(100), NOW)
    }

    fn order(number: u8) -> OrderObjectId {
        OrderObjectId(jobapp_kernel::ObjectId::from_bytes([number; 12]))
    }

    #[test]
    fn what_is_paid_stays_paid_whatever_comes_later_and_in_any_order() {
        use PaymentStatus::{Cancelled, Open, Paid, Processing};
        let (processing, events) = payment().observed(Processing, NOW).unwrap();
        assert!(events.is_empty());
        assert!(processing.clone().observed(Open, NOW).is_some(), "a payment on its way may fail and be tried again");
        let (paid, events) = processing.observed(Paid, NOW).unwrap();
        assert_eq!(events, [PaymentEvent::PaymentSettled { intent: "pi_1".into() }]);
        for late in [Open, Processing, Paid, Cancelled] {
            assert!(paid.clone().observed(late, NOW).is_none(), "{late:?}");
        }
    }

    #[test]
    fn a_claim_keeps_the_money_here_until_the_order_had_time_to_be_stored() {
        let (first, second): (OrderNumber, OrderNumber) = ("JO1".parse().unwrap(), "JO2".parse().unwrap());
        let claimed = payment().claimed(&first, NOW).unwrap();
        assert!(claimed.clone().claimed(&first, NOW).is_ok());
        assert!(claimed.clone().released().owed_back(RefundReason::OrderRefused, NOW).is_some());
        assert!(claimed.clone().owed_back(RefundReason::OrderRefused, NOW).is_none());
        assert!(claimed.clone().owed_back(RefundReason::Unclaimed, NOW.plus(CLAIM_HOLDS)).is_some());
        assert!(claimed.clone().owed_back(RefundReason::OrderEnded { order: order(1) }, NOW).is_some());
        assert!(claimed.claimed(&second, NOW).is_ok(), "the unique key of the orders decides");
        let (cancelled, _) = payment().observed(PaymentStatus::Cancelled, NOW).unwrap();
        assert_eq!(cancelled.claimed(&first, NOW), Err(NotUsable::Cancelled));
    }

    #[test]
    fn it_goes_back_once() {
        let (owed, events) = payment().owed_back(RefundReason::OrderEnded { order: order(1) }, NOW).unwrap();
        assert_eq!(events, [PaymentEvent::RefundOwed { intent: "pi_1".into() }]);
        assert!(owed.clone().owed_back(RefundReason::Unclaimed, NOW).is_none());
        assert_eq!(owed.clone().claimed(&"JO2".parse().unwrap(), NOW), Err(NotUsable::Refunded));
        let (back, events) = owed.refunded(NOW).unwrap();
        assert_eq!(events, [PaymentEvent::PaymentRefunded { intent: "pi_1".into(), order: Some(order(1)) }]);
        assert!(back.refunded(NOW).is_none());
    }
}
