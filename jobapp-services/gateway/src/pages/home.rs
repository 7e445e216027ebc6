//! `/`: a page of what is running for people, JSON for everybody else.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use http::{HeaderMap, Method};
use jobapp_http::ApiError;
use jobapp_kernel::Money;
use jobapp_pages::{Entry, Menu, Page, Wanted, dollars, wanted};
use jobapp_wire::gigs::GigDocument;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::health::HEALTHY;
use crate::calls::reading::read_bytes;
use crate::calls::upstreams::{Call, Passed, Upstreams};
use crate::table::route::Target;
use crate::table::routes::BASE_PATH;

/// How many gigs are shown.
const SHOWN: usize = 6;
/// How long the gigs found hold: many may come at once, and this page has no rate.
const FRESH: Duration = Duration::from_secs(5);

/// The gigs found lately.
type ShownGigs = Arc<Mutex<Option<(Instant, Arc<[GigDocument]>)>>>;

/// What the home page shows.
#[derive(Clone)]
pub(crate) struct Home {
    upstreams: Upstreams,
    public_url: Arc<str>,
    developer_mode: bool,
    demo: Option<DemoSource>,
    shown: ShownGigs,
}

impl Home {
    /// Of a gateway to these services that is reached here.
    pub(crate) fn new(upstreams: Upstreams, public_url: &str, developer_mode: bool, demo: Option<DemoSource>) -> Self {
        Self { upstreams, public_url: public_url.into(), developer_mode, demo, shown: ShownGigs::default() }
    }
}

/// Accounts to try the marketplace with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoPeople {
    /// Names of people who sell.
    pub sellers: Vec<String>,
    /// Names of people who buy.
    pub buyers: Vec<String>,
    /// The password of all of them.
    pub password: String,
}

/// Who knows whether there are such accounts. The home page asks, in developer mode.
#[derive(Clone)]
pub struct DemoSource(Arc<dyn Fn() -> BoxFuture<'static, Option<DemoPeople>> + Send + Sync>);

impl DemoSource {
    /// A source that is asked each time the page is shown.
    pub fn new(ask: impl Fn() -> BoxFuture<'static, Option<DemoPeople>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }
}

impl fmt::Debug for DemoSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DemoSource")
    }
}

/// `GET /`.
pub(crate) async fn home(State(home): State<Home>, headers: HeaderMap) -> Response {
    if wanted(&headers) != Wanted::Page {
        return Json(json!({
            "message": HEALTHY,
            "name": "jobapp",
            "version": env!("CARGO_PKG_VERSION"),
            "api": BASE_PATH,
            "docs": "/docs",
            "openapi": "/openapi.json",
        }))
        .into_response();
    }
    let (gigs, people) = futures::join!(gigs(&home), people(&home));
    let menu = Menu::of(home.developer_mode, Some(Entry::Home));
    Page::new("JobApp", menu, content(&home.public_url, menu, &gigs, people.as_ref())).into_response()
}

async fn people(home: &Home) -> Option<DemoPeople> {
    match &home.demo {
        Some(DemoSource(ask)) if home.developer_mode => ask().await,
        _ => None,
    }
}

/// Some gigs, as anybody finds them. Without the gig service there are none to show, and the page is there all the same.
async fn gigs(home: &Home) -> Arc<[GigDocument]> {
    let mut shown = home.shown.lock().await;
    if let Some((at, gigs)) = &*shown
        && at.elapsed() < FRESH
    {
        return Arc::clone(gigs);
    }
    let found: Arc<[GigDocument]> = find_gigs(&home.upstreams).await.into();
    *shown = Some((Instant::now(), Arc::clone(&found)));
    found
}

async fn find_gigs(upstreams: &Upstreams) -> Vec<GigDocument> {
    let call = Call {
        target: Target::Gig,
        method: Method::GET,
        path: format!("/search/0/{SHOWN}/forward"),
        bearer: None,
        body: None,
        passed: Passed::default(),
    };
    let answer = async {
        let response = upstreams.call(call).await?;
        let status = response.status();
        Ok::<_, ApiError>((status, read_bytes(response).await?))
    };
    let body = match answer.await {
        Ok((status, body)) if status.is_success() => body,
        Ok((status, _)) => {
            tracing::debug!(%status, "the home page found no gigs");
            return Vec::new();
        }
        Err(error) => {
            tracing::debug!(error = error.message(), "the home page found no gigs");
            return Vec::new();
        }
    };
    serde_json::from_slice::<FoundGigs>(&body).map_or_else(
        |error| {
            tracing::warn!(%error, "the home page found gigs it cannot read");
            Vec::new()
        },
        |found| found.gigs,
    )
}

/// What of a search is shown.
#[derive(Deserialize)]
struct FoundGigs {
    gigs: Vec<GigDocument>,
}

fn content(public_url: &str, menu: Menu, gigs: &[GigDocument], people: Option<&DemoPeople>) -> Markup {
    let mut services: Vec<&str> = Target::ALL.iter().map(|target| target.service()).collect();
    services.dedup();
    html! {
        p.ok { "The marketplace is running. Version " (env!("CARGO_PKG_VERSION")) "." }
        nav.cards aria-label="What is here" {
            @for entry in menu.entries().filter(|entry| *entry != Entry::Home) {
                a.tile href=(entry.path()) { b { (entry.name()) } span.soft { (about(entry)) } }
            }
        }
        @if let Some(people) = people { (introduction(people)) }
        h2 { "Some of its gigs" }
        @if gigs.is_empty() {
            p.soft { "There are none yet." }
        } @else {
            ul.cards { @for gig in gigs { (card(gig)) } }
        }
        h2 { "API" }
        p { code { (public_url.trim_end_matches('/')) (BASE_PATH) } }
        p.soft { "The same for programs: " a href="/openapi.json" { "OpenAPI" } "." }
        h2 { "Services in this gateway" }
        ul.tags { @for name in services { li { (name) } } li { "notification" } }
    }
}

const fn about(entry: Entry) -> &'static str {
    match entry {
        Entry::Home => "what is running",
        Entry::Reference => "every route, to read and to try",
        Entry::SignIn => "as somebody who has an account",
        Entry::Mail => "every mail the marketplace sent, with its links and codes",
        Entry::Payments => "confirm or decline a payment",
        Entry::Status => "what waits in outboxes and queues",
    }
}

/// Who can be tried.
fn introduction(people: &DemoPeople) -> Markup {
    let names = |names: &[String]| html! { ul.tags { @for name in names { li { (name) } } } };
    html! {
        h2 { "People to try it as" }
        section.card {
            p { "The password of all of them is " code { (people.password) } ". " a href="/sign_in" { "Sign in" } }
            p.soft { "A browser they have not used yet needs a code: it is in the " a href="/_dev/mail" { "mailbox" } "." }
            p.soft { "They sell:" }
            (names(&people.sellers))
            p.soft { "They buy:" }
            (names(&people.buyers))
        }
    }
}

fn card(gig: &GigDocument) -> Markup {
    html! {
        li.gig {
            @if let Some(picture) = own_picture(&gig.cover_image) { img src=(picture) alt="" loading="lazy"; }
            b { (gig.title) }
            span.soft { "by " (gig.username) " · " (gig.categories) }
            @if let Ok(price) = Money::from_decimal(gig.price) { span.price { (dollars(price)) } }
        }
    }
}

/// The path of a picture of ours, whatever name the server had when it was uploaded. Pictures elsewhere are not shown: a
/// visit of this page is nobody else's business.
fn own_picture(address: &str) -> Option<&str> {
    let path = match address.split_once("://") {
        Some((_, rest)) => &rest[rest.find('/')?..],
        None => address,
    };
    path.starts_with("/media/").then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_of_ours_are_shown() {
        let path = Some("/media/pictures/a.png");
        assert_eq!(own_picture("http://localhost:4000/media/pictures/a.png"), path);
        assert_eq!(own_picture("/media/pictures/a.png"), path);
        for elsewhere in ["https://img.example.org/a.png", "https://img.example.org", "", "//evil.example/media/a.png"]
        {
            assert_eq!(own_picture(elsewhere), None, "{elsewhere}");
        }
    }
}
