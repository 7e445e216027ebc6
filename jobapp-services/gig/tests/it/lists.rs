//! Sellers' lists, and what is shown to a user on his home page.

use http::StatusCode;
use jobapp_gig_service::GigConfig;
use jobapp_gigs::SelectedCategories;
use jobapp_wire::queues::GIG_UPDATE;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::world::{IRIA, MALLORY, World};

/// A seller nobody heard of, made years ago.
const UNKNOWN: &str = "66f0c0ffee0000000000a0ff";

async fn pause(world: &World, gig: &Value) {
    let path = format!("/api/v1/gig/active/{}", gig["id"].as_str().unwrap());
    assert_eq!(world.call("Iria", "PUT", &path, &json!({"active": false})).await.status, StatusCode::OK);
}

/// Rates a gig with these stars, by as many orders.
async fn rate(world: &World, gig: &Value, stars: &[i64]) {
    for (order, stars) in stars.iter().enumerate() {
        let review = json!({"type": "buyer-review", "gigId": gig["id"], "rating": stars,
            "orderId": format!("JO{order}-{}", gig["id"].as_str().unwrap())});
        let body = json!({"type": "updateGig", "gigReview": review.to_string()});
        assert_eq!(world.tell(GIG_UPDATE, Some("m"), &body).await, jobapp_kernel::Outcome::Done);
    }
    world.settle().await;
}

#[tokio::test]
async fn a_sellers_list_shows_the_active_gigs_and_his_own_the_paused_ones() {
    let world = World::new().await;
    let (first, second) = (world.offers(json!({})).await, world.offers(json!({})).await);
    pause(&world, &first).await;
    let listed = world.get("Marta", &format!("/api/v1/gig/seller/{IRIA}")).await;
    assert_eq!((listed.status, listed.message()), (StatusCode::OK, "Seller gigs"));
    assert_eq!(listed.ids(), [second["id"].as_str().unwrap()]);
    let paused = world.get("Iria", &format!("/api/v1/gig/seller/pause/{IRIA}")).await;
    assert_eq!((paused.status, paused.message()), (StatusCode::OK, "Seller gigs"));
    assert_eq!(paused.ids(), [first["id"].as_str().unwrap()]);
    for user in ["Mallory", "Marta"] {
        let answer = world.get(user, &format!("/api/v1/gig/seller/pause/{IRIA}")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{user}");
    }
    assert!(world.get("Mallory", &format!("/api/v1/gig/seller/{MALLORY}")).await.ids().is_empty());
}

#[tokio::test]
async fn unknown_sellers_are_not_found() {
    let world = World::new().await;
    for id in [UNKNOWN, "undefined"] {
        assert_eq!(world.get("Iria", &format!("/api/v1/gig/seller/{id}")).await.status, StatusCode::NOT_FOUND, "{id}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_sellers_who_may_be_new_are_waited_for() {
    let world = World::with(GigConfig::default()).await;
    for (id, waits) in [(UNKNOWN, false), ("ffffffffffffffffffffffff", false), ("6b0563c8ee0000000000a0ff", true)] {
        let own = if waits { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::FORBIDDEN };
        for (user, path, status) in [
            ("Iria", format!("/api/v1/gig/seller/{id}"), StatusCode::NOT_FOUND),
            ("Nuno", format!("/api/v1/gig/seller/pause/{id}"), own),
        ] {
            let start = Instant::now();
            assert_eq!(world.get(user, &path).await.status, status, "{path}");
            assert_eq!(start.elapsed() >= GigConfig::default().profile_wait, waits, "{path}");
        }
    }
}

#[tokio::test]
async fn a_list_has_the_newest_hundred_gigs() {
    let world = World::new().await;
    for _ in 0..103 {
        world.offers(json!({"coverImage": "https://img.example.org/c/1.png"})).await;
    }
    let listed = world.get("Marta", &format!("/api/v1/gig/seller/{IRIA}")).await;
    let numbers: Vec<i64> =
        listed.body["gigs"].as_array().unwrap().iter().map(|gig| gig["sortId"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (1_000_000_004..=1_000_000_103).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn the_category_a_user_looked_at_is_shown_and_nothing_when_there_is_none() {
    let world = World::new().await;
    let design = world.offers(json!({})).await;
    let music = world.offers(json!({"categories": "Music & Audio"})).await;
    let paused = world.offers(json!({"categories": "Music & Audio"})).await;
    pause(&world, &paused).await;
    world.settle().await;
    rate(&world, &design, &[5]).await;
    rate(&world, &music, &[5]).await;
    let music = music["id"].as_str().unwrap();
    for choice in [None, Some("  "), Some(" & ")] {
        if let Some(choice) = choice {
            world.categories.select("Marta", choice).await.unwrap();
        }
        for (path, message) in [
            ("/api/v1/gig/category/Marta", "Search gigs category results"),
            ("/api/v1/gig/top/Marta", "Search top gigs results"),
        ] {
            let nothing = world.get("Marta", path).await;
            assert_eq!(
                (nothing.status, nothing.message(), nothing.ids()),
                (StatusCode::OK, message, vec![]),
                "{choice:?}"
            );
            assert_eq!(nothing.body["total"], 0);
        }
    }
    world.categories.select("Marta", "music   audio").await.unwrap();
    let chosen = world.get("Marta", "/api/v1/gig/category/marta").await;
    assert_eq!((&chosen.body["total"], chosen.ids()), (&json!(1), vec![music]));
    assert_eq!(world.get("Marta", "/api/v1/gig/top/marta").await.ids(), [music]);
    for path in ["/api/v1/gig/category/Marta", "/api/v1/gig/top/Marta"] {
        assert_eq!(world.get("Mallory", path).await.status, StatusCode::FORBIDDEN);
        assert_eq!(world.get("", path).await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn top_gigs_have_five_stars_from_everybody_and_are_active() {
    let world = World::new().await;
    let (best, good, mixed) =
        (world.offers(json!({})).await, world.offers(json!({})).await, world.offers(json!({})).await);
    let (unrated, paused) = (world.offers(json!({})).await, world.offers(json!({})).await);
    rate(&world, &best, &[5, 5]).await;
    rate(&world, &good, &[5]).await;
    rate(&world, &mixed, &[5, 4]).await;
    rate(&world, &paused, &[5, 5, 5]).await;
    pause(&world, &paused).await;
    world.settle().await;
    assert!(unrated["id"].is_string());
    world.categories.select("Marta", "graphics design").await.unwrap();
    let top = world.get("Marta", "/api/v1/gig/top/Marta").await;
    assert_eq!(top.message(), "Search top gigs results");
    assert_eq!(top.ids(), [best["id"].as_str().unwrap(), good["id"].as_str().unwrap()]);
    world.index.set_away(true);
    let degraded = world.get("Marta", "/api/v1/gig/top/Marta").await;
    assert_eq!((degraded.ids(), &degraded.body["degraded"]), (top.ids(), &json!(true)));
}

#[tokio::test]
async fn similar_gigs_are_others() {
    let world = World::new().await;
    let (logo, other_logo) = (world.offers(json!({})).await, world.offers(json!({})).await);
    let unlike = json!({"title": "Taxes", "description": "Declared", "categories": "Business", "subCategories": ["Accounting"],
        "tags": ["money"], "basicTitle": "Year", "basicDescription": "Advice"});
    world.offers(unlike).await;
    let path = format!("/api/v1/gig/similar/{}", logo["id"].as_str().unwrap());
    let similar = world.get("Marta", &path).await;
    assert_eq!(similar.message(), "More gigs like this result");
    assert_eq!(similar.ids()[0], other_logo["id"].as_str().unwrap());
    assert!(!similar.ids().contains(&logo["id"].as_str().unwrap()));
    world.index.set_away(true);
    let degraded = world.get("Marta", &path).await;
    assert_eq!((degraded.ids(), &degraded.body["degraded"]), (vec![other_logo["id"].as_str().unwrap()], &json!(true)));
}
