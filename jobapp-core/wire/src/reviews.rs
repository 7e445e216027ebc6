//! Bodies and documents of reviews.
