//! The developer pages are for this machine: a page of another name that resolves to it gets nothing.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use jobapp_http::ApiError;

/// Puts the guard around the developer pages. Without it any web page a developer visits could have its own name resolve to
/// this machine (DNS rebinding) and read the mailbox: the browser would take both for one site. `public_url` is the other
/// name the pages may be asked by, and a name without a dot, such as that of a container: no site of the world has one, and a gateway
/// asks a service for its pages so.
pub fn guarded(pages: Router, public_url: &str) -> Router {
    let public_host = host_of(public_url.split_once("://").map_or(public_url, |(_, rest)| rest)).to_owned();
    pages.layer(from_fn_with_state(public_host, guard))
}

async fn guard(State(public_host): State<String>, request: Request, next: Next) -> Response {
    let named = request.headers().get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let host = host_of(named);
    if is_loopback(host) || is_of_this_network(host) || host.eq_ignore_ascii_case(&public_host) {
        return next.run(request).await;
    }
    ApiError::forbidden("The developer pages are asked for by the name localhost.")
        .at("developer pages")
        .into_response()
}

/// A host without its port.
fn host_of(authority: &str) -> &str {
    let authority = authority.split('/').next().unwrap_or_default();
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// Whether a host is a name that only a local network gives.
fn is_of_this_network(host: &str) -> bool {
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '-';
    host.starts_with(|first: char| first.is_ascii_alphabetic()) && host.chars().all(is_part)
}

/// Whether a host is this machine by any of its usual names.
pub fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether an address such as `http://localhost:4000` is this machine's.
pub fn is_loopback_url(url: &str) -> bool {
    is_loopback(host_of(url.split_once("://").map_or(url, |(_, rest)| rest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt;

    async fn status(host: &str) -> u16 {
        let pages = guarded(Router::new().route("/_dev/mail", get(|| async { "mails" })), "https://shop.example.org");
        let request = Request::get("/_dev/mail").header(HOST, host).body(Body::empty()).unwrap();
        pages.oneshot(request).await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn other_names_of_this_machine_get_nothing() {
        for host in [
            "localhost:4000",
            "127.0.0.1:4000",
            "[::1]:4000",
            "LOCALHOST",
            "shop.example.org",
            "jobber-notification:4002",
        ] {
            assert_eq!(status(host).await, 200, "{host}");
        }
        for host in
            ["evil.example:4000", "localhost.evil.example", "127.0.0.1.evil.example", "2130706434", "[fe80::1]", ""]
        {
            assert_eq!(status(host).await, 403, "{host}");
        }
    }
}
