//! The promises of `Repository`, one function each.

pub mod causes;
pub mod decisions;
pub mod keys;
pub mod lists;
pub mod races;
pub mod reading;
pub mod writing;
