//! Orders, payments and notifications.

use serde_json::json;

use super::{Row, call, row};
use crate::harness::bodies;
use crate::harness::checks::text;
use crate::harness::people::order_number;

pub fn rows() -> Vec<Row> {
    vec![
        row!("POST" "/order/create-payment-intent", 201 "Order intent created successfully."
            ["clientSecret", "message", "paymentIntentId"], |trade| {
            call(&trade.buyer, "/order/create-payment-intent").with(json!({ "price": 20 }))
        }),
        row!("POST" "/order", 201 "Order created successfully." ["message", "order"], |trade| {
            let intent = trade.buyer.pay(20.0).await;
            call(&trade.buyer, "/order").with(trade.order_body(&order_number(), &intent, 20.0))
        }),
        row!("GET" "/order/notification/:userTo", 200 "Notifications" ["message", "notifications"], |trade| {
            call(&trade.seller, format!("/order/notification/{}", trade.seller.username))
        }),
        row!("GET" "/order/:orderId", 200 "Order by order id" ["message", "order"], |trade| {
            call(&trade.seller, format!("/order/{}", trade.order().await))
        }),
        row!("GET" "/order/seller/:sellerId", 200 "Seller orders" ["message", "orders"], |trade| {
            call(&trade.seller, format!("/order/seller/{}", trade.seller.seller_id))
        }),
        row!("GET" "/order/buyer/:buyerId", 200 "Buyer orders" ["message", "orders"], |trade| {
            call(&trade.buyer, format!("/order/buyer/{}", trade.buyer.buyer_id))
        }),
        row!("PUT" "/order/cancel/:orderId", 201 "Order cancelled successfully." ["message"], |trade| {
            let number = trade.order().await;
            let intent = text(&trade.order_document(&number).await, "/paymentIntent");
            call(&trade.seller, format!("/order/cancel/{number}")).with(trade.cancellation(&intent))
        }),
        row!("PUT" "/order/extension/:orderId", 200 "Order delivery request" ["message", "order"], |trade| {
            call(&trade.seller, format!("/order/extension/{}", trade.order().await)).with(bodies::extension(2, "Rain"))
        }),
        row!("PUT" "/order/gig/:type/:orderId", 200 "Order delivery date extension" ["message", "order"], |trade| {
            let number = trade.order().await;
            let path = format!("/order/extension/{number}");
            trade.seller.put(&path, bodies::extension(2, "Rain")).await.good();
            call(&trade.buyer, format!("/order/gig/approve/{number}")).with(bodies::extension_answer(2, "Rain"))
        }),
        row!("PUT" "/order/deliver-order/:orderId", 200 "Order delivered successfully." ["message", "order"], |trade| {
            call(&trade.seller, format!("/order/deliver-order/{}", trade.order().await)).with(bodies::delivery("Done."))
        }),
        row!("PUT" "/order/approve-order/:orderId", 200 "Order approved successfully." ["message", "order"], |trade| {
            let number = trade.order().await;
            trade.deliver(&number).await;
            call(&trade.buyer, format!("/order/approve-order/{number}")).with(trade.approval())
        }),
        row!("PUT" "/order/notification/mark-as-read", 200 "Notification updated successfully."
            ["message", "notification"], |trade| {
            trade.order().await;
            let told = trade.seller.told("placed an order for your gig.").await;
            let body = json!({ "notificationId": text(&told, "/_id") });
            call(&trade.seller, "/order/notification/mark-as-read").with(body)
        }),
    ]
}
