//! Gigs.

use serde_json::json;

use super::{Row, call, row};
use crate::harness::bodies;
use crate::harness::checks::without;

pub fn rows() -> Vec<Row> {
    vec![
        row!("GET" "/gig/:gigId", 200 "Get gig by id" ["gig", "message"], |trade| {
            call(&trade.buyer, format!("/gig/{}", trade.gig.id))
        }),
        row!("GET" "/gig/seller/:sellerId", 200 "Seller gigs" ["gigs", "message"], |trade| {
            call(&trade.buyer, format!("/gig/seller/{}", trade.seller.seller_id))
        }),
        row!("GET" "/gig/seller/pause/:sellerId", 200 "Seller gigs" ["gigs", "message"], |trade| {
            call(&trade.seller, format!("/gig/seller/pause/{}", trade.seller.seller_id))
        }),
        row!("GET" "/gig/search/:from/:size/:type", 200 "Search gigs results" ["gigs", "message", "total"], |trade| {
            call(&trade.buyer, "/gig/search/0/10/forward?query=sketches&delivery_time=3&minprice=1&maxprice=100")
        }),
        row!("GET" "/gig/category/:username", 200 "Search gigs category results" ["gigs", "message"], |trade| {
            call(&trade.buyer, format!("/gig/category/{}", trade.buyer.username))
        }),
        row!("GET" "/gig/top/:username", 200 "Search top gigs results" ["gigs", "message"], |trade| {
            call(&trade.buyer, format!("/gig/top/{}", trade.buyer.username))
        }),
        row!("GET" "/gig/similar/:gigId", 200 "More gigs like this result" ["gigs", "message"], |trade| {
            call(&trade.buyer, format!("/gig/similar/{}", trade.gig.id))
        }),
        row!("POST" "/gig/create", 201 "Gig created successfully." ["gig", "message"], |trade| {
            call(&trade.seller, "/gig/create").with(bodies::gig(&trade.seller.seller_id, "Murals on walls", 50.5))
        }),
        row!("PUT" "/gig/:gigId", 200 "Gig updated successfully." ["gig", "message"], |trade| {
            let body = bodies::gig(&trade.seller.seller_id, "Better sketches", 25.0);
            let body = without(&without(&body, "/sellerId"), "/profilePicture");
            call(&trade.seller, format!("/gig/{}", trade.gig.id)).with(body)
        }),
        row!("PUT" "/gig/active/:gigId", 200 "Gig updated successfully." ["gig", "message"], |trade| {
            call(&trade.seller, format!("/gig/active/{}", trade.gig.id)).with(json!({ "active": false }))
        }),
        row!("DELETE" "/gig/:gigId/:sellerId", 200 "Gig deleted successfully." ["message"], |trade| {
            let gig = trade.seller.gig(30.0).await;
            call(&trade.seller, format!("/gig/{}/{}", gig.id, trade.seller.seller_id))
        }),
    ]
}
