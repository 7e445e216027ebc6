//! Reviews.

use super::{Row, call, row};

pub fn rows() -> Vec<Row> {
    vec![
        row!("POST" "/review", 201 "Review created successfully." ["message", "review"], |trade| {
            let number = trade.completed_order().await;
            call(&trade.buyer, "/review").with(trade.review(true, &number, 5))
        }),
        row!("GET" "/review/gig/:gigId", 200 "Gig reviews by gig id" ["message", "reviews"], |trade| {
            call(&trade.buyer, format!("/review/gig/{}", trade.gig.id))
        }),
        row!("GET" "/review/seller/:sellerId", 200 "Gig reviews by seller id" ["message", "reviews"], |trade| {
            call(&trade.buyer, format!("/review/seller/{}", trade.seller.seller_id))
        }),
        row!("GET" "/review/analytics/gig/:gigId", 200 "Review analytics by gig id" ["analytics", "message"], |trade| {
            call(&trade.buyer, format!("/review/analytics/gig/{}?by=week", trade.gig.id))
        }),
        row!("GET" "/review/analytics/seller/:sellerId", 200 "Review analytics by seller id" ["analytics", "message"], |trade| {
            call(&trade.buyer, format!("/review/analytics/seller/{}?by=day&from=2026-01-01&to=2026-01-31", trade.seller.seller_id))
        }),
    ]
}
