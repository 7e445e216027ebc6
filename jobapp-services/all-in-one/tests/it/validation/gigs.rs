//! Gigs.

use serde_json::{Value, json};

use super::{Case, body, check, gone, optional_number, own_words, set};
use crate::harness::checks::{has, without};
use crate::harness::{bodies, shared};

/// The rules of both, a new and a changed gig, in the words of the wire.
fn common() -> Vec<Case> {
    let mut cases = Vec::new();
    for (place, wrong_type, empty) in [
        ("/title", "Please add a gig title", "Gig title is required"),
        ("/description", "Please add a gig description", "Gig description is required"),
        ("/categories", "Please select a category", "Gig category is required"),
        ("/coverImage", "Please add a cover image", "Gig cover image is required"),
        ("/expectedDelivery", "Please add expected delivery", "Gig expected delivery is required"),
        ("/basicTitle", "Please add basic title", "Gig basic title is required"),
        ("/basicDescription", "Please add basic description", "Gig basic description is required"),
    ] {
        cases.extend(own_words(place, wrong_type, empty, empty));
    }
    for (place, missing, few) in [
        ("/subCategories", "Gig subcategories are required", "Please add at least one subcategory"),
        ("/tags", "Gig tags are required", "Please add at least one tag"),
    ] {
        let name = &place[1..];
        cases.extend([
            gone(place, missing),
            set(place, json!([]), few),
            set(place, json!([""]), missing),
            set(place, json!([1]), &format!("\"{name}[0]\" must be a string")),
            set(place, json!(["x", { "$ne": null }]), &format!("\"{name}[1]\" must be a string")),
            set(place, "x", &format!("\"{name}\" must be an array")),
            set(place, json!({ "$ne": null }), &format!("\"{name}\" must be an array")),
            set(place, Value::Null, &format!("\"{name}\" must be an array")),
        ]);
    }
    cases.extend([
        gone("/price", "Gig price is required"),
        set("/price", 4.99, "Gig price must be greater than $4.99"),
        set("/price", 0, "Gig price must be greater than $4.99"),
        set("/price", "4.99", "Gig price must be greater than $4.99"),
    ]);
    cases.extend(optional_number("/price"));
    cases.extend([
        set("/active", true, "\"active\" is not allowed"),
        set("/username", "Anna", "\"username\" is not allowed"),
        set("/ratingSum", 5, "\"ratingSum\" is not allowed"),
    ]);
    cases
}

#[tokio::test]
async fn a_new_gig() {
    let seller = shared().seller().await;
    let valid = bodies::gig(&seller.seller_id, "Sketches", 20.0);
    let mut cases =
        own_words("/sellerId", "Seller Id must be of type string", "Seller Id is required", "Seller Id is required");
    cases.extend(own_words(
        "/profilePicture",
        "Please add a profile picture",
        "Profile picture is required",
        "Profile picture is required",
    ));
    cases.extend(common());
    cases.extend([
        body(json!({}), "Seller Id is required"),
        body(json!([]), "Seller Id is required"),
        body(json!({ "x": 1 }), "Seller Id is required"),
        set("/coverImage", "no picture", "File upload error. Try again."),
        set("/coverImage", "data:image/png;base64,%%%", "File upload error. Try again."),
    ]);
    check(&seller, "POST", "/gig/create", &valid, "Create gig() method", cases).await;
}

#[tokio::test]
async fn a_changed_gig() {
    let seller = shared().seller().await;
    let gig = seller.gig(20.0).await;
    let valid = without(&without(&bodies::gig(&seller.seller_id, "Sketches", 20.0), "/sellerId"), "/profilePicture");
    let mut cases = common();
    cases.extend([
        set("/sellerId", seller.seller_id.as_str(), "\"sellerId\" is not allowed"),
        set("/profilePicture", "x", "\"profilePicture\" is not allowed"),
        body(json!({}), "Gig title is required"),
        set("/coverImage", "data:image/png;base64,%%%", "File upload error. Try again."),
    ]);
    check(&seller, "PUT", &format!("/gig/{}", gig.id), &valid, "Update gig() method", cases).await;
}

#[tokio::test]
async fn the_price_of_a_gig_may_come_as_a_text_and_its_cover_as_an_address() {
    let seller = shared().seller().await;
    let mut body = bodies::gig(&seller.seller_id, "Sketches", 20.0);
    body["price"] = json!("20.5");
    body["coverImage"] = json!("https://placehold.co/330x220?text=Cover");
    let answer = seller.post("/gig/create", body).await;
    let document = &answer.says("Gig created successfully.")["gig"];
    has(document, "/price", 20.5);
    assert!(document["price"].is_number(), "{document}");
    assert!(document["coverImage"].as_str().unwrap().starts_with("http"), "{document}");
}

#[tokio::test]
async fn a_gig_is_paused_by_a_boolean_and_nothing_else() {
    let seller = shared().seller().await;
    let gig = seller.gig(20.0).await;
    let path = format!("/gig/active/{}", gig.id);
    for body in
        [json!({}), json!({ "active": "perhaps" }), json!({ "active": { "$ne": null } }), json!({ "active": 1 })]
    {
        seller.put(&path, body).await.refused(400);
    }
    has(&seller.put(&path, json!({ "active": false })).await.good(), "/gig/active", false);
    has(&seller.put(&path, json!({ "active": "true" })).await.good(), "/gig/active", true);
}

#[tokio::test]
async fn ids_in_paths_of_gigs() {
    let seller = shared().seller().await;
    let body = without(&without(&bodies::gig(&seller.seller_id, "Sketches", 20.0), "/sellerId"), "/profilePicture");
    for id in ["1", "undefined", "649db27404c0c7b7d4b112ec", "649db27404c0c7b7d4b112eg", "%7B%22$ne%22%3Anull%7D"] {
        for answer in [
            seller.get(&format!("/gig/{id}")).await,
            seller.put(&format!("/gig/{id}"), body.clone()).await,
            seller.put(&format!("/gig/active/{id}"), json!({ "active": true })).await,
        ] {
            assert!(matches!(answer.status, 400 | 404), "{answer}");
            answer.error();
        }
    }
}

#[tokio::test]
async fn what_a_search_asks_for_may_be_anything() {
    let nobody = shared().browser();
    for query in [
        "",
        "?query=",
        "?query=%22%20OR%20*%3A*%20%29%28%5B%20AND%20NOT",
        "?query=title%3Ax%5E2~",
        "?query[$ne]=1",
        "?query=x&delivery_time=Anytime&minprice=&maxprice=",
        "?query=x&delivery_time=anytime&minPrice=5&maxPrice=",
        "?query=x&minprice=cheap&maxprice=dear",
        "?query=x&minprice=-5&maxprice=1e99",
        "?query=%00",
        "?&&=&",
    ] {
        nobody.get(&format!("/auth/search/gig/0/10/forward{query}")).await.says("Search gigs results");
    }
    for path in [
        "0/many/forward",
        "x/10/forward",
        "0/10/sideways",
        "-5/10/forward",
        "0/0/forward",
        "0/99999999999/backward",
        "undefined/10/forward",
    ] {
        let answer = nobody.get(&format!("/auth/search/gig/{path}?query=x")).await;
        assert!(matches!(answer.status, 200 | 400), "{answer}");
        answer.json();
    }
}
