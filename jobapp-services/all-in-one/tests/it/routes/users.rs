//! Buyers and sellers.

use super::{Row, call, row};
use crate::harness::{bodies, shared};

pub fn rows() -> Vec<Row> {
    vec![
        row!("GET" "/buyer/email", 200 "Buyer profile" ["buyer", "message"], |trade| call(&trade.buyer, "/buyer/email")),
        row!("GET" "/buyer/username", 200 "Buyer profile" ["buyer", "message"], |trade| {
            call(&trade.buyer, "/buyer/username")
        }),
        row!("GET" "/buyer/:username", 200 "Buyer profile" ["buyer", "message"], |trade| {
            call(&trade.seller, format!("/buyer/{}", trade.buyer.username))
        }),
        row!("GET" "/seller/id/:sellerId", 200 "Seller profile" ["message", "seller"], |trade| {
            call(&trade.buyer, format!("/seller/id/{}", trade.seller.seller_id))
        }),
        row!("GET" "/seller/username/:username", 200 "Seller profile" ["message", "seller"], |trade| {
            call(&trade.seller, format!("/seller/username/{}", trade.seller.username))
        }),
        row!("GET" "/seller/random/:size", 200 "Random sellers profile" ["message", "sellers"], |trade| {
            call(&trade.buyer, "/seller/random/10")
        }),
        row!("POST" "/seller/create", 201 "Seller created successfully." ["message", "seller"], |_trade| {
            let person = shared().person().await;
            call(&person, "/seller/create").with(bodies::seller(&person.email))
        }),
        row!("PUT" "/seller/:sellerId", 200 "Seller created successfully." ["message", "seller"], |trade| {
            call(&trade.seller, format!("/seller/{}", trade.seller.seller_id)).with(bodies::seller(&trade.seller.email))
        }),
    ]
}
