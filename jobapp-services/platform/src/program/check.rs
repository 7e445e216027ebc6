//! `--check`: whether the program could start, and what is in the way.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use futures::future::{BoxFuture, join_all};
use jobapp_http::over_network;
use jobapp_runtime::{SystemClock, error_text, listen};
use tower::ServiceExt;

use super::host::media;
use super::{Base, Program};
use crate::config::MailSettings;
use crate::{Address, Analytics, Bus, LogServer, Mail, OpenError, Peers, Search, Store};

/// How long each server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server a program stands on, and a look whether it is there.
pub struct Standing {
    what: String,
    place: String,
    look: BoxFuture<'static, Result<(), OpenError>>,
}

impl Standing {
    /// Something at a place. `look` succeeds if it is there, and changes nothing; nothing happens before it is polled.
    pub fn new(
        what: impl Into<String>,
        place: impl Into<String>,
        look: impl Future<Output = Result<(), OpenError>> + Send + 'static,
    ) -> Self {
        Self { what: what.into(), place: place.into(), look: Box::pin(look) }
    }

    /// The store of a service.
    pub fn store(address: &Address) -> Self {
        let wanted = address.clone();
        Self::new("database", address.to_string(), async move { Store::look(&wanted).await })
    }

    /// What several processes share.
    pub fn peers(address: &Address) -> Self {
        Self::redis("peers", address)
    }

    /// Where mails go.
    pub fn mail(mail: &MailSettings) -> Self {
        let MailSettings { address, sender, .. } = mail.clone();
        Self::new("mail", mail.address.to_string(), async move { Mail::look(&address, &sender).await })
    }

    /// Where it is remembered which mails were sent.
    pub fn records(address: &Address) -> Self {
        const WHAT: &str = "sent records";
        if matches!(address.scheme(), "redis" | "rediss") {
            return Self::redis(WHAT, address);
        }
        let wanted = address.clone();
        Self::new(WHAT, address.to_string(), async move { Mail::records(&wanted, Arc::new(SystemClock)).map(drop) })
    }

    fn redis(what: &str, address: &Address) -> Self {
        let wanted = address.clone();
        Self::new(what, address.to_string(), async move {
            match Peers::open(&wanted)?.trouble().await {
                Some(trouble) => Err(OpenError::away(trouble)),
                None => Ok(()),
            }
        })
    }

    /// A search index.
    pub fn search(address: &Address) -> Self {
        let wanted = address.clone();
        Self::new("search", address.to_string(), async move { Search::look(&wanted).await })
    }

    /// The analytics of reviews.
    pub fn analytics(address: &Address) -> Self {
        let wanted = address.clone();
        Self::new("analytics", address.to_string(), async move { Analytics::look(&wanted).await })
    }

    /// Another service, by its health.
    pub fn service(name: &str, address: &str, health: &'static str) -> Self {
        let wanted = address.to_owned();
        Self::new(format!("service {name}"), address, async move {
            let service = over_network(&wanted).map_err(OpenError::of)?;
            let request = Request::get(health).body(Body::empty()).map_err(OpenError::of)?;
            let answer = service.oneshot(request).await.map_err(OpenError::away)?;
            match answer.status() {
                status if status.is_success() => Ok(()),
                status => Err(OpenError::away(format!("it answers {status}"))),
            }
        })
    }

    fn log_server(address: &Address) -> Self {
        let wanted = address.clone();
        Self::new("log server", address.to_string(), async move { LogServer::look(&wanted).await })
    }

    fn bus(address: &Address) -> Self {
        let wanted = address.clone();
        Self::new("broker", address.to_string(), async move {
            let bus = Bus::open(&wanted, None).await?;
            bus.close().await;
            Ok(())
        })
    }

    /// The line that tells of it, and whether it is there.
    async fn looked(self) -> (String, bool) {
        let Self { what, place, look } = self;
        let wrong = match tokio::time::timeout(PATIENCE, look).await {
            Ok(Ok(())) => return (format!("ok     {what:<20} {place}"), true),
            Ok(Err(error)) => error_text(&error),
            Err(_) => format!("it does not answer within {} seconds", PATIENCE.as_secs()),
        };
        (format!("wrong  {what:<20} {place}: {wrong}"), false)
    }
}

/// Tries everything a start needs. Returns a line for each, and whether all is well.
pub(super) async fn check<P: Program>(base: &Base, program: &P) -> (Vec<String>, bool) {
    let address = base.listen.address;
    let port =
        Standing::new(
            "address",
            address.to_string(),
            async move { listen(address).await.map(drop).map_err(OpenError::of) },
        );
    let mut standing = vec![port, Standing::bus(&base.bus)];
    if let Some(users) = &base.users {
        let base = base.clone();
        standing.push(Standing::new("media", users.media.to_string(), async move {
            match media(&base)? {
                Some(media) => media.look().await,
                None => Ok(()),
            }
        }));
    }
    standing.extend(base.log.server.as_ref().map(Standing::log_server));
    standing.extend(program.stands_on());
    let (mut lines, found): (Vec<String>, Vec<bool>) =
        join_all(standing.into_iter().map(Standing::looked)).await.into_iter().unzip();
    let is_well = found.into_iter().all(|is_there| is_there);
    lines.push(if is_well { "It could start.".to_owned() } else { "It would wait, or refuse to start.".to_owned() });
    (lines, is_well)
}
