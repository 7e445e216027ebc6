//! Who is which seller, as far as this service has heard. What it has not heard yet it waits for, but not for long, and only
//! of sellers who were made a moment ago: the news of all others came long since.

use std::time::Duration;

use jobapp_directory::{Card, SellerId};
use jobapp_http::{ApiError, Caller};
use jobapp_kernel::{ObjectId, RepositoryError};
use jobapp_runtime::may_be_on_its_way;

use crate::GigService;

/// How callers may name themselves where their own seller id is wanted.
const ME: &str = "me";

impl GigService {
    /// The caller's card, if he is the seller with this id: 403 otherwise, and 503 while the news of him may be on its way.
    pub(crate) async fn caller_as(&self, caller: &Caller, seller: &str) -> Result<(SellerId, Card), ApiError> {
        if seller == ME {
            return self.caller_as_seller(caller).await;
        }
        let not_yours = || ApiError::forbidden("This seller is not you.");
        let Ok(seller) = seller.parse::<SellerId>() else { return Err(not_yours()) };
        let known = self.until_found(&seller.0, || async {
            let own = self.directory.of_user(caller.username()).await?.filter(|card| card.seller_id.is_some());
            // Who else is that seller is an answer, too.
            if own.is_some() { Ok(own) } else { self.directory.of_seller(seller).await }
        });
        match known.await? {
            Some(card) if card.seller_id == Some(seller) && caller.is(card.username.as_str()) => Ok((seller, card)),
            None if may_be_on_its_way(&seller.0, self.shared.clock.now()) => {
                Err(ApiError::unavailable("Your seller profile is not known yet. Please try again in a moment.", 2))
            }
            _ => Err(not_yours()),
        }
    }

    /// The caller's card, whatever his seller id is. Nothing says how new he would be, so the news of him is waited for.
    async fn caller_as_seller(&self, caller: &Caller) -> Result<(SellerId, Card), ApiError> {
        let look = || async {
            let card = self.directory.of_user(caller.username()).await?;
            Ok::<_, RepositoryError>(card.and_then(|card| Some((card.seller_id?, card))))
        };
        let found = jobapp_runtime::until_found(self.config.profile_wait, look).await?;
        found.ok_or_else(|| ApiError::forbidden("You do not sell yet: make yourself a seller first."))
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
        let wait =
            if may_be_on_its_way(id, self.shared.clock.now()) { self.config.profile_wait } else { Duration::ZERO };
        jobapp_runtime::until_found(wait, look).await
    }
}
