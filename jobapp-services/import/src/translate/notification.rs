//! `OrderNotification`: what the two sides were told.

use jobapp_kernel::Aggregate;
use jobapp_orders::{NotificationId, NotificationRecord, NotificationState, Order, OrderNotification, Person};

use super::{People, stored_name};
use crate::OldRow;
use crate::fields::{Fields, Notes, Refusal, Translated, shown};

/// A notification about `order`, which is the one it names.
pub(crate) fn notification(
    row: &OldRow,
    people: &People,
    order: Option<&Order>,
) -> Result<Translated<OrderNotification>, Refusal> {
    let (fields, mut notes) = (Fields::of(&row.fields)?, Notes::default());
    let id = NotificationId(fields.object_id("_id")?);
    let number = fields.text("orderId")?;
    let order = order.filter(|order| order.record().number.as_str() == number);
    let order = order.ok_or_else(|| Refusal::new(format!("its order {:?} is not here", shown(number))))?;
    let receiver = people.named(fields.text("userTo")?)?;
    if order.record().side_of(&receiver.username).is_none() {
        return Err(Refusal::new(format!("it tells {:?} of somebody else's order", receiver.username)));
    }
    let record = NotificationRecord {
        id,
        cause: format!("import {id}"),
        sender: Person {
            username: stored_name(fields.text("senderUsername")?),
            picture: fields.address("senderPicture", &mut notes)?,
        },
        receiver: Person {
            username: receiver.username.clone(),
            picture: fields.address("receiverPicture", &mut notes)?,
        },
        message: fields.text("message")?.to_owned(),
        order_number: order.record().number.to_string(),
        is_read: fields.flag("isRead")?.unwrap_or_default(),
        created_at: fields.made_at("createdAt", id.0, &mut notes),
    };
    let state = NotificationState::V1(Box::new(record));
    let note = OrderNotification::from_state(state).map_err(|error| Refusal::new(error.to_string()))?;
    Ok(Translated::new(note, notes))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::translate::testing::{at, order, people, row, with};

    const ID: &str = "66f0c0ffee00000000002001";

    fn old_notification() -> OldRow {
        let fields = json!({"_id": ID, "userTo": "Iria", "senderUsername": "Marta", "receiverUsername": "Iria",
            "senderPicture": "https://res.cloudinary.com/demo/marta.png",
            "receiverPicture": "https://res.cloudinary.com/demo/iria.png", "message": "placed an order for your gig.",
            "orderId": "JO12345678901", "isRead": true, "createdAt": "2024-06-01T10:00:06.000Z", "__v": 0});
        row(ID, fields)
    }

    #[test]
    fn everything_survives() {
        let taken = notification(&old_notification(), &people(), Some(&order())).unwrap();
        assert_eq!(taken.notes, Vec::<String>::new());
        let record = taken.value.record();
        assert_eq!((record.id.to_string().as_str(), record.receiver.username.as_str()), (ID, "Iria"));
        assert_eq!(
            (record.sender.username.as_str(), record.message.as_str()),
            ("Marta", "placed an order for your gig.")
        );
        assert_eq!((record.order_number.as_str(), record.is_read), ("JO12345678901", true));
        assert_eq!(record.created_at, at("2024-06-01T10:00:06.000Z"));
        assert_eq!(record.sender.picture, "https://res.cloudinary.com/demo/marta.png");
    }

    #[test]
    fn broken_notifications_are_refused_with_the_reason() {
        let mut strangers = people();
        strangers.add(super::super::Person { username: "Ana".into(), seller: None });
        for (field, value, reason) in [
            ("_id", json!("x"), "_id: \"x\" is not"),
            ("orderId", json!("JO1"), "its order \"JO1\" is not here"),
            ("orderId", json!({"$ne": null}), "orderId is no text"),
            ("userTo", json!("Nobody"), "nobody here is called \"Nobody\""),
            ("userTo", json!("Ana"), "it tells \"Ana\" of somebody else's order"),
            ("message", json!(null), "message is missing"),
            ("isRead", json!(2), "isRead is neither"),
        ] {
            let row = with(old_notification(), &[(field, value)]);
            let refusal = notification(&row, &strangers, Some(&order())).unwrap_err().to_string();
            assert!(refusal.starts_with(reason), "{field}: {refusal}");
        }
        assert!(notification(&old_notification(), &people(), None).is_err());
    }
}
