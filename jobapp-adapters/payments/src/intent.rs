//! A fake payment, as it is stored.

use std::fmt;
use std::str::FromStr;

use jobapp_kernel::{Aggregate, InvalidId, InvalidState, Key, Money, Timestamp};
use jobapp_orders::{Customer, Intent, PaymentStatus, ProviderError};
use serde::{Deserialize, Serialize};

/// The id of a fake payment: `pi_` and 1 to 60 letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FakeIntentId(String);

impl FromStr for FakeIntentId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let rest = text.strip_prefix("pi_").unwrap_or_default();
        if (1..=60).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidId::new(text, "pi_ and up to 60 letters and digits"))
    }
}

impl TryFrom<String> for FakeIntentId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<FakeIntentId> for String {
    fn from(id: FakeIntentId) -> Self {
        id.0
    }
}

impl fmt::Display for FakeIntentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// How far a fake payment is, in Stripe's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FakeStatus {
    /// Nobody has paid yet, or the attempt was declined.
    RequiresPaymentMethod,
    /// The money is on its way.
    Processing,
    /// The money is here.
    Succeeded,
    /// It will never be paid.
    Canceled,
}

impl FakeStatus {
    /// Stripe's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

impl From<FakeStatus> for PaymentStatus {
    fn from(status: FakeStatus) -> Self {
        match status {
            FakeStatus::RequiresPaymentMethod => Self::Open,
            FakeStatus::Processing => Self::Processing,
            FakeStatus::Succeeded => Self::Paid,
            FakeStatus::Canceled => Self::Cancelled,
        }
    }
}

/// A fake payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeIntent {
    record: FakeIntentV1,
}

/// The first stored form of a fake payment.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FakeIntentV1 {
    id: FakeIntentId,
    secret: String,
    key: String,
    amount: Money,
    username: String,
    email: String,
    status: FakeStatus,
    declined: bool,
    created_at: Timestamp,
    refund_key: Option<String>,
}

impl fmt::Debug for FakeIntentV1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeIntentV1").field("id", &self.id).field("status", &self.status).finish_non_exhaustive()
    }
}

/// What is stored of a fake payment.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "v")]
pub enum FakeIntentState {
    /// The first form.
    #[serde(rename = "1")]
    V1(Box<FakeIntentV1>),
}
jobapp_kernel::forms!(FakeIntentState { "1" => V1 });

impl FakeIntent {
    /// The payment that was made with an idempotency key.
    pub const KEY: Key<Self> =
        Key::<Self>::text("idempotency_key", |intent| vec![intent.record.key.as_str().into()]).unique();
    /// All payments, by age.
    pub const CREATED: Key<Self> = Key::<Self>::int("created", |intent| vec![intent.record.created_at.into()]);

    /// A payment nobody has made yet. `random` makes up its id and its secret.
    pub(crate) fn new(random: [&str; 2], key: String, amount: Money, customer: &Customer, now: Timestamp) -> Self {
        let id = FakeIntentId(format!("pi_{}", random[0]));
        let secret = format!("{id}_secret_{}", random[1]);
        Self {
            record: FakeIntentV1 {
                id,
                secret,
                key,
                amount,
                username: customer.username.clone(),
                email: customer.email.clone(),
                status: FakeStatus::RequiresPaymentMethod,
                declined: false,
                created_at: now,
                refund_key: None,
            },
        }
    }

    /// How much.
    pub const fn amount(&self) -> Money {
        self.record.amount
    }

    /// Who pays.
    pub fn username(&self) -> &str {
        &self.record.username
    }

    /// How far it is.
    pub const fn status(&self) -> FakeStatus {
        self.record.status
    }

    /// Whether the last attempt was declined.
    pub const fn was_declined(&self) -> bool {
        self.record.declined
    }

    /// Whether it went back.
    pub const fn was_refunded(&self) -> bool {
        self.record.refund_key.is_some()
    }

    /// When it was made.
    pub const fn created_at(&self) -> Timestamp {
        self.record.created_at
    }

    /// What the marketplace sees of it.
    pub(crate) fn seen(&self) -> Intent {
        let record = &self.record;
        Intent {
            id: record.id.to_string(),
            client_secret: record.secret.clone(),
            status: record.status.into(),
            amount: record.amount,
            username: Some(record.username.clone()),
            created_at: record.created_at,
            refunded: if self.was_refunded() { record.amount } else { Money::ZERO },
        }
    }

    /// The buyer's bank answers. `None` when nothing changes.
    pub(crate) fn moved(mut self, to: FakeStatus, declined: bool) -> Result<Option<Self>, ProviderError> {
        let from = self.record.status;
        if from == to && self.record.declined == declined {
            return Ok(None);
        }
        let is_final = matches!(from, FakeStatus::Succeeded | FakeStatus::Canceled);
        let cannot_cancel = from == FakeStatus::Processing && to == FakeStatus::Canceled;
        if is_final || cannot_cancel {
            let reason = format!("a payment that is {} cannot become {}", from.name(), to.name());
            return Err(ProviderError::Refused { reason });
        }
        self.record.status = to;
        self.record.declined = declined;
        Ok(Some(self))
    }

    /// The marketplace gives all of it back. `None` when it did with the same key.
    pub(crate) fn refunded(mut self, key: &str) -> Result<Option<Self>, ProviderError> {
        if self.record.refund_key.as_deref() == Some(key) {
            return Ok(None);
        }
        if self.record.status != FakeStatus::Succeeded || self.was_refunded() {
            let state = if self.was_refunded() { "refunded" } else { self.record.status.name() };
            return Err(ProviderError::Refused { reason: format!("a payment that is {state} cannot be refunded") });
        }
        self.record.refund_key = Some(key.to_owned());
        Ok(Some(self))
    }

    /// Whether a repeated creation asks for the same.
    pub(crate) fn is_for(&self, amount: Money, customer: &Customer) -> bool {
        self.record.amount == amount && self.record.username == customer.username
    }
}

impl Aggregate for FakeIntent {
    const NAME: &'static str = "fake_intent";
    type Id = FakeIntentId;
    type Event = ();
    type State = FakeIntentState;

    fn id(&self) -> &FakeIntentId {
        &self.record.id
    }

    fn keys() -> &'static [Key<Self>] {
        const { &[Self::KEY, Self::CREATED] }
    }

    fn to_state(&self) -> FakeIntentState {
        FakeIntentState::V1(Box::new(self.record.clone()))
    }

    fn from_state(state: FakeIntentState) -> Result<Self, InvalidState> {
        let FakeIntentState::V1(record) = state;
        if record.refund_key.is_some() && record.status != FakeStatus::Succeeded {
            return Err(InvalidState::new("only what was paid goes back"));
        }
        Ok(Self { record: *record })
    }
}
