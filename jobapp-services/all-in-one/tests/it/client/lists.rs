//! Search and lists.

use serde_json::{Value, json};

use crate::harness::checks::{has, list, text, without};
use crate::harness::people::unique;
use crate::harness::{Browser, Seller, bodies, shared, soon};

/// Searches for a word and returns the ids that were found, in order, and how many there are.
async fn search(browser: &Browser, path: &str, query: &str) -> (Vec<String>, u64) {
    let body = browser.get(&format!("/auth/search/gig/{path}?{query}")).await.says("Search gigs results");
    let ids = list(&body, "/gigs").iter().map(|gig| text(gig, "/id")).collect();
    (ids, body["total"].as_u64().unwrap())
}

/// A seller with this many gigs that a word finds, oldest first.
async fn gigs(count: usize, word: &str) -> (Seller, Vec<Value>) {
    let seller = shared().seller().await;
    let mut gigs = Vec::new();
    for number in 0..count {
        gigs.push(seller.gig_called(&format!("{word} number {number}"), 20.0).await.document);
    }
    let nobody = shared().browser();
    soon("all gigs are found", || async {
        let (_, total) = search(&nobody, "0/1/forward", &format!("query={word}")).await;
        if total == count as u64 { Ok(()) } else { Err(format!("{total} found")) }
    })
    .await;
    (seller, gigs)
}

#[tokio::test]
async fn pages_are_reached_by_offset_and_by_cursor() {
    let word = format!("Paging{}", unique());
    let (_, gigs) = gigs(7, &word).await;
    let nobody = shared().browser();
    let query = format!("query={word}");
    let (all, total) = search(&nobody, "0/10/forward", &query).await;
    assert_eq!((all.len(), total), (7, 7));
    let sort_id = |id: &str| gigs.iter().find(|gig| gig["id"] == id).unwrap()["sortId"].as_u64().unwrap();
    assert!(all.iter().all(|id| sort_id(id) > 1_000_000_000), "cursors and offsets overlap");
    // Page 2 of three, page 3, by number.
    assert_eq!(search(&nobody, "3/3/forward", &query).await, (all[3..6].to_vec(), 7));
    assert_eq!(search(&nobody, "6/3/forward", &query).await, (all[6..].to_vec(), 7));
    // Back to page 1 by number: one after the page's end.
    assert_eq!(search(&nobody, "4/3/backward", &query).await, (all[..3].to_vec(), 7));
    // On and back by the cursor of the last and the first shown.
    let (last, first) = (sort_id(&all[2]), sort_id(&all[3]));
    assert_eq!(search(&nobody, &format!("{last}/3/forward"), &query).await.0, all[3..6]);
    assert_eq!(search(&nobody, &format!("{first}/3/backward"), &query).await.0, all[..3]);
    // Before the start is the start; behind the end is nothing; the order is always the same.
    let start = sort_id(&all[0]);
    assert_eq!(search(&nobody, &format!("{start}/3/backward"), &query).await.0, all[..3]);
    assert!(search(&nobody, "100/3/forward", &query).await.0.is_empty());
    assert_eq!(search(&nobody, "0/10/forward", &query).await.0, all);
}

#[tokio::test]
async fn words_are_found_without_their_marks_and_in_other_forms() {
    let mark = unique();
    let seller = shared().seller().await;
    let mut body = bodies::gig(&seller.seller_id, &format!("Painting C&A webs zeta{mark}"), 20.0);
    body["categories"] = json!("Graphics & Design");
    let id = text(&seller.post("/gig/create", body).await.good(), "/gig/id");
    let nobody = shared().browser();
    let finds = async |query: &str| search(&nobody, "0/50/forward", query).await.0.contains(&id);
    soon("the gig is found", || async {
        if finds(&format!("query=zeta{mark}")).await { Ok(()) } else { Err("not yet".to_owned()) }
    })
    .await;
    for query in [
        format!("query=zeta{mark}%20graphics%20%20%20design"),
        format!("query=zeta{mark}+graphic+design"),
        format!("query=ZETA{mark}%20Graphics%20%26%20Design"),
        format!("query=zeta{mark}+c%26a+web"),
        format!("query=zeta{mark}%20paint"),
        format!("query=zeta{mark}%20painted"),
    ] {
        assert!(finds(&query).await, "{query}");
    }
    assert!(!finds(&format!("query=zeta{mark}x")).await);
}

#[tokio::test]
async fn a_search_for_nothing_finds_everything_and_one_for_marks_nothing_in_particular() {
    let word = format!("Something{}", unique());
    gigs(1, &word).await;
    let nobody = shared().browser();
    for query in ["", "query=", "query=%20", "query=%26%20-%20%2F"] {
        let (ids, total) = search(&nobody, "0/10/forward", query).await;
        assert!(!ids.is_empty() && total >= ids.len() as u64, "{query:?}: {total}");
    }
}

#[tokio::test]
async fn filters_take_prices_in_any_spelling_and_days_as_whole_numbers() {
    let word = format!("Filters{}", unique());
    let seller = shared().seller().await;
    let mut ids = Vec::new();
    for (price, delivery) in [(10.0, "1 Day Delivery"), (30.0, "3 Days Delivery"), (90.0, "10 Days Delivery")] {
        let mut body = bodies::gig(&seller.seller_id, &word, price);
        body["expectedDelivery"] = json!(delivery);
        ids.push(text(&seller.post("/gig/create", body).await.good(), "/gig/id"));
    }
    let nobody = shared().browser();
    let found = async |rest: &str| {
        let mut found = search(&nobody, "0/10/forward", &format!("query={word}{rest}")).await.0;
        found.sort();
        let mut places: Vec<usize> = found.iter().map(|id| ids.iter().position(|own| own == id).unwrap()).collect();
        places.sort_unstable();
        places
    };
    soon("all are found", || async {
        let places = found("").await;
        if places == [0, 1, 2] { Ok(()) } else { Err(format!("{places:?}")) }
    })
    .await;
    for (rest, wanted) in [
        ("&minprice=20&maxprice=50", vec![1]),
        ("&minPrice=20&maxPrice=50", vec![1]),
        ("&minPrice=10&maxPrice=30", vec![0, 1]),
        ("&minPrice=&maxPrice=", vec![0, 1, 2]),
        ("&delivery_time=1", vec![0]),
        ("&delivery_time=3", vec![1]),
        ("&delivery_time=Anytime", vec![0, 1, 2]),
        ("&delivery_time=anytime&minprice=1&maxprice=20", vec![0]),
        ("&delivery_time=", vec![0, 1, 2]),
        ("&", vec![0, 1, 2]),
    ] {
        assert_eq!(found(rest).await, wanted, "{rest}");
    }
}

#[tokio::test]
async fn signed_in_and_anonymous_searches_are_one() {
    let word = format!("Twofold{}", unique());
    let (seller, gigs) = gigs(2, &word).await;
    let path = format!("0/10/forward?query={word}");
    let anonymous = seller.without_cookies().get(&format!("/auth/search/gig/{path}")).await.good();
    let mut signed_in = seller.get(&format!("/gig/search/{path}")).await.good();
    for gig in signed_in["gigs"].as_array_mut().unwrap() {
        let email = gig.as_object_mut().unwrap().remove("email");
        assert_eq!(email, Some(json!(seller.email)), "the address is for those with a session");
    }
    assert_eq!(signed_in, anonymous);
    assert_eq!(anonymous["total"], gigs.len());
}

#[tokio::test]
async fn lists_the_client_counts_are_not_cut_at_ten() {
    let word = format!("Many{}", unique());
    let (seller, gigs) = gigs(12, &word).await;
    let path = format!("/gig/seller/{}", seller.seller_id);
    assert_eq!(list(&seller.get(&path).await.good(), "/gigs").len(), gigs.len());
    for gig in &gigs {
        let path = format!("/gig/active/{}", text(gig, "/id"));
        seller.put(&path, json!({ "active": false })).await.good();
    }
    let path = format!("/gig/seller/pause/{}", seller.seller_id);
    assert_eq!(list(&seller.get(&path).await.good(), "/gigs").len(), gigs.len());
}

#[tokio::test]
async fn a_conversation_is_read_whole_oldest_first() {
    let trade = shared().trade().await;
    let conversation = trade.say(true, None, "Message 0").await;
    for number in 1..60 {
        trade.say(number % 2 == 0, Some(&conversation), &format!("Message {number}")).await;
    }
    let bodies: Vec<String> = trade.messages().await.iter().map(|message| text(message, "/body")).collect();
    let wanted: Vec<String> = (0..60).map(|number| format!("Message {number}")).collect();
    assert_eq!(bodies, wanted);
    let path = format!("/message/conversations/{}", trade.seller.username);
    let entries = trade.seller.get(&path).await.good();
    has(&entries, "/conversations/0/body", "Message 59");
    assert_eq!(list(&entries, "/conversations").len(), 1);
}

#[tokio::test]
async fn what_one_wrote_is_there_at_once() {
    let seller = shared().seller().await;
    let gig = seller.gig(20.0).await;
    let (own, paused) =
        (format!("/gig/seller/{}", seller.seller_id), format!("/gig/seller/pause/{}", seller.seller_id));
    let count = async |path: &str| list(&seller.get(path).await.good(), "/gigs").len();
    assert_eq!(seller.get(&format!("/gig/{}", gig.id)).await.good()["gig"], gig.document);
    assert_eq!((count(&own).await, count(&paused).await), (1, 0));
    seller.put(&format!("/gig/active/{}", gig.id), json!({ "active": false })).await.good();
    assert_eq!((count(&own).await, count(&paused).await), (0, 1));
    seller.put(&format!("/gig/active/{}", gig.id), json!({ "active": true })).await.good();
    assert_eq!((count(&own).await, count(&paused).await), (1, 0));
    let body = without(&without(&bodies::gig(&seller.seller_id, "Other words", 25.0), "/sellerId"), "/profilePicture");
    seller.put(&format!("/gig/{}", gig.id), body).await.good();
    has(&seller.get(&own).await.good(), "/gigs/0/title", "Other words");
    seller.delete(&format!("/gig/{}/{}", gig.id, seller.seller_id)).await.good();
    assert_eq!((count(&own).await, count(&paused).await), (0, 0));
    seller.get(&format!("/gig/{}", gig.id)).await.refused(404);
}

#[tokio::test]
async fn nobody_is_asked_for_similar_gigs_that_are_paused() {
    let word = format!("Likeness{}", unique());
    let (seller, gigs) = gigs(3, &word).await;
    seller.put(&format!("/gig/active/{}", text(&gigs[1], "/id")), json!({ "active": false })).await.good();
    let path = format!("/gig/similar/{}", text(&gigs[0], "/id"));
    let similar = soon("the paused one is gone", || async {
        let similar = list(&seller.get(&path).await.good(), "/gigs");
        if similar.iter().any(|gig| gig["id"] == gigs[1]["id"]) { Err("still there".to_owned()) } else { Ok(similar) }
    })
    .await;
    assert!(similar.len() <= 5 && similar.iter().all(|gig| gig["id"] != gigs[0]["id"]), "{similar:?}");
    assert!(similar.iter().any(|gig| gig["id"] == gigs[2]["id"]), "{similar:?}");
}
