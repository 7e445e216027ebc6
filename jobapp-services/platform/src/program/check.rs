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
use crate::{Address, Bus, Mail, OpenError, Peers, Search, Store};

/// How long each server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server a program stands on, and a way to look whether it is there.
#[derive(Clone)]
pub struct Standing {
    what: String,
    place: String,
    look: Arc<dyn Fn() -> BoxFuture<'static, Result<(), OpenError>> + Send + Sync>,
}

impl Standing {
    /// Something at a place. `look` succeeds if it is there, and changes nothing.
    pub fn new<F>(
        what: impl Into<String>,
        place: impl Into<String>,
        look: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), OpenError>> + Send + 'static,
    {
        Self { what: what.into(), place: place.into(), look: Arc::new(move || Box::pin(look())) }
    }

    /// The store of a service.
    pub fn store(address: &Address) -> Self {
        let wanted = address.clone();
        Self::new("database", address.to_string(), move || {
            let address = wanted.clone();
            async move { Store::look(&address).await }
        })
    }

    /// What several processes share.
    pub fn peers(address: &Address) -> Self {
        let wanted = address.clone();
        Self::new("peers", address.to_string(), move || {
            let address = wanted.clone();
            async move {
                match Peers::open(&address)?.trouble().await {
                    Some(trouble) => Err(OpenError::away(trouble)),
                    None => Ok(()),
                }
            }
        })
    }

    /// Where mails go.
    pub fn mail(mail: &MailSettings) -> Self {
        let wanted = mail.clone();
        Self::new("mail", mail.address.to_string(), move || {
            let MailSettings { address, sender, .. } = wanted.clone();
            async move { Mail::look(&address, &sender).await }
        })
    }

    /// Where it is remembered which mails were sent.
    pub fn records(address: &Address) -> Self {
        match address.scheme() {
            "redis" | "rediss" => Self { what: "sent records".to_owned(), ..Self::peers(address) },
            _ => {
                let wanted = address.clone();
                Self::new("sent records", address.to_string(), move || {
                    let opened = Mail::records(&wanted, Arc::new(SystemClock)).map(drop);
                    async move { opened }
                })
            }
        }
    }

    /// A search index.
    pub fn search(address: &Address) -> Self {
        let wanted = address.clone();
        Self::new("search", address.to_string(), move || {
            let address = wanted.clone();
            async move { Search::look(&address) }
        })
    }

    /// Another service, by its health.
    pub fn service(name: &str, address: &str, health: &'static str) -> Self {
        let (wanted, name) = (address.to_owned(), name.to_owned());
        Self::new(format!("service {name}"), address, move || {
            let address = wanted.clone();
            async move {
                let service = over_network(&address).map_err(OpenError::of)?;
                let request = Request::get(health).body(Body::empty()).map_err(OpenError::of)?;
                let answer = service.oneshot(request).await.map_err(OpenError::away)?;
                match answer.status() {
                    status if status.is_success() => Ok(()),
                    status => Err(OpenError::away(format!("it answers {status}"))),
                }
            }
        })
    }

    fn bus(address: &Address) -> Self {
        let wanted = address.clone();
        Self::new("broker", address.to_string(), move || {
            let address = wanted.clone();
            async move {
                let bus = Bus::open(&address, None).await?;
                bus.close().await;
                Ok(())
            }
        })
    }

    async fn looked(self) -> (Self, Option<String>) {
        let found = match tokio::time::timeout(PATIENCE, (self.look)()).await {
            Ok(found) => found.err().map(|error| error_text(&error)),
            Err(_) => Some(format!("it does not answer within {} seconds", PATIENCE.as_secs())),
        };
        (self, found)
    }
}

/// Tries everything a start needs. Returns a line for each, and whether all is well.
pub(super) async fn check<P: Program>(base: &Base, program: &P) -> (Vec<String>, bool) {
    let port = Standing::new("address", base.listen.address.to_string(), {
        let address = base.listen.address;
        move || async move { listen(address).await.map(drop).map_err(OpenError::of) }
    });
    let mut standing = vec![port, Standing::bus(&base.bus)];
    if let Some(users) = &base.users {
        let base = base.clone();
        standing.push(Standing::new("media", users.media.to_string(), move || {
            let opened = media(&base).map(drop);
            async move { opened }
        }));
    }
    standing.extend(program.stands_on());
    let mut is_well = true;
    let mut lines = Vec::new();
    for (standing, wrong) in join_all(standing.into_iter().map(Standing::looked)).await {
        let Standing { what, place, .. } = standing;
        match wrong {
            None => lines.push(format!("ok     {what:<20} {place}")),
            Some(why) => {
                is_well = false;
                lines.push(format!("wrong  {what:<20} {place}: {why}"));
            }
        }
    }
    lines.push(if is_well { "It could start.".to_owned() } else { "It would wait, or refuse to start.".to_owned() });
    (lines, is_well)
}
