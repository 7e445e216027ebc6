//! What is beside the API: pages, files, sockets, health. Whoever made a page, `HEAD` is answered as `GET` is, and an error has
//! the form of every error.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use jobapp_http::ApiError;
use tower::ServiceExt;

use crate::table::methods::{allow, is_usual, other_method};

/// Where sockets connect.
const SOCKETS: &str = "/socket.io/";
/// Where the pages of developers are: they show what nobody else may see.
const DEVELOPERS: &str = "/_dev/";
/// The longest text of an error that is kept, in bytes.
const TEXT: usize = 1024;

/// Answers a request that is not below the base path.
pub(crate) async fn answer(pages: Router, mut request: Request) -> Result<Response, Infallible> {
    let method = request.method().clone();
    let path = request.uri().path();
    let (is_socket, is_developers) = (path.starts_with(SOCKETS), path.starts_with(DEVELOPERS));
    if is_socket && !is_usual(&method) {
        let allowed = allow(&[&Method::GET, &Method::POST]);
        return Ok(other_method(&method, allowed).unwrap_or_else(IntoResponse::into_response));
    }
    // A handshake begins something, so nothing but `GET` may do it.
    if method == Method::HEAD && !is_socket {
        *request.method_mut() = Method::GET;
        // Only `GET` is for parts (RFC 9110 §14.2).
        request.headers_mut().remove(RANGE);
    }
    let mut response = pages.oneshot(request).await?;
    if !is_socket {
        response = in_form(&method, response).await;
    }
    if (is_socket || is_developers) && !response.headers().contains_key(CACHE_CONTROL) {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    Ok(response)
}

/// An answer as it is, unless it is an error in bare words or none.
async fn in_form(method: &Method, response: Response) -> Response {
    let status = response.status();
    if status == StatusCode::NOT_FOUND && !is_usual(method) {
        return other_method(method, allow(&[])).unwrap_or_else(IntoResponse::into_response);
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let allowed = response.headers().get(ALLOW).map(spaced);
        let error = other_method(method, allowed.unwrap_or_else(|| allow(&[])));
        return with_error(response, error.unwrap_or_else(IntoResponse::into_response));
    }
    // A probe's 503 is an answer in words.
    let is_error = (status.is_client_error() || status.is_server_error()) && status != StatusCode::SERVICE_UNAVAILABLE;
    if !is_error || !is_bare(response.headers()) {
        return response;
    }
    let (head, body) = response.into_parts();
    let text = match Limited::new(body, TEXT).collect().await {
        Ok(text) => String::from_utf8_lossy(&text.to_bytes()).trim().to_owned(),
        Err(error) => {
            tracing::debug!(error, "the text of an error could not be read");
            String::new()
        }
    };
    let text =
        if text.is_empty() { status.canonical_reason().unwrap_or("The request failed.").to_owned() } else { text };
    let error = ApiError::new(status, text).at("Gateway: pages");
    with_error(Response::from_parts(head, Body::empty()), error.into_response())
}

/// Whether an answer has no form: plain text, or nothing.
fn is_bare(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"))
}

/// An error in the place of an answer, whose other headers stay.
fn with_error(answer: Response, error: Response) -> Response {
    let (mut head, _) = answer.into_parts();
    let (error, body) = error.into_parts();
    head.status = error.status;
    head.headers.remove(CONTENT_LENGTH);
    head.headers.extend(error.headers);
    Response::from_parts(head, body)
}

/// What a router allows, with `OPTIONS`, which is answered everywhere.
fn spaced(allowed: &HeaderValue) -> HeaderValue {
    let methods: Vec<&str> = allowed.to_str().unwrap_or_default().split(',').map(str::trim).collect();
    let all = methods.iter().copied().filter(|method| !method.is_empty() && *method != "OPTIONS").chain(["OPTIONS"]);
    HeaderValue::try_from(all.collect::<Vec<_>>().join(", ")).unwrap_or_else(|_| allowed.clone())
}
