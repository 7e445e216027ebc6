//! What two do at the same moment happens once.

use serde_json::json;

use crate::harness::bodies;
use crate::harness::checks::{at, has, list};
use crate::harness::people::{order_number, unique};
use crate::harness::{Answer, Trade, shared, soon};

/// The statuses of two answers, the smaller one first.
fn statuses(one: &Answer, two: &Answer) -> [u16; 2] {
    let mut both = [one.status, two.status];
    both.sort_unstable();
    both
}

#[tokio::test]
async fn two_people_cannot_have_one_name_or_one_address() {
    for same_name in [true, false] {
        let (first, second) = (unique(), unique());
        let name = |number: u32| format!("Twin{}", if same_name { first } else { number });
        let email = |number: u32| format!("twin{}@example.org", if same_name { number } else { first });
        let (here, there) = (shared().browser(), shared().browser());
        let (one, two) = tokio::join!(
            here.post("/auth/signup", bodies::sign_up(&name(first), &email(first))),
            there.post("/auth/signup", bodies::sign_up(&name(second), &email(second)))
        );
        assert_eq!(statuses(&one, &two), [201, 400], "{one} {two}");
        let loser = if one.status == 400 { one } else { two };
        loser.refused_with(400, "Invalid credentials. Email or Username");
    }
}

#[tokio::test]
async fn one_becomes_a_seller_once() {
    let person = shared().person().await;
    let body = bodies::seller(&person.email);
    let (one, two) = tokio::join!(person.post("/seller/create", body.clone()), person.post("/seller/create", body));
    assert_eq!(statuses(&one, &two), [201, 400], "{one} {two}");
}

#[tokio::test]
async fn two_approvals_pay_once() {
    let trade = shared().trade().await;
    let number = trade.order().await;
    trade.deliver(&number).await;
    tokio::join!(trade.approve(&number), trade.approve(&number), trade.approve(&number));
    trade.seller_gets("/completedJobs", json!(1)).await;
    trade.seller_gets("/totalEarnings", json!(16)).await;
    trade.seller_gets("/ongoingJobs", json!(0)).await;
    trade.seller.told("approved your order delivery.").await;
    let told = trade.seller.notifications().await;
    assert_eq!(told.iter().filter(|one| one["message"] == "approved your order delivery.").count(), 1);
    soon("one purchase", || async {
        at(&trade.buyer.get("/buyer/username").await.good(), "/buyer/purchasedGigs", json!([trade.gig.id]))
    })
    .await;
}

#[tokio::test]
async fn a_delivery_and_a_cancellation_end_in_one_of_them() {
    let trade = shared().trade().await;
    let number = trade.order().await;
    let deliver = format!("/order/deliver-order/{number}");
    let cancel = format!("/order/cancel/{number}");
    let (delivered, cancelled) = tokio::join!(
        trade.seller.put(&deliver, bodies::delivery("Here it is.")),
        trade.seller.put(&cancel, trade.cancellation("x"))
    );
    let order = trade.order_document(&number).await;
    match (delivered.status, cancelled.status) {
        (200, 409) => has(&order, "/status", "Delivered"),
        (409, 201) => has(&order, "/status", "Cancelled"),
        _ => panic!("{delivered} {cancelled}"),
    }
}

#[tokio::test]
async fn an_offer_is_answered_in_one_way() {
    let trade = shared().trade().await;
    let offer = trade.offer(40.0).await;
    let answer = |kind: &str| json!({ "messageId": offer, "type": kind });
    let (accepted, cancelled) = tokio::join!(
        trade.buyer.put("/message/offer", answer("accepted")),
        trade.seller.put("/message/offer", answer("cancelled"))
    );
    assert_eq!(statuses(&accepted, &cancelled), [200, 409], "{accepted} {cancelled}");
    let stored = trade.messages().await.pop().unwrap();
    has(&stored, "/offer/accepted", accepted.status == 200);
    has(&stored, "/offer/cancelled", cancelled.status == 200);
}

#[tokio::test]
async fn two_beginnings_of_a_conversation_are_one() {
    let trade = shared().trade().await;
    let (one, two, three) =
        tokio::join!(trade.say(true, None, "Hello"), trade.say(false, None, "Hi"), trade.say(true, None, "Hello?"));
    assert!(one == two && two == three, "{one} {two} {three}");
    assert_eq!(trade.messages().await.len(), 3);
}

#[tokio::test]
async fn an_order_is_reviewed_once_by_each_side() {
    let trade = shared().trade().await;
    let number = trade.completed_order().await;
    let review = trade.review(true, &number, 4);
    let (one, two) = tokio::join!(trade.buyer.post("/review", review.clone()), trade.buyer.post("/review", review));
    assert_eq!(statuses(&one, &two), [201, 409], "{one} {two}");
    trade.seller_gets("/ratingSum", json!(4)).await;
    trade.seller_gets("/ratingsCount", json!(1)).await;
}

#[tokio::test]
async fn a_number_names_one_order() {
    let trade = shared().trade().await;
    let other = Trade { gig: trade.seller.gig(30.0).await, ..trade.clone() };
    let (number, cheap, dear) = (order_number(), trade.buyer.pay(20.0).await, trade.buyer.pay(30.0).await);
    let (one, two) = tokio::join!(
        trade.try_order(trade.order_body(&number, &cheap, 20.0)),
        other.try_order(other.order_body(&number, &dear, 30.0))
    );
    assert_eq!(statuses(&one, &two), [201, 409], "{one} {two}");
    let orders = trade.buyer.get(&format!("/order/buyer/{}", trade.buyer.buyer_id)).await.good();
    assert_eq!(list(&orders, "/orders").len(), 1, "{orders}");
}

#[tokio::test]
async fn a_gig_that_is_deleted_twice_is_counted_down_once() {
    let trade = shared().trade().await;
    trade.seller.gig(20.0).await;
    trade.seller_gets("/totalGigs", json!(2)).await;
    let path = format!("/gig/{}/{}", trade.gig.id, trade.seller.seller_id);
    let (one, two) = tokio::join!(trade.seller.delete(&path), trade.seller.delete(&path));
    assert_eq!(statuses(&one, &two), [200, 404], "{one} {two}");
    trade.seller_gets("/totalGigs", json!(1)).await;
}
