//! Whom a step is told to, and in which words.

use super::*;
use crate::{Happened, NotificationEvent, OrderNotification};

fn note(step: &str, actor: &str, order: &Order) -> Option<(OrderNotification, NotificationEvent)> {
    let happened = Happened { step, actor, rating: Some(4), at: at(9) };
    OrderNotification::of(id(8), format!("1/{step}"), &happened, order)
}

#[test]
fn every_step_tells_the_other_side_in_the_wires_words() {
    let order = started();
    for (step, actor, to, message) in [
        ("order-started", "Marta", "Iria", "placed an order for your gig."),
        ("order-cancelled", "Iria", "Marta", "cancelled your order delivery."),
        ("order-approved", "Marta", "Iria", "approved your order delivery."),
        ("order-delivered", "Iria", "Marta", "delivered your order."),
        ("extension-requested", "Iria", "Marta", "requested for an order delivery date extension."),
        ("extension-approved", "Marta", "Iria", "approved your order delivery date extension request."),
        ("extension-rejected", "Marta", "Iria", "rejected your order delivery date extension request."),
        ("buyer-review", "Marta", "Iria", "left you a 4 star review"),
        ("seller-review", "Iria", "Marta", "left you a 4 star review"),
    ] {
        let (note, event) = note(step, actor, &order).unwrap();
        let record = note.record();
        assert_eq!((record.sender.username.as_str(), record.receiver.username.as_str()), (actor, to), "{step}");
        assert_eq!(record.message, message);
        assert_eq!(event.told().order.record(), order.record());
    }
}

#[test]
fn some_steps_are_told_to_nobody() {
    let order = started();
    for (step, actor) in
        [("order-placed", "Marta"), ("order-refunded", ""), ("order-cancelled", "Marta"), ("new", "Iria")]
    {
        assert!(note(step, actor, &order).is_none(), "{step}");
    }
}

#[test]
fn a_refusal_is_told_to_the_buyer_by_the_marketplace() {
    let order = waiting().refuse(crate::Refusal::Unconfirmed, at(5)).unwrap().order;
    let (note, _) = note("order-cancelled", "", &order).unwrap();
    assert_eq!((note.record().sender.username.as_str(), note.record().receiver.username.as_str()), ("JobApp", "Marta"));
    assert_eq!(
        note.record().message,
        "refused your order. The order could not be confirmed in time. Your payment will be refunded."
    );
}

#[test]
fn reading_is_news_once() {
    let order = started();
    let (note, _) = note("order-started", "Marta", &order).unwrap();
    let (read, event) = note.read(&order);
    assert!(event.is_some() && read.record().is_read);
    assert!(read.read(&order).1.is_none());
}
