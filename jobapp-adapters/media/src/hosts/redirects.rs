//! Sending readers on to the host.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, LOCATION};
use http::{Method, StatusCode};

use super::{GOOD_FOR, Host};
use crate::links::MediaLinks;
use crate::serve::{ALWAYS, bad_link, not_allowed, not_found, preflight, unreadable};
use crate::{names, types};

/// How long the address of a picture at the host is good: it may be kept for a while.
const PICTURE_GOOD_FOR: Duration = Duration::from_secs(2 * 3600);
/// How long caches may keep where a picture is. What they keep is good for as long again.
const PICTURE_KEPT: HeaderValue = HeaderValue::from_static("public, max-age=3600");
const NEVER_KEPT: HeaderValue = HeaderValue::from_static("private, no-store");

#[derive(Debug, Clone)]
struct Gate {
    host: Arc<dyn Host>,
    links: MediaLinks,
}

/// The same addresses as those of a folder.
pub(super) fn router(host: Arc<dyn Host>, links: MediaLinks) -> Router {
    Router::new()
        .route("/media/{picture}", get(picture).options(preflight))
        .route("/media/{link}/{file}", get(unnamed).options(preflight))
        .route("/media/{link}/{name}/{file}", get(named).options(preflight))
        .method_not_allowed_fallback(not_allowed)
        .with_state(Gate { host, links })
}

async fn picture(State(gate): State<Gate>, method: Method, Path(name): Path<String>) -> Response {
    if names::extension_of_public(&name).is_none_or(|extension| !types::served(extension).inline) {
        return not_found();
    }
    match gate.host.pictures() {
        Some(before) => sent_on(&format!("{before}{name}"), PICTURE_KEPT),
        None => gate.send_on(&method, &name, "", PICTURE_GOOD_FOR, PICTURE_KEPT).await,
    }
}

async fn unnamed(gate: State<Gate>, method: Method, Path((link, file)): Path<(String, String)>) -> Response {
    private(gate, method, &link, "", &file).await
}

async fn named(
    gate: State<Gate>,
    method: Method,
    Path((link, shown, file)): Path<(String, String, String)>,
) -> Response {
    private(gate, method, &link, &shown, &file).await
}

async fn private(State(gate): State<Gate>, method: Method, link: &str, shown: &str, file: &str) -> Response {
    if names::extension_of_private(file).is_none() {
        return not_found();
    }
    if !gate.links.is_good(link, file, shown) {
        return bad_link();
    }
    gate.send_on(&method, file, shown, GOOD_FOR, NEVER_KEPT).await
}

impl Gate {
    async fn send_on(
        &self,
        method: &Method,
        name: &str,
        shown: &str,
        good_for: Duration,
        keeping: HeaderValue,
    ) -> Response {
        match self.host.reading(method, name, shown, good_for).await {
            Ok(address) => sent_on(&address, keeping),
            Err(error) => unreadable(&error),
        }
    }
}

fn sent_on(address: &str, keeping: HeaderValue) -> Response {
    let mut headers = HeaderMap::from_iter(ALWAYS);
    headers.insert(CACHE_CONTROL, keeping);
    match HeaderValue::from_str(address) {
        Ok(address) => headers.insert(LOCATION, address),
        Err(error) => return unreadable(&error),
    };
    (StatusCode::FOUND, headers).into_response()
}
