//! Parameters of a path.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;

use crate::ApiError;

/// Parameters of a path, as an extractor that lets the handler say what it means when they are no UTF-8.
pub type Segments<T = String> = Result<Path<T>, PathRejection>;

/// The parameters. Those that are no UTF-8 name nothing.
///
/// # Errors
/// 404 when they are no UTF-8.
pub fn segments<T>(path: Segments<T>) -> Result<T, ApiError> {
    path.map(|Path(segments)| segments).map_err(|_| ApiError::not_found("There is nothing at this address."))
}
