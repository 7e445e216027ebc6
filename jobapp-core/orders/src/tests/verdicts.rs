//! When an order starts, waits, or is refused.

use super::*;
use crate::{Answered, OfferFact, OfferNow, OrderEvent, Refusal, Verdict, WaitingFor};

fn offer(number: u8, change: impl Fn(&mut OfferNow)) -> KnownOffer {
    let mut now = OfferNow {
        gig: id(3),
        seller: "Iria".into(),
        buyer: "Marta".into(),
        price: PRICE,
        delivery_in_days: 9,
        accepted: true,
        cancelled: false,
        at: at(0),
    };
    change(&mut now);
    KnownOffer { offer: OfferFact::new(id(number), 1, now), used: false }
}

fn verdict(payment: &Payment, gig: Option<&GigFact>, offers: &[KnownOffer]) -> Verdict {
    let order = waiting();
    Evidence { payment, gig, offers }.judge(order.record())
}

fn paid() -> Payment {
    payment(PaymentStatus::Paid)
}

fn dearer() -> GigNow {
    GigNow { seller: seller(), card: card(), price: Money::from_cents(99_00) }
}

fn other_price() -> GigFact {
    gig(Money::from_cents(99_00), -100)
}

#[test]
fn a_paid_order_at_the_gigs_price_starts_with_our_facts() {
    let decided = placed(&paid(), Some(&gig(PRICE, 0)), &[]).unwrap();
    let names: Vec<_> = decided.events.iter().map(OrderEvent::name).collect();
    assert_eq!(names, ["order-placed", "order-started"]);
    let record = decided.order.record();
    assert_eq!((record.gig.title.as_str(), record.seller.email.as_str()), ("Logo", "iria@example.org"));
    assert_eq!((record.fee, record.started_at, record.offer), (fees::service_fee(PRICE), Some(at(1)), None));
}

#[test]
fn an_order_waits_for_what_is_not_known_yet() {
    for (payment, gig, reason) in [
        (payment(PaymentStatus::Processing), Some(gig(PRICE, 0)), WaitingFor::Payment),
        (payment(PaymentStatus::Open), Some(gig(PRICE, 0)), WaitingFor::Payment),
        (paid(), None, WaitingFor::Gig),
        (paid(), Some(other_price()), WaitingFor::Price),
    ] {
        let decided = placed(&payment, gig.as_ref(), &[]).unwrap();
        assert_eq!(decided.order.record().waiting_for, Some(reason));
        assert_eq!(decided.events.len(), 1);
    }
}

#[test]
fn an_order_asks_nobody_twice_and_is_refused_once_what_it_waits_for_is_known_not_to_be() {
    let both = Answered::GIG.and(Answered::OFFERS);
    let open = offer(1, |now| now.accepted = false);
    for (gig, offers, answered, expected) in [
        (None, vec![], Answered::OFFERS, Err(WaitingFor::Gig)),
        (None, vec![], Answered::GIG, Ok(Refusal::NoSuchGig)),
        (Some(other_price()), vec![], Answered::GIG, Err(WaitingFor::Price)),
        (Some(other_price()), vec![], Answered::OFFERS, Err(WaitingFor::Price)),
        (Some(other_price()), vec![], both, Ok(Refusal::WrongPrice)),
        (Some(other_price()), vec![offer(1, |now| now.buyer = "Otto".into())], both, Ok(Refusal::WrongPrice)),
        // The buyer can still accept it.
        (Some(other_price()), vec![open], both, Err(WaitingFor::Price)),
        // A change of the gig is still on its way.
        (Some(other_price().saved(dearer(), 3, at(0))), vec![], both, Err(WaitingFor::Price)),
    ] {
        let order = placed(&paid(), None, &[]).unwrap().order.answered(answered);
        let payment = paid();
        let verdict = Evidence { payment: &payment, gig: gig.as_ref(), offers: &offers }.judge(order.record());
        let expected = expected.map_or_else(Verdict::Wait, Verdict::Refuse);
        assert_eq!(verdict, expected, "{answered:?} {offers:?}");
    }
}

#[test]
fn an_answer_that_explains_the_price_starts_the_order() {
    let order = placed(&paid(), None, &[]).unwrap().order.answered(Answered::GIG.and(Answered::OFFERS));
    let (payment, fact) = (paid(), other_price());
    let offers = [offer(1, |_| {})];
    let started = order.reconsider(&Evidence { payment: &payment, gig: Some(&fact), offers: &offers }, at(2));
    assert_eq!(started.events[0].name(), "order-started");
}

#[test]
fn a_payment_that_goes_back_pays_for_nothing() {
    let (payment, _) = paid().owed_back(crate::RefundReason::Unclaimed, at(0)).unwrap();
    let refused = Verdict::Refuse(Refusal::PaymentRefunded);
    assert_eq!(verdict(&payment, Some(&gig(PRICE, 0)), &[]), refused);
    assert_eq!(verdict(&payment, None, &[]), refused);
    assert_eq!(placed(&payment, Some(&gig(PRICE, 0)), &[]).unwrap_err(), Refusal::PaymentRefunded);
}

#[test]
fn a_waiting_order_starts_once_the_fact_arrives() {
    let waiting = placed(&paid(), None, &[]).unwrap().order;
    let still = waiting.clone().reconsider(&Evidence { payment: &paid(), gig: None, offers: &[] }, at(2));
    assert!(still.events.is_empty());
    let fact = gig(PRICE, 0);
    let started = waiting.reconsider(&Evidence { payment: &paid(), gig: Some(&fact), offers: &[] }, at(2));
    assert_eq!(started.events[0].name(), "order-started");
    let again = started.order.clone().reconsider(&Evidence { payment: &paid(), gig: Some(&fact), offers: &[] }, at(3));
    assert!(again.events.is_empty());
    assert_eq!(again.order, started.order);
}

#[test]
fn a_waiting_order_is_refused_and_refunded_once_it_is_contradicted() {
    let waiting = placed(&paid(), None, &[]).unwrap().order;
    let fact = GigFact::unknown(id(3)).deleted(1, at(0));
    let refused = waiting.reconsider(&Evidence { payment: &paid(), gig: Some(&fact), offers: &[] }, at(2));
    assert_eq!(refused.events[0].name(), "order-cancelled");
    let record = refused.order.record();
    assert_eq!(record.phase, Phase::Cancelled);
    assert!(record.refund.is_some() && record.refusal.is_some());
    assert_eq!(record.cancelled_by, Some(Who::Marketplace));
}

#[test]
fn a_price_of_the_last_day_before_the_payment_counts() {
    let changed = |hour| gig(PRICE, -100).saved(dearer(), 2, at(hour));
    assert!(matches!(verdict(&paid(), Some(&changed(-24)), &[]), Verdict::Start { offer: None, .. }));
    assert_eq!(verdict(&paid(), Some(&changed(-25)), &[]), Verdict::Wait(WaitingFor::Price));
}

#[test]
fn an_accepted_unused_offer_explains_any_price() {
    let offers = [offer(1, |now| now.accepted = false), offer(2, |_| {}), offer(3, |now| now.cancelled = true)];
    let Verdict::Start { offer, .. } = verdict(&paid(), Some(&other_price()), &offers) else { panic!("it starts") };
    assert_eq!(offer, Some((id(2), 9)));
}

#[test]
fn offers_of_others_explain_nothing() {
    let others: [fn(&mut OfferNow); 4] = [
        |now| now.buyer = "Otto".into(),
        |now| now.seller = "Otto".into(),
        |now| now.gig = id(9),
        |now| now.price = Money::from_cents(40_01),
    ];
    for change in others {
        let verdict = verdict(&paid(), Some(&other_price()), &[offer(1, change)]);
        assert_eq!(verdict, Verdict::Wait(WaitingFor::Price));
    }
}

#[test]
fn an_offer_that_is_not_accepted_yet_is_waited_for() {
    let offers = [offer(1, |now| now.accepted = false)];
    assert_eq!(verdict(&paid(), Some(&other_price()), &offers), Verdict::Wait(WaitingFor::Price));
}

#[test]
fn used_and_cancelled_offers_contradict() {
    let mut used = offer(1, |_| {});
    used.used = true;
    let cancelled = offer(2, |now| (now.accepted, now.cancelled) = (false, true));
    let verdict = verdict(&paid(), Some(&other_price()), &[used, cancelled]);
    assert_eq!(verdict, Verdict::Refuse(Refusal::OfferGone));
}

#[test]
fn contradictions_are_refused_whatever_else_is_missing() {
    let mut foreign = seller();
    foreign.id = id(8);
    let sold_by_another =
        GigFact::unknown(id(3)).saved(GigNow { seller: foreign, card: card(), price: PRICE }, 1, at(0));
    let mut buyer = seller();
    buyer.username = "Marta".into();
    let own = GigFact::unknown(id(3)).saved(GigNow { seller: buyer, card: card(), price: PRICE }, 1, at(0));
    let gone = gig(PRICE, -100).deleted(2, at(-25));
    for (payment, gig, refusal) in [
        (payment(PaymentStatus::Processing), sold_by_another, Refusal::OtherSeller),
        (paid(), own, Refusal::OwnGig),
        (paid(), gone, Refusal::GigGone),
        (payment(PaymentStatus::Cancelled), gig(PRICE, 0), Refusal::PaymentFailed),
    ] {
        assert_eq!(verdict(&payment, Some(&gig), &[]), Verdict::Refuse(refusal));
        assert_eq!(placed(&payment, Some(&gig), &[]).unwrap_err(), refusal);
    }
}

#[test]
fn a_gig_deleted_while_the_buyer_paid_is_still_sold() {
    let gone = gig(PRICE, -100).deleted(2, at(-1));
    assert!(matches!(verdict(&paid(), Some(&gone), &[]), Verdict::Start { .. }));
}
