//! Who is which seller, as far as this service has heard. What it has not heard yet it waits for, but not for long, and only
//! of sellers who were made a moment ago: the news of all others came long since.

use std::time::Duration;

use jobapp_http::{ApiError, Caller};
use jobapp_kernel::{ObjectId, RepositoryError, Timestamp};
use jobapp_users::card::{Card, SellerId};

use crate::GigService;

/// How old a seller may be for the news of him to be still on its way.
const NEW: Duration = Duration::from_secs(60);

impl GigService {
    /// The caller's card, if he is the seller with this id: 403 otherwise.
    pub(crate) async fn caller_as(&self, caller: &Caller, seller: &str) -> Result<(SellerId, Card), ApiError> {
        let not_yours = || ApiError::forbidden("This seller is not you.");
        let Ok(seller) = seller.parse::<SellerId>() else { return Err(not_yours()) };
        let known = self.until_found(&seller.0, || async {
            let card = self.directory.of_user(caller.username()).await?;
            Ok(card.filter(|card| card.seller_id.is_some()))
        });
        match known.await? {
            Some(card) if card.seller_id == Some(seller) => Ok((seller, card)),
            _ => Err(not_yours()),
        }
    }

    /// Whether there is such a seller.
    pub(crate) async fn is_seller(&self, seller: SellerId) -> Result<bool, RepositoryError> {
        Ok(self.until_found(&seller.0, || self.directory.of_seller(seller)).await?.is_some())
    }

    /// Looks until there is something about what has this id, for as long as the settings say; once if it is not new.
    async fn until_found<T, F>(&self, id: &ObjectId, look: impl FnMut() -> F) -> Result<Option<T>, RepositoryError>
    where
        F: Future<Output = Result<Option<T>, RepositoryError>>,
    {
        let wait = if is_new(id, self.clock.now()) { self.config.profile_wait } else { Duration::ZERO };
        jobapp_runtime::until_found(wait, look).await
    }
}

/// Whether an id was made within a minute of `now`, on either side: clocks of other machines may be a little ahead.
fn is_new(id: &ObjectId, now: Timestamp) -> bool {
    let made = id.made_at();
    now.since(made) <= NEW && made.since(now) <= NEW
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_how_old_it_is() {
        let id: ObjectId = "66f0c0ff0000000000000001".parse().unwrap();
        let made = 0x66f0_c0ff_i64;
        for (after, expected) in [(0, true), (60, true), (-60, true), (61, false), (-61, false), (86_400, false)] {
            let now = Timestamp::from_millis((made + after) * 1000).unwrap();
            assert_eq!(is_new(&id, now), expected, "{after} seconds after");
        }
        let now = Timestamp::from_millis(made * 1000).unwrap();
        for other in ["000000000000000000000001", "ffffffffffffffffffffffff"] {
            assert!(!is_new(&other.parse().unwrap(), now), "{other}");
        }
    }
}
