//! What the search engine's failures mean.

use std::any::Any;
use std::io;

use jobapp_gigs::SearchError;
use tantivy::TantivyError;
use tantivy::directory::error::{LockError, OpenDirectoryError, OpenWriteError};

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
            matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) || is_gone(error)
        }
        TantivyError::OpenDirectoryError(OpenDirectoryError::DoesNotExist(_)) => true,
        TantivyError::OpenWriteError(OpenWriteError::IoError { io_error: error, .. })
        | TantivyError::LockFailure(LockError::IoError(error), _) => is_gone(error),
        _ => false,
    };
    if damaged { SearchError::Damaged(Box::new(error)) } else { SearchError::unavailable(error) }
}

/// The same, of a file that belongs to the index.
pub(crate) fn file_error(error: io::Error) -> SearchError {
    if is_gone(&error) { SearchError::Damaged(Box::new(error)) } else { SearchError::unavailable(error) }
}

/// A panic of the engine means that it read what it cannot read.
pub(crate) fn panic_error(panic: &(dyn Any + Send)) -> SearchError {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    SearchError::Damaged(format!("the search engine panicked: {text}").into())
}

/// Whether a file, or the folder it shall come into, is not there.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}
