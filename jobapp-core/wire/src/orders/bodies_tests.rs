//! Every rule and every text of the bodies of orders.

use serde_json::json;

use super::*;

fn order() -> Value {
    json!({
        "offer": {"gigTitle": "Logo", "price": 40, "description": "Three drafts", "deliveryInDays": 3,
            "oldDeliveryDate": "Tue Dec 01 2026 09:00:00 GMT+0000 (Coordinated Universal Time)",
            "newDeliveryDate": "2026-12-01T09:00:00.000Z", "accepted": true, "cancelled": false},
        "gigId": "66f0c0ffee00000000009001", "sellerId": "66f0c0ffee0000000000a001", "sellerUsername": "Iria",
        "sellerEmail": "iria", "sellerImage": "i.png", "gigCoverImage": "c.png", "gigMainTitle": "main",
        "gigBasicTitle": "basic", "gigBasicDescription": "described", "buyerId": "66f0c0ffee0000000000b001",
        "buyerUsername": "Marta", "buyerEmail": "marta", "buyerImage": "m.png", "status": "in progress",
        "orderId": "JO52310984761", "invoiceId": "JI83920110457", "quantity": 1, "price": "40", "requirements": "",
        "paymentIntent": "pi_1", "dateOrdered": "2026-11-24T10:15:42.000Z",
        "events": {"placeOrder": "2026-11-24", "requirements": "2026-11-24", "orderStarted": "2026-11-24"},
    })
}

const STRINGS: [&str; 18] = [
    "gigId",
    "sellerId",
    "sellerUsername",
    "sellerEmail",
    "sellerImage",
    "gigCoverImage",
    "gigMainTitle",
    "gigBasicTitle",
    "gigBasicDescription",
    "buyerId",
    "buyerUsername",
    "buyerEmail",
    "buyerImage",
    "status",
    "orderId",
    "invoiceId",
    "paymentIntent",
    "offer.gigTitle",
];

/// The body with one value set; `None` takes it out. A dot leads into an object, a number into a list.
fn with(mut body: Value, path: &str, value: Option<Value>) -> Value {
    let (parent, key) = path.rsplit_once('.').map_or((None, path), |(parent, key)| (Some(parent), key));
    let mut target = &mut body;
    for step in parent.into_iter().flat_map(|parent| parent.split('.')) {
        target = match step.parse::<usize>() {
            Ok(index) => &mut target[index],
            Err(_) => &mut target[step],
        };
    }
    match value {
        Some(value) => target[key] = value,
        None => {
            target.as_object_mut().unwrap().remove(key);
        }
    }
    body
}

fn order_says(path: &str, value: Option<Value>) -> String {
    OrderBody::parse(&with(order(), path, value)).map_or_else(|invalid| invalid.message, |_| "ok".to_owned())
}

#[test]
fn a_good_order_is_read() {
    let body = OrderBody::parse(&order()).unwrap();
    assert_eq!(body.price.money().cents(), 40_00);
    assert_eq!(body.offer.old_delivery_date, body.offer.new_delivery_date);
    assert_eq!((body.order_id.as_str(), body.offer.delivery_in_days), ("JO52310984761", 3));
    let without = OrderBody::parse(&with(order(), "offer.newDeliveryDate", None)).unwrap();
    assert_eq!(without.offer.new_delivery_date, body.offer.old_delivery_date);
}

#[test]
fn every_text_of_an_order_has_its_three_messages() {
    for name in STRINGS {
        assert_eq!(order_says(name, None), format!("\"{name}\" is required"));
        assert_eq!(order_says(name, Some(json!(""))), format!("\"{name}\" is not allowed to be empty"));
        for wrong in [json!(1), json!(null), json!({"$ne": null})] {
            assert_eq!(order_says(name, Some(wrong)), format!("\"{name}\" must be a string"));
        }
    }
}

#[test]
fn the_first_broken_rule_of_an_order_answers() {
    assert_eq!(OrderBody::parse(&json!({"zzz": 1})).unwrap_err().message, "\"offer\" is required");
    let mut body = order();
    for name in ["gigId", "sellerId", "price"] {
        body = with(body, name, None);
    }
    assert_eq!(OrderBody::parse(&body).unwrap_err().message, "\"gigId\" is required");
}

#[test]
fn every_other_rule_of_an_order_has_its_text() {
    let extension = json!({"originalDate": "a", "newDate": "b", "days": 1, "reason": "c"});
    for (path, value, expected) in [
        ("offer", Some(json!([])), "\"offer\" must be of type object"),
        ("offer.price", None, "\"offer.price\" is required"),
        ("offer.price", Some(json!("x")), "\"offer.price\" must be a number"),
        ("offer.description", Some(json!("")), "\"offer.description\" is not allowed to be empty"),
        ("offer.deliveryInDays", Some(json!(true)), "\"offer.deliveryInDays\" must be a number"),
        (
            "offer.deliveryInDays",
            Some(json!(1.5)),
            "\"offer.deliveryInDays\" must be a whole number of days, at most 3650",
        ),
        ("offer.deliveryInDays", Some(json!(0)), "\"offer.deliveryInDays\" must be greater than 0"),
        ("offer.deliveryInDays", Some(json!(-1)), "\"offer.deliveryInDays\" must be greater than 0"),
        ("offer.oldDeliveryDate", None, "\"offer.oldDeliveryDate\" is required"),
        ("offer.oldDeliveryDate", Some(json!("Invalid Date")), "\"offer.oldDeliveryDate\" must be a valid date"),
        ("offer.newDeliveryDate", Some(json!("soon")), "\"offer.newDeliveryDate\" must be a valid date"),
        ("offer.accepted", None, "\"offer.accepted\" is required"),
        ("offer.accepted", Some(json!("yes")), "\"offer.accepted\" must be a boolean"),
        ("offer.cancelled", Some(json!(0)), "\"offer.cancelled\" must be a boolean"),
        ("offer.reason", Some(json!("because")), "\"offer.reason\" is not allowed"),
        ("quantity", None, "\"quantity\" is required"),
        ("quantity", Some(json!("x")), "\"quantity\" must be a number"),
        ("quantity", Some(json!("1")), "ok"),
        ("quantity", Some(json!(0)), "\"quantity\" must be [1]"),
        ("quantity", Some(json!(-1)), "\"quantity\" must be [1]"),
        ("quantity", Some(json!(1.5)), "\"quantity\" must be [1]"),
        ("quantity", Some(json!(1e300)), "\"quantity\" must be [1]"),
        ("price", None, "\"price\" is required"),
        ("price", Some(json!(null)), "\"price\" must be a number"),
        ("price", Some(json!("NaN")), "\"price\" must be a number"),
        ("price", Some(json!(0)), "\"price\" must be a positive number"),
        ("price", Some(json!(-5)), "\"price\" must be a positive number"),
        ("price", Some(json!(947_867.29)), "ok"),
        ("price", Some(json!(947_868)), "\"price\" must be less than or equal to 947867.29"),
        ("serviceFee", Some(json!("x")), "\"serviceFee\" must be a number"),
        ("serviceFee", Some(json!(1000)), "ok"),
        ("requirements", None, "ok"),
        ("requirements", Some(json!(null)), "ok"),
        ("requirements", Some(json!(7)), "\"requirements\" must be a string"),
        ("requestExtension", Some(extension), "ok"),
        ("requestExtension", Some(json!({})), "\"requestExtension.originalDate\" is required"),
        ("requestExtension", Some(json!({"originalDate": "a"})), "\"requestExtension.newDate\" is required"),
        (
            "requestExtension",
            Some(json!({"originalDate": "a", "newDate": "b"})),
            "\"requestExtension.days\" is required",
        ),
        (
            "requestExtension",
            Some(json!({"originalDate": "a", "newDate": "b", "days": 1})),
            "\"requestExtension.reason\" is required",
        ),
        ("delivered", Some(json!("maybe")), "\"delivered\" must be a boolean"),
        ("approvedAt", Some(json!(1)), "\"approvedAt\" must be a string"),
        ("approvedAt", Some(json!("x")), "\"approvedAt\" must be a valid date"),
        ("dateOrdered", Some(json!("x")), "\"dateOrdered\" must be a valid date"),
        ("deliveredWork", Some(json!([])), "ok"),
        ("deliveredWork", Some(json!("x")), "\"deliveredWork\" must be an array"),
        ("deliveredWork", Some(json!([1])), "\"deliveredWork[0]\" must be of type object"),
        ("deliveredWork", Some(json!([{"file": 1}])), "\"deliveredWork[0].file\" must be a string"),
        ("deliveredWork", Some(json!([{"fileName": "x"}])), "\"deliveredWork[0].fileName\" is not allowed"),
        ("events", Some(json!([])), "\"events\" must be of type object"),
        ("events.placeOrder", Some(json!(1)), "\"events.placeOrder\" must be a string"),
        ("events.placeOrder", Some(json!("x")), "\"events.placeOrder\" must be a valid date"),
        ("events.deliverydateUpdate", Some(json!("2026-11-24")), "ok"),
        ("events.deliveryDateUpdate", Some(json!("2026-11-24")), "\"events.deliveryDateUpdate\" is not allowed"),
        ("buyerReview", Some(json!({"rating": "5", "review": "good"})), "ok"),
        ("buyerReview", Some(json!({"rating": "good"})), "\"buyerReview.rating\" must be a number"),
        ("sellerReview", Some(json!({"review": 5})), "\"sellerReview.review\" must be a string"),
        ("sellerReview", Some(json!(1)), "\"sellerReview\" must be of type object"),
        ("approved", Some(json!(true)), "\"approved\" is not allowed"),
        ("cancelled", Some(json!(true)), "\"cancelled\" is not allowed"),
        ("_id", Some(json!("x")), "\"_id\" is not allowed"),
    ] {
        assert_eq!(order_says(path, value.clone()), expected, "{path}: {value:?}");
    }
}

#[test]
fn every_text_of_an_order_has_a_limit() {
    for name in STRINGS {
        let most = match name {
            "gigBasicDescription" => 20_000,
            "sellerImage" | "gigCoverImage" | "buyerImage" => 2_048,
            _ => 500,
        };
        assert_eq!(order_says(name, Some(json!("x".repeat(most)))), "ok", "{name}");
        assert_eq!(order_says(name, Some(json!("x".repeat(most + 1)))), too_long(name, most));
    }
    for (path, value, expected) in [
        ("requirements", json!("x".repeat(20_000)), "ok".to_owned()),
        ("requirements", json!("x".repeat(20_001)), too_long("requirements", 20_000)),
        ("offer.description", json!("x".repeat(20_001)), too_long("offer.description", 20_000)),
        ("events.requirements", json!("x".repeat(501)), too_long("events.requirements", 500)),
        ("deliveredWork", json!([{"message": "x".repeat(20_001)}]), too_long("deliveredWork[0].message", 20_000)),
        ("deliveredWork", json!(vec![json!({}); 100]), "ok".to_owned()),
        (
            "deliveredWork",
            json!(vec![json!({}); 101]),
            "\"deliveredWork\" must contain less than or equal to 100 items".to_owned(),
        ),
    ] {
        assert_eq!(order_says(path, Some(value)), expected, "{path}");
    }
}

fn too_long(path: &str, most: usize) -> String {
    format!("\"{path}\" length must be less than or equal to {most} characters long")
}

#[test]
fn every_rule_of_an_extension_has_its_text() {
    let good = json!({"originalDate": "2026-12-01T09:00:00.000Z",
        "newDate": "Fri Dec 04 2026 09:00:00 GMT+0000 (Coordinated Universal Time)", "days": "3", "reason": "illness"});
    let body = ExtensionBody::parse(&good).unwrap();
    assert_eq!((body.days, body.new_due.unwrap().to_string().as_str()), (3, "2026-12-04T09:00:00.000Z"));
    for (path, value, expected) in [
        ("originalDate", None, "\"originalDate\" is required"),
        ("originalDate", Some(json!("")), "\"originalDate\" is not allowed to be empty"),
        ("originalDate", Some(json!(1)), "\"originalDate\" must be a string"),
        ("originalDate", Some(json!("x")), "\"originalDate\" must be a valid date"),
        ("newDate", None, "\"newDate\" is required"),
        ("newDate", Some(json!("Invalid Date")), "\"newDate\" must be a valid date"),
        ("days", None, "\"days\" is required"),
        ("days", Some(json!("x")), "\"days\" must be a number"),
        ("days", Some(json!(0)), "\"days\" must be greater than 0"),
        ("days", Some(json!(1.5)), "\"days\" must be a whole number of days, at most 3650"),
        ("days", Some(json!(1e9)), "\"days\" must be a whole number of days, at most 3650"),
        ("reason", None, "\"reason\" is required"),
        ("reason", Some(json!("")), "\"reason\" is not allowed to be empty"),
        (
            "reason",
            Some(json!("x".repeat(20_001))),
            "\"reason\" length must be less than or equal to 20000 characters long",
        ),
        ("deliveryDateUpdate", Some(json!("")), "\"deliveryDateUpdate\" is not allowed to be empty"),
        ("deliveryDateUpdate", Some(json!("x")), "\"deliveryDateUpdate\" must be a valid date"),
        ("deliveryDateUpdate", Some(json!("2026-11-24")), "ok"),
        ("other", Some(json!(1)), "\"other\" is not allowed"),
    ] {
        let said = ExtensionBody::parse(&with(good.clone(), path, value.clone()));
        assert_eq!(said.map_or_else(|invalid| invalid.message, |_| "ok".to_owned()), expected, "{path}: {value:?}");
    }
}

#[test]
fn a_payment_needs_a_positive_price() {
    for (body, expected) in [
        (json!({"price": 40, "buyerId": "x"}), "ok"),
        (json!({"price": "19.99"}), "ok"),
        (json!({}), "\"price\" is required"),
        (json!({"price": null}), "\"price\" must be a number"),
        (json!({"price": "NaN"}), "\"price\" must be a number"),
        (json!({"price": "40 dollars"}), "\"price\" must be a number"),
        (json!({"price": {"$gt": 0}}), "\"price\" must be a number"),
        (json!({"price": 0}), "\"price\" must be a positive number"),
        (json!({"price": -1}), "\"price\" must be a positive number"),
        (json!({"price": 0.001}), "\"price\" must be a positive number"),
        (json!({"price": 947_867.29}), "ok"),
        (json!({"price": 947_868}), "\"price\" must be less than or equal to 947867.29"),
        (json!({"price": 1e300}), "\"price\" must be less than or equal to 947867.29"),
    ] {
        let said = PaymentIntentBody::parse(&body);
        assert_eq!(said.map_or_else(|invalid| invalid.message, |_| "ok".to_owned()), expected, "{body}");
    }
}

#[test]
fn a_delivery_may_leave_everything_out() {
    assert_eq!(DeliverBody::parse(&json!({})).unwrap(), DeliverBody::default());
    let body = json!({"message": "done", "file": "", "fileSize": 1234, "fileName": null, "more": 1});
    let body = DeliverBody::parse(&body).unwrap();
    assert_eq!((body.message.as_deref(), body.file, body.file_size.as_deref()), (Some("done"), None, Some("1234")));
    for (body, expected) in [
        (json!({"file": 1}), "\"file\" must be a string"),
        (json!({"message": {"$ne": 1}}), "\"message\" must be a string"),
        (json!({"fileSize": []}), "\"fileSize\" must be a string"),
    ] {
        assert_eq!(DeliverBody::parse(&body).unwrap_err().message, expected);
    }
}

#[test]
fn everything_of_a_delivery_but_the_file_has_a_limit() {
    for (key, most) in [("message", 20_000), ("fileType", 500), ("fileName", 500), ("fileSize", 500)] {
        assert!(DeliverBody::parse(&json!({ key: "x".repeat(most) })).is_ok(), "{key}");
        let refused = DeliverBody::parse(&json!({ key: "x".repeat(most + 1) })).unwrap_err();
        assert_eq!(refused.message, too_long(key, most));
    }
    assert!(DeliverBody::parse(&json!({"file": "x".repeat(100_000)})).is_ok(), "the store of files has its own limit");
}

#[test]
fn a_notification_is_named_by_a_text() {
    for (body, expected) in [
        (json!({}), "\"notificationId\" is required"),
        (json!({"notificationId": ""}), "\"notificationId\" is not allowed to be empty"),
        (json!({"notificationId": {"$ne": null}}), "\"notificationId\" must be a string"),
    ] {
        assert_eq!(NotificationBody::parse(&body).unwrap_err().message, expected);
    }
}
