//! Placing an order: with which payment, and whether it may start.

use jobapp_kernel::{
    Aggregate, Cause, Change, ErrorKind, Kinded, MAX_KEY_BYTES, Money, PageRequest, Price, RepositoryError, Saved,
    Stored, Version, in_turn, turn_by,
};

use super::Orders;
use super::facts::Claims;
use crate::error::OrdersError;
use crate::fees::total;
use crate::machine::Phase;
use crate::order::NewOrder;
use crate::payment::{Payment, PaymentStatus, RefundReason};
use crate::record::{Agreement, GigCard, OrderRecord, Party, WaitingFor};
use crate::{BuyerId, Order, OrderNumber, OrderObjectId, PaymentId, SellerId};

/// How many of a buyer's payments are looked through for one that fits.
const MOST_PAYMENTS: usize = 200;
/// How many of them the provider is asked about.
const MOST_ASKED: usize = 10;
/// How often a request is decided anew because something else was faster: a notice of the provider, or another process.
const TRIES: usize = 32;

/// What a buyer asks for. The buyer is the caller; gig and seller are claims until the gig is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRequest {
    /// The public number, made by the client.
    pub number: OrderNumber,
    /// The invoice number, made by the client.
    pub invoice: String,
    /// The payment the client names; may be anything.
    pub named_payment: String,
    /// The gig, as the client sees it.
    pub gig: GigCard,
    /// The seller, as the client sees him.
    pub seller: Party<SellerId>,
    /// The caller.
    pub buyer: Party<BuyerId>,
    /// The price.
    pub price: Price,
    /// What was agreed on.
    pub agreement: Agreement,
    /// What the buyer asks for.
    pub requirements: String,
}

/// What became of a request for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The order: a new one, or the one that was placed the first time.
    pub order: Order,
    /// Whether it was placed before.
    pub repeated: bool,
}

/// With what an order is paid.
enum Choice {
    Payment(Box<Stored<Payment>>),
    Repeat(Box<Order>),
}

/// Why no payment was found, the weightiest reason last.
#[derive(Default)]
struct Reasons {
    processing: Option<Stored<Payment>>,
    wrong_amount: Option<Money>,
    refunded: bool,
    used: bool,
    provider: Option<OrdersError>,
}

impl OrderRequest {
    fn is_for_the_same_as(&self, order: &OrderRecord) -> bool {
        order.buyer.username == self.buyer.username && order.gig.id == self.gig.id && order.price == self.price()
    }

    /// What it costs, without the fee.
    const fn price(&self) -> Money {
        self.price.money()
    }

    fn claims(&self, order: OrderObjectId) -> Claims<'_> {
        let (gig, seller, buyer) = (self.gig.id, self.seller.id, self.buyer.username.as_str());
        Claims { order, gig, seller, buyer, price: self.price() }
    }

    fn new_order(&self, id: OrderObjectId, payment: &str) -> NewOrder {
        NewOrder {
            id,
            number: self.number.clone(),
            invoice: self.invoice.clone(),
            payment: payment.to_owned(),
            named_payment: self.named_payment.clone(),
            gig: self.gig.clone(),
            seller: self.seller.clone(),
            buyer: self.buyer.clone(),
            price: self.price(),
            agreement: self.agreement.clone(),
            requirements: self.requirements.clone(),
        }
    }
}

impl Orders {
    /// The order a request with this cause placed before.
    ///
    /// # Errors
    /// When the store cannot answer, or the key came with another body.
    pub async fn placed_before(&self, cause: &Cause) -> Result<Option<Placed>, OrdersError> {
        let Some(id) = self.ports.orders.caused(cause).await? else { return Ok(None) };
        Ok(self.load(id).await?.map(|stored| Placed { order: stored.value, repeated: true }))
    }

    /// Places an order, or finds the one that was placed with the same payment, gig and price. One whose gig or price is not
    /// known here waits, and asks; see [`Orders::awaited`].
    ///
    /// # Errors
    /// When it is not paid, or the number is in use. What was paid goes back when what the order claims is contradicted, and
    /// when the buyer placed the same order with this number and another payment before.
    pub async fn place(&self, request: &OrderRequest, cause: Option<Cause>) -> Result<Placed, OrdersError> {
        if let Some(cause) = &cause
            && let Some(placed) = self.placed_before(cause).await?
        {
            return Ok(placed);
        }
        // A buyer's orders are placed one after the other: they choose from the same payments.
        let _turn = turn_by(&*self.ports.payments, Payment::USABLE_OF, request.buyer.username.as_str()).await;
        let mut own_claim = None;
        for _ in 0..TRIES {
            match self.try_place(request, cause.clone(), &mut own_claim).await {
                // Somebody took the number, the payment or the offer in the same moment: look again.
                Err(OrdersError::Store(RepositoryError::Taken { .. } | RepositoryError::Conflict { .. })) => {}
                other => return other,
            }
        }
        Err(RepositoryError::overtaken(Order::NAME).into())
    }

    /// The order as it is now, if it does not wait any more for something that was asked about.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn awaited(&self, id: OrderObjectId) -> Result<Option<Order>, OrdersError> {
        let order = self.load(id).await?.map(|stored| stored.value);
        let waits = |order: &Order| order.record().waiting_for.is_some_and(WaitingFor::can_be_asked);
        Ok(order.filter(|order| !waits(order)))
    }

    /// `own_claim` is what this request claimed in an attempt before: the payment and the version that made.
    async fn try_place(
        &self,
        request: &OrderRequest,
        cause: Option<Cause>,
        own_claim: &mut Option<(PaymentId, Version)>,
    ) -> Result<Placed, OrdersError> {
        if let Some(existing) = self.ports.orders.find_by(Order::NUMBER, (&request.number).into()).await? {
            return self.by_number(request, existing.value, *own_claim).await;
        }
        let payment = match self.choose_payment(request).await? {
            Choice::Payment(payment) => *payment,
            Choice::Repeat(order) => {
                let order = self.add_alias(*order.id(), &request.number).await?;
                return Ok(Placed { order, repeated: true });
            }
        };
        let now = self.ports.clock.now();
        let id = OrderObjectId(self.ports.ids.object_id());
        let known = self.known(request.claims(id)).await?;
        let new = request.new_order(id, payment.value.intent());
        // Nobody has claimed it since: at this version the claim is in nobody's way but ours.
        let is_own = *own_claim == Some((*payment.value.id(), payment.version));
        let decided = match Order::place(new, &known.with(&payment.value), now) {
            Ok(decided) => decided,
            Err(refusal) => {
                self.give_back(payment, *own_claim).await?;
                return Err(refusal.into());
            }
        };
        if !is_own {
            let claimed = payment.value.claimed(&request.number, now).map_err(|_| OrdersError::PaymentRefunded)?;
            let claimed = self.claim_payment(payment.version, claimed).await?;
            *own_claim = Some((*claimed.value.id(), claimed.version));
        }
        let change = Change::insert(decided.order.clone(), decided.events).caused_by(cause);
        match self.ports.orders.save(change).await? {
            Saved::Stored(_) => Ok(Placed { order: decided.order, repeated: false }),
            Saved::Duplicate { id } => {
                let id: OrderObjectId = id.parse().map_err(|_| OrdersError::OrderNotFound)?;
                let stored = self.load(id).await?.ok_or(OrdersError::OrderNotFound)?;
                Ok(Placed { order: stored.value, repeated: true })
            }
        }
    }

    /// The request's number names an order. That is the answer to the same request once more. What was paid for the same thing
    /// a second time goes back, since it buys nothing; under another number it would be an order the buyer did not ask for.
    async fn by_number(
        &self,
        request: &OrderRequest,
        existing: Order,
        own_claim: Option<(PaymentId, Version)>,
    ) -> Result<Placed, OrdersError> {
        let order = existing.record();
        if !request.is_for_the_same_as(order) {
            // Only the number is wrong: under another one the payment is as good as before.
            return Err(OrdersError::NumberInUse);
        }
        let is_cancelled = order.phase == Phase::Cancelled;
        let named = request.named_payment.as_str();
        if named == order.payment || named == order.named_payment && !is_cancelled {
            return Ok(Placed { order: existing, repeated: true });
        }
        let other = if named.is_empty() || named.len() > MAX_KEY_BYTES {
            None
        } else {
            self.known_or_adopted(named, &request.buyer.username).await?
        };
        let Some(other) = other.filter(|payment| payment.value.username() == request.buyer.username) else {
            // A text that is no payment of the buyer's, as clients send that lost it, asks for nothing else.
            let repeated = Placed { order: existing, repeated: true };
            return if is_cancelled { Err(OrdersError::NumberInUse) } else { Ok(repeated) };
        };
        let pays_another = self.ports.orders.find_by(Order::PAYMENT, named.into()).await?.is_some();
        if !pays_another && self.give_back(other, own_claim).await? {
            return Err(OrdersError::PaidAgain);
        }
        Err(OrdersError::NumberInUse)
    }

    /// Has money that was or will be paid go back, unless another request is just placing an order with it. Returns whether it
    /// goes back.
    async fn give_back(
        &self,
        payment: Stored<Payment>,
        own_claim: Option<(PaymentId, Version)>,
    ) -> Result<bool, OrdersError> {
        if !matches!(payment.value.status(), PaymentStatus::Paid | PaymentStatus::Processing) {
            return Ok(false);
        }
        // Nobody has claimed it since: at this version the claim is in nobody's way but ours.
        let is_own = own_claim == Some((*payment.value.id(), payment.version));
        let payable = if is_own { payment.value.released() } else { payment.value };
        let Some(owed) = payable.owed_back(RefundReason::OrderRefused, self.ports.clock.now()) else {
            return Ok(false);
        };
        self.store_payment(payment.version, owed).await?;
        Ok(true)
    }

    /// The payment the request names if it fits, or else another one of the same buyer and amount.
    async fn choose_payment(&self, request: &OrderRequest) -> Result<Choice, OrdersError> {
        let mut reasons = Reasons::default();
        if let Some(choice) = self.named_payment(request, &mut reasons).await? {
            return Ok(choice);
        }
        if let Some(payment) = self.other_payment(request, &mut reasons).await? {
            return Ok(Choice::Payment(Box::new(payment)));
        }
        if let Some(payment) = reasons.processing {
            return Ok(Choice::Payment(Box::new(payment)));
        }
        // What the client named was no payment of the buyer's, but the same request placed an order before.
        if let Some(order) = self.named_before(request).await? {
            return Ok(Choice::Repeat(Box::new(order)));
        }
        Err(match reasons {
            Reasons { provider: Some(error), .. } => error,
            Reasons { used: true, .. } => OrdersError::PaymentUsed,
            Reasons { refunded: true, .. } => OrdersError::PaymentRefunded,
            Reasons { wrong_amount: Some(paid), .. } => {
                OrdersError::WrongAmount { paid, total: total(request.price()) }
            }
            _ => OrdersError::NotPaid,
        })
    }

    async fn named_payment(
        &self,
        request: &OrderRequest,
        reasons: &mut Reasons,
    ) -> Result<Option<Choice>, OrdersError> {
        let named = request.named_payment.as_str();
        if named.is_empty() || named.len() > MAX_KEY_BYTES {
            return Ok(None);
        }
        let paid_with = self.ports.orders.find_by(Order::PAYMENT, named.into()).await?;
        if let Some(existing) = paid_with.filter(|order| order.value.record().buyer.username == request.buyer.username)
        {
            if request.is_for_the_same_as(existing.value.record()) {
                return Ok(Some(Choice::Repeat(Box::new(existing.value))));
            }
            reasons.used = true;
            return Ok(None);
        }
        let payment = match self.known_or_adopted(named, &request.buyer.username).await {
            Ok(Some(payment)) if payment.value.username() == request.buyer.username => payment,
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                reasons.provider = Some(error);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        match payment.value {
            ref value if value.refund().is_some() => reasons.refunded = true,
            ref value if value.amount() != total(request.price()) => {
                reasons.wrong_amount = (value.status() == PaymentStatus::Paid).then_some(value.amount());
            }
            ref value if value.status() == PaymentStatus::Paid => {
                return Ok(Some(Choice::Payment(Box::new(payment))));
            }
            ref value if value.status() == PaymentStatus::Processing => {
                reasons.processing = Some(payment);
                return Ok(None);
            }
            _ => {}
        }
        Ok(self.named_before(request).await?.map(|order| Choice::Repeat(Box::new(order))))
    }

    /// The payment as it is now. One that was made before this service kept payments is taken over from the provider.
    async fn known_or_adopted(&self, named: &str, username: &str) -> Result<Option<Stored<Payment>>, OrdersError> {
        if let Some(known) = self.payment_of(named).await? {
            return Ok(Some(self.refreshed(known).await?));
        }
        let is_id = named.starts_with("pi_") && named.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_id {
            return Ok(None);
        }
        let Some(intent) = self.ports.provider.intent(named).await? else { return Ok(None) };
        if intent.username.as_deref() != Some(username) || !intent.amount.is_positive() {
            return Ok(None);
        }
        let id = PaymentId(self.ports.ids.object_id());
        let payment = Payment::new(id, intent.id, username.to_owned(), intent.amount, intent.created_at);
        match self.ports.payments.save(Change::insert(payment.clone(), Vec::new())).await? {
            Saved::Stored(version) => Ok(Some(self.refreshed(Stored { value: payment, version }).await?)),
            Saved::Duplicate { .. } => self.payment_of(named).await,
        }
    }

    /// Another paid, unused payment of the same buyer and amount.
    async fn other_payment(
        &self,
        request: &OrderRequest,
        reasons: &mut Reasons,
    ) -> Result<Option<Stored<Payment>>, OrdersError> {
        let mine = request.buyer.username.as_str().into();
        let page = PageRequest::newest(MOST_PAYMENTS);
        let found = self.ports.payments.list(Payment::USABLE_OF, mine, page).await?;
        let amount = total(request.price());
        let fitting = found
            .items
            .into_iter()
            .filter(|stored| stored.value.amount() == amount && stored.value.intent() != request.named_payment);
        // Those known to be paid come first: they cost no question.
        let (paid, open): (Vec<_>, Vec<_>) = fitting.partition(|stored| stored.value.status() == PaymentStatus::Paid);
        for stored in paid.into_iter().chain(open.into_iter().take(MOST_ASKED)) {
            let stored = match self.refreshed(stored).await {
                Ok(stored) => stored,
                Err(error) if error.kind() == ErrorKind::Unavailable => {
                    reasons.provider.get_or_insert(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let status = stored.value.status();
            if !matches!(status, PaymentStatus::Paid | PaymentStatus::Processing) {
                continue;
            }
            if self.ports.orders.find_by(Order::PAYMENT, stored.value.intent().into()).await?.is_some() {
                continue;
            }
            if status == PaymentStatus::Paid {
                return Ok(Some(stored));
            }
            reasons.processing.get_or_insert(stored);
        }
        Ok(None)
    }

    /// The newest order the same buyer placed naming the same payment, for the same gig and price. One that was cancelled was not
    /// what he asks for now.
    async fn named_before(&self, request: &OrderRequest) -> Result<Option<Order>, OrdersError> {
        let key = Order::named_by(&request.buyer.username, &request.named_payment);
        let found = self.ports.orders.list(Order::NAMED, key, PageRequest::newest(20)).await?;
        let is_same = |order: &Order| {
            let record = order.record();
            record.named_payment == request.named_payment
                && record.phase != Phase::Cancelled
                && request.is_for_the_same_as(record)
        };
        Ok(found.items.into_iter().map(|stored| stored.value).find(is_same))
    }

    async fn add_alias(&self, id: OrderObjectId, number: &OrderNumber) -> Result<Order, OrdersError> {
        in_turn(&*self.ports.orders, &id, async || {
            let stored = self.load(id).await?.ok_or(OrdersError::OrderNotFound)?;
            let Some(renamed) = stored.value.clone().also_known_as(number.clone()) else { return Ok(stored.value) };
            match self.ports.orders.save(Change::update(stored.version, renamed.clone(), Vec::new())).await? {
                Saved::Stored(_) | Saved::Duplicate { .. } => Ok(renamed),
            }
        })
        .await
    }
}
