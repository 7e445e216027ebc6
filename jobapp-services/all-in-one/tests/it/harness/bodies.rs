//! Bodies as the browser client sends them.

use serde_json::{Value, json};

/// A picture of four pixels.
pub const PICTURE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGPgqo0CIgYIBQAXagOFqgsYiQAAAABJRU5ErkJggg==";
/// A picture somewhere else.
pub const PORTRAIT: &str = "https://img.example.org/iria.png";
/// A text of 19 bytes as a file.
pub const FILE: &str = "data:text/plain;base64,SGVyZSBpcyB5b3VyIGxvZ28uCg==";
/// A password nobody would try first.
pub const PASSWORD: &str = "correct horse 7";
/// A day, as a browser writes it.
pub const ORDERED: &str = "Tue Nov 24 2026 09:00:00 GMT+0100 (Central European Standard Time)";
/// When work is due.
pub const DUE: &str = "Sat Dec 01 2035 09:00:00 GMT+0000 (Coordinated Universal Time)";
/// When work is due after an extension.
pub const LATER: &str = "Mon Dec 03 2035 09:00:00 GMT+0000 (Coordinated Universal Time)";

/// `POST /auth/signup`.
pub fn sign_up(username: &str, email: &str) -> Value {
    json!({
        "username": username, "email": email, "password": PASSWORD, "country": "Portugal",
        "profilePicture": PICTURE, "browserName": "Firefox", "deviceType": "browser",
    })
}

/// `POST /seller/create`.
pub fn seller(email: &str) -> Value {
    json!({
        "fullName": "Iria Costa", "email": email, "profilePublicId": "iria", "profilePicture": PORTRAIT,
        "description": "I draw.", "country": "Portugal", "oneliner": "Sketches that stay", "skills": ["Drawing"],
        "languages": [{ "language": "English", "level": "Fluent" }], "responseTime": 2,
        "experience": [{ "company": "Own studio", "title": "Artist", "startDate": "2020", "endDate": "2024",
            "description": "Logos", "currentlyWorkingHere": false }],
        "education": [{ "country": "Portugal", "university": "Porto", "title": "BA", "major": "Design", "year": "2019" }],
        "socialLinks": [], "certificates": [{ "name": "Type", "from": "Porto", "year": "2019" }],
    })
}

/// `POST /gig/create`.
pub fn gig(seller_id: &str, title: &str, price: f64) -> Value {
    json!({
        "profilePicture": PORTRAIT, "sellerId": seller_id, "title": title, "categories": "Graphics & Design",
        "description": "Three drafts by hand.", "subCategories": ["Logo Design"], "tags": ["logo", "sketch"],
        "price": price, "coverImage": PICTURE, "expectedDelivery": "3 Days Delivery", "basicTitle": "Sketch",
        "basicDescription": "One sketch",
    })
}

/// The offer in a message.
pub fn offer(price: f64) -> Value {
    json!({
        "gigTitle": "I will make logo sketches", "price": price, "description": "Three drafts", "deliveryInDays": 3,
        "oldDeliveryDate": DUE, "newDeliveryDate": DUE, "accepted": false, "cancelled": false,
    })
}

/// `PUT /order/extension/:orderId`.
pub fn extension(days: i64, reason: &str) -> Value {
    json!({ "originalDate": "2035-12-01T09:00:00.000Z", "newDate": LATER, "days": days, "reason": reason })
}

/// `PUT /order/gig/approve/:orderId`.
pub fn extension_answer(days: i64, reason: &str) -> Value {
    let mut body = extension(days, reason);
    body["deliveryDateUpdate"] = json!(LATER);
    body
}

/// `PUT /order/deliver-order/:orderId`.
pub fn delivery(message: &str) -> Value {
    json!({ "message": message, "file": FILE, "fileType": "txt", "fileSize": 19, "fileName": "logo.txt" })
}
