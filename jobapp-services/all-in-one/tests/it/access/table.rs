//! The table. A cell is what a caller is answered: nobody, outsider, operator, buyer, seller.

use serde_json::{Value, json};

use super::world::{Things, credentials};
use crate::harness::bodies;
use crate::harness::checks::without;
use crate::harness::people::unique;

/// A row.
pub struct Row {
    /// Method and path as in the gateway's table; `!` begins a path beside the API.
    pub route: &'static str,
    /// What is answered about the things of the buyer and the seller, or where no thing is named.
    pub own: &'static str,
    /// About those of two others.
    pub others: Option<&'static str>,
    /// About what does not exist.
    pub unknown: Option<&'static str>,
    /// What stands in place of a parameter.
    pub fill: fn(&Things, &str) -> String,
    /// What is sent.
    pub body: Option<fn(&Things) -> Value>,
}

impl Row {
    fn others(self, cells: &'static str) -> Self {
        Self { others: Some(cells), ..self }
    }

    fn unknown(self, cells: &'static str) -> Self {
        Self { unknown: Some(cells), ..self }
    }

    fn sends(self, body: fn(&Things) -> Value) -> Self {
        Self { body: Some(body), ..self }
    }

    fn with(self, fill: fn(&Things, &str) -> String) -> Self {
        Self { fill, ..self }
    }
}

fn row(route: &'static str, own: &'static str) -> Row {
    Row { route, own, others: None, unknown: None, fill: usual, body: None }
}

/// What usually stands in place of a parameter.
fn usual(things: &Things, name: &str) -> String {
    match name {
        "gigId" => things.gig.clone(),
        "sellerId" => things.seller_id.clone(),
        "buyerId" => things.buyer_id.clone(),
        "orderId" => things.order.clone(),
        "conversationId" => things.conversation.clone(),
        "username" | "receiverUsername" => things.buyer.clone(),
        "senderUsername" | "userTo" => things.seller.clone(),
        "sid" => things.session.clone(),
        "type" => "approve".to_owned(),
        "file" => things.file.clone(),
        "link" => things.link.clone(),
        "sent" => things.sent.clone(),
        "otp" => "100000".to_owned(),
        "token" => "nothing".to_owned(),
        "from" => "0".to_owned(),
        "size" => "10".to_owned(),
        "count" => "1".to_owned(),
        other => panic!("no value for :{other}"),
    }
}

/// Instead of what is usual: the order that is there to be cancelled, and the gig that is there to be deleted.
fn spare(things: &Things, name: &str) -> String {
    match name {
        "orderId" => things.spare_order.clone(),
        "gigId" => things.spare_gig.clone(),
        other => usual(things, other),
    }
}

fn forward(things: &Things, name: &str) -> String {
    if name == "type" { "forward".to_owned() } else { usual(things, name) }
}

fn seller_by_name(things: &Things, _name: &str) -> String {
    things.seller.clone()
}

fn nothing(_things: &Things) -> Value {
    json!({})
}

/// Everybody, with a session or without.
const ALL: &str = "ok ok ok ok ok";
/// Everybody with a session.
const SIGNED_IN: &str = "401 ok ok ok ok";
/// The buyer, where others may know that it exists.
const BUYER: &str = "401 403 403 ok 403";
/// The seller, where others may know that it exists.
const SELLER: &str = "401 403 403 403 ok";
/// Nobody, where everybody may know that it exists.
const FORBIDDEN: &str = "401 403 403 403 403";
/// Nobody, and nobody learns whether it exists.
const NOT_FOUND: &str = "401 404 404 404 404";
/// What is not there for anybody.
const NOT_THERE: &str = "404 404 404 404 404";
/// The two participants; the others do not learn that it exists.
const PARTICIPANTS: &str = "401 404 404 ok ok";
/// The buyer of the two participants.
const BUYER_OF_BOTH: &str = "401 404 404 ok 403";
/// The seller of the two participants.
const SELLER_OF_BOTH: &str = "401 404 404 403 ok";

/// Every route. The order is that of a trade: what is done further up is there further down.
pub fn table() -> Vec<Row> {
    vec![accounts(), people(), gigs(), messages(), orders(), pages(), beside_the_api(), ends()]
        .into_iter()
        .flatten()
        .collect()
}

fn accounts() -> Vec<Row> {
    vec![
        row("POST /auth/signup", ALL).sends(|_| {
            let name = format!("Newcomer{}", unique());
            bodies::sign_up(&name, &format!("{name}@example.org"))
        }),
        row("POST /auth/signin", ALL).sends(|things| credentials(&things.buyer)),
        row("PUT /auth/verify-email", "400 400 400 400 400").sends(|_| json!({ "token": "nothing" })),
        row("PUT /auth/verify-otp/:otp", "400 400 400 400 400").sends(nothing),
        row("PUT /auth/forgot-password", ALL)
            .others(ALL)
            .unknown(ALL)
            .sends(|things| json!({ "email": things.buyer_email })),
        row("PUT /auth/reset-password/:token", "400 400 400 400 400")
            .sends(|_| json!({ "password": "another horse 8", "confirmPassword": "another horse 8" })),
        row("PUT /auth/change-password", "401 400 400 400 400")
            .sends(|_| json!({ "currentPassword": "not this one", "newPassword": "another horse 8" })),
        row("PUT /auth/seed/:count", NOT_FOUND),
        row("GET /auth/refresh-token/:username", BUYER).others(FORBIDDEN).unknown(FORBIDDEN),
        row("GET /auth/logged-in-user", SIGNED_IN),
        row("GET /auth/currentuser", SIGNED_IN),
        row("POST /auth/resend-email", BUYER)
            .others(FORBIDDEN)
            .unknown(FORBIDDEN)
            .sends(|things| json!({ "userId": things.buyer_number, "email": things.buyer_email })),
        row("DELETE /auth/logged-in-user/:username", BUYER).others(FORBIDDEN).unknown(FORBIDDEN),
        row("GET /auth/sessions", SIGNED_IN),
        row("DELETE /auth/sessions/:sid", "401 404 404 ok 404").others(NOT_FOUND).unknown(NOT_FOUND),
        row("GET /auth/second-factor", SIGNED_IN),
        row("POST /auth/second-factor", "401 400 400 400 400").sends(|_| json!({ "password": "not this one" })),
        row("PUT /auth/second-factor", "401 409 409 409 409").sends(|_| json!({ "code": "000000" })),
        row("DELETE /auth/second-factor", "401 400 400 400 400")
            .sends(|_| json!({ "password": "not this one", "code": "000000" })),
    ]
}

fn people() -> Vec<Row> {
    vec![
        row("GET /buyer/email", SIGNED_IN),
        row("GET /buyer/username", SIGNED_IN),
        row("GET /buyer/:username", SIGNED_IN).others(SIGNED_IN).unknown(NOT_FOUND),
        row("GET /seller/id/:sellerId", SIGNED_IN).others(SIGNED_IN).unknown(NOT_FOUND),
        row("GET /seller/username/:username", SIGNED_IN).others(SIGNED_IN).unknown(SIGNED_IN).with(seller_by_name),
        row("GET /seller/random/:size", SIGNED_IN),
        row("PUT /seller/:sellerId", SELLER)
            .others(FORBIDDEN)
            .unknown(NOT_FOUND)
            .sends(|things| bodies::seller(&things.seller_email)),
        row("PUT /seller/seed/:count", NOT_FOUND),
    ]
}

fn gigs() -> Vec<Row> {
    vec![
        row("GET /auth/search/gig/:from/:size/:type", ALL).with(forward),
        row("GET /auth/search/gig/:gigId", ALL).others(ALL).unknown(NOT_THERE),
        row("GET /gig/:gigId", SIGNED_IN).others(SIGNED_IN).unknown(NOT_FOUND),
        row("GET /gig/seller/:sellerId", SIGNED_IN).others(SIGNED_IN).unknown(NOT_FOUND),
        row("GET /gig/seller/pause/:sellerId", SELLER).others(FORBIDDEN).unknown(FORBIDDEN),
        row("GET /gig/search/:from/:size/:type", SIGNED_IN).with(forward),
        row("GET /gig/category/:username", BUYER).others(FORBIDDEN).unknown(FORBIDDEN),
        row("GET /gig/top/:username", BUYER).others(FORBIDDEN).unknown(FORBIDDEN),
        row("GET /gig/similar/:gigId", SIGNED_IN).others(SIGNED_IN).unknown(NOT_FOUND),
        row("POST /gig/create", SELLER)
            .others(FORBIDDEN)
            .unknown(FORBIDDEN)
            .sends(|things| bodies::gig(&things.seller_id, "Murals on walls", 50.0)),
        row("PUT /gig/:gigId", SELLER).others(FORBIDDEN).unknown(NOT_FOUND).sends(|things| {
            let body = bodies::gig(&things.seller_id, "Better sketches", 20.0);
            without(&without(&body, "/sellerId"), "/profilePicture")
        }),
        row("PUT /gig/active/:gigId", SELLER).others(FORBIDDEN).unknown(NOT_FOUND).sends(|_| json!({ "active": true })),
        row("PUT /gig/seed/:count", NOT_FOUND),
        row("DELETE /gig/:gigId/:sellerId", SELLER).others(FORBIDDEN).unknown(NOT_FOUND).with(spare),
    ]
}

fn messages() -> Vec<Row> {
    // Whoever names two others learns nothing, whether they talk or not.
    const OF_BOTH: &str = "401 403 403 ok ok";
    // An id tells nothing either: what is not there and what is others' are alike.
    const OTHERS_SEE_NOTHING: &str = "401 empty empty ok ok";
    const EMPTY: &str = "401 empty empty empty empty";
    vec![
        row("GET /message/conversation/:senderUsername/:receiverUsername", OF_BOTH).others(FORBIDDEN).unknown(FORBIDDEN),
        row("GET /message/conversations/:username", BUYER).others(FORBIDDEN).unknown(FORBIDDEN),
        row("GET /message/:senderUsername/:receiverUsername", OF_BOTH).others(FORBIDDEN).unknown(FORBIDDEN),
        row("GET /message/:conversationId", OTHERS_SEE_NOTHING).others(EMPTY).unknown(EMPTY),
        row("POST /message", BUYER).others(FORBIDDEN).unknown(FORBIDDEN).sends(Things::words_of_the_buyer),
        row("PUT /message/offer", BUYER_OF_BOTH)
            .others(NOT_FOUND)
            .unknown(NOT_FOUND)
            .sends(|things| json!({ "messageId": things.offer, "type": "accepted" })),
        row("PUT /message/mark-as-read", BUYER_OF_BOTH)
            .others(NOT_FOUND)
            .unknown(NOT_FOUND)
            .sends(|things| json!({ "messageId": things.message })),
        row("PUT /message/mark-multiple-as-read", BUYER).others(FORBIDDEN).unknown(FORBIDDEN).sends(|things| {
            json!({ "receiverUsername": things.buyer, "senderUsername": things.seller, "messageId": things.message })
        }),
    ]
}

fn orders() -> Vec<Row> {
    vec![
        row("POST /order/create-payment-intent", SIGNED_IN).sends(|_| json!({ "price": 20 })),
        row("POST /order", BUYER).others(FORBIDDEN).unknown(FORBIDDEN).sends(|things| things.new_order.clone()),
        row("GET /order/notification/:userTo", SELLER).others(FORBIDDEN).unknown(FORBIDDEN),
        row("GET /order/:orderId", PARTICIPANTS).others(NOT_FOUND).unknown(NOT_FOUND),
        row("GET /order/seller/:sellerId", SELLER).others(FORBIDDEN).unknown(NOT_FOUND),
        row("GET /order/buyer/:buyerId", BUYER).others(FORBIDDEN).unknown(NOT_FOUND),
        // The buyer may cancel, too, but only what is not paid yet.
        row("PUT /order/cancel/:orderId", "401 404 404 409 ok").others(NOT_FOUND).unknown(NOT_FOUND).with(spare).sends(
            |things| {
                json!({ "paymentIntentId": "pi_nothing", "orderData": { "sellerId": things.seller_id,
                "buyerId": things.buyer_id, "purchasedGigs": things.gig } })
            },
        ),
        row("PUT /order/extension/:orderId", SELLER_OF_BOTH)
            .others(NOT_FOUND)
            .unknown(NOT_FOUND)
            .sends(|_| bodies::extension(2, "Rain")),
        row("PUT /order/gig/:type/:orderId", BUYER_OF_BOTH)
            .others(NOT_FOUND)
            .unknown(NOT_FOUND)
            .sends(|_| bodies::extension_answer(2, "Rain")),
        row("PUT /order/deliver-order/:orderId", SELLER_OF_BOTH)
            .others(NOT_FOUND)
            .unknown(NOT_FOUND)
            .sends(|_| bodies::delivery("Done.")),
        row("PUT /order/approve-order/:orderId", BUYER_OF_BOTH).others(NOT_FOUND).unknown(NOT_FOUND).sends(|things| {
            json!({ "sellerId": things.seller_id, "buyerId": things.buyer_id, "ongoingJobs": -1, "completedJobs": 1,
                "totalEarnings": 16, "purchasedGigs": things.gig })
        }),
        row("PUT /order/notification/mark-as-read", "401 404 404 404 ok")
            .others(NOT_FOUND)
            .unknown(NOT_FOUND)
            .sends(|things| json!({ "notificationId": things.notification })),
        row("POST /review", BUYER_OF_BOTH).others(NOT_FOUND).unknown(NOT_FOUND).sends(Things::review_of_the_buyer),
        row("GET /review/gig/:gigId", SIGNED_IN).others(SIGNED_IN).unknown("401 empty empty empty empty"),
        row("GET /review/seller/:sellerId", SIGNED_IN).others(SIGNED_IN).unknown("401 empty empty empty empty"),
        row("GET /review/analytics/gig/:gigId", SIGNED_IN).others(SIGNED_IN).unknown(SIGNED_IN),
        row("GET /review/analytics/seller/:sellerId", SIGNED_IN).others(SIGNED_IN).unknown(SIGNED_IN),
    ]
}

fn pages() -> Vec<Row> {
    vec![
        row("GET /bff/home", SIGNED_IN),
        row("GET /bff/gig/:gigId", SIGNED_IN).others(SIGNED_IN).unknown(NOT_FOUND),
        row("GET /bff/order/:orderId", PARTICIPANTS).others(NOT_FOUND).unknown(NOT_FOUND),
    ]
}

/// What the one binary answers beside the API. The developer pages are for this machine, whoever is signed in.
fn beside_the_api() -> Vec<Row> {
    vec![
        row("GET !/", ALL),
        row("GET !/livez", ALL),
        row("GET !/readyz", ALL),
        row("GET !/gateway-health", ALL),
        row("GET !/openapi.json", ALL),
        row("GET !/docs/", ALL),
        row("GET !/sign_in", ALL),
        row("GET !/verify_otp", ALL),
        row("GET !/forgot_password", ALL),
        row("GET !/reset_password", ALL),
        row("GET !/confirm_email", ALL),
        row("GET !/orders/JO1/activities", ALL),
        row("GET !/inbox/iria/1", ALL),
        row("GET !/assets/account.js", ALL),
        row("GET !/media/:file", ALL).others(ALL).unknown(NOT_THERE),
        row("GET !/media/:sent", NOT_THERE).others(NOT_THERE).unknown(NOT_THERE),
        row("GET !/media/:link/:sent", ALL).others(ALL).unknown(NOT_THERE),
        row("GET !/_dev/mail", ALL),
        row("GET !/_dev/mail/none", NOT_THERE),
        row("GET !/_dev/payments", ALL),
        row("POST !/_dev/payments/none/confirm", NOT_THERE),
        row("GET !/_dev/status", if crate::harness::IS_ONE_BINARY { ALL } else { NOT_THERE }),
    ]
}

/// What changes who the callers are.
fn ends() -> Vec<Row> {
    vec![
        row("POST /seller/create", "401 400 ok ok 400").sends(|_| bodies::seller("somebody@example.org")),
        row("POST /auth/signout", ALL).sends(nothing),
    ]
}
