//! Whole pages in one answer.

use super::{Row, call, row};

pub fn rows() -> Vec<Row> {
    vec![
        row!("GET" "/bff/home", 200 "Home page"
            ["buyer", "categoryGigs", "message", "missing", "seller", "sellers", "topGigs", "user"],
            |trade| call(&trade.buyer, "/bff/home")),
        row!("GET" "/bff/gig/:gigId", 200 "Gig page" ["gig", "message", "missing", "reviews", "seller", "similarGigs"],
            |trade| call(&trade.buyer, format!("/bff/gig/{}", trade.gig.id))),
        row!("GET" "/bff/order/:orderId", 200 "Order page"
        ["buyer", "conversations", "gig", "message", "missing", "order", "seller"], |trade| {
            call(&trade.buyer, format!("/bff/order/{}", trade.order().await))
        }),
    ]
}
