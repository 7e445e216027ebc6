//! The order follows the table, whatever is asked of it.

use jobapp_kernel::Aggregate;
use proptest::prelude::*;

use super::*;
use crate::machine::{Action, Decision, Refused, decide};
use crate::{OrderEvent, Refusal};

/// Does `action` as `by`; `None` where the aggregate has no such call for that side.
fn act(order: Order, action: Action, by: Who) -> Option<Result<Decided, Refused>> {
    Some(match action {
        Action::Start | Action::Refund | Action::Refuse if by != Who::Marketplace => return None,
        Action::Start => return None,
        Action::Refuse => order.refuse(Refusal::Unconfirmed, at(7)),
        Action::Deliver => order.deliver(work(), id(7), by, at(7)),
        Action::Approve => order.approve(by, at(7)),
        Action::Cancel => order.cancel(by, at(7)),
        Action::RequestExtension => order.request_extension(extension(3), by, at(7)),
        Action::ApproveExtension => order.answer_extension(ExtensionAnswer::Approved, by, at(7)),
        Action::RejectExtension => order.answer_extension(ExtensionAnswer::Rejected, by, at(7)),
        Action::Review => order.review(review(5), by),
        Action::Refund => order.refunded(at(7)),
    })
}

#[test]
fn every_phase_action_and_side_does_what_the_table_says() {
    for phase in Phase::ALL {
        for action in Action::ALL {
            for by in Who::ALL {
                let order = in_phase(phase);
                assert_eq!(order.record().phase, phase);
                let Some(result) = act(order.clone(), action, by) else { continue };
                let is_ended =
                    matches!((phase, action), (Phase::Completed, Action::Approve) | (Phase::Cancelled, Action::Cancel));
                match (decide(phase, action, by, is_ended), result) {
                    (Ok(Decision::Go(to)), Ok(decided)) => {
                        assert_eq!(decided.order.record().phase, to, "{phase:?} {action:?} {by:?}");
                        assert_eq!(decided.events.len(), 1, "{phase:?} {action:?} {by:?}");
                    }
                    (Ok(Decision::Repeat), Ok(decided)) => {
                        assert_eq!(decided.order, order, "{phase:?} {action:?} {by:?}");
                        assert!(decided.events.is_empty(), "{phase:?} {action:?} {by:?}");
                    }
                    (Err(expected), Err(refused)) => assert_eq!(refused, expected),
                    (expected, got) => panic!("{phase:?} {action:?} {by:?}: {expected:?} but {got:?}"),
                }
            }
        }
    }
}

#[test]
fn what_was_done_once_is_answered_as_then_and_changes_nothing() {
    let approved = in_phase(Phase::Completed);
    assert!(approved.clone().approve(Who::Buyer, at(99)).unwrap().events.is_empty());
    let reviewed = approved.review(review(5), Who::Buyer).unwrap().order;
    let again = reviewed.clone().review(review(1), Who::Buyer).unwrap();
    assert!(again.events.is_empty());
    assert_eq!(again.order.record().buyer_review.as_ref().unwrap().rating, 5);
    let refunded = in_phase(Phase::Cancelled).refunded(at(8)).unwrap().order;
    assert!(refunded.clone().refunded(at(9)).unwrap().events.is_empty());
    assert_eq!(refunded.record().refund.as_ref().unwrap().paid_at, Some(at(8)));
}

#[test]
fn delivering_again_appends() {
    let order = delivered(delivered(started()));
    assert_eq!(order.record().work.len(), 2);
}

#[test]
fn work_is_delivered_only_so_often() {
    let order = (0..50).fold(started(), |order, _| delivered(order));
    let refused = order.clone().deliver(work(), id(6), Who::Seller, at(7)).unwrap_err();
    assert_eq!(refused, Refused::TooOften { action: Action::Deliver, most: 50 });
    assert_eq!(refused.to_string(), "This order cannot be delivered more than 50 times.");
    assert_eq!(order.approve(Who::Buyer, at(8)).unwrap().order.record().phase, Phase::Completed);
}

#[test]
fn more_time_is_asked_for_only_so_often_whatever_the_answers_are() {
    let mut order = started();
    for days in 1..=20 {
        order = order.request_extension(extension(days), Who::Seller, at(4)).unwrap().order;
        if days % 2 == 0 {
            order = order.answer_extension(ExtensionAnswer::Rejected, Who::Buyer, at(5)).unwrap().order;
        }
    }
    let refused = order.clone().request_extension(extension(21), Who::Seller, at(7)).unwrap_err();
    assert_eq!(refused, Refused::TooOften { action: Action::RequestExtension, most: 20 });
    assert_eq!(delivered(order).record().phase, Phase::Delivered);
}

#[test]
fn an_order_is_due_when_it_can_be_meant_to_be_whatever_the_clock_of_who_placed_it_says() {
    let due = |told: Timestamp, now: i64| {
        let agreement = Agreement { first_due: told, due: told, ..request().agreement };
        let request = NewOrder { agreement, ..request() };
        let payment = payment(PaymentStatus::Paid);
        let evidence = Evidence { payment: &payment, gig: Some(&gig(PRICE, 0)), offers: &[] };
        let agreement = Order::place(request, &evidence, at(now)).unwrap().order.record().agreement.clone();
        assert_eq!(agreement.first_due, agreement.due);
        agreement.due
    };
    // Three days of work are 72 hours.
    let furthest = 1 + 24 * 3650;
    for (told, expected) in [
        (at(2), at(2)),
        (at(80), at(80)),
        (at(furthest), at(furthest)),
        (at(1), at(73)),
        (at(-500_000), at(73)),
        (at(furthest + 1), at(73)),
        ("9999-12-31T00:00:00Z".parse().unwrap(), at(73)),
    ] {
        assert_eq!(due(told, 1), expected, "{told}");
    }
}

#[test]
fn the_date_before_an_extension_is_the_orders_whatever_was_told() {
    let told = Extension { original_date: "1969-01-01".into(), ..extension(2) };
    let order = started().request_extension(told, Who::Seller, at(4)).unwrap().order;
    assert_eq!(order.record().extension.as_ref().unwrap().original_date, at(72).to_string());
}

#[test]
fn a_granted_extension_moves_the_date_that_was_asked_for() {
    let order = answered(started(), ExtensionAnswer::Approved);
    let agreement = &order.record().agreement;
    assert_eq!((agreement.due, agreement.first_due, agreement.delivery_in_days), (at(120), at(72), 2));
    assert_eq!(agreement.reason, "illness");
    assert_eq!(order.record().extended_at, Some(at(5)));
    assert!(order.clone().answer_extension(ExtensionAnswer::Approved, Who::Buyer, at(6)).unwrap().events.is_empty());
    assert!(order.answer_extension(ExtensionAnswer::Rejected, Who::Buyer, at(6)).is_err());
}

#[test]
fn a_rejected_extension_leaves_the_date_and_may_be_asked_for_again() {
    let order = answered(started(), ExtensionAnswer::Rejected);
    assert_eq!(order.record().agreement.due, at(72));
    assert!(order.clone().answer_extension(ExtensionAnswer::Rejected, Who::Buyer, at(6)).unwrap().events.is_empty());
    let again = order.request_extension(extension(2), Who::Seller, at(7)).unwrap();
    assert_eq!(again.events.len(), 1);
    let order = again.order.answer_extension(ExtensionAnswer::Approved, Who::Buyer, at(8)).unwrap().order;
    assert_eq!(order.record().agreement.due, at(120));
}

#[test]
fn asking_for_the_same_again_is_no_news_and_for_something_else_replaces_it() {
    let order = asked(started());
    assert!(order.clone().request_extension(extension(2), Who::Seller, at(9)).unwrap().events.is_empty());
    let other = order.request_extension(extension(5), Who::Seller, at(9)).unwrap();
    assert_eq!(other.events.len(), 1);
    assert_eq!(other.order.record().extension.as_ref().unwrap().days, 5);
}

#[test]
fn more_time_is_asked_for_and_granted_only_if_it_is_any() {
    use crate::InvalidExtension::{NotLater, Past, TooFar};
    // The work is due at hour 72.
    let until = |hour: i64| Extension { new_due: at(hour), ..extension(1) };
    for (hour, now, expected) in [
        (-500_000, 4, NotLater),
        (0, 4, NotLater),
        (72, 4, NotLater),
        (90, 90, Past),
        (90, 100, Past),
        (72 + 24 * 3650 + 1, 4, TooFar),
    ] {
        let refused = started().request_extension(until(hour), Who::Seller, at(now)).unwrap_err();
        assert_eq!(refused, Refused::Extension(expected), "until {hour} at {now}");
    }
    assert!(started().request_extension(until(101), Who::Seller, at(100)).is_ok());
    // The buyer lets the date pass: then he can only say no, and the seller ask again.
    let asked = started().request_extension(until(90), Who::Seller, at(4)).unwrap().order;
    let late = asked.clone().answer_extension(ExtensionAnswer::Approved, Who::Buyer, at(91)).unwrap_err();
    assert_eq!(late, Refused::Extension(Past));
    assert!(asked.clone().answer_extension(ExtensionAnswer::Rejected, Who::Buyer, at(91)).is_ok());
    let again = asked.request_extension(until(120), Who::Seller, at(91)).unwrap().order;
    let granted = again.answer_extension(ExtensionAnswer::Approved, Who::Buyer, at(92)).unwrap().order;
    assert_eq!(granted.record().agreement.due, at(120));
}

#[test]
fn delivering_and_cancelling_clear_a_pending_request() {
    for order in [delivered(asked(started())), asked(started()).cancel(Who::Seller, at(6)).unwrap().order] {
        assert!(order.record().extension.is_none());
        assert!(order.answer_extension(ExtensionAnswer::Approved, Who::Buyer, at(7)).is_err());
    }
}

#[test]
fn the_date_of_the_end_is_the_date_of_the_order_until_it_ended() {
    assert_eq!(started().record().approved_at(), at(1));
    assert_eq!(in_phase(Phase::Completed).record().approved_at(), at(6));
    assert_eq!(in_phase(Phase::Cancelled).record().approved_at(), at(6));
}

#[test]
fn the_seller_takes_part_once_the_work_started() {
    assert_eq!(waiting().record().side_of("Iria"), None);
    assert_eq!(started().record().side_of("Iria"), Some(Who::Seller));
    assert_eq!(waiting().record().side_of("Marta"), Some(Who::Buyer));
    assert_eq!(started().record().side_of("Otto"), None);
    assert!(Order::SELLER.values_of(&waiting()).unwrap().is_empty());
    assert_eq!(Order::BUYER.values_of(&waiting()).unwrap().len(), 1);
}

#[test]
fn open_orders_come_before_ended_ones_and_then_the_newest() {
    let sort = |order: &Order| Order::BUYER.sort_of(order).unwrap();
    assert!(sort(&started()) > sort(&in_phase(Phase::Completed)));
    assert!(sort(&waiting()) > sort(&in_phase(Phase::Cancelled)));
}

#[test]
fn an_order_goes_by_every_number_it_was_asked_for_with() {
    let order = started().also_known_as("JO2".parse().unwrap()).unwrap();
    assert_eq!(Order::NUMBER.values_of(&order).unwrap().len(), 2);
    assert!(order.clone().also_known_as("JO2".parse().unwrap()).is_none());
    assert!(order.also_known_as("JO1".parse().unwrap()).is_none());
}

#[test]
fn broken_states_are_refused() {
    let broken: [fn(&mut crate::OrderRecord); 5] = [
        |record| record.work.clear(),
        |record| record.ended_at = None,
        |record| record.extension = Some(extension(1)),
        |record| record.price = Money::ZERO,
        |record| record.started_at = None,
    ];
    for damage in broken {
        let mut record = in_phase(Phase::Completed).record().clone();
        damage(&mut record);
        assert!(Order::from_state(crate::OrderState::V1(Box::new(record))).is_err());
    }
}

fn any_action() -> impl Strategy<Value = (Action, Who)> {
    (prop::sample::select(Action::ALL.to_vec()), prop::sample::select(Who::ALL.to_vec()))
}

proptest! {
    #[test]
    fn no_sequence_of_actions_breaks_an_order(actions in prop::collection::vec(any_action(), 0..30), paid in any::<bool>()) {
        let mut order = if paid { started() } else { waiting() };
        let mut refunds = 0;
        for (action, by) in actions {
            let phase = order.record().phase;
            let Some(Ok(decided)) = act(order.clone(), action, by) else { continue };
            // An ended order stays ended; only reviews and refunds are added.
            prop_assert!(!phase.has_ended() || decided.order.record().phase == phase);
            // What is stored can be read again, and so can what is published.
            let state = serde_json::to_string(&decided.order.to_state()).unwrap();
            let read = Order::from_state(serde_json::from_str(&state).unwrap()).unwrap();
            prop_assert_eq!(&read, &decided.order);
            for event in &decided.events {
                let text = serde_json::to_string(event).unwrap();
                let read: OrderEvent = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(read.name(), event.name());
                prop_assert_eq!(read.step().order.record(), decided.order.record());
                let tag = format!("\"type\":\"{}\"", event.name());
                prop_assert!(text.contains(&tag));
                refunds += usize::from(matches!(event, OrderEvent::OrderRefunded(_)));
            }
            if decided.events.is_empty() {
                prop_assert_eq!(&decided.order, &order);
            }
            order = decided.order;
        }
        prop_assert!(refunds <= 1);
    }
}
