//! The directory of users: what every service keeps of them in its own store, so that it need not ask.
//!
//! The users service tells of every change; [`Directory::hear`] takes it in, whatever order it arrives in. A [`Card`] is one
//! user, as a buyer and as a seller.

mod alike;
mod card;
mod directory;
mod hearing;
mod ids;

pub use alike::{ALIKE, nearest};
pub use card::{Card, CardState, CardUpdate, CardV1};
pub use directory::{CardError, Directory};
pub use hearing::{Hearing, NotHeard};
pub use ids::{BuyerId, SellerId, Username};
