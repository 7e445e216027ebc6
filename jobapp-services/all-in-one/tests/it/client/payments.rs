//! Payments and the placing of orders.

use serde_json::json;

use crate::harness::bodies;
use crate::harness::checks::{has, list, text, without};
use crate::harness::people::order_number;
use crate::harness::{Trade, shared, soon};

#[tokio::test]
async fn prices_are_numbers_whole_or_not_and_an_offer_may_be_below_the_least_price_of_a_gig() {
    let mut trade = shared().trade().await;
    trade.gig = trade.seller.gig(20.75).await;
    assert_eq!(trade.gig.document["price"], json!(20.75));
    let number = trade.order().await;
    let order = trade.order_document(&number).await;
    for place in ["/price", "/serviceFee", "/offer/price", "/quantity"] {
        assert!(order.pointer(place).unwrap().is_number(), "{place}: {order}");
    }
    has(&order, "/price", 20.75);

    let offer = trade.offer(1.0).await;
    trade.accept(&offer).await;
    let (number, intent) = (order_number(), trade.buyer.pay(1.0).await);
    let answer = trade.try_order(trade.order_body(&number, &intent, 1.0)).await.says("Order created successfully.");
    has(&answer, "/order/price", 1.0);
}

#[tokio::test]
async fn a_payment_begins_with_a_price_alone_and_has_the_secret_its_form_expects() {
    let person = shared().person().await;
    let body = person.post("/order/create-payment-intent", json!({ "price": 20 })).await.good();
    let (intent, secret) = (text(&body, "/paymentIntentId"), text(&body, "/clientSecret"));
    assert!(intent.starts_with("pi_"), "{intent}");
    let rest = secret.strip_prefix(&format!("{intent}_secret_")).unwrap_or_else(|| panic!("{secret}"));
    assert!(rest.len() >= 8, "{secret}");
    let plain = reqwest::Client::new().get(person.url("/_dev/payments")).header("accept", "text/html");
    let page = person.send(plain).await;
    assert!(page.status == 200 && page.text().contains(&intent), "{page}");
    person.confirm(&intent).await;
}

#[tokio::test]
async fn the_fee_is_rounded_down_to_the_cent() {
    let seller = shared().seller().await;
    let buyer = shared().person().await;
    for (price, fee) in
        [(5.0, 2.27), (20.0, 3.1), (49.0, 4.69), (50.0, 2.75), (50.1, 2.75), (99.99, 5.49), (1000.0, 55.0)]
    {
        let trade = Trade { buyer: buyer.clone(), seller: seller.clone(), gig: seller.gig(price).await };
        let number = trade.order().await;
        has(&trade.order_document(&number).await, "/serviceFee", fee);
    }
}

#[tokio::test]
async fn an_order_on_a_paid_intent_begins_at_once_keeps_the_clients_number_and_ignores_its_wishes() {
    let trade = shared().trade().await;
    let (number, intent) = (order_number(), trade.buyer.pay(20.0).await);
    let mut body = trade.order_body(&number, &intent, 20.0);
    body["status"] = json!("Completed");
    body["serviceFee"] = json!(0);
    body["offer"]["accepted"] = json!(false);
    body["buyerReview"] = json!({ "rating": 5, "review": "x" });
    body["delivered"] = json!(true);
    body["sellerEmail"] = json!("thief@example.org");
    body["gigMainTitle"] = json!("Something else");
    let order = trade.try_order(body).await.says("Order created successfully.")["order"].clone();
    for (place, value) in [
        ("/orderId", json!(number)),
        ("/status", json!("in progress")),
        ("/serviceFee", json!(3.1)),
        ("/paymentIntent", json!(intent)),
        ("/delivered", json!(false)),
        ("/approved", json!(false)),
        ("/buyerReview/rating", json!(0)),
        ("/sellerReview/rating", json!(0)),
        ("/buyerUsername", json!(trade.buyer.username)),
        ("/buyerEmail", json!(trade.buyer.email)),
    ] {
        has(&order, place, value);
    }
    assert!(order.get("invoiceId").is_none(), "{order}");
    let stored = trade.order_document(&number).await;
    has(&stored, "/sellerEmail", trade.seller.email.as_str());
    has(&stored, "/gigMainTitle", trade.gig.document["title"].clone());
    trade.seller_gets("/ongoingJobs", json!(1)).await;
}

#[tokio::test]
async fn another_paid_intent_of_the_same_amount_stands_in_for_a_lost_one() {
    let trade = shared().trade().await;
    trade.buyer.intend(20.0).await;
    let paid = trade.buyer.pay(20.0).await;
    let unpaid = trade.buyer.intend(20.0).await;
    let stranger = shared().person().await;
    let foreign = stranger.pay(20.0).await;
    let answer = trade.try_order(trade.order_body(&order_number(), "null", 20.0)).await;
    let first = answer.says("Order created successfully.")["order"].clone();
    has(&first, "/paymentIntent", paid.as_str());
    // The same wish once more is the same order, even without a payment that can be named.
    let again = trade.try_order(trade.order_body(&order_number(), "null", 20.0)).await;
    has(&again.says("Order created successfully."), "/order/_id", first["_id"].clone());
    for intent in [unpaid.as_str(), foreign.as_str(), "pi_nothing"] {
        let answer = trade.try_order(trade.order_body(&order_number(), intent, 20.0)).await;
        assert!((400..500).contains(&answer.status), "{answer}");
        answer.error();
    }
    // What another paid is still his.
    let mine = Trade { buyer: stranger, ..trade };
    mine.try_order(mine.order_body(&order_number(), &foreign, 20.0)).await.says("Order created successfully.");
}

#[tokio::test]
async fn a_payment_of_another_amount_buys_nothing() {
    let trade = shared().trade().await;
    let cheap = trade.buyer.pay(5.0).await;
    let answer = trade.try_order(trade.order_body(&order_number(), &cheap, 20.0)).await;
    assert!((400..500).contains(&answer.status), "{answer}");
    answer.error();
}

#[tokio::test]
async fn a_repeated_order_of_one_payment_answers_with_the_first_and_its_number_becomes_an_alias() {
    let trade = shared().trade().await;
    let intent = trade.buyer.pay(20.0).await;
    let (first, second) = (order_number(), order_number());
    let order = trade.try_order(trade.order_body(&first, &intent, 20.0)).await.says("Order created successfully.");
    let again = trade.try_order(trade.order_body(&second, &intent, 20.0)).await;
    assert_eq!(again.status, 201, "{again}");
    has(&again.json(), "/order/_id", order["order"]["_id"].clone());
    let by_alias = trade.order_document(&second).await;
    has(&by_alias, "/_id", order["order"]["_id"].clone());
    let orders = trade.buyer.get(&format!("/order/buyer/{}", trade.buyer.buyer_id)).await.good();
    assert_eq!(list(&orders, "/orders").len(), 1);
    trade.seller_gets("/ongoingJobs", json!(1)).await;

    let other = Trade { gig: trade.seller.gig(20.0).await, ..trade.clone() };
    other.try_order(other.order_body(&order_number(), &intent, 20.0)).await.refused(409);
    trade.try_order(trade.order_body(&order_number(), &intent, 25.0)).await.refused(409);
}

#[tokio::test]
async fn two_clicks_at_once_make_one_order() {
    let trade = shared().trade().await;
    let intent = trade.buyer.pay(20.0).await;
    let (first, second) = (order_number(), order_number());
    let (one, two) = tokio::join!(
        trade.try_order(trade.order_body(&first, &intent, 20.0)),
        trade.try_order(trade.order_body(&second, &intent, 20.0))
    );
    let (one, two) = (one.says("Order created successfully."), two.says("Order created successfully."));
    assert_eq!(one["order"]["_id"], two["order"]["_id"]);
    let (one, two) = (trade.order_document(&first).await, trade.order_document(&second).await);
    assert_eq!(one["_id"], two["_id"]);
}

#[tokio::test]
async fn the_same_number_cannot_name_two_orders() {
    let trade = shared().trade().await;
    let number = trade.order().await;
    let other = Trade { gig: trade.seller.gig(20.0).await, ..trade.clone() };
    let intent = trade.buyer.pay(20.0).await;
    other.try_order(other.order_body(&number, &intent, 20.0)).await.refused(409);
    other.try_order(other.order_body(&order_number(), &intent, 20.0)).await.says("Order created successfully.");
    has(&trade.order_document(&number).await, "/gigId", trade.gig.id.as_str());
}

#[tokio::test]
async fn a_price_the_gig_had_while_the_buyer_paid_is_good() {
    let trade = shared().trade().await;
    let intent = trade.buyer.pay(20.0).await;
    let body = without(&without(&bodies::gig(&trade.seller.seller_id, "Dearer", 35.0), "/sellerId"), "/profilePicture");
    trade.seller.put(&format!("/gig/{}", trade.gig.id), body).await.good();
    trade.seller.put(&format!("/gig/active/{}", trade.gig.id), json!({ "active": false })).await.good();
    let answer = trade.try_order(trade.order_body(&order_number(), &intent, 20.0)).await;
    has(&answer.says("Order created successfully."), "/order/price", 20);
}

#[tokio::test]
async fn an_accepted_offer_is_good_for_one_order() {
    let trade = shared().trade().await;
    let offer = trade.offer(42.0).await;
    trade.accept(&offer).await;
    let (number, intent) = (order_number(), trade.buyer.pay(42.0).await);
    trade.try_order(trade.order_body(&number, &intent, 42.0)).await.says("Order created successfully.");
    soon("the order begins", || async {
        let orders = trade.seller.get(&format!("/order/seller/{}", trade.seller.seller_id)).await.good();
        if list(&orders, "/orders").len() == 1 { Ok(()) } else { Err(orders.to_string()) }
    })
    .await;
    let intent = trade.buyer.pay(42.0).await;
    let second = order_number();
    let answer = trade.try_order(trade.order_body(&second, &intent, 42.0)).await;
    // Refused at once, or left waiting and never begun.
    if answer.status != 201 {
        assert!((400..500).contains(&answer.status), "{answer}");
        answer.error();
    }
    let orders = trade.seller.get(&format!("/order/seller/{}", trade.seller.seller_id)).await.good();
    assert_eq!(list(&orders, "/orders").len(), 1, "{orders}");
}

/// Waits until a payment is shown as given back.
async fn went_back(trade: &Trade, intent: &str) {
    soon("the payment goes back", || async {
        let plain = reqwest::Client::new().get(trade.buyer.url("/_dev/payments")).header("accept", "text/html");
        let page = trade.buyer.send(plain).await.text().to_lowercase();
        let row = page.split("<tr").find(|row| row.contains(&intent.to_lowercase())).unwrap_or_default();
        if row.contains("given back") { Ok(()) } else { Err(row.to_owned()) }
    })
    .await;
}

#[tokio::test]
async fn a_price_that_an_open_offer_may_still_explain_waits_and_only_the_buyer_sees_it() {
    let trade = shared().trade().await;
    let offer = trade.offer(33.0).await;
    let (number, intent) = (order_number(), trade.buyer.pay(33.0).await);
    let answer = trade.try_order(trade.order_body(&number, &intent, 33.0)).await;
    has(&answer.says("Order created successfully."), "/order/status", "in progress");
    let buyers = trade.buyer.get(&format!("/order/buyer/{}", trade.buyer.buyer_id)).await.good();
    has(&buyers, "/orders/0/orderId", number.as_str());
    has(&buyers, "/orders/0/state", "AwaitingPayment");
    let sellers = trade.seller.get(&format!("/order/seller/{}", trade.seller.seller_id)).await.good();
    assert_eq!(sellers["orders"], json!([]));
    let told = trade.seller.notifications().await;
    assert!(told.is_empty(), "{told:?}");

    // The missing fact arrives: the buyer accepts.
    trade.accept(&offer).await;
    trade.seller.told("placed an order for your gig.").await;
    let order = trade.order_document(&number).await;
    has(&order, "/state", "InProgress");
}

#[tokio::test]
async fn a_price_the_gig_never_had_is_refused_and_the_money_goes_back_at_once() {
    let trade = shared().trade().await;
    for price in [33.0, 1.0] {
        let intent = trade.buyer.pay(price).await;
        let answer = trade.try_order(trade.order_body(&order_number(), &intent, price)).await.refused(409);
        let words = "The gig is not sold at this price. Your payment will be refunded.";
        assert_eq!(text(&answer, "/message"), words, "{answer}");
        went_back(&trade, &intent).await;
    }
    let sellers = trade.seller.get(&format!("/order/seller/{}", trade.seller.seller_id)).await.good();
    assert_eq!(sellers["orders"], json!([]));
    trade.order().await;
}

#[tokio::test]
async fn a_gig_that_does_not_exist_is_not_sold_and_the_money_goes_back_at_once() {
    let trade = shared().trade().await;
    let intent = trade.buyer.pay(20.0).await;
    let mut body = trade.order_body(&order_number(), &intent, 20.0);
    body["gigId"] = json!("66f0c0ffee00000000009999");
    let answer = trade.try_order(body).await.refused(409);
    assert_eq!(text(&answer, "/message"), "There is no such gig. Your payment will be refunded.", "{answer}");
    went_back(&trade, &intent).await;
}

#[tokio::test]
async fn a_number_is_paid_once_and_what_is_paid_for_it_again_goes_back_at_once() {
    let trade = shared().trade().await;
    let words = "You placed this order before, with another payment. Your payment will be refunded.";
    let again = async |number: &str| {
        let intent = trade.buyer.pay(20.0).await;
        let answer = trade.try_order(trade.order_body(number, &intent, 20.0)).await.refused(409);
        assert_eq!(text(&answer, "/message"), words, "{answer}");
        went_back(&trade, &intent).await;
    };
    let number = trade.order().await;
    again(&number).await;
    has(&trade.order_document(&number).await, "/state", "InProgress");
    trade.seller.put(&format!("/order/cancel/{number}"), trade.cancellation("x")).await.good();
    again(&number).await;
    has(&trade.order_document(&number).await, "/state", "Cancelled");
    trade.order().await;
}

#[tokio::test]
async fn an_order_that_contradicts_what_is_known_is_refused_and_can_be_paid_anew() {
    let (trade, other) = tokio::join!(shared().trade(), shared().seller());
    let intent = trade.buyer.pay(20.0).await;
    let mut body = trade.order_body(&order_number(), &intent, 20.0);
    body["sellerId"] = json!(other.seller_id);
    let answer = trade.try_order(body).await;
    assert!((400..500).contains(&answer.status), "{answer}");
    answer.error();

    // One's own gig.
    let own = Trade { buyer: trade.seller.person.clone(), ..trade.clone() };
    let intent = own.buyer.pay(20.0).await;
    let answer = own.try_order(own.order_body(&order_number(), &intent, 20.0)).await;
    assert!((400..500).contains(&answer.status), "{answer}");
    answer.error();

    trade.order().await;
}
