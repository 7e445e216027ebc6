//! What the document says of bodies is what is taken and refused: every bound is tried from both sides.

use serde_json::{Value, json};

use crate::validate::Invalid;
use crate::{auth, chat, gigs, orders, reviews, users};

/// A body's name, one that keeps the rules, and what checks it.
type Checked = (&'static str, Value, fn(&Value) -> Result<(), Invalid>);

fn bodies() -> Vec<Checked> {
    let date = "2040-03-01T09:00:00.000Z";
    let gig = json!({
        "title": "t", "description": "d", "categories": "c", "subCategories": ["s"], "tags": ["t"], "price": 5, "coverImage": "i",
        "expectedDelivery": "e", "basicTitle": "b", "basicDescription": "b",
    });
    let with = |mut body: Value, more: Value| {
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    vec![
        (
            "SignUpBody",
            json!({"username": "Anna", "password": "three green boats", "country": "P", "email": "a@example.com", "profilePicture": "i"}),
            |body| auth::SignUpBody::parse(body).map(drop),
        ),
        ("SignInBody", json!({"username": "Anna", "password": "p"}), |body| auth::SignInBody::parse(body).map(drop)),
        ("ForgotPasswordBody", json!({"email": "a@example.com"}), |body| {
            auth::ForgotPasswordBody::parse(body).map(drop)
        }),
        ("ChangePasswordBody", json!({"currentPassword": "p", "newPassword": "three green boats"}), |body| {
            auth::ChangePasswordBody::parse(body).map(drop)
        }),
        ("BeginSecondFactorBody", json!({"password": "p"}), |body| auth::BeginSecondFactorBody::parse(body).map(drop)),
        ("ConfirmSecondFactorBody", json!({"code": "1"}), |body| auth::ConfirmSecondFactorBody::parse(body).map(drop)),
        ("EndSecondFactorBody", json!({"password": "p", "code": "1"}), |body| {
            auth::EndSecondFactorBody::parse(body).map(drop)
        }),
        ("CreateGigBody", with(gig.clone(), json!({"sellerId": "me", "profilePicture": "i"})), |body| {
            gigs::CreateGigBody::parse(body).map(drop)
        }),
        ("GigContentBody", gig, |body| gigs::GigContentBody::parse(body).map(drop)),
        ("GigActiveBody", json!({"active": true}), |body| gigs::GigActiveBody::parse(body).map(drop)),
        (
            "SellerBody",
            json!({
                "fullName": "f", "profilePicture": "i", "description": "d", "country": "c", "oneliner": "o", "skills": ["s"],
                "languages": [{"language": "l", "level": "l"}], "responseTime": 1, "experience": [{}], "education": [{}],
            }),
            |body| users::SellerBody::parse(body).map(drop),
        ),
        (
            "MessageBody",
            json!({
                "sellerId": "s", "buyerId": "b", "senderUsername": "s", "senderPicture": "p", "receiverUsername": "r",
                "receiverPicture": "p", "body": "b", "file": "f", "gigId": "66f0c0ffee00000000009001",
                "offer": {"gigTitle": "g", "price": 5, "description": "d", "deliveryInDays": 1, "oldDeliveryDate": date},
            }),
            |body| chat::MessageBody::parse(body).map(drop),
        ),
        ("OfferAnswerBody", json!({"messageId": "m", "type": "accepted"}), |body| {
            chat::OfferAnswerBody::parse(body).map(drop)
        }),
        ("MarkAsReadBody", json!({"messageId": "m"}), |body| chat::MarkAsReadBody::parse(body).map(drop)),
        ("MarkMultipleBody", json!({"receiverUsername": "r", "senderUsername": "s", "messageId": "m"}), |body| {
            chat::MarkMultipleBody::parse(body).map(drop)
        }),
        (
            "OrderBody",
            json!({
                "offer": {"gigTitle": "g", "price": 5, "description": "d", "deliveryInDays": 1, "oldDeliveryDate": date,
                    "accepted": true, "cancelled": false},
                "gigId": "g", "sellerId": "s", "sellerUsername": "s", "sellerEmail": "s", "sellerImage": "i", "gigCoverImage": "i",
                "gigMainTitle": "t", "gigBasicTitle": "t", "gigBasicDescription": "d", "buyerId": "b", "buyerUsername": "b",
                "buyerEmail": "b", "buyerImage": "i", "status": "s", "orderId": "o", "invoiceId": "i", "quantity": 1, "price": 5,
                "paymentIntent": "p",
            }),
            |body| orders::OrderBody::parse(body).map(drop),
        ),
        ("PaymentIntentBody", json!({"price": 5}), |body| orders::PaymentIntentBody::parse(body).map(drop)),
        ("ExtensionBody", json!({"originalDate": date, "newDate": date, "days": 1, "reason": "r"}), |body| {
            orders::ExtensionBody::parse(body).map(drop)
        }),
        ("DeliverBody", json!({}), |body| orders::DeliverBody::parse(body).map(drop)),
        ("NotificationBody", json!({"notificationId": "n"}), |body| orders::NotificationBody::parse(body).map(drop)),
        (
            "ReviewBody",
            json!({
                "gigId": "g", "reviewerId": "r", "reviewerImage": "i", "sellerId": "s", "review": "r", "rating": 1, "orderId": "o",
                "reviewType": "buyer-review", "reviewerUsername": "r", "country": "c",
            }),
            |body| reviews::ReviewBody::parse(body).map(drop),
        ),
    ]
}

fn is_type(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::Array(names) => names.iter().any(|one| one == name),
        one => one == name,
    }
}

/// Values a schema takes, and values it refuses, at its bounds.
fn at_the_bounds(schema: &Value) -> (Vec<Value>, Vec<Value>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    if let Some(any) = schema["anyOf"].as_array() {
        for one in any {
            let (taken, refused) = at_the_bounds(one);
            good.extend(taken);
            // A number is no text of the other kind.
            let is_number = is_type(one, "number") || is_type(one, "integer");
            bad.extend(refused.into_iter().filter(|value| is_number && value.is_number()));
        }
        if !any.iter().any(|one| is_type(one, "null")) {
            bad.push(json!(null));
        }
        return (good, bad);
    }
    if let Some(texts) = schema["enum"].as_array() {
        return (texts.clone(), vec![json!("other"), json!(null)]);
    }
    let free = schema["pattern"].as_str().is_none_or(|pattern| pattern.starts_with("[^"));
    if schema["pattern"].as_str().is_some_and(|pattern| pattern.starts_with(r"^[\u0000")) {
        // What nobody sees anything of.
        good.extend(["", " \t", "\u{200b}\u{2800}"].map(Value::from));
    }
    if is_type(schema, "string") {
        let length = |key: &str| schema[key].as_u64().and_then(|length| usize::try_from(length).ok());
        match length("maxLength") {
            Some(most) if free => {
                good.extend([json!("a".repeat(most)), json!("\u{1f980}".repeat(most))]);
                if most > 0 {
                    bad.push(json!("a".repeat(most + 1)));
                }
            }
            _ => {}
        }
        match length("minLength") {
            Some(least) if free => {
                good.push(json!("a".repeat(least)));
                bad.push(json!("a".repeat(least - 1)));
            }
            Some(_) => bad.push(json!("")),
            None => {}
        }
        bad.extend((!is_type(schema, "number")).then(|| json!(5)));
    }
    if is_type(schema, "number") || is_type(schema, "integer") {
        let bound = |key: &str| schema[key].as_f64();
        good.extend(["maximum", "minimum"].into_iter().filter_map(bound).map(|bound| json!(bound)));
        bad.extend(bound("maximum").map(|most| json!(most + 1.0)));
        bad.extend(bound("minimum").map(|least| json!(least - 1.0)));
        bad.extend(bound("exclusiveMinimum").map(|least| json!(least)));
        bad.extend(is_type(schema, "integer").then(|| json!(1.5)));
    }
    if is_type(schema, "null") {
        good.push(json!(null));
    } else if schema.get("type").is_some() {
        bad.push(json!(null));
    }
    (good, bad)
}

/// Every property of a schema, with where it stands in the body.
fn properties<'s>(schema: &'s Value, at: &str, all: &mut Vec<(String, &'s Value)>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let at = format!("{at}/{name}");
        properties(property, &at, all);
        let items = &property["items"];
        if items.is_object() {
            all.push((format!("{at}/0"), items));
            properties(items, &format!("{at}/0"), all);
        }
        all.push((at, property));
    }
}

/// The same body with a value at this place; `None` where the good body has no such place.
fn with(body: &Value, at: &str, value: &Value) -> Option<Value> {
    let (parent, name) = at.rsplit_once('/').unwrap();
    let mut body = body.clone();
    match body.pointer_mut(parent)? {
        Value::Object(object) => drop(object.insert(name.to_owned(), value.clone())),
        Value::Array(list) => *list.get_mut(name.parse::<usize>().ok()?)? = value.clone(),
        _ => return None,
    }
    Some(body)
}

#[test]
fn bodies_at_every_bound_of_the_document_are_taken_and_those_beyond_are_refused() {
    let documents = crate::request_bodies();
    let mut tried = 0;
    for (name, body, parse) in bodies() {
        assert_eq!(parse(&body), Ok(()), "{name}");
        let (_, schema) = documents.iter().find(|(own, _)| *own == name).unwrap_or_else(|| panic!("{name}"));
        let mut all = Vec::new();
        properties(schema, "", &mut all);
        for (at, property) in all {
            let (good, bad) = at_the_bounds(property);
            for (value, fits) in good.iter().map(|good| (good, true)).chain(bad.iter().map(|bad| (bad, false))) {
                let Some(body) = with(&body, &at, value) else { continue };
                let read = parse(&body);
                let shown: String = value.to_string().chars().take(60).collect();
                assert_eq!(read.is_ok(), fits, "{name} {at} = {shown}: {read:?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 500, "{tried}");
}

#[test]
fn what_the_document_requires_and_allows_is_required_and_allowed() {
    let documents = crate::request_bodies();
    for (name, body, parse) in bodies() {
        let (_, schema) = documents.iter().find(|(own, _)| *own == name).unwrap();
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for key in body.as_object().unwrap().keys() {
            let mut less = body.clone();
            less.as_object_mut().unwrap().remove(key);
            assert_eq!(parse(&less).is_err(), required.contains(&key.as_str()), "{name} without {key}");
        }
        let mut more = body.clone();
        more["another"] = json!(1);
        assert_eq!(parse(&more).is_err(), schema["additionalProperties"] == json!(false), "{name}");
    }
}

#[test]
fn lists_are_as_long_as_the_document_says() {
    let documents = crate::request_bodies();
    let mut tried = 0;
    for (name, body, parse) in bodies() {
        let (_, schema) = documents.iter().find(|(own, _)| *own == name).unwrap();
        for (key, property) in schema["properties"].as_object().unwrap() {
            let (Some(most), Some(element)) = (property["maxItems"].as_u64(), body.pointer(&format!("/{key}/0")))
            else {
                continue;
            };
            let least = property["minItems"].as_u64().unwrap_or_default();
            for (length, fits) in [(most, true), (most + 1, false), (least, true), (0, least == 0)] {
                let mut other = body.clone();
                other[key] = json!(vec![element; usize::try_from(length).unwrap()]);
                assert_eq!(parse(&other).is_ok(), fits, "{name} {key} {length}");
                tried += 1;
            }
        }
    }
    assert!(tried > 20, "{tried}");
}
