//! What was sent meant something else than it said.

use serde_json::json;

use crate::harness::checks::{has, list};
use crate::harness::people::unique;
use crate::harness::{shared, soon};

#[tokio::test]
async fn an_operator_in_place_of_an_id_matched_other_peoples_records() {
    let trade = shared().trade().await;
    trade.say(false, None, "Hello").await;
    trade.order().await;
    trade.seller.told("placed an order for your gig.").await;
    let operator = json!({ "$ne": null });
    for (path, body) in [
        ("/message/mark-as-read", json!({ "messageId": operator })),
        ("/order/notification/mark-as-read", json!({ "notificationId": operator })),
        (
            "/message/mark-multiple-as-read",
            json!({ "receiverUsername": operator, "senderUsername": operator, "messageId": operator }),
        ),
    ] {
        for who in [&trade.buyer, &*trade.seller] {
            let answer = who.put(path, body.clone()).await;
            assert!(matches!(answer.status, 400 | 404), "{answer}");
            answer.error();
        }
    }
    assert!(trade.messages().await.iter().all(|message| message["isRead"] == false));
    assert!(trade.seller.notifications().await.iter().all(|one| one["isRead"] == false));
}

#[tokio::test]
async fn an_answer_to_an_offer_changed_its_price() {
    let trade = shared().trade().await;
    let offer = trade.offer(40.0).await;
    for kind in ["price", "deliveryInDays", "description", "$set", "__proto__"] {
        for who in [&trade.buyer, &*trade.seller] {
            who.put("/message/offer", json!({ "messageId": offer, "type": kind })).await.refused(400);
        }
    }
    let stored = trade.messages().await.pop().unwrap();
    has(&stored, "/offer/price", 40);
    has(&stored, "/offer/accepted", false);
}

#[tokio::test]
async fn a_search_for_a_name_with_an_ampersand_lost_what_came_behind_it() {
    let seller = shared().seller().await;
    let (before, behind) = (format!("Before{}", unique()), format!("Behind{}", unique()));
    seller.gig_called(&behind, 20.0).await;
    soon("the word behind is searched for", || async {
        let body = seller.get(&format!("/gig/search/0/10/forward?query={before}%20%26%20{behind}")).await.good();
        if body["total"] == 1 { Ok(()) } else { Err(body.to_string()) }
    })
    .await;
    let other = seller.get(&format!("/gig/search/0/10/forward?query={before}%20%26%20{before}")).await.good();
    assert_eq!(list(&other, "/gigs").len(), 0, "{other}");
}

#[tokio::test]
async fn free_text_was_syntax_of_the_search_engine() {
    let seller = shared().seller().await;
    let word = format!("Syntax{}", unique());
    seller.gig_called(&word, 20.0).await;
    let search = async |query: &str| {
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        seller.get(&format!("/gig/search/0/10/forward?query={query}")).await.good()["total"].clone()
    };
    soon("it is found", || async {
        let total = search(&word).await;
        if total == 1 { Ok(()) } else { Err(total.to_string()) }
    })
    .await;
    // A wildcard, a field and an alternative of the engine would all find it.
    for query in [format!("*{}", &word[3..]), format!("title:{}*", &word[..6]), format!("nothing{word} OR *")] {
        assert_eq!(search(&query).await, 0, "{query}");
    }
}

#[tokio::test]
async fn a_search_without_words_looked_for_the_word_undefined() {
    let seller = shared().seller().await;
    // A price of its own tells this gig from all others.
    let price = 9_000.0 + f64::from(unique());
    let gig = seller.gig(price).await;
    soon("it is found by its price alone", || async {
        let body = seller.get(&format!("/gig/search/0/10/forward?minPrice={price}&maxPrice={price}")).await.good();
        let found = list(&body, "/gigs");
        if found.len() == 1 && found[0]["id"] == gig.id.as_str() { Ok(()) } else { Err(body.to_string()) }
    })
    .await;
}

#[tokio::test]
async fn without_a_chosen_category_the_home_page_looked_for_the_word_null() {
    let (seller, visitor) = (shared().seller().await, shared().person().await);
    let mut body = crate::harness::bodies::gig(&seller.seller_id, "Nothing but null", 20.0);
    body["categories"] = serde_json::json!("null");
    seller.post("/gig/create", body).await.good();
    soon("the gig is found by the word", || async {
        let body = visitor.get("/gig/search/0/10/forward?query=null").await.good();
        if body["total"] == 0 { Err(body.to_string()) } else { Ok(()) }
    })
    .await;
    for path in ["category", "top"] {
        let body = visitor.get(&format!("/gig/{path}/{}", visitor.username)).await.good();
        assert!(list(&body, "/gigs").is_empty(), "{body}");
    }
}
