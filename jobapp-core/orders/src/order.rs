//! The order: it decides, and raises events.

use jobapp_kernel::{Aggregate, InvalidState, Key, KeyValue, Money, ObjectId, Timestamp};
use serde::Serialize;

use crate::event::{OrderEvent, Step};
use crate::extension::Extension;
use crate::fees::service_fee;
use crate::machine::{Action, Decision, Phase, Refused, Who, decide};
use crate::record::{
    Agreement, Answered, DeliveredWork, ExtensionAnswer, GigCard, OrderRecord, Party, Refund, Review, WaitingFor, Work,
};
use crate::verdict::{Evidence, Refusal, Verdict};
use crate::{BuyerId, OrderNumber, OrderObjectId, SellerId};

/// How many further numbers one order is known by at most.
const MOST_ALIASES: usize = 32;

/// How often work can be handed over: each time is mailed to the buyer and stays in the order for good.
const MOST_DELIVERIES: usize = 50;

/// How often the seller can ask for more time: each time is mailed to the buyer.
const MOST_EXTENSION_REQUESTS: usize = 20;

/// Above every instant in milliseconds: puts open orders before ended ones.
const OPEN_FIRST: i64 = 1_000_000_000_000_000;

/// An order. Every change goes through a method that decides by the [table](crate::machine::TRANSITIONS).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    record: OrderRecord,
}

/// What a decision led to: the order, and the event to store with it; none when it repeats what was done.
#[derive(Debug, Clone)]
pub struct Decided {
    /// The order from now on.
    pub order: Order,
    /// What happened.
    pub events: Vec<OrderEvent>,
}

/// What a buyer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// The document id.
    pub id: OrderObjectId,
    /// The public number, made by the client.
    pub number: OrderNumber,
    /// The invoice number, made by the client.
    pub invoice: String,
    /// The payment it is paid with.
    pub payment: String,
    /// The payment the client named.
    pub named_payment: String,
    /// The gig, as the client says; ours once it is known.
    pub gig: GigCard,
    /// The seller, as the client says; ours once the gig is known.
    pub seller: Party<SellerId>,
    /// The buyer: the caller.
    pub buyer: Party<BuyerId>,
    /// The price.
    pub price: Money,
    /// What was agreed on.
    pub agreement: Agreement,
    /// What the buyer asks for.
    pub requirements: String,
}

impl Order {
    /// The order that goes by a number.
    pub const NUMBER: Key<Self> = Key::<Self>::text("number", |order| {
        let record = &order.record;
        std::iter::once(&record.number).chain(&record.aliases).map(KeyValue::from).collect()
    })
    .unique()
    .many();
    /// The order that is paid with an intent: one payment, one order.
    pub const PAYMENT: Key<Self> =
        Key::<Self>::text("payment", |order| vec![order.record.payment.as_str().into()]).unique();
    /// The order that used an accepted offer: one offer, one order.
    pub const OFFER: Key<Self> =
        Key::<Self>::text("offer", |order| order.record.offer.iter().map(KeyValue::from).collect()).unique();
    /// The orders of a buyer that named an intent, see [`Order::named_by`]; by age.
    pub const NAMED: Key<Self> = Key::<Self>::text("named_payment", |order| {
        let record = &order.record;
        vec![Self::named_by(&record.buyer.username, &record.named_payment)]
    })
    .sorted_by(|order| order.record.placed_at.into());
    /// The orders of a seller, from when the work started. Descending: open ones first, then the newest.
    pub const SELLER: Key<Self> = Key::<Self>::text("seller", |order| {
        order.record.started_at.iter().map(|_| KeyValue::from(order.record.seller.id)).collect()
    })
    .sorted_by(Self::open_then_newest);
    /// The orders of a buyer. Descending: open ones first, then the newest.
    pub const BUYER: Key<Self> =
        Key::<Self>::text("buyer", |order| vec![order.record.buyer.id.into()]).sorted_by(Self::open_then_newest);
    /// The orders that wait for something, by the gig they are for.
    pub const WAITING_GIG: Key<Self> = Key::<Self>::text("waiting_gig", |order| {
        order.record.waiting_for.iter().map(|_| KeyValue::from(order.record.gig.id)).collect()
    })
    .sorted_by(|order| order.record.placed_at.into());
    /// The orders that wait for something, by when they were placed.
    pub const WAITING_SINCE: Key<Self> = Key::<Self>::int("waiting_since", |order| {
        order.record.waiting_for.iter().map(|_| order.record.placed_at.into()).collect()
    });
    /// The orders whose money has to go back, by since when.
    pub const REFUND_OWED: Key<Self> = Key::<Self>::int("refund_owed", |order| {
        order
            .record
            .refund
            .iter()
            .filter(|refund| refund.paid_at.is_none())
            .map(|refund| refund.owed_at.into())
            .collect()
    });

    fn open_then_newest(&self) -> KeyValue {
        let open = if self.record.phase.has_ended() { 0 } else { OPEN_FIRST };
        KeyValue::Int(open + self.record.placed_at.as_millis())
    }

    /// The value of [`Order::NAMED`] for a buyer and what he named; long texts are cut, they are no intents.
    pub fn named_by(buyer: &str, named: &str) -> KeyValue {
        let cut: String = format!("{buyer} {named}").chars().filter(|c| !c.is_control()).take(47).collect();
        cut.into()
    }

    /// Everything it consists of.
    pub const fn record(&self) -> &OrderRecord {
        &self.record
    }

    /// Places an order. It starts at once if `evidence` holds everything; it waits if something is not known yet.
    ///
    /// # Errors
    /// The [`Refusal`] when what it claims is contradicted.
    pub fn place(new: NewOrder, evidence: &Evidence<'_>, now: Timestamp) -> Result<Decided, Refusal> {
        let record = OrderRecord {
            id: new.id,
            number: new.number,
            aliases: Vec::new(),
            invoice: new.invoice,
            phase: Phase::AwaitingPayment,
            waiting_for: Some(WaitingFor::Payment),
            answered: Answered::default(),
            payment: new.payment,
            named_payment: new.named_payment,
            offer: None,
            gig: new.gig,
            seller: new.seller,
            buyer: new.buyer,
            fee: service_fee(new.price),
            price: new.price,
            agreement: new.agreement.dated(now),
            requirements: new.requirements,
            work: Vec::new(),
            extension: None,
            extension_requests: 0,
            last_answer: None,
            placed_at: now,
            started_at: None,
            delivered_at: None,
            extended_at: None,
            ended_at: None,
            cancelled_by: None,
            refusal: None,
            buyer_review: None,
            seller_review: None,
            refund: None,
        };
        let mut order = Self { record };
        let verdict = evidence.judge(&order.record);
        if let Verdict::Refuse(refusal) = verdict {
            return Err(refusal);
        }
        if let Verdict::Wait(reason) = verdict {
            order.record.waiting_for = Some(reason);
        }
        let actor = order.record.buyer.username.clone();
        let placed = OrderEvent::OrderPlaced(order.step(&actor, now));
        let mut events = vec![placed];
        order.apply(verdict, now, &mut events);
        Ok(Decided { order, events })
    }

    /// Decides again on an order that waits. Nothing happens when it still waits for the same, or waits no more.
    #[must_use]
    pub fn reconsider(mut self, evidence: &Evidence<'_>, now: Timestamp) -> Decided {
        let mut events = Vec::new();
        if self.record.phase == Phase::AwaitingPayment {
            let verdict = evidence.judge(&self.record);
            self.apply(verdict, now, &mut events);
        }
        Decided { order: self, events }
    }

    /// Notes that what was asked about when it was placed is answered: whatever the answer told is known by now.
    #[must_use]
    pub const fn answered(mut self, by: Answered) -> Self {
        self.record.answered = self.record.answered.and(by);
        self
    }

    /// Gives up waiting: the marketplace refuses the order, and what was paid goes back.
    ///
    /// # Errors
    /// [`Refused`] when it does not wait.
    pub fn refuse(mut self, refusal: Refusal, now: Timestamp) -> Result<Decided, Refused> {
        let done = self.record.refusal.is_some();
        let mut events = Vec::new();
        if let Decision::Go(_) = decide(self.record.phase, Action::Refuse, Who::Marketplace, done)? {
            self.apply(Verdict::Refuse(refusal), now, &mut events);
        }
        Ok(Decided { order: self, events })
    }

    fn apply(&mut self, verdict: Verdict, now: Timestamp, events: &mut Vec<OrderEvent>) {
        match verdict {
            Verdict::Wait(reason) => self.record.waiting_for = Some(reason),
            Verdict::Start { gig, offer } => {
                self.record.phase = Phase::InProgress;
                self.stop_waiting();
                self.record.started_at = Some(now);
                self.record.gig = gig.card;
                self.record.seller = gig.seller;
                if let Some((offer, days)) = offer {
                    self.record.offer = Some(offer);
                    self.record.agreement.delivery_in_days = days;
                }
                let buyer = self.record.buyer.username.clone();
                events.push(OrderEvent::OrderStarted(self.step(&buyer, now)));
            }
            Verdict::Refuse(refusal) => {
                self.end(Phase::Cancelled, now);
                self.record.refusal = Some(refusal.to_string());
                self.record.cancelled_by = Some(Who::Marketplace);
                self.record.refund = Some(Refund { owed_at: now, paid_at: None });
                events.push(OrderEvent::OrderCancelled(self.step("", now)));
            }
        }
    }

    /// The seller hands over work: once more if he did before.
    ///
    /// # Errors
    /// [`Refused`] unless the caller is the seller and the order is open, and when he delivered too often.
    pub fn deliver(mut self, work: Work, id: ObjectId, by: Who, now: Timestamp) -> Result<Decided, Refused> {
        let Decision::Go(phase) = decide(self.record.phase, Action::Deliver, by, false)? else {
            return Ok(self.unchanged());
        };
        at_most(MOST_DELIVERIES, self.record.work.len(), Action::Deliver)?;
        self.record.phase = phase;
        self.record.extension = None;
        self.record.delivered_at = Some(now);
        let Work { message, file, file_type, file_size, file_name } = work;
        let file_type = file_type.as_deref().map(jobapp_kernel::file_label);
        let file_size = file_size.as_deref().map(jobapp_kernel::file_label);
        let file_name = file_name.as_deref().map(jobapp_kernel::file_name);
        self.record.work.push(DeliveredWork { id, at: now, message, file, file_type, file_size, file_name });
        Ok(self.happened(by, now, OrderEvent::OrderDelivered))
    }

    /// The buyer accepts the delivered work.
    ///
    /// # Errors
    /// [`Refused`] unless the caller is the buyer and work was delivered.
    pub fn approve(mut self, by: Who, now: Timestamp) -> Result<Decided, Refused> {
        let done = self.record.phase == Phase::Completed;
        let Decision::Go(phase) = decide(self.record.phase, Action::Approve, by, done)? else {
            return Ok(self.unchanged());
        };
        self.end(phase, now);
        Ok(self.happened(by, now, OrderEvent::OrderApproved))
    }

    /// The seller gives up work he has not delivered, or the buyer an order that waits.
    ///
    /// # Errors
    /// [`Refused`] otherwise.
    pub fn cancel(mut self, by: Who, now: Timestamp) -> Result<Decided, Refused> {
        let done = self.record.phase == Phase::Cancelled;
        let Decision::Go(phase) = decide(self.record.phase, Action::Cancel, by, done)? else {
            return Ok(self.unchanged());
        };
        self.end(phase, now);
        self.record.cancelled_by = Some(by);
        self.record.refund = Some(Refund { owed_at: now, paid_at: None });
        Ok(self.happened(by, now, OrderEvent::OrderCancelled))
    }

    /// The seller asks for more time. Asking for something else replaces the request.
    ///
    /// # Errors
    /// [`Refused`] unless the caller is the seller and works on it, and when he asked too often or for no later date.
    pub fn request_extension(mut self, mut request: Extension, by: Who, now: Timestamp) -> Result<Decided, Refused> {
        // What held until now is ours to say.
        request.original_date = self.record.agreement.due.to_string();
        let Decision::Go(phase) = decide(self.record.phase, Action::RequestExtension, by, false)? else {
            return Ok(self.unchanged());
        };
        if self.record.extension.as_ref() == Some(&request) {
            return Ok(self.unchanged());
        }
        request.check(self.record.agreement.due, now)?;
        at_most(MOST_EXTENSION_REQUESTS, self.record.extension_requests, Action::RequestExtension)?;
        self.record.phase = phase;
        self.record.extension_requests += 1;
        self.record.extension = Some(request);
        self.record.last_answer = None;
        Ok(self.happened(by, now, OrderEvent::ExtensionRequested))
    }

    /// The buyer answers the request that is stored.
    ///
    /// # Errors
    /// [`Refused`] unless the caller is the buyer and there is a request, or he gave the same answer before. A date that has
    /// passed since it was asked for can only be rejected.
    pub fn answer_extension(mut self, answer: ExtensionAnswer, by: Who, now: Timestamp) -> Result<Decided, Refused> {
        let action = match answer {
            ExtensionAnswer::Approved => Action::ApproveExtension,
            ExtensionAnswer::Rejected => Action::RejectExtension,
        };
        let done = self.record.extension.is_none() && self.record.last_answer == Some(answer);
        let Decision::Go(phase) = decide(self.record.phase, action, by, done)? else {
            return Ok(self.unchanged());
        };
        if let (ExtensionAnswer::Approved, Some(request)) = (answer, &self.record.extension) {
            request.check(self.record.agreement.due, now)?;
        }
        self.record.phase = phase;
        self.record.last_answer = Some(answer);
        let request = self.record.extension.take();
        if let (ExtensionAnswer::Approved, Some(request)) = (answer, request) {
            self.record.agreement.delivery_in_days = request.days;
            self.record.agreement.due = request.new_due;
            self.record.agreement.reason = request.reason;
            self.record.extended_at = Some(now);
            return Ok(self.happened(by, now, OrderEvent::ExtensionApproved));
        }
        Ok(self.happened(by, now, OrderEvent::ExtensionRejected))
    }

    /// One side says how it was; the first word counts.
    ///
    /// # Errors
    /// [`Refused`] unless the order is completed.
    pub fn review(mut self, review: Review, by: Who) -> Result<Decided, Refused> {
        let written = if by == Who::Buyer { &mut self.record.buyer_review } else { &mut self.record.seller_review };
        let Decision::Go(_) = decide(self.record.phase, Action::Review, by, written.is_some())? else {
            return Ok(self.unchanged());
        };
        let at = review.at;
        *written = Some(review);
        let event = if by == Who::Buyer { OrderEvent::BuyerReview } else { OrderEvent::SellerReview };
        Ok(self.happened(by, at, event))
    }

    /// Notes that nothing more is owed to the buyer.
    ///
    /// # Errors
    /// [`Refused`] unless it was cancelled.
    pub fn refunded(mut self, now: Timestamp) -> Result<Decided, Refused> {
        let done = self.record.refund.as_ref().is_some_and(|refund| refund.paid_at.is_some());
        let Decision::Go(_) = decide(self.record.phase, Action::Refund, Who::Marketplace, done)? else {
            return Ok(self.unchanged());
        };
        let owed_at = self.record.refund.as_ref().map_or(now, |refund| refund.owed_at);
        self.record.refund = Some(Refund { owed_at, paid_at: Some(now) });
        Ok(self.happened(Who::Marketplace, now, OrderEvent::OrderRefunded))
    }

    /// Makes it go by one more number; `None` when it does already, or goes by too many.
    #[must_use]
    pub fn also_known_as(mut self, number: OrderNumber) -> Option<Self> {
        if self.record.goes_by(&number) || self.record.aliases.len() >= MOST_ALIASES {
            return None;
        }
        self.record.aliases.push(number);
        Some(self)
    }

    /// It is decided: who answered what in the meantime is of no interest any more.
    fn stop_waiting(&mut self) {
        self.record.waiting_for = None;
        self.record.answered = Answered::default();
    }

    fn end(&mut self, phase: Phase, now: Timestamp) {
        self.record.phase = phase;
        self.stop_waiting();
        self.record.extension = None;
        self.record.ended_at = Some(now);
    }

    const fn unchanged(self) -> Decided {
        Decided { order: self, events: Vec::new() }
    }

    fn happened(self, by: Who, now: Timestamp, event: fn(Box<Step>) -> OrderEvent) -> Decided {
        let actor = match by {
            Who::Buyer => self.record.buyer.username.clone(),
            Who::Seller => self.record.seller.username.clone(),
            Who::Marketplace => String::new(),
        };
        let events = vec![event(self.step(&actor, now))];
        Decided { order: self, events }
    }

    fn step(&self, actor: &str, at: Timestamp) -> Box<Step> {
        Box::new(Step { actor: actor.to_owned(), at, order: self.to_state() })
    }
}

/// Whether something that was done so often can be done once more.
const fn at_most(most: usize, done: usize, action: Action) -> Result<(), Refused> {
    if done < most { Ok(()) } else { Err(Refused::TooOften { action, most }) }
}

/// What is stored of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "v")]
pub enum OrderState {
    /// The first form.
    #[serde(rename = "1")]
    V1(Box<OrderRecord>),
}
jobapp_kernel::forms!(OrderState { "1" => V1 });

impl OrderState {
    /// What the order consists of.
    pub fn record(&self) -> &OrderRecord {
        let Self::V1(record) = self;
        record
    }
}

impl Aggregate for Order {
    const NAME: &'static str = "order";
    type Id = OrderObjectId;
    type Event = OrderEvent;
    type State = OrderState;

    fn id(&self) -> &OrderObjectId {
        &self.record.id
    }

    fn keys() -> &'static [Key<Self>] {
        const {
            &[
                Self::NUMBER,
                Self::PAYMENT,
                Self::OFFER,
                Self::NAMED,
                Self::SELLER,
                Self::BUYER,
                Self::WAITING_GIG,
                Self::WAITING_SINCE,
                Self::REFUND_OWED,
            ]
        }
    }

    fn to_state(&self) -> OrderState {
        OrderState::V1(Box::new(self.record.clone()))
    }

    fn from_state(state: OrderState) -> Result<Self, InvalidState> {
        let OrderState::V1(record) = state;
        let broken = |rule: &str| Err(InvalidState::new(format!("{rule}, but the order is {}", record.phase)));
        let phase = record.phase;
        if !record.price.is_positive() || record.fee < Money::ZERO {
            return broken("an order has a positive price and no negative fee");
        }
        if record.waiting_for.is_some() != (phase == Phase::AwaitingPayment) {
            return broken("an order waits for something exactly while it is not paid and checked");
        }
        if record.extension.is_some() != (phase == Phase::ExtensionRequested) {
            return broken("an extension is pending exactly while one is requested");
        }
        if record.work.is_empty() && matches!(phase, Phase::Delivered | Phase::Completed) {
            return broken("delivered work is there once it was delivered");
        }
        if record.ended_at.is_some() != phase.has_ended() {
            return broken("an order has an end exactly when it has ended");
        }
        if record.refund.is_some() && phase != Phase::Cancelled {
            return broken("money goes back only when an order was cancelled");
        }
        if record.started_at.is_none() && !matches!(phase, Phase::AwaitingPayment | Phase::Cancelled) {
            return broken("work starts before it goes on");
        }
        Ok(Self { record: *record })
    }
}
