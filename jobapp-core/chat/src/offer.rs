//! Offers: terms and what became of them.

use jobapp_kernel::{Money, Price};
use serde::{Deserialize, Serialize};

/// What became of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfferState {
    /// It waits for an answer.
    Open,
    /// The buying side said yes.
    Accepted,
    /// Either side took it back, or its gig is gone.
    Cancelled,
}

/// What is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferTerms {
    /// The title.
    pub gig_title: String,
    /// What it costs.
    pub price: Money,
    /// What is to be done.
    pub description: String,
    /// Days of work.
    pub delivery_in_days: i64,
    /// A date, in the text the client sent.
    pub old_delivery_date: String,
    /// A date, in the text the client sent.
    pub new_delivery_date: String,
}

/// Why terms are no offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOffer {
    /// It costs nothing, or more than a payment can carry.
    #[error("The price of an offer must be above zero and at most {}.", Price::HIGHEST.money())]
    Price,
    /// It takes no days, or more than anybody plans.
    #[error("An offer must be delivered in 1 to {} days.", OfferTerms::MAX_DAYS)]
    Days,
}

impl OfferTerms {
    /// The most days of work.
    pub const MAX_DAYS: i64 = 3650;

    fn check(&self) -> Result<(), InvalidOffer> {
        if Price::try_from(self.price).is_err() {
            return Err(InvalidOffer::Price);
        }
        if !(1..=Self::MAX_DAYS).contains(&self.delivery_in_days) {
            return Err(InvalidOffer::Days);
        }
        Ok(())
    }
}

/// An offer that a message carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    terms: OfferTerms,
    state: OfferState,
}

impl Offer {
    /// An offer that waits for an answer.
    ///
    /// # Errors
    /// [`InvalidOffer`] when it costs nothing or too much, or takes no days.
    pub fn open(terms: OfferTerms) -> Result<Self, InvalidOffer> {
        terms.check()?;
        Ok(Self { terms, state: OfferState::Open })
    }

    /// An offer that another system kept until now, and what became of it there.
    ///
    /// # Errors
    /// [`InvalidOffer`] as for an open one.
    pub fn taken_over(terms: OfferTerms, state: OfferState) -> Result<Self, InvalidOffer> {
        terms.check()?;
        Ok(Self { terms, state })
    }

    /// What is offered.
    pub const fn terms(&self) -> &OfferTerms {
        &self.terms
    }

    /// What became of it.
    pub const fn state(&self) -> OfferState {
        self.state
    }

    /// Moves it on. Whether that changed anything; `None` when it is already answered otherwise.
    pub(crate) fn answer(&mut self, answer: OfferState) -> Option<bool> {
        match self.state {
            OfferState::Open => {
                self.state = answer;
                Some(true)
            }
            state => (state == answer).then_some(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(cents: i64, days: i64) -> OfferTerms {
        OfferTerms {
            gig_title: "Logo".into(),
            price: Money::from_cents(cents),
            description: "Three drafts".into(),
            delivery_in_days: days,
            old_delivery_date: String::new(),
            new_delivery_date: String::new(),
        }
    }

    #[test]
    fn an_offer_costs_something_and_takes_days() {
        assert!(Offer::open(terms(1, 1)).is_ok());
        assert_eq!(Offer::open(terms(0, 1)), Err(InvalidOffer::Price));
        assert_eq!(Offer::open(terms(-1, 1)), Err(InvalidOffer::Price));
        assert!(Offer::open(terms(Price::HIGHEST.money().cents(), 1)).is_ok());
        assert_eq!(Offer::open(terms(Price::HIGHEST.money().cents() + 1, 1)), Err(InvalidOffer::Price));
        assert_eq!(Offer::open(terms(1, 0)), Err(InvalidOffer::Days));
        assert_eq!(Offer::open(terms(1, 3651)), Err(InvalidOffer::Days));
    }

    #[test]
    fn an_offer_that_was_kept_elsewhere_keeps_its_answer_and_the_rules() {
        for state in [OfferState::Open, OfferState::Accepted, OfferState::Cancelled] {
            assert_eq!(Offer::taken_over(terms(100, 2), state).unwrap().state(), state);
        }
        assert_eq!(Offer::taken_over(terms(-1, 2), OfferState::Accepted), Err(InvalidOffer::Price));
    }

    #[test]
    fn the_first_answer_stays() {
        for (first, other) in
            [(OfferState::Accepted, OfferState::Cancelled), (OfferState::Cancelled, OfferState::Accepted)]
        {
            let mut offer = Offer::open(terms(100, 2)).unwrap();
            assert_eq!(offer.answer(first), Some(true));
            assert_eq!(offer.answer(first), Some(false));
            assert_eq!(offer.answer(other), None);
            assert_eq!(offer.state(), first);
        }
    }
}
