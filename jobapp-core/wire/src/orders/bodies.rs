//! Request bodies of orders.

use jobapp_kernel::{Price, Timestamp, is_blank};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::price::{HIGHEST, decimal, price};
use crate::validate::{
    ADDRESS, DESCRIPTION, ENTRIES, Field, Invalid, NAME, Schema, anything, date, number, optional_text, text,
};

/// A whole number of days nobody exceeds.
const MOST_DAYS: f64 = 3650.0;

/// A short text.
const fn name(name: &'static str) -> Field {
    Field::text(name).at_most(NAME)
}

/// A date.
const fn day(name: &'static str) -> Field {
    Field::date(name).at_most(NAME)
}

/// A whole number of days.
const fn days_of_work(name: &'static str) -> Field {
    Field::number(name).required().whole().from_to(1.0, MOST_DAYS).looks_like("^[1-9][0-9]{0,2}$")
}

const OFFER: Schema = Schema::new(&[
    name("gigTitle").required(),
    Field::number("price").required(),
    Field::text("description").at_most(DESCRIPTION).required(),
    days_of_work("deliveryInDays"),
    day("oldDeliveryDate").required(),
    day("newDeliveryDate"),
    Field::boolean("accepted").required(),
    Field::boolean("cancelled").required(),
]);

const EXTENSION_WITHIN: Schema = Schema::new(&[
    name("originalDate").required(),
    name("newDate").required(),
    Field::number("days").required(),
    Field::text("reason").at_most(DESCRIPTION).required(),
]);

const WORK: Schema = Schema::new(&[Field::text("message").at_most(DESCRIPTION), Field::text("file").at_most(ADDRESS)]);

const EVENTS: Schema = Schema::new(&[
    day("placeOrder"),
    day("requirements"),
    day("orderStarted"),
    // The wire's own spelling; the right one is refused, as existing clients expect.
    day("deliverydateUpdate"),
    day("orderDelivered"),
    day("buyerReview"),
    day("sellerReview"),
]);

const REVIEW: Schema = Schema::new(&[Field::number("rating"), Field::text("review").at_most(DESCRIPTION)]);

const ORDER: Schema = Schema::new(&[
    Field::object("offer", &OFFER).required(),
    name("gigId").required(),
    name("sellerId").required(),
    name("sellerUsername").required(),
    name("sellerEmail").required(),
    Field::text("sellerImage").at_most(ADDRESS).required(),
    Field::text("gigCoverImage").at_most(ADDRESS).required(),
    name("gigMainTitle").required(),
    name("gigBasicTitle").required(),
    Field::text("gigBasicDescription").at_most(DESCRIPTION).required(),
    name("buyerId").required(),
    name("buyerUsername").required(),
    name("buyerEmail").required(),
    Field::text("buyerImage").at_most(ADDRESS).required(),
    name("status").required(),
    name("orderId").required(),
    name("invoiceId").required(),
    Field::number("quantity").required().whole().from_to(1.0, 1.0).looks_like("^1$"),
    Field::number("price").required().from_to(0.005, HIGHEST),
    Field::number("serviceFee"),
    Field::text("requirements").at_most(DESCRIPTION).blank(),
    name("paymentIntent").required(),
    Field::object("requestExtension", &EXTENSION_WITHIN),
    Field::boolean("delivered"),
    day("approvedAt"),
    day("dateOrdered"),
    Field::objects("deliveredWork", 0, &WORK).up_to(ENTRIES),
    Field::object("events", &EVENTS),
    Field::object("buyerReview", &REVIEW),
    Field::object("sellerReview", &REVIEW),
]);

const EXTENSION: Schema = Schema::new(&[
    day("originalDate").required(),
    day("newDate").required(),
    days_of_work("days").above(0.0, "\"days\" must be greater than 0"),
    Field::text("reason").at_most(DESCRIPTION).required(),
    day("deliveryDateUpdate"),
]);

const NOTIFICATION: Schema = Schema::lenient(&[name("notificationId").required()]);

const INTENT: Schema = Schema::lenient(&[Field::number("price")
    .required()
    .from_to(0.005, HIGHEST)
    .above(0.0, "\"price\" must be a positive number")]);

const DELIVER: Schema = Schema::lenient(&[
    Field::text("message").at_most(DESCRIPTION).blank(),
    // The store of files has its own limit.
    Field::text("file").blank(),
    name("fileType").blank(),
    name("fileName").blank(),
]);

/// What the document says of the bodies whose name comes first.
pub(crate) fn documents() -> Vec<(&'static str, Value)> {
    let mut deliver = DELIVER.document();
    deliver["properties"]["fileSize"] = json!({ "type": ["string", "number", "null"], "maxLength": NAME });
    let ignored = ["sellerId", "buyerId", "ongoingJobs", "completedJobs", "totalEarnings", "purchasedGigs"];
    vec![
        ("OrderBody", ORDER.document()),
        ("PaymentIntentBody", INTENT.document()),
        ("ExtensionBody", EXTENSION.document()),
        ("DeliverBody", deliver),
        ("ApproveBody", anything(&ignored.map(|name| (name, json!({}))))),
        ("CancelBody", anything(&["paymentIntentId", "paymentIntent"].map(|name| (name, json!({}))))),
        ("NotificationBody", NOTIFICATION.document()),
    ]
}

fn required_date(body: &Value, name: &str, shown: &str) -> Result<Timestamp, Invalid> {
    date(body, name).ok_or_else(|| Invalid::new(format!("\"{shown}\" is required")))
}

/// The price of a checked body.
fn price_of(body: &Value) -> Result<Price, Invalid> {
    price(body.get("price").and_then(number).unwrap_or_default(), "price")
}

/// An order is for one thing: whoever asks for another number of them would not get it.
fn check_quantity(body: &Value) -> Result<(), Invalid> {
    match body.get("quantity").and_then(number) {
        Some(1.0) => Ok(()),
        _ => Err(Invalid::new("\"quantity\" must be [1]")),
    }
}

fn days(body: &Value, name: &str, shown: &str) -> Result<i64, Invalid> {
    let days = body.get(name).and_then(number).unwrap_or_default();
    if days <= 0.0 {
        return Err(Invalid::new(format!("\"{shown}\" must be greater than 0")));
    }
    if days.fract() != 0.0 || !(1.0..=MOST_DAYS).contains(&days) {
        return Err(Invalid::new(format!("\"{shown}\" must be a whole number of days, at most {MOST_DAYS}")));
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked to be small and whole")]
    Ok(days as i64)
}

/// What the order is to be about, as the client says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrderBodyOffer {
    /// The title.
    pub gig_title: String,
    /// What is to be done.
    pub description: String,
    /// Days of work.
    pub delivery_in_days: i64,
    /// The date agreed on.
    pub old_delivery_date: Timestamp,
    /// The date that counts; the date agreed on when left out.
    pub new_delivery_date: Timestamp,
}

/// `POST /order`. Identities and amounts in it are checked or ignored; the rest of the wire's fields is accepted and ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "offer": { "gigTitle": "I will draw a logo for your shop", "price": 60, "description": "Three drafts on paper.",
        "deliveryInDays": 3, "oldDeliveryDate": "2035-03-01T09:00:00.000Z",
        "newDeliveryDate": "2035-03-01T09:00:00.000Z", "accepted": true, "cancelled": false },
    "gigId": "66f0c0ffee0000000000b001", "sellerId": "66f0c0ffee0000000000a001", "sellerUsername": "Iria",
    "sellerEmail": "iria@example.com", "sellerImage": "https://example.com/iria.png",
    "gigCoverImage": "https://example.com/logo.png", "gigMainTitle": "I will draw a logo for your shop",
    "gigBasicTitle": "One logo", "gigBasicDescription": "One draft, two revisions",
    "buyerId": "66f0c0ffee0000000000c001", "buyerUsername": "Anna", "buyerEmail": "anna@example.com",
    "buyerImage": "https://example.com/anna.png", "status": "in progress", "orderId": "JO52310984761",
    "invoiceId": "JI83920110457", "quantity": 1, "price": 60, "requirements": "Blue tones, please.",
    "paymentIntent": "pi_of_the_payment", "dateOrdered": "2035-02-26T09:00:00.000Z",
    "events": { "placeOrder": "2035-02-26T09:00:00.000Z", "requirements": "2035-02-26T09:00:00.000Z",
        "orderStarted": "2035-02-26T09:00:00.000Z" }
})))]
#[serde(rename_all = "camelCase")]
pub struct OrderBody {
    /// What the order is to be about.
    pub offer: OrderBodyOffer,
    /// The gig.
    pub gig_id: String,
    /// The seller's document id.
    pub seller_id: String,
    /// The seller's user name.
    pub seller_username: String,
    /// The seller's address.
    pub seller_email: String,
    /// URL.
    pub seller_image: String,
    /// URL.
    pub gig_cover_image: String,
    /// The gig's title.
    pub gig_main_title: String,
    /// The package's title.
    pub gig_basic_title: String,
    /// The package's description.
    pub gig_basic_description: String,
    /// The buyer's document id.
    pub buyer_id: String,
    /// The buyer's user name.
    pub buyer_username: String,
    /// The public number, made by the client.
    pub order_id: String,
    /// The invoice number, made by the client.
    pub invoice_id: String,
    /// In whole units, at most 947,867.29.
    #[serde(with = "decimal")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub price: Price,
    /// What the buyer asks for.
    pub requirements: String,
    /// The payment.
    pub payment_intent: String,
}

impl OrderBody {
    /// Checks and reads a body.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        ORDER.check(body)?;
        let offer = body.get("offer").unwrap_or(&Value::Null);
        let old_delivery_date = required_date(offer, "oldDeliveryDate", "offer.oldDeliveryDate")?;
        let new_delivery_date = date(offer, "newDeliveryDate").unwrap_or(old_delivery_date);
        check_quantity(body)?;
        let own = |name| text(body, name).to_owned();
        Ok(Self {
            offer: OrderBodyOffer {
                gig_title: text(offer, "gigTitle").to_owned(),
                description: text(offer, "description").to_owned(),
                delivery_in_days: days(offer, "deliveryInDays", "offer.deliveryInDays")?,
                old_delivery_date,
                new_delivery_date,
            },
            price: price_of(body)?,
            gig_id: own("gigId"),
            seller_id: own("sellerId"),
            seller_username: own("sellerUsername"),
            seller_email: own("sellerEmail"),
            seller_image: own("sellerImage"),
            gig_cover_image: own("gigCoverImage"),
            gig_main_title: own("gigMainTitle"),
            gig_basic_title: own("gigBasicTitle"),
            gig_basic_description: own("gigBasicDescription"),
            buyer_id: own("buyerId"),
            buyer_username: own("buyerUsername"),
            order_id: own("orderId"),
            invoice_id: own("invoiceId"),
            requirements: own("requirements"),
            payment_intent: own("paymentIntent"),
        })
    }
}

/// `POST /order/create-payment-intent`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({ "price": 60 })))]
pub struct PaymentIntentBody {
    /// What is to be bought costs this, in whole units, at most 947,867.29; the fee comes on top. A text that is a number is
    /// taken too.
    #[serde(with = "decimal")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub price: Price,
}

impl PaymentIntentBody {
    /// Checks and reads a body.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        INTENT.check(body)?;
        Ok(Self { price: price_of(body)? })
    }
}

/// `PUT /order/extension/{orderId}` and `PUT /order/gig/{type}/{orderId}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "originalDate": "2035-03-01T09:00:00.000Z", "newDate": "2035-03-03T09:00:00.000Z", "days": 2,
    "reason": "The printer is ill."
})))]
#[serde(rename_all = "camelCase")]
pub struct ExtensionBody {
    /// The date as it was: a date in either format.
    pub original_date: String,
    /// The date asked for: a date in either format.
    pub new_date: String,
    /// The date asked for.
    #[serde(skip)]
    pub new_due: Option<Timestamp>,
    /// How many days.
    pub days: i64,
    /// Why.
    pub reason: String,
}

impl ExtensionBody {
    /// Checks and reads a body.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        EXTENSION.check(body)?;
        let new_due = required_date(body, "newDate", "newDate")?;
        Ok(Self {
            original_date: text(body, "originalDate").to_owned(),
            new_date: text(body, "newDate").to_owned(),
            new_due: Some(new_due),
            days: days(body, "days", "days")?,
            reason: text(body, "reason").to_owned(),
        })
    }
}

/// `PUT /order/deliver-order/{orderId}`. Everything may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({ "message": "Here is your logo." })))]
#[serde(rename_all = "camelCase", default)]
pub struct DeliverBody {
    /// The seller's words.
    pub message: Option<String>,
    /// The file as a data URL.
    pub file: Option<String>,
    /// Such as `zip`.
    pub file_type: Option<String>,
    /// A number or a text.
    pub file_size: Option<String>,
    /// The name.
    pub file_name: Option<String>,
}

impl DeliverBody {
    /// Checks and reads a body.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        DELIVER.check(body)?;
        let file_size = match body.get("fileSize") {
            None | Some(Value::Null) => None,
            Some(Value::Number(size)) => Some(size.to_string()),
            Some(Value::String(size)) if size.chars().count() > NAME => {
                let text = format!("\"fileSize\" length must be less than or equal to {NAME} characters long");
                return Err(Invalid::new(text));
            }
            Some(Value::String(size)) => Some(size.clone()).filter(|size| !is_blank(size)),
            Some(_) => return Err(Invalid::new("\"fileSize\" must be a string")),
        };
        Ok(Self {
            message: optional_text(body, "message"),
            file: optional_text(body, "file"),
            file_type: optional_text(body, "fileType"),
            file_size,
            file_name: optional_text(body, "fileName"),
        })
    }
}

/// `PUT /order/approve-order/{orderId}`: everything in it is accepted and ignored, it is computed here.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({})))]
#[serde(rename_all = "camelCase", default)]
pub struct ApproveBody {
    /// Ignored.
    pub seller_id: Option<String>,
    /// Ignored.
    pub buyer_id: Option<String>,
    /// Ignored.
    pub ongoing_jobs: Option<f64>,
    /// Ignored.
    pub completed_jobs: Option<f64>,
    /// Ignored.
    pub total_earnings: Option<f64>,
    /// Ignored.
    pub purchased_gigs: Option<String>,
}

/// `PUT /order/cancel/{orderId}`: everything in it is accepted and ignored; what goes back is the order's own payment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({})))]
#[serde(rename_all = "camelCase", default)]
pub struct CancelBody {
    /// Ignored.
    pub payment_intent_id: Option<String>,
    /// Ignored: what services call the same.
    pub payment_intent: Option<String>,
}

/// `PUT /order/notification/mark-as-read`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({ "notificationId": "66f0c0ffee0000000000e001" })))]
#[serde(rename_all = "camelCase")]
pub struct NotificationBody {
    /// Which one.
    pub notification_id: String,
}

impl NotificationBody {
    /// Checks and reads a body.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        NOTIFICATION.check(body)?;
        Ok(Self { notification_id: text(body, "notificationId").to_owned() })
    }
}

#[cfg(test)]
#[path = "bodies_tests.rs"]
mod tests;
