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
    ]
}
