//! `Order`: what was ordered, with the payment it was paid with.

use jobapp_kernel::{Aggregate, Money, ObjectId, Timestamp, file_label, file_name};
use jobapp_orders::machine::{Phase, Who};
use jobapp_orders::{
    Agreement, Answered, BuyerId, DeliveredWork, Extension, ExtensionAnswer, GigCard, GigId, Order, OrderNumber,
    OrderObjectId, OrderRecord, OrderState, Party, Payment, PaymentId, PaymentStatus, Refund, RefundReason, Review,
    SellerId,
};
use jobapp_users::{Buyer, Seller};

use super::stored_name;
use crate::OldRow;
use crate::fields::{Fields, Notes, Refusal, Translated, shown};

/// An order between `buyer` and `seller`, who are the ones it names, and its payment.
pub(crate) fn order(
    row: &OldRow,
    buyer: Option<&Buyer>,
    seller: Option<&Seller>,
) -> Result<Translated<(Order, Payment)>, Refusal> {
    let (fields, mut notes) = (Fields::of(&row.fields)?, Notes::default());
    let id = OrderObjectId(fields.object_id("_id")?);
    let number: OrderNumber =
        fields.text("orderId")?.parse().map_err(|error| Refusal::new(format!("orderId: {error}")))?;
    let intent = fields.text("paymentIntent")?.to_owned();
    let buyer = buyer_of(fields, buyer, &mut notes)?;
    let seller = seller_of(fields, seller, &mut notes)?;
    if buyer.username == seller.username {
        return Err(Refusal::new(format!("{:?} ordered from himself", buyer.username)));
    }
    let price = positive(fields, "price")?;
    let fee = fields.money("serviceFee")?.unwrap_or_default();
    if fee < Money::ZERO {
        return Err(Refusal::new(format!("serviceFee is {fee}")));
    }
    let placed_at = fields.made_at("dateOrdered", id.0, &mut notes);
    let events = fields.document("events")?;
    let event = |name: &str| events.map(|events| events.date(name)).transpose().map(Option::flatten);
    let work = work(fields, event("orderDelivered")?.unwrap_or(placed_at), &mut notes)?;
    let phase = phase(fields)?;
    let ended_at = match (phase.has_ended(), fields.date("approvedAt")?) {
        (false, _) => None,
        (true, Some(at)) => Some(at),
        (true, None) => {
            notes.add("approvedAt is missing: it ended with what is known last");
            Some(event("orderDelivered")?.unwrap_or(placed_at))
        }
    };
    let agreement = agreement(fields, placed_at, &mut notes)?;
    let extended_at = event("deliveryDateUpdate")?;
    let extension = if phase == Phase::InProgress { extension(fields, &agreement, &mut notes)? } else { None };
    let phase = if extension.is_some() { Phase::ExtensionRequested } else { phase };
    let record = OrderRecord {
        id,
        number: number.clone(),
        aliases: Vec::new(),
        // It was never kept.
        invoice: String::new(),
        phase,
        waiting_for: None,
        answered: Answered::default(),
        payment: intent.clone(),
        named_payment: intent.clone(),
        offer: None,
        gig: gig(fields, &mut notes)?,
        seller,
        buyer,
        price,
        fee,
        agreement,
        requirements: fields.words("requirements")?,
        delivered_at: work.last().map(|work| work.at),
        work,
        extension_requests: usize::from(extension.is_some()),
        extension,
        last_answer: extended_at.map(|_| ExtensionAnswer::Approved),
        placed_at,
        started_at: Some(event("orderStarted")?.unwrap_or(placed_at)),
        extended_at,
        ended_at,
        // Only sellers could.
        cancelled_by: (phase == Phase::Cancelled).then_some(Who::Seller),
        refusal: None,
        buyer_review: review(fields, "buyerReview", placed_at, &mut notes)?,
        seller_review: review(fields, "sellerReview", placed_at, &mut notes)?,
        // There the money goes back before the order says that it is cancelled.
        refund: ended_at.filter(|_| phase == Phase::Cancelled).map(|at| Refund { owed_at: at, paid_at: Some(at) }),
    };
    let payment = payment(&record, &number, placed_at, ended_at)?;
    let order = Order::from_state(OrderState::V1(Box::new(record))).map_err(|error| Refusal::new(error.to_string()))?;
    Ok(Translated::new((order, payment), notes))
}

/// Its payment is there, so that the money can go back should the order be cancelled here.
fn payment(
    record: &OrderRecord,
    number: &OrderNumber,
    paid_at: Timestamp,
    ended_at: Option<Timestamp>,
) -> Result<Payment, Refusal> {
    let refused = |error: &dyn std::error::Error| Refusal::new(format!("paymentIntent: {error}"));
    let id = PaymentId(record.id.0);
    let planned = Payment::new(id, record.payment.clone(), record.buyer.username.clone(), record.total(), paid_at);
    let paid = planned.observed(PaymentStatus::Paid, paid_at).map(|(payment, _)| payment);
    let claimed = paid.map(|payment| payment.claimed(number, paid_at)).transpose().map_err(|error| refused(&error))?;
    let mut payment =
        claimed.and_then(Payment::confirmed).ok_or_else(|| Refusal::new("paymentIntent: it cannot be paid"))?;
    if let (Phase::Cancelled, Some(at)) = (record.phase, ended_at) {
        let owed = payment.owed_back(RefundReason::OrderEnded { order: record.id }, at);
        let back = owed.and_then(|(payment, _)| payment.refunded(at));
        payment = back.ok_or_else(|| Refusal::new("paymentIntent: it cannot go back"))?.0;
    }
    Ok(payment)
}

fn buyer_of(fields: Fields<'_>, buyer: Option<&Buyer>, notes: &mut Notes) -> Result<Party<BuyerId>, Refusal> {
    let id = fields.object_id("buyerId")?;
    let buyer = buyer.filter(|buyer| buyer.buyer_id().0 == id);
    let buyer = buyer.ok_or_else(|| Refusal::new(format!("its buyer {id} is not here")))?;
    same_name(fields, "buyerUsername", buyer.username())?;
    Ok(Party {
        id: BuyerId(id),
        username: buyer.username().to_owned(),
        email: buyer.email().to_owned(),
        picture: fields.address("buyerImage", notes)?,
    })
}

fn seller_of(fields: Fields<'_>, seller: Option<&Seller>, notes: &mut Notes) -> Result<Party<SellerId>, Refusal> {
    let id = fields.object_id("sellerId")?;
    let seller = seller.filter(|seller| seller.seller_id().0 == id);
    let seller = seller.ok_or_else(|| Refusal::new(format!("its seller {id} is not here")))?;
    same_name(fields, "sellerUsername", seller.username())?;
    Ok(Party {
        id: SellerId(id),
        username: seller.username().to_owned(),
        email: seller.email().to_owned(),
        picture: fields.address("sellerImage", notes)?,
    })
}

/// Names decide who sees an order: one that names two people on one side is nobody's.
fn same_name(fields: Fields<'_>, name: &str, known: &str) -> Result<(), Refusal> {
    let said = fields.text(name)?;
    if stored_name(said) == known {
        return Ok(());
    }
    Err(Refusal::new(format!("{name} is {:?}, but the id is that of {known:?}", shown(said))))
}

fn positive(fields: Fields<'_>, name: &str) -> Result<Money, Refusal> {
    let price = fields.money(name)?.ok_or_else(|| Refusal::new(format!("{name} is missing")))?;
    if price.is_positive() { Ok(price) } else { Err(Refusal::new(format!("{name} is {price}"))) }
}

fn phase(fields: Fields<'_>) -> Result<Phase, Refusal> {
    let status = fields.text("status")?;
    Ok(match status.trim().to_lowercase().as_str() {
        "in progress" => Phase::InProgress,
        "delivered" => Phase::Delivered,
        "completed" => Phase::Completed,
        "cancelled" => Phase::Cancelled,
        _ => return Err(Refusal::new(format!("status is none that is known: {:?}", shown(status)))),
    })
}

fn gig(fields: Fields<'_>, notes: &mut Notes) -> Result<GigCard, Refusal> {
    Ok(GigCard {
        id: GigId(fields.object_id("gigId")?),
        cover_image: fields.address("gigCoverImage", notes)?,
        title: fields.words("gigMainTitle")?,
        basic_title: fields.words("gigBasicTitle")?,
        basic_description: fields.words("gigBasicDescription")?,
    })
}

fn agreement(fields: Fields<'_>, placed_at: Timestamp, notes: &mut Notes) -> Result<Agreement, Refusal> {
    let offer = fields.document("offer")?.ok_or_else(|| Refusal::new("offer is missing"))?;
    let within = |refusal: Refusal| Refusal::new(format!("offer.{refusal}"));
    let days = offer.whole("deliveryInDays").map_err(within)?.unwrap_or_default();
    if !(0..=i64::from(Extension::MOST_DAYS)).contains(&days) {
        return Err(Refusal::new(format!("offer.deliveryInDays is {days}")));
    }
    let counted = placed_at.plus(std::time::Duration::from_secs(days.unsigned_abs() * 24 * 60 * 60));
    let mut due = |name: &str| match offer.date(name).map_err(within)? {
        Some(date) => Ok(date),
        None => {
            notes.add(format!("offer.{name} is missing: it is {days} days after the order"));
            Ok(counted)
        }
    };
    Ok(Agreement {
        first_due: due("oldDeliveryDate")?,
        due: due("newDeliveryDate")?,
        title: offer.words("gigTitle").map_err(within)?,
        description: offer.words("description").map_err(within)?,
        delivery_in_days: days,
        reason: offer.words("reason").map_err(within)?,
    })
}

/// The request for more time that waits for its answer. One whose date cannot be read asks for nothing.
fn extension(fields: Fields<'_>, agreement: &Agreement, notes: &mut Notes) -> Result<Option<Extension>, Refusal> {
    let Some(said) = fields.document("requestExtension")? else { return Ok(None) };
    let new_date = said.words("newDate")?;
    if new_date.trim().is_empty() {
        return Ok(None);
    }
    let Ok(new_due) = new_date.parse() else {
        notes.add(format!("requestExtension is left out: newDate is no date: {:?}", shown(&new_date)));
        return Ok(None);
    };
    Ok(Some(Extension {
        original_date: agreement.due.to_string(),
        new_date,
        new_due,
        days: said.whole("days")?.unwrap_or_default(),
        reason: said.words("reason")?,
    }))
}

fn work(fields: Fields<'_>, at: Timestamp, notes: &mut Notes) -> Result<Vec<DeliveredWork>, Refusal> {
    let mut deliveries = Vec::new();
    for said in fields.documents("deliveredWork")? {
        let id: ObjectId =
            said.object_id("_id").map_err(|refusal| Refusal::new(format!("deliveredWork: {refusal}")))?;
        let words = |name: &str| Ok::<_, Refusal>(Some(said.words(name)?).filter(|text| !text.is_empty()));
        deliveries.push(DeliveredWork {
            id,
            at,
            message: words("message")?,
            file: Some(said.address("file", notes)?).filter(|file| !file.is_empty()),
            file_type: words("fileType")?.as_deref().map(file_label),
            file_size: words("fileSize")?.as_deref().map(file_label),
            file_name: words("fileName")?.as_deref().map(file_name),
        });
    }
    Ok(deliveries)
}

/// What one side said; a rating of 0 is none.
fn review(fields: Fields<'_>, name: &str, placed_at: Timestamp, notes: &mut Notes) -> Result<Option<Review>, Refusal> {
    let Some(said) = fields.document(name)? else { return Ok(None) };
    match said.whole("rating")?.unwrap_or_default() {
        0 => Ok(None),
        rating @ 1..=5 => {
            Ok(Some(Review { rating, text: said.words("review")?, at: said.date("created")?.unwrap_or(placed_at) }))
        }
        rating => {
            notes.add(format!("{name} is left out: its rating is {rating}"));
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::translate::testing::{ORDER as ID, at, buyer as marta, old_order, seller as iria, with};

    fn take(row: &OldRow) -> Result<Translated<(Order, Payment)>, Refusal> {
        order(row, Some(&marta()), Some(&iria()))
    }

    #[test]
    fn everything_survives() {
        let taken = take(&old_order()).unwrap();
        assert_eq!(taken.notes, Vec::<String>::new());
        let (order, payment) = taken.value;
        let record = order.record();
        assert_eq!((record.id.to_string().as_str(), record.number.as_str()), (ID, "JO12345678901"));
        assert_eq!((record.phase, record.price.cents(), record.fee.cents()), (Phase::Completed, 2000, 310));
        assert_eq!((record.buyer.username.as_str(), record.seller.email.as_str()), ("Marta", "iria@example.org"));
        assert_eq!(record.buyer.picture, "https://res.cloudinary.com/demo/marta.png");
        assert_eq!((record.placed_at, record.ended_at), (at("2024-06-01T10:00:00Z"), Some(at("2024-06-06T10:00:00Z"))));
        assert_eq!(record.started_at, Some(at("2024-06-01T10:00:05Z")));
        assert_eq!(
            (record.agreement.first_due, record.agreement.due),
            (at("2024-06-04T10:00:00Z"), at("2024-06-05T10:00:00Z"))
        );
        assert_eq!(record.work[0].file_size.as_deref(), Some("2048"));
        assert_eq!(record.delivered_at, Some(at("2024-06-05T09:00:00Z")));
        assert_eq!(record.buyer_review.as_ref().unwrap().rating, 5);
        assert!(record.seller_review.is_none() && record.refund.is_none());
        assert_eq!((payment.intent(), payment.amount().cents(), payment.status()), ("pi_1", 2310, PaymentStatus::Paid));
        assert!(payment.idle_since().is_none(), "it is known to be used");
    }

    #[test]
    fn every_state_is_known_however_it_is_written() {
        let none = json!([]);
        for (status, work, expected) in [
            ("in progress", &none, Phase::InProgress),
            ("In Progress", &none, Phase::InProgress),
            ("delivered", &old_order().fields["deliveredWork"], Phase::Delivered),
            ("COMPLETED", &old_order().fields["deliveredWork"], Phase::Completed),
            ("Cancelled", &none, Phase::Cancelled),
        ] {
            let row = with(old_order(), &[("status", json!(status)), ("deliveredWork", work.clone())]);
            assert_eq!(take(&row).unwrap().value.0.record().phase, expected, "{status}");
        }
    }

    #[test]
    fn a_cancelled_order_was_paid_back() {
        let row = with(old_order(), &[("status", json!("Cancelled")), ("deliveredWork", json!([]))]);
        let (order, payment) = take(&row).unwrap().value;
        let refund = order.record().refund.as_ref().unwrap();
        assert_eq!(refund.paid_at, order.record().ended_at);
        assert!(payment.refund().unwrap().settled_at.is_some());
        assert_eq!(order.record().cancelled_by, Some(Who::Seller));
    }

    #[test]
    fn a_request_for_more_time_waits_for_its_answer() {
        let ask = |date: &str| {
            let asked =
                json!({"originalDate": "2024-06-05T10:00:00.000Z", "newDate": date, "days": 2, "reason": "illness"});
            with(
                old_order(),
                &[("status", json!("in progress")), ("deliveredWork", json!([])), ("requestExtension", asked)],
            )
        };
        let waiting = take(&ask("Sat Jun 08 2024 12:00:00 GMT+0200 (Central European Summer Time)")).unwrap().value.0;
        assert_eq!(waiting.record().phase, Phase::ExtensionRequested);
        assert_eq!(waiting.record().extension.as_ref().unwrap().new_due, at("2024-06-08T10:00:00Z"));
        let taken = take(&ask("next week")).unwrap();
        assert_eq!((taken.value.0.record().phase, taken.notes.len()), (Phase::InProgress, 1));
    }

    #[test]
    fn broken_orders_are_refused_with_the_reason() {
        for (field, value, reason) in [
            ("_id", json!("x"), "_id: \"x\" is not"),
            ("orderId", json!(null), "orderId is missing"),
            ("orderId", json!("JO 1"), "orderId: \"JO 1\" is not"),
            ("paymentIntent", json!(""), "paymentIntent is empty"),
            ("buyerId", json!("undefined"), "buyerId: \"undefined\" is not"),
            ("buyerId", json!("66f0c0ffee0000000000b999"), "its buyer 66f0c0ffee0000000000b999 is not here"),
            ("sellerId", json!("66f0c0ffee0000000000a999"), "its seller 66f0c0ffee0000000000a999 is not here"),
            ("buyerUsername", json!("Mallory"), "buyerUsername is \"Mallory\", but the id is that of \"Marta\""),
            ("sellerUsername", json!(null), "sellerUsername is missing"),
            ("status", json!("paid"), "status is none that is known: \"paid\""),
            ("status", json!(3), "status is no text: 3"),
            ("price", json!(-20), "price is -20"),
            ("price", json!(0), "price is 0"),
            ("price", json!(null), "price is missing"),
            ("price", json!("a lot"), "price is no number"),
            ("serviceFee", json!(-1), "serviceFee is -1"),
            ("offer", json!(null), "offer is missing"),
            ("offer", json!({"deliveryInDays": -1}), "offer.deliveryInDays is -1"),
            ("offer", json!({"deliveryInDays": 1, "oldDeliveryDate": "soon"}), "offer.oldDeliveryDate is no date"),
            ("gigId", json!("gig"), "gigId: \"gig\" is not"),
            ("deliveredWork", json!([]), "delivered work is there once it was delivered"),
            ("deliveredWork", json!([{"message": "Here"}]), "deliveredWork: _id is missing"),
            ("approvedAt", json!("then"), "approvedAt is no date"),
            ("requirements", json!("a\0"), "requirements has the character U+0000"),
        ] {
            let refusal = take(&with(old_order(), &[(field, value.clone())])).unwrap_err().to_string();
            assert!(refusal.starts_with(reason), "{field} {value}: {refusal}");
        }
    }

    #[test]
    fn what_does_not_matter_enough_is_noted() {
        for (field, value) in [
            ("dateOrdered", json!("long ago")),
            ("approvedAt", json!(null)),
            ("buyerReview", json!({"rating": 99, "review": "!"})),
            ("gigCoverImage", json!("cover.png")),
        ] {
            let taken = take(&with(old_order(), &[(field, value)])).unwrap();
            assert_eq!(taken.notes.len(), 1, "{field}: {:?}", taken.notes);
        }
        let bare = take(&with(old_order(), &[("offer", json!({"deliveryInDays": 3}))])).unwrap();
        assert_eq!((bare.value.0.record().agreement.due, bare.notes.len()), (at("2024-06-04T10:00:00Z"), 2));
    }
}
