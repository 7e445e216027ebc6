//! Searching, as the existing client does it.

use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{Answer, World};

async fn search(world: &World, path: &str) -> Answer {
    let answer = world.get("", &format!("/api/v1/gig/search/{path}")).await;
    assert_eq!((answer.status, answer.message()), (StatusCode::OK, "Search gigs results"), "{path}");
    answer
}

fn numbers(answer: &Answer) -> Vec<i64> {
    answer.body["gigs"].as_array().unwrap().iter().map(|gig| gig["sortId"].as_i64().unwrap() - 1_000_000_000).collect()
}

async fn three_gigs() -> World {
    let world = World::new().await;
    world.offers(json!({"price": 10, "expectedDelivery": "1 Day Delivery"})).await;
    world.offers(json!({"price": 20, "expectedDelivery": "3 Days Delivery"})).await;
    let web = json!({"title": "A web page in C++", "description": "Made for you", "categories": "Programming & Tech", "price": 300,
        "subCategories": ["Web"], "tags": ["page"], "basicTitle": "A page", "basicDescription": "One", "expectedDelivery": "10 Days Delivery"});
    world.offers(web).await;
    world
}

#[tokio::test]
async fn what_the_client_sends_is_understood() {
    let world = three_gigs().await;
    for (path, expected) in [
        ("0/10/forward", &[1, 2, 3][..]),
        ("0/10/forward?query=graphics%20%20%20design", &[1, 2]),
        ("0/10/forward?query=graphics+design&", &[1, 2]),
        ("0/10/forward?query=GRAPHIC%20DESIGNS", &[1, 2]),
        ("0/10/forward?query=c%26a+web", &[3]),
        ("0/10/forward?query=*:*%20OR%20title:(web", &[3]),
        ("0/10/forward?delivery_time=1", &[1]),
        ("0/10/forward?delivery_time=Anytime", &[1, 2, 3]),
        ("0/10/forward?delivery_time=anytime&minprice=&maxprice=", &[1, 2, 3]),
        ("0/10/forward?minPrice=10&maxPrice=20", &[1, 2]),
        ("0/10/forward?minprice=11", &[2, 3]),
        ("0/10/forward?MAXPRICE=19.99", &[1]),
        ("0/2/forward", &[1, 2]),
        ("2/2/forward", &[3]),
        ("1000000002/10/forward", &[3]),
        ("1000000003/2/backward", &[1, 2]),
        ("3/2/backward", &[1, 2]),
        ("undefined/null/whatever", &[1, 2, 3]),
        ("0/0/forward", &[1]),
        ("0/10/forward?query=iria", &[1, 2, 3]),
        ("0/10/forward?query=gardening", &[]),
    ] {
        assert_eq!(numbers(&search(&world, path).await), expected, "{path}");
    }
    assert_eq!(search(&world, "0/1/forward?query=design").await.body["total"], 2);
    assert!(search(&world, "0/1/forward").await.body.get("degraded").is_none());
}

#[tokio::test]
async fn a_search_shows_gigs_as_they_are_now() {
    let world = three_gigs().await;
    let first = search(&world, "0/1/forward").await.body["gigs"][0].clone();
    let path = format!("/api/v1/gig/active/{}", first["id"].as_str().unwrap());
    world.call("Iria", "PUT", &path, &json!({"active": false})).await;
    assert_eq!(numbers(&search(&world, "0/10/forward").await), [2, 3], "before the index heard of it");
    world.settle().await;
    let after = search(&world, "0/10/forward").await;
    assert_eq!((numbers(&after), &after.body["total"]), (vec![2, 3], &json!(2)));
}

#[tokio::test]
async fn while_the_index_is_away_the_store_answers_and_says_so() {
    let world = three_gigs().await;
    world.index.set_away(true);
    for (path, expected) in [
        ("0/10/forward", &[1, 2, 3][..]),
        ("0/10/forward?query=graphics%20%20%20design", &[1, 2]),
        ("0/10/forward?query=graphics%20design&delivery_time=3", &[2]),
        ("0/10/forward?query=web%20unicorn", &[3]),
        ("0/10/forward?minprice=11", &[2, 3]),
        ("1000000003/2/backward", &[1, 2]),
        ("1/1/forward", &[2]),
    ] {
        let answer = search(&world, path).await;
        assert_eq!((numbers(&answer), &answer.body["degraded"]), (expected.to_vec(), &Value::Bool(true)), "{path}");
    }
    assert_eq!(search(&world, "0/1/forward").await.body["total"], 3);
    world.index.set_away(false);
    assert!(search(&world, "0/10/forward").await.body.get("degraded").is_none());
}
