//! Writing and reading reviews.

use std::sync::Arc;

use jobapp_directory::Directory;
use jobapp_kernel::{
    About, Aggregate, Cause, Change, Clock, Key, MAX_KEY_BYTES, PageRequest, Repository, RepositoryError, Saved,
    Sequence, Stars, Stored, decided,
};

use crate::{OrderFact, OrderNumber, Review, ReviewError, ReviewId, ReviewSide, Reviewer};

/// The most reviews that are returned: the newest.
pub const MAX_REVIEWS: usize = 100;

/// A review to write. Everything else is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReview {
    /// The public number of the order.
    pub order: String,
    /// Which side writes.
    pub side: ReviewSide,
    /// How many stars.
    pub rating: Stars,
    /// The words.
    pub text: String,
}

/// Reviewing: what users do, and what follows from events.
#[derive(Clone)]
pub struct Reviews {
    /// The reviews.
    pub reviews: Arc<dyn Repository<Review>>,
    /// What is known of orders.
    pub orders: Arc<dyn Repository<OrderFact>>,
    /// Who is which buyer and which seller.
    pub directory: Directory,
    /// Gives out ids.
    pub sequence: Arc<dyn Sequence>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

impl Reviews {
    /// `caller` reviews an order.
    ///
    /// # Errors
    /// [`ReviewError`]; when [`ReviewError::is_early`], the same call may succeed in a moment.
    pub async fn write(&self, caller: &str, new: NewReview, cause: Option<Cause>) -> Result<Review, ReviewError> {
        if let Some(cause) = &cause
            && let Some(id) = self.reviews.caused(cause).await?
        {
            return self.written(id).await;
        }
        let number: OrderNumber = new.order.parse().map_err(|_| ReviewError::NoOrder)?;
        let fact = self.orders.find(&number).await?.ok_or(ReviewError::NoOrder)?.value;
        fact.check_reviewer(caller, new.side)?;
        let key = Review::order_side(&number, new.side);
        if self.reviews.find_by(Review::ORDER_SIDE, key).await?.is_some() {
            return Err(ReviewError::Reviewed);
        }
        let reviewer = self.reviewer(caller, &fact, new.side).await?;
        let id = ReviewId(self.sequence.next(Review::NUMBERS, 1).await?);
        let now = self.clock.now();
        let (review, events) = Review::write(id, &fact, new.side, reviewer, new.rating, new.text, now)?;
        match self.reviews.save(Change::insert(review.clone(), events).caused_by(cause)).await {
            Ok(Saved::Stored(_)) => Ok(review),
            Ok(Saved::Duplicate { id }) => self.written(id.parse().map_err(|_| ReviewError::NoOrder)?).await,
            Err(error) if error.taken_key() == Some(Review::ORDER_SIDE.name) => Err(ReviewError::Reviewed),
            Err(error) => Err(error.into()),
        }
    }

    async fn written(&self, id: ReviewId) -> Result<Review, ReviewError> {
        Ok(self.reviews.find(&id).await?.ok_or(ReviewError::NoOrder)?.value)
    }

    async fn reviewer(&self, caller: &str, fact: &OrderFact, side: ReviewSide) -> Result<Reviewer, ReviewError> {
        let card = self.directory.of_user(caller).await?.ok_or(ReviewError::UnknownReviewer)?;
        let (id, image, country) = match side {
            ReviewSide::Buyer => (&fact.parties().buyer_id, card.picture.as_str(), card.country.as_str()),
            ReviewSide::Seller => (&fact.parties().seller_id, card.picture_as_seller(), card.country_as_seller()),
        };
        let (id, image, country) = (id.clone(), image.to_owned(), country.to_owned());
        Ok(Reviewer { id, username: card.username, image, country })
    }

    /// The newest reviews of a gig, of both sides, the newest first.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn of_gig(&self, gig_id: &str) -> Result<Vec<Review>, RepositoryError> {
        self.newest(Review::GIG, gig_id).await
    }

    /// The newest reviews about a seller, the newest first.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn about_seller(&self, seller_id: &str) -> Result<Vec<Review>, RepositoryError> {
        self.newest(Review::ABOUT_SELLER, seller_id).await
    }

    async fn newest(&self, key: Key<Review>, id: &str) -> Result<Vec<Review>, RepositoryError> {
        if id.len() > MAX_KEY_BYTES {
            return Ok(Vec::new());
        }
        let page = self.reviews.list(key, id.into(), PageRequest::newest(MAX_REVIEWS)).await?;
        Ok(page.items.into_iter().map(|stored| stored.value).collect())
    }

    /// Takes over what is told of an order, unless something newer is known.
    ///
    /// # Errors
    /// When the store fails: tell it again.
    pub async fn order_changed(&self, told: OrderFact) -> Result<(), RepositoryError> {
        let about = About::Id(told.id().clone());
        let take_over = move |stored: Option<Stored<OrderFact>>| {
            let change = match stored {
                Some(Stored { value, version }) => {
                    value.updated(told.clone()).map(|fact| Change::update(version, fact, Vec::new()))
                }
                None => Some(Change::insert(told.clone(), Vec::new())),
            };
            Ok::<_, RepositoryError>(((), change))
        };
        // Without a cause there is no duplicate: the version says what was seen before.
        decided(&*self.orders, about, take_over).await.map(drop)
    }
}
