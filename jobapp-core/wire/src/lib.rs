//! What crosses a process border: JSON bodies, queue messages, queue and exchange names.
//!
//! Request bodies are checked against a [`validate::Schema`], which answers with the first broken rule in the order the
//! fields are declared, in the words the existing clients show to their users. Answers are documents, one struct each,
//! whose field names are the wire's.
//!
//! ```
//! use jobapp_wire::validate::{Field, Schema};
//!
//! const BODY: Schema = Schema::new(&[Field::text("token").required()]);
//! assert!(BODY.check(&serde_json::json!({"token": "x"})).is_ok());
//! assert_eq!(BODY.check(&serde_json::json!({})).unwrap_err().to_string(), r#""token" is required"#);
//! ```

pub mod auth;
pub mod chat;
pub mod gigs;
pub mod messages;
pub mod numbers;
pub mod orders;
mod price;
pub mod queues;
mod ratings;
pub mod reviews;
pub mod users;
pub mod validate;

/// What each request body must be, as JSON Schema, with the name the API's document knows it by. Made of the tables that
/// check the bodies.
pub fn request_bodies() -> Vec<(&'static str, serde_json::Value)> {
    [
        auth::documents(),
        chat::documents(),
        gigs::documents(),
        orders::documents(),
        reviews::documents(),
        users::documents(),
    ]
    .concat()
}

#[cfg(test)]
mod documents_tests;
