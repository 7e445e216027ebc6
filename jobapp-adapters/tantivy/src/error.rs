//! What the search engine's failures mean.

use std::io;

use jobapp_gigs::SearchError;
use tantivy::TantivyError;

/// Tells what must be built anew from what may work again later.
pub(crate) fn search_error(error: TantivyError) -> SearchError {
    let damaged = match &error {
        TantivyError::DataCorruption(_)
        | TantivyError::OpenReadError(_)
        | TantivyError::IncompatibleIndex(_)
        | TantivyError::SchemaError(_)
        | TantivyError::FieldNotFound(_)
        | TantivyError::DeserializeError(_)
        | TantivyError::InternalError(_) => true,
        TantivyError::IoError(error) => {
            matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound)
        }
        _ => false,
    };
    if damaged { SearchError::Damaged(Box::new(error)) } else { SearchError::unavailable(error) }
}
