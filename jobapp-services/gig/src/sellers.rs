//! Who is which seller, as far as this service has heard. What it has not heard yet it waits for, but not for long.

use std::time::Duration;

use jobapp_http::{ApiError, Caller};
use jobapp_kernel::RepositoryError;
use jobapp_users::card::{Card, SellerId};
use tokio::time::Instant;

use crate::GigService;

const LOOK_EVERY: Duration = Duration::from_millis(20);

impl GigService {
    /// The caller's card, if he is the seller with this id: 403 otherwise.
    pub(crate) async fn caller_as(&self, caller: &Caller, seller: &str) -> Result<(SellerId, Card), ApiError> {
        let not_yours = || ApiError::forbidden("This seller is not you.");
        let Ok(seller) = seller.parse::<SellerId>() else { return Err(not_yours()) };
        let known = self.until_found(|| async {
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
        Ok(self.until_found(|| self.directory.of_seller(seller)).await?.is_some())
    }

    /// Looks until there is something, for as long as the settings say.
    async fn until_found<T, F>(&self, look: impl Fn() -> F) -> Result<Option<T>, RepositoryError>
    where
        F: Future<Output = Result<Option<T>, RepositoryError>>,
    {
        let deadline = Instant::now() + self.config.profile_wait;
        loop {
            if let Some(found) = look().await? {
                return Ok(Some(found));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
