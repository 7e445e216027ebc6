//! Placing an order: with which payment, and whether it may start.

use jobapp_kernel::{
    Aggregate, Cause, Change, ErrorKind, Kinded, MAX_KEY_BYTES, Money, PageRequest, RepositoryError, Saved, Stored,
    Version, in_turn, turn_by,
};

use super::Orders;
use super::facts::Claims;
use crate::error::OrdersError;
use crate::fees::{is_price, total};
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
    pub price: Money,
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

/// Whether enough is known to decide on a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// Yes.
    Clear,
    /// Something may still arrive.
    Unclear(WaitingFor),
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
        order.buyer.username == self.buyer.username && order.gig.id == self.gig.id && order.price == self.price
    }

    fn claims(&self, order: OrderObjectId) -> Claims<'_> {
        let (gig, seller, buyer) = (self.gig.id, self.seller.id, self.buyer.username.as_str());
        Claims { order, gig, seller, buyer, price: self.price }
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
            price: self.price,
            agreement: self.agreement.clone(),
            requirements: self.requirements.clone(),
        }
    }
}

impl Orders {
    /// Whether enough is known to decide on a request now: a caller may wait a moment if not.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn outlook(&self, request: &OrderRequest) -> Result<Outlook, OrdersError> {
        let now = self.ports.clock.now();
        let id = OrderObjectId(self.ports.ids.object_id());
        let created_at = self.payment_of(&request.named_payment).await?.map_or(now, |known| known.value.created_at());
        let (intent, payer) = (request.named_payment.clone(), request.buyer.username.clone());
        let payment = Payment::new(PaymentId(id.0), intent, payer, total(request.price), created_at);
        let known = self.known(request.claims(id)).await?;
        let placed = Order::place(request.new_order(id, payment.intent()), &known.with(&payment), now);
        Ok(match placed.ok().and_then(|decided| decided.order.record().waiting_for) {
            Some(reason @ (WaitingFor::Gig | WaitingFor::Price)) => Outlook::Unclear(reason),
            Some(WaitingFor::Payment) | None => Outlook::Clear,
        })
    }

    /// The order a request with this cause placed before.
    ///
    /// # Errors
    /// When the store cannot answer, or the key came with another body.
    pub async fn placed_before(&self, cause: &Cause) -> Result<Option<Placed>, OrdersError> {
        let Some(id) = self.ports.orders.caused(cause).await? else { return Ok(None) };
        Ok(self.load(id).await?.map(|stored| Placed { order: stored.value, repeated: true }))
    }

    /// Places an order, or finds the one that was placed with the same payment, gig and price.
    ///
    /// # Errors
    /// When it is not paid, the number is taken, or what it claims is contradicted; then its payment goes back.
    pub async fn place(&self, request: &OrderRequest, cause: Option<Cause>) -> Result<Placed, OrdersError> {
        if !is_price(request.price) {
            return Err(OrdersError::Price(request.price));
        }
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

    /// `own_claim` is what this request claimed in an attempt before: the payment and the version that made.
    async fn try_place(
        &self,
        request: &OrderRequest,
        cause: Option<Cause>,
        own_claim: &mut Option<(PaymentId, Version)>,
    ) -> Result<Placed, OrdersError> {
        if let Some(existing) = self.ports.orders.find_by(Order::NUMBER, (&request.number).into()).await? {
            if request.is_for_the_same_as(existing.value.record()) {
                return Ok(Placed { order: existing.value, repeated: true });
            }
            return Err(OrdersError::NumberInUse);
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
                let payable = if is_own { payment.value.released() } else { payment.value };
                if let Some(owed) = payable.owed_back(RefundReason::OrderRefused, now) {
                    self.store_payment(payment.version, owed).await?;
                }
                return Err(refusal.into());
            }
        };
        if !is_own {
            let claimed = payment.value.claimed(&request.number, now).map_err(|_| OrdersError::PaymentRefunded)?;
            let claimed = self.store_payment(payment.version, (claimed, Vec::new())).await?;
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
            Reasons { wrong_amount: Some(paid), .. } => OrdersError::WrongAmount { paid, total: total(request.price) },
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
            ref value if value.amount() != total(request.price) => {
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
        let amount = total(request.price);
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

    /// The newest order the same buyer placed naming the same payment, for the same gig and price.
    async fn named_before(&self, request: &OrderRequest) -> Result<Option<Order>, OrdersError> {
        let key = Order::named_by(&request.buyer.username, &request.named_payment);
        let found = self.ports.orders.list(Order::NAMED, key, PageRequest::newest(20)).await?;
        let is_same = |order: &Order| {
            order.record().named_payment == request.named_payment && request.is_for_the_same_as(order.record())
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
