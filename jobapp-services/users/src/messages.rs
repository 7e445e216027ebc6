//! What was stored, as messages for other services.

use std::collections::BTreeMap;

use jobapp_kernel::{Aggregate, Exchange, Message, OutboxEntry};
use jobapp_runtime::TranslateError;
use jobapp_users::{Buyer, BuyerEvent, Seller, SellerEvent};
use jobapp_wire::messages::{GigRating, ProfileChanged};
use jobapp_wire::queues::{GIG_UPDATE, PROFILE, UPDATE_GIG};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) fn translate(entry: &OutboxEntry) -> Result<Vec<Message>, TranslateError> {
    let message = match entry.aggregate.as_str() {
        Buyer::NAME => of_buyer(entry, event(entry)?)?,
        Seller::NAME => of_seller(entry, event(entry)?)?,
        other => return Err(TranslateError::new(format!("nobody here raises events of a {other:?}"))),
    };
    Ok(vec![message])
}

fn event<E: DeserializeOwned>(entry: &OutboxEntry) -> Result<E, TranslateError> {
    Ok(serde_json::from_value(entry.event.clone())?)
}

fn of_buyer(entry: &OutboxEntry, event: BuyerEvent) -> Result<Message, TranslateError> {
    let BuyerEvent::BuyerCreated { buyer_id, username, email, picture, country } = event;
    let buyer =
        ProfileChanged::Buyer { buyer_id: buyer_id.to_string(), username, email, profile_picture: picture, country };
    message(entry, "buyer-profile", PROFILE, "", &buyer)
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
            message(entry, "seller-profile", PROFILE, "", &seller)
        }
        SellerEvent::SellerRated { review, .. } => {
            let rating = GigRating { kind: "updateGig".to_owned(), gig_review: review };
            message(entry, "updateGig", UPDATE_GIG, GIG_UPDATE.routing_key, &rating)
        }
    }
}

/// The relay adds id and headers.
fn message(
    entry: &OutboxEntry,
    kind: &str,
    exchange: Exchange,
    routing_key: &str,
    body: &impl Serialize,
) -> Result<Message, TranslateError> {
    Ok(Message {
        id: None,
        kind: kind.to_owned(),
        exchange: exchange.name.to_owned(),
        routing_key: routing_key.to_owned(),
        timestamp: entry.recorded_at,
        headers: BTreeMap::new(),
        body: serde_json::to_vec(body)?,
    })
}

#[cfg(test)]
mod tests {
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
