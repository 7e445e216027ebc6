//! The existing system on its databases.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jobapp_mongo::{ForeignDatabase as Documents, MongoConfig, MongoStoreError};
use jobapp_sql::{ForeignColumn, ForeignDatabase as Tables, ForeignTable, ForeignType, SqlConfig, SqlStoreError};

use crate::{Kind, OldRow, OldSystem, OldSystemError};

/// Where the databases of the existing system are. One that is not said is one whose kinds are not read.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// MySQL of its auth service: `mysql://user:password@host/database`.
    pub auth: Option<String>,
    /// MongoDB of its users service: `mongodb://user:password@host/database`.
    pub users: Option<String>,
    /// MongoDB of its gig service.
    pub gig: Option<String>,
    /// MongoDB of its chat service.
    pub chat: Option<String>,
    /// MongoDB of its order service.
    pub order: Option<String>,
    /// PostgreSQL of its review service: `postgres://user:password@host/database`.
    pub review: Option<String>,
}

/// A database of the existing system that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPlace {
    /// It is at no address.
    #[error("the database of the existing {service} service is at no address that can be read")]
    Address {
        /// Whose it is.
        service: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A MySQL or PostgreSQL server does not let anybody in.
    #[error("the database of the existing {service} service cannot be had")]
    Sql {
        /// Whose it is.
        service: &'static str,
        /// Why.
        source: SqlStoreError,
    },
    /// A MongoDB server does not let anybody in.
    #[error("the database of the existing {service} service cannot be had")]
    Mongo {
        /// Whose it is.
        service: &'static str,
        /// Why.
        source: MongoStoreError,
    },
}

/// The existing system, read from MySQL, MongoDB and PostgreSQL.
pub struct Legacy(BTreeMap<Kind, Source>);

/// Where a kind is.
enum Source {
    Table(Arc<Tables>, ForeignTable),
    Collection(Arc<Documents>, &'static str),
}

/// `auths`, as the existing system makes it.
const ACCOUNTS: ForeignTable = ForeignTable {
    name: "auths",
    key: "id",
    columns: &[
        integer("id", "id"),
        text("username", "username"),
        text("password", "password"),
        text("profilePublicId", "profilePublicId"),
        text("email", "email"),
        text("country", "country"),
        text("profilePicture", "profilePicture"),
        text("emailVerificationToken", "emailVerificationToken"),
        integer("emailVerified", "emailVerified"),
        text("browserName", "browserName"),
        text("deviceType", "deviceType"),
        date("createdAt", "createdAt"),
        date("updatedAt", "updatedAt"),
    ],
};

/// `reviews`, whose columns the engine writes in small letters.
const REVIEWS: ForeignTable = ForeignTable {
    name: "reviews",
    key: "id",
    columns: &[
        integer("id", "id"),
        text("gigId", "gigid"),
        text("reviewerId", "reviewerid"),
        text("orderId", "orderid"),
        text("sellerId", "sellerid"),
        text("review", "review"),
        text("reviewerImage", "reviewerimage"),
        text("reviewerUsername", "reviewerusername"),
        text("country", "country"),
        text("reviewType", "reviewtype"),
        integer("rating", "rating"),
        date("createdAt", "createdat"),
    ],
};

const fn integer(told: &'static str, name: &'static str) -> ForeignColumn {
    ForeignColumn { told, name, of: ForeignType::Integer }
}

const fn text(told: &'static str, name: &'static str) -> ForeignColumn {
    ForeignColumn { told, name, of: ForeignType::Text }
}

const fn date(told: &'static str, name: &'static str) -> ForeignColumn {
    ForeignColumn { told, name, of: ForeignType::Date }
}

impl Legacy {
    /// Connects to the databases that are said.
    ///
    /// # Errors
    /// [`InvalidPlace`].
    pub async fn open(places: &Places) -> Result<Self, InvalidPlace> {
        let mut sources = BTreeMap::new();
        if let Some(tables) = tables("auth", places.auth.as_deref()).await? {
            sources.insert(Kind::Accounts, Source::Table(tables, ACCOUNTS));
        }
        if let Some(tables) = tables("review", places.review.as_deref()).await? {
            sources.insert(Kind::Reviews, Source::Table(tables, REVIEWS));
        }
        for (service, place, collections) in [
            ("users", &places.users, &[(Kind::Buyers, "Buyer"), (Kind::Sellers, "Seller")][..]),
            ("gig", &places.gig, &[(Kind::Gigs, "Gig")]),
            ("chat", &places.chat, &[(Kind::Conversations, "Conversation"), (Kind::Messages, "Message")]),
            ("order", &places.order, &[(Kind::Orders, "Order"), (Kind::Notifications, "OrderNotification")]),
        ] {
            let Some(documents) = documents(service, place.as_deref()).await? else { continue };
            sources.extend(
                collections.iter().map(|(kind, name)| (*kind, Source::Collection(Arc::clone(&documents), name))),
            );
        }
        Ok(Self(sources))
    }

    /// The kinds whose databases are said.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.0.keys().copied()
    }

    fn source(&self, kind: Kind) -> Result<&Source, OldSystemError> {
        self.0.get(&kind).ok_or_else(|| failed(kind)("nobody said where their database is"))
    }
}

async fn tables(service: &'static str, place: Option<&str>) -> Result<Option<Arc<Tables>>, InvalidPlace> {
    let Some(place) = place else { return Ok(None) };
    let config = SqlConfig::server(place).map_err(|error| InvalidPlace::Address { service, source: error.into() })?;
    let opened = Box::pin(Tables::open(config)).await;
    opened.map(|tables| Some(Arc::new(tables))).map_err(|source| InvalidPlace::Sql { service, source })
}

async fn documents(service: &'static str, place: Option<&str>) -> Result<Option<Arc<Documents>>, InvalidPlace> {
    let Some(place) = place else { return Ok(None) };
    let config = MongoConfig::server(place).map_err(|error| InvalidPlace::Address { service, source: error.into() })?;
    let opened = Box::pin(Documents::open(config)).await;
    opened.map(|documents| Some(Arc::new(documents))).map_err(|source| InvalidPlace::Mongo { service, source })
}

fn failed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(kind: Kind) -> impl Fn(E) -> OldSystemError {
    move |source| OldSystemError { kind, source: source.into() }
}

#[async_trait]
impl OldSystem for Legacy {
    async fn page(&self, kind: Kind, after: Option<&str>, limit: usize) -> Result<Vec<OldRow>, OldSystemError> {
        match self.source(kind)? {
            Source::Table(tables, table) => {
                let after = after.map(str::parse).transpose().map_err(failed::<std::num::ParseIntError>(kind))?;
                let rows = tables.page(*table, after, limit).await.map_err(failed(kind))?;
                Ok(rows.into_iter().map(|(id, fields)| OldRow { id: id.to_string(), fields }).collect())
            }
            Source::Collection(documents, name) => {
                let found = documents.page(name, after, limit).await.map_err(failed(kind))?;
                Ok(found.into_iter().map(|found| OldRow { id: found.id, fields: found.fields }).collect())
            }
        }
    }

    async fn count(&self, kind: Kind) -> Result<u64, OldSystemError> {
        match self.source(kind)? {
            Source::Table(tables, table) => {
                let count = tables.count(*table).await.map_err(failed(kind))?;
                Ok(u64::try_from(count).unwrap_or_default())
            }
            Source::Collection(documents, name) => documents.count(name).await.map_err(failed(kind)),
        }
    }

    async fn highest(&self, kind: Kind) -> Result<Option<i64>, OldSystemError> {
        match self.source(kind)? {
            Source::Table(tables, table) => tables.highest(*table).await.map_err(failed(kind)),
            // Their ids are no numbers.
            Source::Collection(..) => Ok(None),
        }
    }
}
