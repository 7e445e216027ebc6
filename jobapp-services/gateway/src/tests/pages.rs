//! Whole pages in one answer.

use serde_json::{Value, json};

use super::world;

fn missing(body: &Value) -> Vec<&str> {
    body["missing"].as_array().unwrap().iter().map(|part| part["part"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_home_page_says_which_parts_are_missing() {
    let world = world().await;
    let whole = world.read("/bff/home", "Marta").await;
    assert_eq!((whole.status, missing(&whole.body)), (200, vec![]));
    for part in ["user", "buyer", "seller", "sellers", "categoryGigs", "topGigs"] {
        assert!(whole.body.get(part).is_some(), "{part}");
    }
    world.away("gig");
    let partial = world.read("/bff/home", "Marta").await;
    assert_eq!((partial.status, missing(&partial.body)), (200, vec!["categoryGigs", "topGigs"]));
    assert_eq!(partial.body["missing"][0]["statusCode"], 503);
    assert_eq!(partial.body["buyer"]["username"], "Marta");
}

#[tokio::test]
async fn the_page_of_a_gig_is_about_a_gig() {
    let world = world().await;
    let whole = world.read("/bff/gig/66f0", "Marta").await;
    assert_eq!((whole.status, missing(&whole.body)), (200, vec![]));
    assert_eq!(whole.body["seller"]["username"], "Iria");
    world.away("review");
    world.away("users");
    let partial = world.read("/bff/gig/66f0", "Marta").await;
    // The seller was kept a moment ago.
    assert_eq!((partial.status, missing(&partial.body)), (200, vec!["reviews"]));
    assert_eq!(world.read("/bff/gig/none", "Marta").await.status, 404);
    world.away("gig");
    let nothing = world.read("/bff/gig/other", "Marta").await;
    assert_eq!(nothing.status, 503, "{}", nothing.body);
}

#[tokio::test]
async fn the_page_of_an_order_brings_all_it_is_about() {
    let world = world().await;
    let whole = world.read("/bff/order/JO1", "Marta").await;
    assert_eq!((whole.status, missing(&whole.body)), (200, vec![]));
    for (part, value) in [("/gig/id", "66f0"), ("/seller/username", "Iria"), ("/buyer/username", "Marta")] {
        assert_eq!(whole.body.pointer(part), Some(&json!(value)));
    }
    world.away("chat");
    assert_eq!(missing(&world.read("/bff/order/JO1", "Marta").await.body), ["conversations"]);
}

#[tokio::test]
async fn pages_need_a_session() {
    let world = world().await;
    for path in ["/bff/home", "/bff/gig/66f0", "/bff/order/JO1"] {
        assert_eq!(world.api("GET", path, &[], None).await.status, 401, "{path}");
    }
}
