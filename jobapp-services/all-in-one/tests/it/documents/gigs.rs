//! Gigs.

use serde_json::json;

use super::Is::{self, Bool, Date, Id, Number, Object, Texts, Url, Whole, Words};
use super::{STARS, looks_like};
use crate::harness::checks::list;
use crate::harness::{shared, soon};

pub const GIG: &[(&str, Is)] = &[
    ("id", Id),
    ("sellerId", Id),
    ("username", Words),
    ("profilePicture", Url),
    ("email", Words),
    ("title", Words),
    ("description", Words),
    ("basicTitle", Words),
    ("basicDescription", Words),
    ("categories", Words),
    ("subCategories", Texts),
    ("tags", Texts),
    ("active", Bool),
    ("expectedDelivery", Words),
    ("ratingsCount", Whole),
    ("ratingSum", Whole),
    ("ratingCategories", Object(STARS)),
    ("price", Number),
    ("sortId", Whole),
    ("coverImage", Url),
    ("createdAt", Date),
];

#[tokio::test]
async fn a_gig_looks_the_same_wherever_it_is_answered() {
    let seller = shared().seller().await;
    let word = format!("Whittling{}", crate::harness::people::unique());
    let gig = seller.gig_called(&word, 20.0).await;
    looks_like(&gig.document, GIG);
    let (id, seller_id) = (&gig.id, &seller.seller_id);
    for path in [format!("/gig/{id}"), format!("/auth/search/gig/{id}")] {
        assert_eq!(seller.get(&path).await.good()["gig"], gig.document);
    }
    let listed = list(&seller.get(&format!("/gig/seller/{seller_id}")).await.good(), "/gigs");
    assert_eq!(listed, std::slice::from_ref(&gig.document));
    for path in ["/gig/search", "/auth/search/gig"] {
        let found = soon("the search finds the gig", || async {
            let body = seller.get(&format!("{path}/0/10/forward?query={word}")).await.good();
            body["gigs"].get(0).cloned().ok_or_else(|| body.to_string())
        })
        .await;
        assert_eq!(found, gig.document);
    }
    let paused = seller.put(&format!("/gig/active/{id}"), json!({ "active": false })).await.good();
    looks_like(&paused["gig"], GIG);
    let listed = list(&seller.get(&format!("/gig/seller/pause/{seller_id}")).await.good(), "/gigs");
    assert_eq!(listed, [paused["gig"].clone()]);
    for gig in list(&seller.get(&format!("/gig/similar/{id}")).await.good(), "/gigs") {
        looks_like(&gig, GIG);
    }
}
