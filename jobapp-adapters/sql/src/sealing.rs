//! The seal of an outbox that was in clear.

use jobapp_seal::{self as seal, Seal};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use crate::Location;
use crate::connections::Connections;
use crate::dialect::{self, sqlite};
use crate::error::too_large;
use crate::flags;
use crate::tables::Names;

/// The database's `user_version` once everything in its outbox is sealed.
const SEALED: i64 = 1;

/// Seals what waits in the outbox in clear, once, and writes the database anew: what was there before is still in its free pages.
pub(crate) async fn seal_outbox(
    connections: &Connections,
    names: &Names,
    location: &Location,
    seal: Option<&Seal>,
) -> Result<(), DbErr> {
    let is_sealed = is_sealed(connections, names).await?;
    let Some(seal) = seal else {
        return if is_sealed {
            Err(DbErr::Custom("its outbox is sealed, and no key was given".to_owned()))
        } else {
            Ok(())
        };
    };
    if is_sealed {
        return Ok(());
    }
    if !was_ever_used(connections, names).await? {
        return remember_sealed(connections, names).await;
    }
    let transaction = connections.begin().await?;
    let waiting = Query::select().columns(["seq", "id", "event"]).from(names.outbox.clone()).take();
    for row in transaction.query_all(&waiting).await? {
        let (seq, id): (i64, String) = (row.try_get_by_index(0)?, dialect::text(&row, 1)?);
        // What is no text was never readable.
        let Ok(event) = dialect::text(&row, 2) else { continue };
        // Another process may have begun and not come to the end.
        let Ok(clear) = seal::open_text(Some(seal), event, &id) else { continue };
        let sealed = seal.close_text(&clear, &id).map_err(too_large)?;
        let update = Query::update()
            .table(names.outbox.clone())
            .value("event", sealed)
            .and_where(Expr::col("seq").eq(seq))
            .take();
        transaction.execute(&update).await?;
    }
    transaction.commit().await?;
    if forget_what_was(connections).await? {
        return remember_sealed(connections, names).await;
    }
    tracing::warn!(database = %location, "another program reads a database: what it has in clear is overwritten at the next start");
    Ok(())
}

/// What says among the keys that an outbox is sealed. No aggregate is called so.
const SEAL: [&str; 2] = ["", "sealed"];

/// Whether a store says so in the head of its database: one that has a file to itself.
fn has_head(connections: &Connections, names: &Names) -> bool {
    connections.backend() == DbBackend::Sqlite && !names.is_shared()
}

async fn is_sealed(connections: &Connections, names: &Names) -> Result<bool, DbErr> {
    if has_head(connections, names) {
        return Ok(sqlite::user_version(&connections.writer()).await? >= SEALED);
    }
    flags::is_raised(&connections.writer(), names, SEAL).await
}

async fn remember_sealed(connections: &Connections, names: &Names) -> Result<(), DbErr> {
    if has_head(connections, names) {
        return sqlite::set_user_version(&connections.writer(), SEALED).await;
    }
    flags::raise(&connections.writer(), names, SEAL).await
}

/// Whether there ever was something in the outbox.
async fn was_ever_used(connections: &Connections, names: &Names) -> Result<bool, DbErr> {
    match connections.backend() {
        DbBackend::Sqlite => sqlite::was_ever_used(&connections.writer(), &names.outbox).await,
        _ => dialect::has_rows(&connections.writer(), &names.outbox).await,
    }
}

/// Writes a file anew. The pages and logs of a server are its operator's: nobody reads them through it.
async fn forget_what_was(connections: &Connections) -> Result<bool, DbErr> {
    match connections.backend() {
        DbBackend::Sqlite => sqlite::forget_what_was(&connections.writer()).await,
        _ => Ok(true),
    }
}
