//! `/docs/` and `/openapi.json`: the API for people, to read and to try, and for programs.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use jobapp_http::ApiError;
use jobapp_pages::{Allows, Entry, Menu, Page};
use maud::html;
use parking_lot::RwLock;
use serde_json::Value;
use utoipa_swagger_ui::{Config, serve};

const DOCUMENT: &str = "/openapi.json";

/// The document of the API, which grows as services tell theirs. A clone is another handle.
#[derive(Clone, Default)]
pub(crate) struct Document(Arc<RwLock<Arc<Value>>>);

impl Document {
    /// From now on it is this.
    pub(crate) fn is(&self, document: Value) {
        *self.0.write() = Arc::new(document);
    }

    fn read(&self) -> Arc<Value> {
        Arc::clone(&self.0.read())
    }
}

#[derive(Clone)]
struct Reference {
    config: Arc<Config<'static>>,
    document: Document,
    developer_mode: bool,
}

/// The routes.
pub(crate) fn router(document: Document, developer_mode: bool) -> Router {
    // Calls go to this server with the cookies of whoever reads: signed in once, every call is made as that user.
    let config = Config::from(DOCUMENT)
        .with_credentials(true)
        .try_it_out_enabled(true)
        .display_request_duration(true)
        .doc_expansion("none")
        .default_models_expand_depth(-1)
        .filter(true)
        .use_base_layout();
    let reference = Reference { config: Arc::new(config), document, developer_mode };
    Router::new()
        .route("/docs", get(|| async { Redirect::to("/docs/") }))
        .route("/docs/", get(page))
        .route("/docs/{file}", get(file))
        .route(DOCUMENT, get(openapi))
        .with_state(reference)
}

async fn openapi(State(reference): State<Reference>) -> Response {
    Json(&*reference.document.read()).into_response()
}

async fn page(State(reference): State<Reference>) -> Response {
    let content = html! {
        p {
            "Bodies are filled in. Signing up, signing in, selling, publishing a gig and searching work as they are, in this \
             order; where a body names an id, put in one that you were answered. Run the call for signing up, or "
            a href="/sign_in" { "sign in" }
            ": from then on the calls on this page are made as you. "
            a href=(DOCUMENT) { "The same for programs" } "."
        }
        div #swagger-ui {}
    };
    Page::new(Entry::Reference.name(), Menu::of(reference.developer_mode, Some(Entry::Reference)), content)
        .allowing(Allows::ScriptsAndStyles)
        .style("/docs/swagger-ui.css")
        .script("/docs/swagger-ui-bundle.js")
        .script("/docs/swagger-ui-standalone-preset.js")
        .script("/docs/swagger-initializer.js")
        .into_response()
}

/// A file of the widget.
async fn file(State(reference): State<Reference>, Path(file): Path<String>) -> Response {
    let file = match serve(&file, Arc::clone(&reference.config)) {
        Ok(Some(file)) => file,
        Ok(None) => return ApiError::not_found("There is no such file.").at("API reference").into_response(),
        Err(error) => {
            tracing::error!(%error, "a file of the API reference cannot be made");
            return ApiError::unavailable("This file is not available.", 1).at("API reference").into_response();
        }
    };
    let mut headers = HeaderMap::new();
    if let Ok(kind) = HeaderValue::try_from(file.content_type) {
        headers.insert(CONTENT_TYPE, kind);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if file.gzpipped {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    (headers, file.bytes.into_owned()).into_response()
}
