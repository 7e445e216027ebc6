//! Decisions of the order as a whole.

mod lifecycle;
mod notifications;
mod verdicts;

use jobapp_kernel::{Money, ObjectId, Timestamp};

use crate::machine::{Phase, Who};
use crate::{
    Agreement, Decided, Evidence, Extension, ExtensionAnswer, GigCard, GigFact, GigNow, KnownOffer, NewOrder, Order,
    Party, Payment, PaymentStatus, Review, SellerId, Work, fees,
};

const PRICE: Money = Money::from_cents(40_00);

fn at(hour: i64) -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000 + hour * 3_600_000).unwrap()
}

fn id<T: From<ObjectId>>(number: u8) -> T {
    ObjectId::from_bytes([number; 12]).into()
}

fn seller() -> Party<SellerId> {
    Party { id: id(1), username: "Iria".into(), email: "iria@example.org".into(), picture: "iria.png".into() }
}

fn card() -> GigCard {
    GigCard {
        id: id(3),
        cover_image: "cover.png".into(),
        title: "Logo".into(),
        basic_title: "Basic".into(),
        basic_description: "Drafts".into(),
    }
}

fn gig(price: Money, hour: i64) -> GigFact {
    GigFact::unknown(id(3)).saved(GigNow { seller: seller(), card: card(), price }, 1, at(hour))
}

fn payment(status: PaymentStatus) -> Payment {
    let payment = Payment::new(id(4), "pi_1".into(), "Marta".into(), fees::total(PRICE), at(0));
    match payment.clone().observed(status, at(0)) {
        Some((payment, _)) => payment,
        None => payment,
    }
}

fn request() -> NewOrder {
    NewOrder {
        id: id(5),
        number: "JO1".parse().unwrap(),
        invoice: "JI1".into(),
        payment: "pi_1".into(),
        named_payment: "pi_1".into(),
        gig: GigCard { title: "as the client says".into(), ..card() },
        seller: Party { email: "as the client says".into(), ..seller() },
        buyer: Party {
            id: id(2),
            username: "Marta".into(),
            email: "marta@example.org".into(),
            picture: "m.png".into(),
        },
        price: PRICE,
        agreement: Agreement {
            title: "Logo".into(),
            description: "Drafts".into(),
            delivery_in_days: 3,
            first_due: at(72),
            due: at(72),
            reason: String::new(),
        },
        requirements: String::new(),
    }
}

fn placed(payment: &Payment, gig: Option<&GigFact>, offers: &[KnownOffer]) -> Result<Decided, crate::Refusal> {
    Order::place(request(), &Evidence { payment, gig, offers }, at(1))
}

fn waiting() -> Order {
    placed(&payment(PaymentStatus::Processing), Some(&gig(PRICE, 0)), &[]).unwrap().order
}

fn started() -> Order {
    placed(&payment(PaymentStatus::Paid), Some(&gig(PRICE, 0)), &[]).unwrap().order
}

fn extension(days: i64) -> Extension {
    Extension {
        original_date: at(72).to_string(),
        new_date: at(72 + days * 24).to_js_string(),
        new_due: at(72 + days * 24),
        days,
        reason: "illness".into(),
    }
}

fn review(rating: i64) -> Review {
    Review { rating, text: "tidy".into(), at: at(9) }
}

fn work() -> Work {
    Work { message: Some("done".into()), ..Work::default() }
}

fn delivered(order: Order) -> Order {
    order.deliver(work(), id(6), Who::Seller, at(5)).unwrap().order
}

fn asked(order: Order) -> Order {
    order.request_extension(extension(2), Who::Seller, at(4)).unwrap().order
}

fn in_phase(phase: Phase) -> Order {
    match phase {
        Phase::AwaitingPayment => waiting(),
        Phase::InProgress => started(),
        Phase::ExtensionRequested => asked(started()),
        Phase::Delivered => delivered(started()),
        Phase::Completed => delivered(started()).approve(Who::Buyer, at(6)).unwrap().order,
        Phase::Cancelled => started().cancel(Who::Seller, at(6)).unwrap().order,
    }
}

fn answered(order: Order, answer: ExtensionAnswer) -> Order {
    asked(order).answer_extension(answer, Who::Buyer, at(5)).unwrap().order
}
