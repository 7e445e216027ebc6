//! Work that goes on to its end.

use futures::future::BoxFuture;
use sea_orm::{DatabaseTransaction, DbErr};
use tracing::Instrument as _;

/// Runs to its end what is begun, also when the caller goes away: a request that is cancelled, a time limit. The driver cannot take
/// back a transaction whose beginning or commit is dropped half way: it would stay open on a connection that others use next.
pub(crate) fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = Result<T, DbErr>> + Send {
    // In a box: the futures of the driver are deep and large.
    let work: BoxFuture<'static, T> = Box::pin(work.in_current_span());
    async move {
        match tokio::spawn(work).await {
            Ok(done) => Ok(done),
            Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
            Err(_) => Err(DbErr::Custom("the program is ending".to_owned())),
        }
    }
}

/// Commits a transaction. In a box that hides its type, as everything of the driver that generic code awaits: the compiler gives up on
/// futures around ones so deep.
pub(crate) fn commit(transaction: DatabaseTransaction) -> BoxFuture<'static, Result<(), DbErr>> {
    Box::pin(transaction.commit())
}

/// Rolls a transaction back.
pub(crate) fn roll_back(transaction: DatabaseTransaction) -> BoxFuture<'static, Result<(), DbErr>> {
    Box::pin(transaction.rollback())
}

/// Ends a transaction that must not be stored, because of a failure, which it returns. When even that fails, the connection does it
/// before its next use.
pub(crate) async fn undo(transaction: DatabaseTransaction, because: DbErr) -> DbErr {
    if let Err(error) = transaction.rollback().await {
        tracing::debug!(%error, %because, "a transaction could not be rolled back at once");
    }
    because
}
