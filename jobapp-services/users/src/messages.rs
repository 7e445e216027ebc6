//! What was stored, as messages for other services.

use jobapp_kernel::{Aggregate, Message, OutboxEntry};
use jobapp_runtime::{TranslateError, event_of, message_of};
use jobapp_users::{Buyer, BuyerEvent, Seller, SellerEvent};
use jobapp_wire::messages::{GigRating, ProfileChanged};
use jobapp_wire::queues::{GIG_UPDATE, PROFILE, UPDATE_GIG};

pub(crate) fn translate(entry: &OutboxEntry) -> Result<Vec<Message>, TranslateError> {
    let message = match entry.aggregate.as_str() {
        Buyer::NAME => of_buyer(entry, event_of(entry)?)?,
        Seller::NAME => of_seller(entry, event_of(entry)?)?,
        other => return Err(TranslateError::new(format!("nobody here raises events of a {other:?}"))),
    };
    Ok(vec![message])
}

fn of_buyer(entry: &OutboxEntry, event: BuyerEvent) -> Result<Message, TranslateError> {
    let BuyerEvent::BuyerCreated { buyer_id, username, email, picture, country } = event;
    let buyer =
        ProfileChanged::Buyer { buyer_id: buyer_id.to_string(), username, email, profile_picture: picture, country };
    message_of(entry, PROFILE, "", "buyer-profile", &buyer)
}

fn of_seller(entry: &OutboxEntry, event: SellerEvent) -> Result<Message, TranslateError> {
    match event {
        SellerEvent::ProfileWritten { seller_id, username, email, picture, country, full_name, oneliner } => {
            let seller = ProfileChanged::Seller {
                seller_id: seller_id.to_string(),
                username,
                email,
                profile_picture: picture,
                country,
                full_name,
                oneliner,
            };
            message_of(entry, PROFILE, "", "seller-profile", &seller)
        }
        SellerEvent::SellerRated { review, .. } => {
            let rating = GigRating { kind: "updateGig".to_owned(), gig_review: review };
            message_of(entry, UPDATE_GIG, GIG_UPDATE.routing_key, "updateGig", &rating)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jobapp_kernel::Timestamp;
    use serde_json::{Value, json};

    use super::*;

    fn entry(aggregate: &str, event: Value) -> OutboxEntry {
        OutboxEntry {
            id: OutboxEntry::id_of(aggregate, "x", 1, 0),
            aggregate: aggregate.to_owned(),
            aggregate_id: "x".to_owned(),
            version: 1,
            event,
            headers: BTreeMap::new(),
            recorded_at: Timestamp::EPOCH,
        }
    }

    #[test]
    fn a_rating_is_passed_on_to_the_gig_as_json_in_json() {
        let review = r#"{"type":"buyer-review","rating":5}"#;
        let event = json!({"type": "seller-rated", "seller_id": "66f0c0ffee0000000000a001", "review": review});
        let messages = translate(&entry("seller", event)).unwrap();
        assert_eq!(messages[0].exchange, "jobber-update-gig");
        assert_eq!(messages[0].routing_key, "update-gig");
        assert_eq!(messages[0].json::<Value>().unwrap(), json!({"type": "updateGig", "gigReview": review}));
    }

    #[test]
    fn profiles_go_to_everybody() {
        let event = json!({"type": "buyer-created", "buyer_id": "66f0c0ffee0000000000b001", "username": "Marta",
            "email": "marta@example.org", "picture": "p.png", "country": "Portugal"});
        let messages = translate(&entry("buyer", event)).unwrap();
        assert_eq!((messages[0].exchange.as_str(), messages[0].routing_key.as_str()), ("jobapp-profile", ""));
        let expected = json!({"type": "buyer-profile", "buyerId": "66f0c0ffee0000000000b001", "username": "Marta",
            "email": "marta@example.org", "profilePicture": "p.png", "country": "Portugal"});
        assert_eq!(messages[0].json::<Value>().unwrap(), expected);
    }

    #[test]
    fn unknown_events_are_not_swallowed() {
        assert!(translate(&entry("seller", json!({"type": "seller-knighted"}))).is_err());
        assert!(translate(&entry("kettle", json!({}))).is_err());
    }
}
