//! What the users service tells, made into cards.

use std::pin::Pin;

use jobapp_kernel::{ErrorKind, InvalidId, Kinded};
use jobapp_wire::messages::ProfileChanged;

use crate::card::CardUpdate;
use crate::directory::{CardError, Directory};

/// Why a telling was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum NotHeard {
    /// It has no version.
    #[error("it has no x-version, so nobody knows whether it is news")]
    NoVersion,
    /// An id is none.
    #[error("an id of the profile cannot be read")]
    Id(#[from] InvalidId),
    /// The card could not be kept.
    #[error(transparent)]
    Card(#[from] CardError),
}

impl Kinded for NotHeard {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoVersion | Self::Id(_) => ErrorKind::Invalid,
            Self::Card(error) => error.kind(),
        }
    }
}

/// What a consumer of profiles waits for.
pub type Hearing = Pin<Box<dyn Future<Output = Result<(), NotHeard>> + Send>>;

impl Directory {
    /// [`Directory::hear`] as a function of its own, for a consumer.
    pub fn listener(&self) -> impl Fn(ProfileChanged, Option<u64>) -> Hearing + Send + Sync + 'static {
        let directory = self.clone();
        move |profile, version| {
            let directory = directory.clone();
            Box::pin(async move { directory.hear(profile, version).await })
        }
    }

    /// Takes in what a message of the users service tells at `version`; what is older than what is known changes nothing.
    ///
    /// # Errors
    /// [`NotHeard`] when it can never be a card, or the store refuses the card.
    pub async fn hear(&self, profile: ProfileChanged, version: Option<u64>) -> Result<(), NotHeard> {
        let version = version.ok_or(NotHeard::NoVersion)?;
        let (username, update) = update_of(profile)?;
        Ok(self.apply(&username, update, version).await?)
    }
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
    use jobapp_memory::MemoryStore;
    use serde_json::json;

    use super::*;

    fn profile(id: &str, country: &str) -> ProfileChanged {
        serde_json::from_value(json!({"type": "buyer-profile", "buyerId": id, "username": "Marta",
            "email": "marta@example.org", "profilePicture": "p.png", "country": country}))
        .unwrap()
    }

    const MARTA: &str = "66f0c0ffee0000000000b001";

    #[tokio::test]
    async fn the_newest_profile_is_the_card() {
        let directory = Directory::new(MemoryStore::new().repository());
        for (country, version) in [("Spain", 2), ("Portugal", 1), ("Spain", 2)] {
            directory.hear(profile(MARTA, country), Some(version)).await.unwrap();
        }
        assert_eq!(directory.of_user("Marta").await.unwrap().unwrap().country, "Spain");
    }

    #[tokio::test]
    async fn what_can_never_be_a_card_is_not_tried_again() {
        let directory = Directory::new(MemoryStore::new().repository());
        let refused = [
            directory.hear(profile(MARTA, "Spain"), None).await.unwrap_err(),
            directory.hear(profile("undefined", "Spain"), Some(1)).await.unwrap_err(),
        ];
        for error in refused {
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(!error.kind().retryable());
        }
    }
}
