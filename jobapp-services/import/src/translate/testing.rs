//! Rows as the existing system has them, for tests.

use jobapp_kernel::Timestamp;
use jobapp_orders::Order;
use jobapp_users::{Buyer, NewBuyer, Profile, Seller};
use serde_json::{Value, json};

use super::{People, Person};
use crate::OldRow;

pub(crate) const MARTA_BUYER: &str = "66f0c0ffee0000000000b001";
pub(crate) const IRIA_SELLER: &str = "66f0c0ffee0000000000a002";
pub(crate) const GIG: &str = "66f0c0ffee00000000009001";

/// A bcrypt hash of nobody's password.
pub(crate) const HASH: &str = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("a date")
}

pub(crate) fn row(id: &str, fields: Value) -> OldRow {
    let Value::Object(fields) = fields else { panic!("a row is an object") };
    OldRow { id: id.to_owned(), fields }
}

/// The same row with other fields; null takes one away.
pub(crate) fn with(mut row: OldRow, fields: &[(&str, Value)]) -> OldRow {
    for (name, value) in fields {
        row.fields.insert((*name).to_owned(), value.clone());
    }
    row
}

/// Marta, who buys, and Iria, who sells as well.
pub(crate) fn people() -> People {
    let mut people = People::default();
    people.add(Person { username: "Marta".into(), seller: None });
    people.add(Person { username: "Iria".into(), seller: Some(IRIA_SELLER.parse().unwrap()) });
    people
}

pub(crate) fn old_account(id: i64) -> OldRow {
    let fields = json!({
        "id": id, "username": "Marta", "password": HASH, "email": "marta@example.org", "country": "Portugal",
        "profilePublicId": "0b6d6c0e-5a0a-4c6e-9a4e-0a2f6c1d7b11",
        "profilePicture": "https://res.cloudinary.com/demo/marta.png",
        "emailVerificationToken": null, "emailVerified": 1, "browserName": "Chrome", "deviceType": "browser",
        "createdAt": "2024-05-01T10:00:00.000Z", "updatedAt": "2024-06-01T10:00:00.000Z"
    });
    row(&id.to_string(), fields)
}

pub(crate) const ORDER: &str = "66f0c0ffee00000000001001";

pub(crate) fn buyer() -> Buyer {
    let new = NewBuyer {
        username: "Marta".into(),
        email: "marta@example.org".into(),
        picture: String::new(),
        country: String::new(),
        created_at: Timestamp::EPOCH,
    };
    Buyer::create(MARTA_BUYER.parse().unwrap(), new).unwrap().0
}

pub(crate) fn seller() -> Seller {
    let id = IRIA_SELLER.parse().unwrap();
    Seller::create(id, 1, "Iria".into(), "iria@example.org".into(), Profile::default(), Timestamp::EPOCH).0
}

pub(crate) fn old_order() -> OldRow {
    let fields = json!({"_id": ORDER, "orderId": "JO12345678901", "paymentIntent": "pi_1", "status": "Completed",
        "offer": {"gigTitle": "Logo", "price": 20, "description": "Three drafts", "deliveryInDays": 3,
            "oldDeliveryDate": "2024-06-04T10:00:00.000Z", "newDeliveryDate": "2024-06-05T10:00:00.000Z",
            "accepted": true, "cancelled": false, "reason": "illness"},
        "gigId": GIG, "sellerId": IRIA_SELLER, "sellerUsername": "Iria", "sellerEmail": "iria@example.org",
        "sellerImage": "https://res.cloudinary.com/demo/iria.png", "gigCoverImage": "https://res.cloudinary.com/demo/c.png",
        "gigMainTitle": "I will draw", "gigBasicTitle": "Basic", "gigBasicDescription": "One",
        "buyerId": MARTA_BUYER, "buyerUsername": "marta", "buyerEmail": "marta@example.org",
        "buyerImage": "https://res.cloudinary.com/demo/marta.png", "requirements": "A whale", "quantity": 1,
        "price": 20, "serviceFee": 3.1, "approved": true, "delivered": true, "cancelled": false,
        "approvedAt": "2024-06-06T10:00:00.000Z", "dateOrdered": "2024-06-01T10:00:00.000Z",
        "deliveredWork": [{"_id": "66f0c0ffee0000000000f001", "message": "Here", "file": "https://res.cloudinary.com/demo/w.zip",
            "fileType": "zip", "fileSize": 2048, "fileName": "w.zip"}],
        "requestExtension": {"originalDate": "", "newDate": "", "days": 0, "reason": ""},
        "events": {"placeOrder": "2024-06-01T10:00:00.000Z", "orderStarted": "2024-06-01T10:00:05.000Z",
            "deliveryDateUpdate": "2024-06-02T10:00:00.000Z", "orderDelivered": "2024-06-05T09:00:00.000Z"},
        "buyerReview": {"rating": 5, "review": "Great", "created": "2024-06-07T10:00:00.000Z"},
        "sellerReview": {"rating": 0, "review": ""}});
    row(ORDER, fields)
}

/// The completed order of [`old_order`].
pub(crate) fn order() -> Order {
    super::order(&old_order(), Some(&buyer()), Some(&seller())).unwrap().value.0
}
