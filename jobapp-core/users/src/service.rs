//! The use cases: load, decide, save.

use std::collections::BTreeSet;

use jobapp_kernel::{
    About, Aggregate, Cause, Change, Key, PageRequest, Repository, RepositoryError, Saved, Stars, Stored, decided,
    folded_key, in_turn,
};

use crate::{
    Buyer, BuyerId, NewBuyer, Ports, Profile, Purchase, Seller, SellerEvent, SellerId, Tally, UsersError, pick, samples,
};
use jobapp_directory::{ALIKE, nearest};

/// How many buyers are looked at in one go for sample sellers.
const PAGE: usize = 200;

/// Buyers and sellers.
#[derive(Clone)]
pub struct Users {
    ports: Ports,
}

impl Users {
    /// On these ports.
    pub const fn new(ports: Ports) -> Self {
        Self { ports }
    }

    /// Makes the buyer of an account, unless there is one.
    ///
    /// # Errors
    /// [`UsersError::IncompleteBuyer`], [`UsersError::BuyerTaken`] when the name or the address is another account's.
    pub async fn create_buyer(&self, new: NewBuyer) -> Result<(), UsersError> {
        if self.is_known(&new).await? {
            return Ok(());
        }
        let (buyer, events) = Buyer::create(BuyerId(self.ports.ids.object_id()), new.clone())?;
        match self.ports.buyers.save(Change::insert(buyer, events)).await {
            Ok(_) => Ok(()),
            // Somebody was faster: with this buyer, or with another one of the same name or address.
            Err(RepositoryError::Taken { .. }) if self.is_known(&new).await? => Ok(()),
            Err(RepositoryError::Taken { .. }) => Err(UsersError::BuyerTaken(new.username)),
            Err(error) => Err(error.into()),
        }
    }

    async fn is_known(&self, new: &NewBuyer) -> Result<bool, UsersError> {
        let stored = self.ports.buyers.find_by(Buyer::EMAIL, new.email.as_str().into()).await?;
        match stored {
            Some(stored) if stored.value.username() == new.username => Ok(true),
            Some(_) => Err(UsersError::BuyerTaken(new.username.clone())),
            None => Ok(false),
        }
    }

    /// A buyer owns a gig's work.
    ///
    /// # Errors
    /// [`UsersError::UnknownBuyer`] when there is no such buyer, or not yet.
    pub async fn purchase(&self, buyer: BuyerId, purchase: Purchase, cause: Option<Cause>) -> Result<(), UsersError> {
        self.change_buyer(buyer, cause, move |buyer| buyer.bought(purchase.clone())).await
    }

    /// A buyer's order was cancelled.
    ///
    /// # Errors
    /// [`UsersError::UnknownBuyer`] when there is no such buyer, or not yet.
    pub async fn take_back(&self, buyer: BuyerId, purchase: Purchase, cause: Option<Cause>) -> Result<(), UsersError> {
        self.change_buyer(buyer, cause, move |buyer| buyer.cancelled(&purchase)).await
    }

    async fn change_buyer(
        &self,
        id: BuyerId,
        cause: Option<Cause>,
        decide: impl Fn(Buyer) -> Buyer + Send + 'static,
    ) -> Result<(), UsersError> {
        let change = move |stored: Option<Stored<Buyer>>| {
            let Stored { value, version } = stored.ok_or(UsersError::UnknownBuyer(id))?;
            Ok::<_, UsersError>(((), Some(Change::update(version, decide(value), Vec::new()).caused_by(cause.clone()))))
        };
        decided(&*self.ports.buyers, About::Id(id), change).await.map(drop)
    }

    /// The user sells: the buyer is to say so.
    ///
    /// # Errors
    /// [`UsersError::UnknownUser`] when the user has no buyer, or not yet.
    pub async fn mark_as_seller(&self, username: &str) -> Result<(), UsersError> {
        let about = About::Holder(Buyer::USERNAME, username.into());
        let username = username.to_owned();
        let mark = move |stored: Option<Stored<Buyer>>| {
            let Stored { value, version } = stored.ok_or_else(|| UsersError::UnknownUser(username.clone()))?;
            let is_marked = value.is_seller();
            let change = (!is_marked).then(|| Change::update(version, value.marked_as_seller(), Vec::new()));
            Ok::<_, UsersError>(((), change))
        };
        decided(&*self.ports.buyers, about, mark).await.map(drop)
    }

    /// The buyer with exactly this user name.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn buyer_of(&self, username: &str) -> Result<Option<Buyer>, UsersError> {
        let stored = self.ports.buyers.find_by(Buyer::USERNAME, username.into()).await?;
        self.with_seller_mark(stored).await
    }

    /// The buyer with this user name in any case.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn buyer_named(&self, username: &str) -> Result<Option<Buyer>, UsersError> {
        let stored =
            named(&*self.ports.buyers, Buyer::USERNAME, Buyer::NAME_IN_ANY_CASE, Buyer::username, username).await?;
        self.with_seller_mark(stored).await
    }

    /// Marks a buyer whose seller was made a moment ago: the stored mark follows by an event.
    async fn with_seller_mark(&self, stored: Option<Stored<Buyer>>) -> Result<Option<Buyer>, UsersError> {
        let Some(buyer) = stored.map(|stored| stored.value) else { return Ok(None) };
        if !buyer.is_seller() && self.seller_of(buyer.username()).await?.is_some() {
            return Ok(Some(buyer.marked_as_seller()));
        }
        Ok(Some(buyer))
    }

    /// Whether the caller may become a seller: `None`, or the seller that this request made before.
    ///
    /// # Errors
    /// [`UsersError::AlreadySeller`].
    pub async fn may_create_seller(&self, username: &str, cause: Option<&Cause>) -> Result<Option<Seller>, UsersError> {
        if let Some(cause) = cause
            && let Some(id) = self.ports.sellers.caused(cause).await?
        {
            return self.existing_seller(id).await.map(Some);
        }
        match self.seller_of(username).await? {
            Some(_) => Err(UsersError::AlreadySeller),
            None => Ok(None),
        }
    }

    /// Makes the caller a seller. A repeated request is answered with the seller it made the first time.
    ///
    /// # Errors
    /// [`UsersError::AlreadySeller`].
    pub async fn create_seller(
        &self,
        username: &str,
        email: &str,
        profile: Profile,
        cause: Option<Cause>,
    ) -> Result<Seller, UsersError> {
        if let Some(seller) = self.may_create_seller(username, cause.as_ref()).await? {
            return Ok(seller);
        }
        let number = self.ports.numbers.next(Seller::NAME, 1).await?;
        let id = SellerId(self.ports.ids.object_id());
        let profile = profile.with_ids(&*self.ports.ids);
        let (seller, events) =
            Seller::create(id, number, username.to_owned(), email.to_owned(), profile, self.ports.clock.now());
        match self.ports.sellers.save(Change::insert(seller.clone(), events).caused_by(cause)).await {
            Ok(Saved::Stored(_)) => Ok(seller),
            Ok(Saved::Duplicate { id }) => match id.parse() {
                Ok(id) => self.existing_seller(id).await,
                Err(error) => {
                    Err(RepositoryError::Corrupt { aggregate: Seller::NAME, id, source: Box::new(error) }.into())
                }
            },
            Err(RepositoryError::Taken { .. }) => Err(UsersError::AlreadySeller),
            Err(error) => Err(error.into()),
        }
    }

    async fn existing_seller(&self, id: SellerId) -> Result<Seller, UsersError> {
        self.seller(id).await?.ok_or(UsersError::UnknownSeller(id))
    }

    /// Replaces the profile of the caller's own seller.
    ///
    /// # Errors
    /// [`UsersError::UnknownSeller`], [`UsersError::NotYours`].
    pub async fn rewrite_seller(&self, id: SellerId, caller: &str, profile: Profile) -> Result<Seller, UsersError> {
        self.own_seller(id, caller).await?;
        let profile = profile.with_ids(&*self.ports.ids);
        in_turn(&*self.ports.sellers, &id, || async {
            let stored = self.own_seller(id, caller).await?;
            let (seller, events) = stored.value.rewritten(profile.clone());
            if !events.is_empty() {
                once(self.ports.sellers.save(Change::update(stored.version, seller.clone(), events)).await?)?;
            }
            Ok(seller)
        })
        .await
    }

    /// The caller's own seller.
    ///
    /// # Errors
    /// [`UsersError::UnknownSeller`], [`UsersError::NotYours`].
    pub async fn own_seller(&self, id: SellerId, caller: &str) -> Result<Stored<Seller>, UsersError> {
        match self.ports.sellers.find(&id).await? {
            Some(stored) if stored.value.username() == caller => Ok(stored),
            Some(_) => Err(UsersError::NotYours),
            None => Err(UsersError::UnknownSeller(id)),
        }
    }

    /// Counts something about a seller, once for each cause; without a cause every time.
    ///
    /// # Errors
    /// [`UsersError::UnknownSeller`] when there is no such seller, or not yet; [`UsersError::Tally`].
    pub async fn tally(&self, id: SellerId, tally: Tally, cause: Option<Cause>) -> Result<(), UsersError> {
        self.change_seller(id, cause, move |seller| Ok((seller.tallied(tally)?, Vec::new()))).await
    }

    /// A buyer rated the seller in `review`: counts it, once for each cause, and passes the review on to the gig.
    ///
    /// # Errors
    /// [`UsersError::UnknownSeller`] when there is no such seller, or not yet.
    pub async fn rate(&self, id: SellerId, stars: Stars, review: &str, cause: Option<Cause>) -> Result<(), UsersError> {
        let review = review.to_owned();
        self.change_seller(id, cause, move |seller| Ok(seller.rated(stars, review.clone()))).await
    }

    async fn change_seller(
        &self,
        id: SellerId,
        cause: Option<Cause>,
        decide: impl Fn(Seller) -> Result<(Seller, Vec<SellerEvent>), UsersError> + Send + 'static,
    ) -> Result<(), UsersError> {
        let change = move |stored: Option<Stored<Seller>>| {
            let Stored { value, version } = stored.ok_or(UsersError::UnknownSeller(id))?;
            let (seller, events) = decide(value)?;
            Ok::<_, UsersError>(((), Some(Change::update(version, seller, events).caused_by(cause.clone()))))
        };
        decided(&*self.ports.sellers, About::Id(id), change).await.map(drop)
    }

    /// The seller with this id.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn seller(&self, id: SellerId) -> Result<Option<Seller>, UsersError> {
        Ok(self.ports.sellers.find(&id).await?.map(|stored| stored.value))
    }

    /// The seller with exactly this user name.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn seller_of(&self, username: &str) -> Result<Option<Seller>, UsersError> {
        Ok(self.ports.sellers.find_by(Seller::USERNAME, username.into()).await?.map(|stored| stored.value))
    }

    /// The seller with this user name in any case.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn seller_named(&self, username: &str) -> Result<Option<Seller>, UsersError> {
        let stored =
            named(&*self.ports.sellers, Seller::USERNAME, Seller::NAME_IN_ANY_CASE, Seller::username, username).await?;
        Ok(stored.map(|stored| stored.value))
    }

    /// At most `size` sellers, drawn by lot.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn random_sellers(&self, size: usize) -> Result<Vec<Seller>, UsersError> {
        Ok(pick::random_sellers(&*self.ports.sellers, &*self.ports.dice, size).await?)
    }

    /// At most `count` buyers who do not sell, and whether there are buyers at all.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn buyers_who_do_not_sell(&self, count: usize) -> Result<(Vec<Buyer>, bool), UsersError> {
        let mut free = Vec::new();
        let mut after: Option<BuyerId> = None;
        let mut anybody = false;
        loop {
            let page = self.ports.buyers.scan(after.as_ref(), PAGE).await?;
            anybody |= !page.is_empty();
            after = page.last().map(|stored| *stored.value.buyer_id());
            let ended = page.len() < PAGE;
            for Stored { value: buyer, .. } in page {
                if free.len() == count {
                    return Ok((free, anybody));
                }
                if !buyer.is_seller() && self.seller_of(buyer.username()).await?.is_none() {
                    free.push(buyer);
                }
            }
            if ended {
                return Ok((free, anybody));
            }
        }
    }

    /// Makes sample sellers of at most `count` buyers who do not sell.
    ///
    /// # Errors
    /// [`UsersError::NobodyLeft`] when every buyer sells.
    pub async fn seed_sellers(&self, count: usize) -> Result<usize, UsersError> {
        let (free, anybody) = self.buyers_who_do_not_sell(count).await?;
        if free.is_empty() && anybody && count > 0 {
            return Err(UsersError::NobodyLeft);
        }
        let mut made = BTreeSet::new();
        for buyer in &free {
            let profile = samples::profile_for(buyer, &*self.ports.dice, &*self.ports.ids);
            match self.create_seller(buyer.username(), buyer.email(), profile, None).await {
                Ok(seller) => made.insert(*seller.seller_id()),
                // Became a seller meanwhile: that is what was wanted.
                Err(UsersError::AlreadySeller) => false,
                Err(error) => return Err(error),
            };
        }
        Ok(made.len())
    }
}

/// A change that was made before needs nothing more: its effect is stored.
fn once(saved: Saved) -> Result<(), UsersError> {
    match saved {
        Saved::Stored(_) | Saved::Duplicate { .. } => Ok(()),
    }
}

/// The value with exactly this name, else one whose name is only typed differently.
async fn named<A: Aggregate>(
    repository: &dyn Repository<A>,
    exact: Key<A>,
    in_any_case: Key<A>,
    name_of: fn(&A) -> &str,
    name: &str,
) -> Result<Option<Stored<A>>, RepositoryError> {
    if let Some(stored) = repository.find_by(exact, name.into()).await? {
        return Ok(Some(stored));
    }
    let alike = repository.list(in_any_case, folded_key(name).into(), PageRequest::first(ALIKE)).await?;
    Ok(nearest(alike.items, name_of, name))
}
