//! Who may see and change what.

use serde_json::{Value, json};

use crate::harness::bodies;
use crate::harness::checks::{has, list, text, without};
use crate::harness::people::{order_number, unique};
use crate::harness::{Answer, shared, soon};

/// The id of the gig every chat window asks for first. It never exists.
const NO_GIG: &str = "649db27404c0c7b7d4b112ec";

/// Refused: 403, or 404 where nobody shall know that it exists.
#[track_caller]
fn is_closed(answer: &Answer) {
    assert!(matches!(answer.status, 403 | 404), "{answer}");
    answer.error();
}

#[tokio::test]
async fn a_partners_public_part_is_found_in_any_case_and_the_rest_is_his() {
    let name = format!("john {}", unique());
    let (john, other) = (shared().browser(), shared().person().await);
    john.post("/auth/signup", bodies::sign_up(&name, &format!("john{}@example.org", unique()))).await.good();
    let stored = name.replacen('j', "J", 1);
    john.get("/buyer/username").await.good();
    for asked in [stored.clone(), stored.to_uppercase(), stored.to_lowercase()] {
        let body = other.get(&format!("/buyer/{}", asked.replace(' ', "%20"))).await.says("Buyer profile");
        has(&body, "/buyer/username", stored.as_str());
        for private in ["email", "purchasedGigs"] {
            assert!(body["buyer"].get(private).is_none(), "{body}");
        }
    }
    let body = john.get(&format!("/buyer/{}", stored.replace(' ', "%20"))).await.good();
    assert!(body["buyer"]["email"].is_string(), "{body}");
}

#[tokio::test]
async fn a_conversation_is_read_by_both_whoever_is_named_first_and_by_nobody_else() {
    let (trade, stranger) = tokio::join!(shared().trade(), shared().person());
    let conversation = trade.say(true, None, "Hello").await;
    let (buyer, seller) = (&trade.buyer.username, &trade.seller.username);
    for (one, two) in [(buyer, seller), (seller, buyer)] {
        for reader in [&trade.buyer, &*trade.seller] {
            let body = reader.get(&format!("/message/{one}/{two}")).await.says("Chat messages");
            has(&body, "/messages/0/body", "Hello");
            let body = reader.get(&format!("/message/conversation/{one}/{two}")).await.says("Chat conversation");
            has(&body, "/conversations/0/conversationId", conversation.as_str());
        }
        is_closed(&stranger.get(&format!("/message/{one}/{two}")).await);
        is_closed(&stranger.get(&format!("/message/conversation/{one}/{two}")).await);
    }
    is_closed(&stranger.get(&format!("/message/conversations/{buyer}")).await);
}

#[tokio::test]
async fn unknown_and_foreign_conversations_cannot_be_told_apart() {
    let (trade, stranger) = tokio::join!(shared().trade(), shared().person());
    let conversation = trade.say(true, None, "Hello").await;
    let foreign = stranger.get(&format!("/message/{conversation}")).await;
    for unknown in ["undefined", "000000000000000", "null"] {
        let unknown = stranger.get(&format!("/message/{unknown}")).await;
        assert_eq!((foreign.status, foreign.json()), (unknown.status, unknown.json()), "{foreign} {unknown}");
    }
    assert!(matches!(foreign.status, 200 | 403 | 404), "{foreign}");
    // Who has never written to somebody finds nothing, without an error.
    let nothing = stranger.get(&format!("/message/conversation/{}/{}", trade.seller.username, stranger.username)).await;
    assert_eq!(nothing.says("Chat conversation")["conversations"], json!([]));
    let nothing = stranger.get(&format!("/message/{}/{}", trade.seller.username, stranger.username)).await;
    assert_eq!(nothing.says("Chat messages")["messages"], json!([]));
}

#[tokio::test]
async fn nobody_writes_as_somebody_else_and_roles_belong_to_each_message() {
    let (trade, stranger) = tokio::join!(shared().trade(), shared().person());
    let conversation = trade.say(true, None, "Hello").await;
    let forged = trade.message(true, Some(&conversation), "I am the buyer");
    for forger in [&stranger, &*trade.seller] {
        let answer = forger.post("/message", forged.clone()).await;
        assert!(matches!(answer.status, 400 | 403 | 404), "{answer}");
        answer.error();
    }
    let mut third = trade.message(true, None, "For a third");
    third["buyerId"] = json!(stranger.buyer_id);
    let answer = trade.buyer.post("/message", third).await;
    assert!(matches!(answer.status, 400 | 403 | 404), "{answer}");

    // The buyer begins to sell; the same pair talks the other way round in the same conversation.
    let now_selling = trade.buyer.clone().into_seller().await;
    let mut reversed = trade.message(false, Some(&conversation), "What do you ask for it?");
    reversed["sellerId"] = json!(now_selling.seller_id);
    reversed["buyerId"] = json!(trade.seller.buyer_id);
    let answer = trade.seller.post("/message", reversed).await.says("Message added");
    has(&answer, "/conversationId", conversation.as_str());
    let messages = trade.messages().await;
    let roles: Vec<(&str, &str)> = messages
        .iter()
        .map(|message| (message["sellerId"].as_str().unwrap(), message["buyerId"].as_str().unwrap()))
        .collect();
    let (first, second) = (
        (trade.seller.seller_id.as_str(), trade.buyer.buyer_id.as_str()),
        (now_selling.seller_id.as_str(), trade.seller.buyer_id.as_str()),
    );
    assert_eq!(roles, [first, second]);
}

#[tokio::test]
async fn a_second_beginning_of_a_conversation_goes_on_with_the_first() {
    let trade = shared().trade().await;
    let first = trade.say(true, None, "Hello").await;
    let second = trade.say(true, None, "Hello from another tab").await;
    let third = trade.say(false, None, "Hello back").await;
    assert_eq!((&second, &third), (&first, &first));
    assert_eq!(trade.messages().await.len(), 3);
    let path = format!("/message/conversation/{}/{}", trade.seller.username, trade.buyer.username);
    assert_eq!(list(&trade.buyer.get(&path).await.good(), "/conversations").len(), 1);
}

#[tokio::test]
async fn a_paused_gig_can_be_read_by_id_but_not_be_found() {
    let (seller, other) = tokio::join!(shared().seller(), shared().person());
    let word = format!("Pausing{}", unique());
    let gig = seller.gig_called(&word, 20.0).await;
    let search = format!("/gig/search/0/10/forward?query={word}");
    soon("the search finds it", || async { found(&other.get(&search).await, 1) }).await;
    seller.put(&format!("/gig/active/{}", gig.id), json!({ "active": false })).await.good();
    has(&other.get(&format!("/gig/{}", gig.id)).await.says("Get gig by id"), "/gig/active", false);
    other.without_cookies().get(&format!("/auth/search/gig/{}", gig.id)).await.refused(404);
    soon("the search forgets it", || async { found(&other.get(&search).await, 0) }).await;
    let public = other.get(&format!("/gig/seller/{}", seller.seller_id)).await.good();
    assert_eq!(public["gigs"], json!([]));
}

fn found(answer: &Answer, wanted: usize) -> Result<(), String> {
    let body = answer.good();
    if body["total"] == wanted && list(&body, "/gigs").len() == wanted { Ok(()) } else { Err(body.to_string()) }
}

#[tokio::test]
async fn deleting_a_gig_takes_it_away_and_cancels_its_open_offers() {
    let trade = shared().trade().await;
    let (open, accepted) = (trade.offer(40.0).await, trade.offer(41.0).await);
    trade.accept(&accepted).await;
    let path = format!("/gig/{}/{}", trade.gig.id, trade.seller.seller_id);
    trade.seller.delete(&path).await.says("Gig deleted successfully.");
    trade.buyer.get(&format!("/gig/{}", trade.gig.id)).await.refused(404);
    soon("the open offer is cancelled", || async {
        let messages = trade.messages().await;
        let state = |id: &str| {
            let message = messages.iter().find(|message| message["_id"] == id).unwrap();
            (message["offer"]["accepted"].clone(), message["offer"]["cancelled"].clone())
        };
        let states = (state(&open), state(&accepted));
        let wanted = ((json!(false), json!(true)), (json!(true), json!(false)));
        if states == wanted { Ok(()) } else { Err(format!("{states:?}")) }
    })
    .await;
    trade.seller_gets("/totalGigs", json!(0)).await;
    // Deleting again counts nothing.
    trade.seller.delete(&path).await.refused(404);
    trade.seller_gets("/totalGigs", json!(0)).await;
}

#[tokio::test]
async fn unknown_gigs_and_sellers_are_not_found_and_a_user_who_does_not_sell_has_no_seller() {
    let person = shared().person().await;
    person.get(&format!("/gig/{NO_GIG}")).await.refused(404);
    person.without_cookies().get(&format!("/auth/search/gig/{NO_GIG}")).await.refused(404);
    person.get(&format!("/seller/id/{NO_GIG}")).await.refused(404);
    let body = person.get(&format!("/seller/username/{}", person.username)).await.says("Seller profile");
    assert_eq!(body, json!({ "message": "Seller profile", "seller": null }));
}

#[tokio::test]
async fn what_everybody_may_see() {
    let (trade, stranger) = tokio::join!(shared().trade(), shared().person());
    for path in [
        format!("/seller/id/{}", trade.seller.seller_id),
        "/seller/random/10".to_owned(),
        format!("/gig/{}", trade.gig.id),
        format!("/gig/seller/{}", trade.seller.seller_id),
        format!("/gig/similar/{}", trade.gig.id),
        format!("/review/gig/{}", trade.gig.id),
        format!("/review/seller/{}", trade.seller.seller_id),
    ] {
        stranger.get(&path).await.good();
    }
    let seller = stranger.get(&format!("/seller/id/{}", trade.seller.seller_id)).await.good();
    for private in ["email", "totalEarnings", "cancelledJobs"] {
        assert!(seller["seller"].get(private).is_none(), "{seller}");
    }
}

#[tokio::test]
async fn what_only_the_owner_may_see_or_change() {
    let (trade, stranger) = tokio::join!(shared().trade(), shared().seller());
    trade.order().await;
    let (buyer, seller) = (&trade.buyer.username, &trade.seller.username);
    for path in [
        format!("/gig/seller/pause/{}", trade.seller.seller_id),
        format!("/gig/category/{buyer}"),
        format!("/gig/top/{buyer}"),
        format!("/message/conversations/{buyer}"),
        format!("/order/notification/{buyer}"),
        format!("/order/buyer/{}", trade.buyer.buyer_id),
        format!("/order/seller/{}", trade.seller.seller_id),
        format!("/auth/refresh-token/{seller}"),
    ] {
        is_closed(&stranger.get(&path).await);
    }
    is_closed(&stranger.delete(&format!("/auth/logged-in-user/{buyer}")).await);

    let gig_path = format!("/gig/{}", trade.gig.id);
    let gig = without(&without(&bodies::gig(&stranger.seller_id, "Mine now", 5.0), "/sellerId"), "/profilePicture");
    let own_id = format!("/gig/{}/{}", trade.gig.id, stranger.seller_id);
    let theirs = format!("/gig/{}/{}", trade.gig.id, trade.seller.seller_id);
    is_closed(&stranger.put(&gig_path, gig).await);
    is_closed(&stranger.put(&format!("/gig/active/{}", trade.gig.id), json!({ "active": false })).await);
    is_closed(&stranger.delete(&own_id).await);
    is_closed(&stranger.delete(&theirs).await);
    is_closed(&stranger.put(&format!("/seller/{}", trade.seller.seller_id), bodies::seller("x@example.org")).await);
    let foreign = bodies::gig(&trade.seller.seller_id, "Not mine", 20.0);
    is_closed(&stranger.post("/gig/create", foreign).await);
    assert_eq!(trade.buyer.get(&gig_path).await.good()["gig"], trade.gig.document);
}

#[tokio::test]
async fn the_caller_becomes_a_seller_whatever_address_the_body_names() {
    let (person, other) = tokio::join!(shared().person(), shared().person());
    let answer = person.post("/seller/create", bodies::seller(&other.email)).await;
    if answer.status == 201 {
        has(&answer.json(), "/seller/username", person.username.as_str());
        has(&answer.json(), "/seller/email", person.email.as_str());
    } else {
        assert!(matches!(answer.status, 400 | 403), "{answer}");
        answer.error();
    }
    has(&other.get("/buyer/username").await.good(), "/buyer/isSeller", false);
    other.into_seller().await;
}

#[tokio::test]
async fn paths_before_the_profile_is_loaded_are_plain_errors() {
    let person = shared().person().await;
    for path in [
        "/order/buyer/undefined",
        "/order/seller/undefined",
        "/order/buyer/",
        "/order/seller/",
        "/order/notification/undefined",
        "/gig/seller/pause/undefined",
        "/gig/category/undefined",
        "/gig/top/undefined",
        "/message/conversations/undefined",
        "/message/conversations/",
        "/seller/username/undefined",
        "/gig/seller/undefined",
        "/review/gig/undefined",
        "/review/seller/undefined",
        "/buyer/undefined",
    ] {
        let answer = person.get(path).await;
        assert!(answer.status < 500, "{answer}");
        answer.json();
    }
    for path in ["/order/buyer/undefined", "/order/seller/undefined", "/order/buyer/", "/order/seller/"] {
        let answer = person.get(path).await;
        assert!((400..500).contains(&answer.status), "{answer}");
        answer.error();
    }
}

#[tokio::test]
async fn an_order_is_read_and_changed_by_its_participants_only() {
    let (trade, stranger) = tokio::join!(shared().trade(), shared().seller());
    let number = trade.order().await;
    for reader in [&trade.buyer, &*trade.seller] {
        has(&reader.get(&format!("/order/{number}")).await.good(), "/order/orderId", number.as_str());
    }
    is_closed(&stranger.get(&format!("/order/{number}")).await);
    let changes: [(&str, Value); 6] = [
        ("extension", bodies::extension(1, "x")),
        ("deliver-order", bodies::delivery("x")),
        ("approve-order", trade.approval()),
        ("cancel", trade.cancellation("x")),
        ("gig/approve", bodies::extension_answer(1, "x")),
        ("gig/reject", bodies::extension_answer(1, "x")),
    ];
    for (what, body) in changes {
        is_closed(&stranger.put(&format!("/order/{what}/{number}"), body).await);
    }
    let told = trade.seller.told("placed an order for your gig.").await;
    let mark = json!({ "notificationId": told["_id"] });
    is_closed(&stranger.put("/order/notification/mark-as-read", mark).await);
    let order = trade.order_document(&number).await;
    has(&order, "/status", "in progress");

    // Nor can anybody order as somebody else.
    let intent = stranger.pay(20.0).await;
    let answer = stranger.post("/order", trade.order_body(&order_number(), &intent, 20.0)).await;
    if answer.status == 201 {
        has(&answer.json(), "/order/buyerUsername", stranger.username.as_str());
    } else {
        assert!((400..500).contains(&answer.status), "{answer}");
        answer.error();
    }
    let orders = trade.buyer.get(&format!("/order/buyer/{}", trade.buyer.buyer_id)).await.good();
    assert_eq!(list(&orders, "/orders").len(), 1);
}

#[tokio::test]
async fn an_offer_is_accepted_by_the_buyer_cancelled_by_either_and_answered_again_alike() {
    let (trade, stranger) = tokio::join!(shared().trade(), shared().person());
    let answer = async |who: &crate::harness::Browser, id: &str, kind: &str| {
        who.put("/message/offer", json!({ "messageId": id, "type": kind })).await
    };
    let offer = trade.offer(40.0).await;
    is_closed(&answer(&stranger, &offer, "accepted").await);
    is_closed(&answer(&stranger, &offer, "cancelled").await);
    is_closed(&answer(&trade.seller, &offer, "accepted").await);
    for _ in 0..2 {
        let body = answer(&trade.buyer, &offer, "accepted").await.says("Message updated");
        has(&body, "/singleMessage/offer/accepted", true);
    }
    for who in [&trade.buyer, &*trade.seller] {
        let offer = trade.offer(42.0).await;
        for _ in 0..2 {
            let body = answer(who, &offer, "cancelled").await.says("Message updated");
            has(&body, "/singleMessage/offer/cancelled", true);
        }
        answer(&trade.buyer, &offer, "accepted").await.refused(409);
    }
}

#[tokio::test]
async fn only_the_receiver_marks_as_read() {
    let (trade, stranger) = tokio::join!(shared().trade(), shared().person());
    trade.say(false, None, "One").await;
    trade.say(false, None, "Two").await;
    let messages = trade.messages().await;
    let newest = text(&messages[1], "/_id");
    is_closed(&stranger.put("/message/mark-as-read", json!({ "messageId": newest })).await);
    is_closed(&trade.seller.put("/message/mark-as-read", json!({ "messageId": newest })).await);
    let many = json!({ "receiverUsername": trade.buyer.username, "senderUsername": trade.seller.username, "messageId": newest });
    is_closed(&stranger.put("/message/mark-multiple-as-read", many.clone()).await);
    assert!(trade.messages().await.iter().all(|message| message["isRead"] == false));
    for _ in 0..2 {
        trade.buyer.put("/message/mark-multiple-as-read", many.clone()).await.says("Messages marked as read");
    }
    assert!(trade.messages().await.iter().all(|message| message["isRead"] == true));
}

#[tokio::test]
async fn a_sellers_own_document_can_be_sent_back_whole() {
    let trade = shared().trade().await;
    let mut document = trade.seller_document().await;
    document["oneliner"] = json!("Changed");
    let id = trade.seller.seller_id.clone();
    let answer =
        trade.seller.put(&format!("/seller/{id}"), document.clone()).await.says("Seller created successfully.");
    has(&answer, "/seller/oneliner", "Changed");
    // New sub-items come without an id, years as texts.
    let new = json!({ "name": "Ink", "from": "Porto", "year": "2021" });
    document["certificates"].as_array_mut().unwrap().push(new);
    document["languages"].as_array_mut().unwrap().push(json!({ "language": "Galician", "level": "Native" }));
    let answer = trade.seller.put(&format!("/seller/{id}"), document).await.good();
    has(&answer, "/seller/certificates/1/year", 2021);
    assert!(answer["seller"]["languages"][1]["_id"].is_string(), "{answer}");
    // Without any, they are lists still.
    let mut bare = bodies::seller(&trade.seller.email);
    bare.as_object_mut().unwrap().retain(|key, _| key != "certificates" && key != "socialLinks");
    let answer = trade.seller.put(&format!("/seller/{id}"), bare).await.good();
    assert_eq!((&answer["seller"]["certificates"], &answer["seller"]["socialLinks"]), (&json!([]), &json!([])));
    // Counters that were sent are ours still.
    trade.seller_gets("/totalGigs", json!(1)).await;
}
