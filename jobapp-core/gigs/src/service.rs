//! What can be done with gigs.

use std::sync::Arc;

use jobapp_directory::SellerId;
use jobapp_kernel::{
    Cause, Change, Clock, Direction, Ids, Key, KeyValue, PageRequest, Repository, RepositoryError, Saved, Sequence,
    Stars, Stored, Timestamp, in_turn,
};

use crate::error::GigError;
use crate::gig::{Content, FIRST_SORT_ID, Gig, GigEvent, GigId, Listing, Seller};

/// The most gigs a seller's list shows.
pub const MOST_OF_A_SELLER: usize = 100;

/// Creates, changes and shows gigs.
#[derive(Clone)]
pub struct Gigs {
    gigs: Arc<dyn Repository<Gig>>,
    numbers: Arc<dyn Sequence>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl Gigs {
    /// Works on this store.
    pub fn new(
        gigs: Arc<dyn Repository<Gig>>,
        numbers: Arc<dyn Sequence>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Self {
        Self { gigs, numbers, clock, ids }
    }

    /// Where the gigs are.
    pub fn repository(&self) -> &Arc<dyn Repository<Gig>> {
        &self.gigs
    }

    /// The gig that this request created before.
    ///
    /// # Errors
    /// When the request came with another body then, when the gig was deleted since, when the store fails.
    pub async fn created_before(&self, cause: &Cause) -> Result<Option<Listing>, GigError> {
        match self.gigs.caused(cause).await? {
            Some(id) => Ok(Some(self.find(&id).await?)),
            None => Ok(None),
        }
    }

    /// Creates a gig of a seller; once for one cause.
    ///
    /// # Errors
    /// When the content breaks a rule or the store fails.
    pub async fn create(&self, seller: Seller, content: Content, cause: Option<Cause>) -> Result<Listing, GigError> {
        self.create_as(self.ids.object_id().into(), seller, content, cause).await
    }

    /// As [`Gigs::create`], under an id that the caller chose: creating it again changes nothing.
    ///
    /// # Errors
    /// When the content breaks a rule or the store fails.
    pub async fn create_as(
        &self,
        id: GigId,
        seller: Seller,
        content: Content,
        cause: Option<Cause>,
    ) -> Result<Listing, GigError> {
        let sort_id = self.numbers.next(Gig::NUMBERS, FIRST_SORT_ID).await?;
        let (gig, events) = Gig::create(id, sort_id, seller, content, self.clock.now())?;
        let listing = gig.listing().clone();
        match self.gigs.save(Change::insert(gig, events).caused_by(cause)).await {
            Ok(Saved::Stored(_)) => Ok(listing),
            Ok(Saved::Duplicate { id }) => match id.parse() {
                Ok(id) => self.find(&id).await,
                Err(_) => Err(GigError::NotFound),
            },
            Err(RepositoryError::Taken { key: "id", .. }) => self.find(&id).await,
            Err(error) => Err(error.into()),
        }
    }

    /// A gig, paused or not.
    ///
    /// # Errors
    /// [`GigError::NotFound`] when there is none.
    pub async fn find(&self, id: &GigId) -> Result<Listing, GigError> {
        let stored = self.gigs.find(id).await?.ok_or(GigError::NotFound)?;
        Ok(stored.value.into_listing())
    }

    /// A seller's newest gigs that can be found, newest first: at most [`MOST_OF_A_SELLER`].
    ///
    /// # Errors
    /// When the store fails.
    pub async fn listed_of(&self, seller: SellerId) -> Result<Vec<Listing>, GigError> {
        self.newest(Gig::LISTED_OF_SELLER, seller.into()).await
    }

    /// A seller's newest paused gigs, newest first: at most [`MOST_OF_A_SELLER`].
    ///
    /// # Errors
    /// When the store fails.
    pub async fn paused_of(&self, seller: SellerId) -> Result<Vec<Listing>, GigError> {
        self.newest(Gig::PAUSED_OF_SELLER, seller.into()).await
    }

    async fn newest(&self, key: Key<Gig>, value: KeyValue) -> Result<Vec<Listing>, GigError> {
        let page = PageRequest { limit: MOST_OF_A_SELLER, after: None, direction: Direction::Descending };
        let gigs = self.gigs.list(key, value, page).await?;
        Ok(gigs.items.into_iter().map(|stored| stored.value.into_listing()).collect())
    }

    /// A gig of this caller's.
    ///
    /// # Errors
    /// [`GigError::NotFound`], [`GigError::NotYours`].
    pub async fn find_own(&self, id: &GigId, caller: &str) -> Result<Listing, GigError> {
        let stored = self.gigs.find(id).await?.ok_or(GigError::NotFound)?;
        stored.value.must_belong_to(caller)?;
        Ok(stored.value.into_listing())
    }

    /// Its seller describes a gig anew.
    ///
    /// # Errors
    /// [`GigError::NotFound`], [`GigError::NotYours`], or when the content breaks a rule.
    pub async fn update(&self, id: &GigId, caller: &str, content: &Content) -> Result<Listing, GigError> {
        self.change(id, None, |gig, now| gig.update(caller, content.clone(), now)).await
    }

    /// Its seller pauses a gig or lets it be found again.
    ///
    /// # Errors
    /// [`GigError::NotFound`], [`GigError::NotYours`].
    pub async fn set_active(&self, id: &GigId, caller: &str, active: bool) -> Result<Listing, GigError> {
        self.change(id, None, |gig, now| gig.set_active(caller, active, now)).await
    }

    /// A buyer's review rates a gig; once for one cause.
    ///
    /// # Errors
    /// [`GigError::NotFound`]: a rating never makes a gig.
    pub async fn rate(&self, id: &GigId, stars: Stars, cause: Cause) -> Result<Listing, GigError> {
        self.change(id, Some(cause), |gig, now| Ok(gig.rate(stars, now))).await
    }

    /// Its seller deletes a gig.
    ///
    /// # Errors
    /// [`GigError::NotFound`] also when it was deleted before, [`GigError::NotYours`] also when `seller_id` is not its seller.
    pub async fn delete(&self, id: &GigId, caller: &str, seller_id: SellerId) -> Result<(), GigError> {
        in_turn(&*self.gigs, id, || async {
            let Stored { value: gig, version } = self.gigs.find(id).await?.ok_or(GigError::NotFound)?;
            let events = gig.delete(caller, seller_id, self.clock.now())?;
            match self.gigs.save(Change::delete(version, gig, events)).await? {
                // Without a cause there are no duplicates.
                Saved::Stored(_) | Saved::Duplicate { .. } => Ok(()),
            }
        })
        .await
    }

    /// Loads, decides and saves in one's turn with the gig. A decision without events changes nothing.
    async fn change(
        &self,
        id: &GigId,
        cause: Option<Cause>,
        decide: impl Fn(Gig, Timestamp) -> Result<(Gig, Vec<GigEvent>), GigError>,
    ) -> Result<Listing, GigError> {
        in_turn(&*self.gigs, id, || async {
            let Stored { value: gig, version } = self.gigs.find(id).await?.ok_or(GigError::NotFound)?;
            let (gig, events) = decide(gig, self.clock.now())?;
            let listing = gig.listing().clone();
            if events.is_empty() {
                return Ok(listing);
            }
            match self.gigs.save(Change::update(version, gig, events).caused_by(cause.clone())).await? {
                Saved::Stored(_) => Ok(listing),
                Saved::Duplicate { .. } => self.find(id).await,
            }
        })
        .await
    }
}
