//! Bodies and documents of conversations, messages and offers.

use jobapp_kernel::{ObjectId, Price, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::price::{HIGHEST, price};
use crate::validate::{Field, Invalid, Schema, boolean, number, optional_text, text};

const OFFER: Schema = Schema::new(&[
    Field::text("gigTitle").length(
        0,
        500,
        "\"offer.gigTitle\" length must be less than or equal to 500 characters long",
    ),
    Field::number("price"),
    Field::text("description").length(
        0,
        20_000,
        "\"offer.description\" length must be less than or equal to 20000 characters long",
    ),
    Field::number("deliveryInDays"),
    Field::date("oldDeliveryDate").at_most(128),
    Field::date("newDeliveryDate").at_most(128),
    Field::boolean("accepted"),
    Field::boolean("cancelled"),
]);

const MESSAGE: Schema = Schema::new(&[
    Field::text("conversationId").blank(),
    Field::text("_id").blank(),
    Field::text("body").blank().length(
        0,
        20_000,
        "\"body\" length must be less than or equal to 20000 characters long",
    ),
    Field::boolean("hasConversationId"),
    Field::text("file").blank(),
    Field::text("fileType").blank().length(
        0,
        200,
        "\"fileType\" length must be less than or equal to 200 characters long",
    ),
    Field::text("fileName").blank().length(
        0,
        500,
        "\"fileName\" length must be less than or equal to 500 characters long",
    ),
    Field::text("fileSize").blank().length(
        0,
        100,
        "\"fileSize\" length must be less than or equal to 100 characters long",
    ),
    Field::text("gigId").blank().length(0, 60, "\"gigId\" length must be less than or equal to 60 characters long"),
    Field::text("sellerId").required().says("Seller id is required", "Seller id is required", "Seller id is required"),
    Field::text("buyerId").required().says("Buyer id is required", "Buyer id is required", "Buyer id is required"),
    Field::text("senderUsername").required().says(
        "Sender username is required",
        "Sender username is required",
        "Sender username is required",
    ),
    Field::text("senderPicture").required().says(
        "Sender picture is required",
        "Sender picture is required",
        "Sender picture is required",
    ),
    Field::text("receiverUsername").required().says(
        "Receiver username is required",
        "Receiver username is required",
        "Receiver username is required",
    ),
    Field::text("receiverPicture").required().says(
        "Receiver picture is required",
        "Receiver picture is required",
        "Receiver picture is required",
    ),
    Field::boolean("isRead"),
    Field::boolean("hasOffer"),
    Field::object("offer", &OFFER),
    Field::text("createdAt").blank(),
]);

/// What the document says of the bodies whose name comes first.
pub(crate) fn documents() -> Vec<(&'static str, Value)> {
    vec![
        ("MessageBody", MessageBody::document()),
        ("OfferAnswerBody", OfferAnswerBody::SCHEMA.document()),
        ("MarkAsReadBody", MarkAsReadBody::SCHEMA.document()),
        ("MarkMultipleBody", MarkMultipleBody::SCHEMA.document()),
    ]
}

/// An offer as a client sends it. Its answers, `accepted` and `cancelled`, are checked and ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(rename_all = "camelCase"))]
pub struct OfferBody {
    /// The gig that is offered.
    #[cfg_attr(feature = "openapi", schema(ignore))]
    pub gig_id: ObjectId,
    /// The title.
    pub gig_title: String,
    /// What it costs, in whole units.
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub price: Price,
    /// What is to be done.
    pub description: String,
    /// Days of work.
    pub delivery_in_days: i64,
    /// A date text.
    pub old_delivery_date: String,
    /// A date text.
    pub new_delivery_date: String,
}

impl OfferBody {
    /// Reads what must be there when an offer is made in the message `body`.
    fn parse(body: &Value, offer: &Value) -> Result<Self, Invalid> {
        let required = |name: &str| match text(offer, name) {
            "" => Err(Invalid::new(format!("\"offer.{name}\" is required"))),
            text => Ok(text.to_owned()),
        };
        let required_number = |name: &str| {
            let value = offer.get(name).and_then(number);
            value.ok_or_else(|| Invalid::new(format!("\"offer.{name}\" is required")))
        };
        let gig_title = required("gigTitle")?;
        let price = price(required_number("price")?, "offer.price")?;
        let description = required("description")?;
        let delivery_in_days = whole(required_number("deliveryInDays")?)
            .ok_or_else(|| Invalid::new("\"offer.deliveryInDays\" must be an integer"))?;
        // The order that follows repeats it, and cannot do without.
        let old_delivery_date = required("oldDeliveryDate")?;
        // Whoever accepts the offer orders this gig.
        let gig_id = match text(body, "gigId") {
            "" => return Err(Invalid::new("\"gigId\" is required")),
            id => id.parse().map_err(|_| Invalid::new("\"gigId\" must be a valid id"))?,
        };
        Ok(Self {
            gig_id,
            gig_title,
            price,
            description,
            delivery_in_days,
            old_delivery_date,
            new_delivery_date: text(offer, "newDeliveryDate").to_owned(),
        })
    }
}

/// A number without a fraction, as an integer.
pub(crate) fn whole(number: f64) -> Option<i64> {
    /// Up to here every whole number has its own `f64`.
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    if number.fract() != 0.0 || number.abs() >= LIMIT {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and within the limit")]
    Some(number as i64)
}

/// A file as a client sends it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileBody {
    /// A data URL, or a URL.
    pub source: String,
    /// Such as `zip`.
    pub file_type: String,
    /// The name.
    pub name: String,
    /// A text.
    pub size: String,
}

/// `POST /message`. Pictures, `isRead` and `createdAt` are checked and ignored.
#[derive(Debug, Clone, PartialEq, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(rename_all = "camelCase"))]
pub struct MessageBody {
    /// The conversation, as far as the client knows.
    pub conversation_id: Option<String>,
    /// The text.
    pub body: String,
    /// The file.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub file: Option<FileBody>,
    /// The gig it is about; empty for none.
    pub gig_id: String,
    /// The seller's document id.
    pub seller_id: String,
    /// The buyer's document id.
    pub buyer_id: String,
    /// Who writes.
    pub sender_username: String,
    /// To whom.
    pub receiver_username: String,
    /// The offer, if `hasOffer` is true.
    pub offer: Option<OfferBody>,
}

impl MessageBody {
    /// What the body must be, as JSON Schema: beyond the table, it says something, and an offer is whole.
    fn document() -> Value {
        let mut schema = MESSAGE.document();
        let seen = &schema["properties"]["senderUsername"]["pattern"];
        let says =
            |name: &str| json!({ "required": [name], "properties": { name: { "type": "string", "pattern": seen } } });
        let yes = json!({ "anyOf": [{ "const": true }, { "type": "string", "pattern": "^[Tt][Rr][Uu][Ee]$" }] });
        let offers = json!({ "required": ["hasOffer"], "properties": { "hasOffer": yes } });
        let whole = json!({
            "required": ["offer", "gigId"],
            "properties": {
                "gigId": { "type": "string", "pattern": "^[0-9A-Fa-f]{24}$" },
                "offer": {
                    "required": ["gigTitle", "price", "description", "deliveryInDays", "oldDeliveryDate"],
                    "properties": {
                        "price": { "minimum": 0.005, "maximum": HIGHEST, "pattern": "^[1-9][0-9]{0,4}$" },
                        "deliveryInDays": { "multipleOf": 1, "pattern": "^[1-9][0-9]{0,4}$" },
                    },
                },
            },
        });
        schema["allOf"] = json!([
            { "anyOf": [says("body"), says("file"), offers] },
            { "if": offers, "then": whole },
        ]);
        schema
    }

    /// Reads a body.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        MESSAGE.check(body)?;
        let owned = |name| text(body, name).to_owned();
        let has_offer = body.get("hasOffer").and_then(boolean).unwrap_or_default();
        let offer = match body.get("offer") {
            Some(offer) if has_offer => Some(OfferBody::parse(body, offer)?),
            None if has_offer => return Err(Invalid::new("\"offer\" is required")),
            _ => None,
        };
        let file = optional_text(body, "file").map(|source| FileBody {
            source,
            file_type: owned("fileType"),
            name: owned("fileName"),
            size: owned("fileSize"),
        });
        if text(body, "body").is_empty() && file.is_none() && offer.is_none() {
            return Err(Invalid::new("\"body\" is not allowed to be empty"));
        }
        Ok(Self {
            conversation_id: optional_text(body, "conversationId"),
            body: owned("body"),
            file,
            gig_id: owned("gigId"),
            seller_id: owned("sellerId"),
            buyer_id: owned("buyerId"),
            sender_username: owned("senderUsername"),
            receiver_username: owned("receiverUsername"),
            offer,
        })
    }
}

/// What to do with an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfferAnswer {
    /// The buying side says yes.
    Accepted,
    /// Either side takes it back.
    Cancelled,
}

/// `PUT /message/offer`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(rename_all = "camelCase"))]
pub struct OfferAnswerBody {
    /// The message with the offer.
    pub message_id: String,
    /// The answer.
    #[cfg_attr(feature = "openapi", schema(rename = "type", value_type = String))]
    pub answer: OfferAnswer,
}

impl OfferAnswerBody {
    const SCHEMA: Schema = Schema::lenient(&[
        message_id(),
        Field::one_of("type", &["accepted", "cancelled"], "\"type\" must be one of [accepted, cancelled]").required(),
    ]);

    /// Reads a body.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        Self::SCHEMA.check(body)?;
        let answer = if text(body, "type") == "accepted" { OfferAnswer::Accepted } else { OfferAnswer::Cancelled };
        Ok(Self { message_id: text(body, "messageId").to_owned(), answer })
    }
}

/// The id of a message, which is read where it is looked for.
const fn message_id() -> Field {
    Field::text("messageId").required().looks_like("^[0-9A-Fa-f]{24}$")
}

/// `PUT /message/mark-as-read`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(rename_all = "camelCase"))]
pub struct MarkAsReadBody {
    /// The message.
    pub message_id: String,
}

impl MarkAsReadBody {
    const SCHEMA: Schema = Schema::lenient(&[message_id()]);

    /// Reads a body.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        Self::SCHEMA.check(body)?;
        Ok(Self { message_id: text(body, "messageId").to_owned() })
    }
}

/// `PUT /message/mark-multiple-as-read`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(rename_all = "camelCase"))]
pub struct MarkMultipleBody {
    /// Who has read.
    pub receiver_username: String,
    /// Whose messages.
    pub sender_username: String,
    /// The message that browsers are told of.
    pub message_id: String,
}

impl MarkMultipleBody {
    const SCHEMA: Schema = Schema::lenient(&[
        Field::text("receiverUsername").required(),
        Field::text("senderUsername").required(),
        message_id(),
    ]);

    /// Reads a body.
    ///
    /// # Errors
    /// The first broken rule.
    pub fn parse(body: &Value) -> Result<Self, Invalid> {
        Self::SCHEMA.check(body)?;
        Ok(Self {
            receiver_username: text(body, "receiverUsername").to_owned(),
            sender_username: text(body, "senderUsername").to_owned(),
            message_id: text(body, "messageId").to_owned(),
        })
    }
}

/// The conversation of two users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConversationDocument {
    /// The document id.
    #[serde(rename = "_id")]
    pub id: String,
    /// The public id.
    pub conversation_id: String,
    /// Who wrote first.
    pub sender_username: String,
    /// The other one.
    pub receiver_username: String,
    /// Always 0.
    #[serde(rename = "__v")]
    pub version_key: i64,
}

/// An offer of a message; empty texts and zeros when it carries none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MessageOffer {
    /// The title.
    pub gig_title: String,
    /// In whole units.
    pub price: f64,
    /// What is to be done.
    pub description: String,
    /// Days of work.
    pub delivery_in_days: i64,
    /// The date first agreed on, in the text the client sent.
    pub old_delivery_date: String,
    /// The date that counts, in the text the client sent.
    pub new_delivery_date: String,
    /// Whether the buying side said yes.
    pub accepted: bool,
    /// Whether it was taken back.
    pub cancelled: bool,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MessageDocument {
    /// The document id.
    #[serde(rename = "_id")]
    pub id: String,
    /// The conversation.
    pub conversation_id: String,
    /// Who wrote it.
    pub sender_username: String,
    /// URL.
    pub sender_picture: String,
    /// To whom.
    pub receiver_username: String,
    /// URL.
    pub receiver_picture: String,
    /// The text.
    pub body: String,
    /// URL of the file, made for the two users and good for half a day; empty for none.
    pub file: String,
    /// Such as `zip`.
    pub file_type: String,
    /// A text.
    pub file_size: String,
    /// The name.
    pub file_name: String,
    /// The gig it is about; empty for none.
    pub gig_id: String,
    /// The buyer's document id.
    pub buyer_id: String,
    /// The seller's document id.
    pub seller_id: String,
    /// Whether the receiver has read it.
    pub is_read: bool,
    /// Whether it carries an offer.
    pub has_offer: bool,
    /// The offer.
    pub offer: MessageOffer,
    /// When. Grows within a conversation.
    pub created_at: Timestamp,
}

/// The newest message of a conversation, as a list of conversations shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConversationEntry {
    /// The message's document id.
    #[serde(rename = "_id")]
    pub id: String,
    /// The conversation.
    pub conversation_id: String,
    /// The seller's document id.
    pub seller_id: String,
    /// The buyer's document id.
    pub buyer_id: String,
    /// To whom.
    pub receiver_username: String,
    /// URL.
    pub receiver_picture: String,
    /// Who wrote it.
    pub sender_username: String,
    /// URL.
    pub sender_picture: String,
    /// The text.
    pub body: String,
    /// URL of the file, made for the two users and good for half a day; empty for none.
    pub file: String,
    /// The gig it is about; empty for none.
    pub gig_id: String,
    /// Whether the receiver has read it.
    pub is_read: bool,
    /// Whether it carries an offer.
    pub has_offer: bool,
    /// When.
    pub created_at: Timestamp,
}

/// Ours. On [`crate::queues::CHAT_MESSAGE`]: a message was written or read. `x-version` orders those of one message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessageChanged {
    /// `message-sent` or `message-read`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The message as it is now.
    pub message: MessageDocument,
    /// Its place in its conversation, from 1.
    pub sequence: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn valid() -> Value {
        json!({"conversationId": "123456789012345", "hasConversationId": false, "body": "Hello", "gigId": "66F0c0ffee00000000009001",
            "sellerId": "s", "buyerId": "b", "senderUsername": "Iria", "senderPicture": "i.png",
            "receiverUsername": "Marta", "receiverPicture": "m.png", "isRead": false, "hasOffer": true,
            "offer": {"gigTitle": "Logo", "price": 75, "description": "Three drafts", "deliveryInDays": 4,
                "oldDeliveryDate": "Tue Dec 01 2026", "newDeliveryDate": "Tue Dec 01 2026", "accepted": false,
                "cancelled": false}})
    }

    fn without(key: &str) -> String {
        let mut body = valid();
        body.as_object_mut().unwrap().remove(key);
        MessageBody::parse(&body).map_or_else(|invalid| invalid.message, |_| "ok".to_owned())
    }

    fn with(pointer: &str, value: Value) -> String {
        let mut body = valid();
        match pointer.strip_prefix("offer.") {
            Some(key) => body["offer"][key] = value,
            None => body[pointer] = value,
        }
        MessageBody::parse(&body).map_or_else(|invalid| invalid.message, |_| "ok".to_owned())
    }

    #[test]
    fn every_text_is_the_wires() {
        for (key, expected) in [
            ("sellerId", "Seller id is required"),
            ("buyerId", "Buyer id is required"),
            ("senderUsername", "Sender username is required"),
            ("senderPicture", "Sender picture is required"),
            ("receiverUsername", "Receiver username is required"),
            ("receiverPicture", "Receiver picture is required"),
        ] {
            assert_eq!(without(key), expected);
            for value in [json!(""), json!(null), json!(5), json!({"$ne": null})] {
                assert_eq!(with(key, value), expected);
            }
        }
        for (key, value, expected) in [
            ("conversationId", json!(5), "\"conversationId\" must be a string"),
            ("_id", json!(5), "\"_id\" must be a string"),
            ("body", json!(5), "\"body\" must be a string"),
            ("file", json!(5), "\"file\" must be a string"),
            ("fileType", json!(5), "\"fileType\" must be a string"),
            ("fileName", json!(5), "\"fileName\" must be a string"),
            ("fileSize", json!(5), "\"fileSize\" must be a string"),
            ("gigId", json!({"$ne": null}), "\"gigId\" must be a string"),
            ("hasConversationId", json!("maybe"), "\"hasConversationId\" must be a boolean"),
            ("isRead", json!(5), "\"isRead\" must be a boolean"),
            ("hasOffer", json!(null), "\"hasOffer\" must be a boolean"),
            ("offer", json!(null), "\"offer\" must be of type object"),
            ("offer.price", json!("a lot"), "\"offer.price\" must be a number"),
            ("offer.price", json!(null), "\"offer.price\" must be a number"),
            ("offer.price", json!(0), "\"offer.price\" must be a positive number"),
            ("offer.price", json!(-1), "\"offer.price\" must be a positive number"),
            ("offer.price", json!(947_867.29), "ok"),
            ("offer.price", json!(947_868), "\"offer.price\" must be less than or equal to 947867.29"),
            ("offer.price", json!(1e300), "\"offer.price\" must be less than or equal to 947867.29"),
            ("gigId", json!("abc"), "\"gigId\" must be a valid id"),
            ("gigId", json!("undefined"), "\"gigId\" must be a valid id"),
            ("gigId", json!(" 66f0c0ffee00000000009001"), "\"gigId\" must be a valid id"),
            ("gigId", json!("66f0c0ffee000000000090zz"), "\"gigId\" must be a valid id"),
            ("offer.deliveryInDays", json!(1.5), "\"offer.deliveryInDays\" must be an integer"),
            ("offer.gigTitle", json!(""), "\"offer.gigTitle\" is not allowed to be empty"),
            ("offer.gigTitle", json!("\u{200b}\u{a0}"), "\"offer.gigTitle\" is not allowed to be empty"),
            ("offer.description", json!("\u{2800}"), "\"offer.description\" is not allowed to be empty"),
            ("offer.oldDeliveryDate", json!("Invalid Date"), "\"offer.oldDeliveryDate\" must be a valid date"),
            ("offer.newDeliveryDate", json!("2027-02-30"), "\"offer.newDeliveryDate\" must be a valid date"),
            (
                "offer.newDeliveryDate",
                json!("2027-12-05T09:00:00+25:00"),
                "\"offer.newDeliveryDate\" must be a valid date",
            ),
            ("offer.newDeliveryDate", json!(""), "\"offer.newDeliveryDate\" is not allowed to be empty"),
            ("offer.newDeliveryDate", json!("2027-12-05 09:00"), "ok"),
            (
                "offer.newDeliveryDate",
                json!("a".repeat(129)),
                "\"offer.newDeliveryDate\" length must be less than or equal to 128 characters long",
            ),
            ("offer.reason", json!("x"), "\"offer.reason\" is not allowed"),
            ("offer.accepted", json!("x"), "\"offer.accepted\" must be a boolean"),
            ("createdAt", json!(5), "\"createdAt\" must be a string"),
            ("url", json!("x"), "\"url\" is not allowed"),
            ("body", json!("a".repeat(20_001)), "\"body\" length must be less than or equal to 20000 characters long"),
            ("gigId", json!("a".repeat(61)), "\"gigId\" length must be less than or equal to 60 characters long"),
        ] {
            assert_eq!(with(key, value.clone()), expected, "{key}: {value}");
        }
    }

    #[test]
    fn blank_values_are_as_good_as_absent() {
        for key in ["conversationId", "body", "file", "fileType", "fileName", "fileSize"] {
            assert_eq!(with(key, json!(null)), "ok", "{key}");
            assert_eq!(with(key, json!("")), "ok", "{key}");
            assert_eq!(without(key), "ok", "{key}");
        }
    }

    #[test]
    fn a_message_shows_something_a_text_a_file_or_an_offer() {
        let parsed = |body: Value, file: Value| {
            let mut message = valid();
            message["hasOffer"] = json!(false);
            message["body"] = body;
            message["file"] = file;
            MessageBody::parse(&message)
        };
        for blank in [json!(""), json!(null), json!("  "), json!("\u{200b}\u{200d}\u{fe0f}"), json!("\u{3164}\u{2800}")]
        {
            let invalid = parse_error(parsed(blank.clone(), json!(null)));
            assert_eq!(invalid, "\"body\" is not allowed to be empty", "{blank}");
            assert_eq!(parsed(blank, json!("data:text/plain;base64,aGk=")).unwrap().body, "");
        }
        for seen in ["می\u{200c}خواهم", "👩\u{200d}💻", " hi "] {
            assert_eq!(parsed(json!(seen), json!(null)).unwrap().body, seen);
        }
    }

    fn parse_error(parsed: Result<MessageBody, Invalid>) -> String {
        parsed.map_or_else(|invalid| invalid.message, |body| format!("{body:?} is taken"))
    }

    #[test]
    fn an_offer_names_its_gig_and_a_plain_message_need_not() {
        for answer in [with("gigId", json!(null)), with("gigId", json!("")), without("gigId")] {
            assert_eq!(answer, "\"gigId\" is required");
        }
        let offer = MessageBody::parse(&valid()).unwrap().offer.unwrap();
        assert_eq!(offer.gig_id.to_string(), "66f0c0ffee00000000009001");
        let mut plain = valid();
        plain["hasOffer"] = json!(false);
        for gig in [json!(null), json!(""), json!("abc")] {
            plain["gigId"] = gig;
            assert_eq!(MessageBody::parse(&plain).unwrap().offer, None);
        }
    }

    #[test]
    fn an_offer_needs_its_terms_only_when_there_is_one() {
        assert_eq!(without("offer"), "\"offer\" is required");
        for key in ["gigTitle", "price", "description", "deliveryInDays", "oldDeliveryDate"] {
            let mut body = valid();
            body["offer"].as_object_mut().unwrap().remove(key);
            let invalid = MessageBody::parse(&body).unwrap_err();
            assert_eq!(invalid.message, format!("\"offer.{key}\" is required"));
            body["hasOffer"] = json!(false);
            assert_eq!(MessageBody::parse(&body).unwrap().offer, None);
        }
        let offer = MessageBody::parse(&valid()).unwrap().offer.unwrap();
        assert_eq!((offer.price.money().cents(), offer.delivery_in_days), (75_00, 4));
    }

    #[test]
    fn answers_to_offers_are_two() {
        let parse = |body: Value| OfferAnswerBody::parse(&body).map_err(|invalid| invalid.message);
        let id = "66f0c0ffee00000000000001";
        assert_eq!(parse(json!({"messageId": id, "type": "accepted"})).unwrap().answer, OfferAnswer::Accepted);
        assert_eq!(parse(json!({"messageId": id, "type": "cancelled"})).unwrap().answer, OfferAnswer::Cancelled);
        for (body, expected) in [
            (json!({}), "\"messageId\" is required"),
            (json!({"messageId": {"$ne": null}, "type": "accepted"}), "\"messageId\" must be a string"),
            (json!({"messageId": id}), "\"type\" is required"),
            (json!({"messageId": id, "type": "price"}), "\"type\" must be one of [accepted, cancelled]"),
        ] {
            assert_eq!(parse(body).unwrap_err(), expected);
        }
    }

    #[test]
    fn read_marks_refuse_what_is_no_text() {
        let marked = |body: Value| MarkAsReadBody::parse(&body).unwrap_err().message;
        assert_eq!(marked(json!({})), "\"messageId\" is required");
        assert_eq!(marked(json!({"messageId": {"$ne": null}})), "\"messageId\" must be a string");
        let multiple = |body: Value| MarkMultipleBody::parse(&body).unwrap_err().message;
        assert_eq!(multiple(json!({})), "\"receiverUsername\" is required");
        assert_eq!(
            multiple(json!({"receiverUsername": "Marta", "senderUsername": {"$ne": null}, "messageId": "x"})),
            "\"senderUsername\" must be a string"
        );
    }
}
