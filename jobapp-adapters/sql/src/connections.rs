//! The open database: one connection that writes, a few that read.

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};
use std::time::Duration;

use crate::dialect::{self, Role};
use crate::{Location, SqlStoreError};

/// One writer and a few readers. In memory the writer reads too, since nobody else sees its database.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    pub(crate) writer: DatabaseConnection,
    pub(crate) readers: DatabaseConnection,
}

impl Connections {
    /// Opens the database, and makes it with its folder if it is missing.
    pub(crate) async fn open(location: &Location) -> Result<Self, SqlStoreError> {
        let writer = open_writer(location).await?;
        let readers = match location {
            Location::Memory => writer.clone(),
            Location::File(_) => dialect::connect(location, Role::Reader)
                .await
                .map_err(|source| SqlStoreError::Open { location: location.to_string(), source })?,
        };
        Ok(Self { writer, readers })
    }

    /// Begins a write; waits until every other write is over.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        dialect::begin(&self.writer).await
    }

    /// Closes every connection once it is idle.
    pub(crate) async fn close(&self) -> Result<(), DbErr> {
        self.readers.close_by_ref().await?;
        self.writer.close_by_ref().await
    }
}

/// Opens the connection that writes, and makes the database with its folder if it is missing.
pub(crate) async fn open_writer(location: &Location) -> Result<DatabaseConnection, SqlStoreError> {
    if let Location::File(path) = location
        && let Some(folder) = path.parent()
    {
        std::fs::create_dir_all(folder).map_err(|source| SqlStoreError::Folder { path: folder.to_owned(), source })?;
    }
    connect_patiently(location).await.map_err(|source| SqlStoreError::Open { location: location.to_string(), source })
}

/// Connects the writer. The switch to a write-ahead log needs the database for itself for a moment and does not wait for it,
/// so two processes that open a new database together would otherwise disturb each other.
async fn connect_patiently(location: &Location) -> Result<DatabaseConnection, DbErr> {
    let mut pause = Duration::from_millis(10);
    loop {
        match dialect::connect(location, Role::Writer).await {
            Err(error) if dialect::is_busy(&error) && pause < Duration::from_secs(4) => {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            connected => return connected,
        }
    }
}
