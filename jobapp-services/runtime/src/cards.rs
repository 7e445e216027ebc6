//! The consumer that keeps a service's cards of buyers and sellers current.

use std::sync::Arc;

use jobapp_kernel::{Delivery, Handler, InvalidId, Outcome, Queue, Subscription};
use jobapp_users::card::{CardUpdate, Directory};
use jobapp_wire::messages::ProfileChanged;

use crate::consumers::{json_handler, outcome_of};

/// What takes the messages of `queue`, bound to the profile exchange, into `directory`.
pub fn consumer(queue: Queue, directory: Arc<Directory>) -> (Subscription, Arc<dyn Handler>) {
    let handler = json_handler(move |profile: ProfileChanged, delivery: Delivery| {
        let directory = Arc::clone(&directory);
        async move {
            let Some(version) = delivery.message.version() else {
                return Outcome::dead("it has no x-version, so nobody knows whether it is news");
            };
            let (username, update) = match update_of(profile) {
                Ok(update) => update,
                Err(error) => return Outcome::dead(error),
            };
            match directory.apply(&username, update, version).await {
                Ok(()) => Outcome::Done,
                Err(error) => outcome_of(&error, delivery.attempt),
            }
        }
    });
    (Subscription::to(queue), handler)
}

fn update_of(profile: ProfileChanged) -> Result<(String, CardUpdate), InvalidId> {
    Ok(match profile {
        ProfileChanged::Buyer { buyer_id, username, email, profile_picture, country } => {
            (username, CardUpdate::Buyer { buyer_id: buyer_id.parse()?, email, picture: profile_picture, country })
        }
        ProfileChanged::Seller { seller_id, username, email, profile_picture, country, full_name, oneliner } => (
            username,
            CardUpdate::Seller {
                seller_id: seller_id.parse()?,
                email,
                picture: profile_picture,
                country,
                full_name,
                oneliner,
            },
        ),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jobapp_kernel::{Message, MessageId, Timestamp};
    use jobapp_memory::MemoryStore;
    use jobapp_wire::queues::GIG_PROFILE;
    use serde_json::{Value, json};

    use super::*;

    fn profile(country: &str) -> Value {
        json!({"type": "buyer-profile", "buyerId": "66f0c0ffee0000000000b001", "username": "Marta",
            "email": "marta@example.org", "profilePicture": "p.png", "country": country})
    }

    fn delivery(body: &Value, version: Option<u64>) -> Delivery {
        let headers: BTreeMap<String, String> =
            version.map(|version| ("x-version".to_owned(), version.to_string())).into_iter().collect();
        let message = Message {
            id: Some(MessageId("buyer/b/1/0#0".to_owned())),
            kind: "buyer-profile".to_owned(),
            exchange: GIG_PROFILE.exchange.name.to_owned(),
            routing_key: String::new(),
            timestamp: Timestamp::EPOCH,
            headers,
            body: serde_json::to_vec(body).unwrap(),
        };
        Delivery { message, queue: GIG_PROFILE.name, attempt: 0, redelivered: false }
    }

    #[tokio::test]
    async fn the_newest_profile_is_the_card() {
        let directory = Arc::new(Directory::new(MemoryStore::new().repository()));
        let (subscription, handler) = consumer(GIG_PROFILE, Arc::clone(&directory));
        assert_eq!(subscription.queue, GIG_PROFILE);
        for (country, version) in [("Spain", 2), ("Portugal", 1), ("Spain", 2)] {
            assert_eq!(handler.handle(&delivery(&profile(country), Some(version))).await, Outcome::Done);
        }
        assert_eq!(directory.of_user("Marta").await.unwrap().unwrap().country, "Spain");
    }

    #[tokio::test]
    async fn what_can_never_be_a_card_is_dead() {
        let directory = Arc::new(Directory::new(MemoryStore::new().repository()));
        let (_, handler) = consumer(GIG_PROFILE, directory);
        let mut malformed = profile("Spain");
        malformed["buyerId"] = json!("undefined");
        for delivery in
            [delivery(&profile("Spain"), None), delivery(&malformed, Some(1)), delivery(&json!({}), Some(1))]
        {
            assert!(matches!(handler.handle(&delivery).await, Outcome::Dead { .. }));
        }
    }
}
