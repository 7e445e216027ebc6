//! Which gig an offer is for: one that there is, of the one who offers it.

use jobapp_directory::SellerId;
use jobapp_kernel::{Change, Money, PageRequest, RepositoryError, Stored, in_turn};

use crate::{Chat, ChatError, ChatMessage, DeletedGig, GigId, GigSeller, NewMessage};

/// How many offers are looked up at a time.
const OFFERS_AT_A_TIME: usize = 100;

impl Chat {
    /// The gig that is offered, if the seller who is named may offer it.
    pub(crate) async fn offered_gig(&self, new: &NewMessage) -> Result<GigId, ChatError> {
        self.gig_of(&new.gig_id, &new.seller_id).await
    }

    /// The gig with this id, if it is this seller's.
    ///
    /// # Errors
    /// [`ChatError`]: the id is none, the gig is gone, is not known yet, does not exist, or is somebody else's.
    pub(crate) async fn gig_of(&self, gig: &str, seller: &str) -> Result<GigId, ChatError> {
        let id: GigId = gig.parse().map_err(|_| ChatError::NoGigNamed)?;
        if self.deleted_gigs.find(&id).await?.is_some() {
            return Err(ChatError::GigDeleted);
        }
        let known = self.gigs.find(&id).await?.ok_or(ChatError::UnknownGig { gig: id })?.value;
        match known.seller() {
            Some(owner) if owner.to_string() == seller => Ok(id),
            Some(_) => Err(ChatError::ForeignGig),
            None => Err(ChatError::NoGig),
        }
    }

    /// Hears whose a gig is, or, without a seller, that there is none.
    ///
    /// # Errors
    /// When the store fails: tell it again.
    pub async fn gig_told(&self, gig: GigId, seller: Option<SellerId>) -> Result<(), ChatError> {
        in_turn(&*self.gigs, &gig, || async {
            let told = GigSeller::new(gig, seller);
            let change = match self.gigs.find(&gig).await? {
                None => Change::insert(told, Vec::new()),
                // That there was none is older than that there is one.
                Some(Stored { value, version }) if value.seller().is_none() && seller.is_some() => {
                    Change::update(version, told, Vec::new())
                }
                Some(_) => return Ok(()),
            };
            // Another process may be told in the same moment: what that was is to be seen.
            Ok(self.gigs.save(change).await.map(drop).map_err(|error| error.or_look_again(&["id"]))?)
        })
        .await
    }

    /// The gig is gone: remembers that, and cancels its open offers.
    ///
    /// # Errors
    /// When the store fails: tell it again.
    pub async fn gig_deleted(&self, gig: GigId) -> Result<(), ChatError> {
        // Remembered first: an offer that is written now sees it here, or is seen below.
        match self.deleted_gigs.save(Change::insert(DeletedGig::new(gig), Vec::new())).await {
            Ok(_) | Err(RepositoryError::Taken { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        loop {
            let first = PageRequest::first(OFFERS_AT_A_TIME);
            let open = self.messages.list(ChatMessage::OPEN_OFFER, gig.to_string().into(), first).await?.items;
            if open.is_empty() {
                return Ok(());
            }
            for stored in open {
                self.cancel_for_gig(stored).await?;
            }
        }
    }

    /// The messages with an offer of this price for a gig, from this seller to the buyer of this name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn offers_between(
        &self,
        gig: GigId,
        seller: SellerId,
        buyer: &str,
        price: Money,
    ) -> Result<Vec<Stored<ChatMessage>>, ChatError> {
        let Some(key) = ChatMessage::offers_between(gig, seller, buyer) else { return Ok(Vec::new()) };
        let mut offers = Vec::new();
        let mut next = Some(PageRequest::newest(OFFERS_AT_A_TIME));
        while let Some(page) = next.take() {
            let found = self.messages.list(ChatMessage::OFFERS, key.clone(), page).await?;
            let costs_it =
                |stored: &Stored<ChatMessage>| stored.value.offer().is_some_and(|offer| offer.terms().price == price);
            offers.extend(found.items.into_iter().filter(costs_it));
            next = found.next.map(|cursor| PageRequest::newest(OFFERS_AT_A_TIME).after(Some(cursor)));
        }
        Ok(offers)
    }

    /// Whether the gig is gone.
    pub(crate) async fn is_gig_deleted(&self, gig: &str) -> Result<bool, RepositoryError> {
        let Ok(id) = gig.parse() else { return Ok(false) };
        Ok(self.deleted_gigs.find(&id).await?.is_some())
    }
}
