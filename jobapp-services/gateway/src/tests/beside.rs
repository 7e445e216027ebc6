//! What is beside the API: pages, files, health.

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::{get, post};

use super::{World, world};

/// With pages of somebody else's making.
async fn with_pages() -> World {
    let mut world = world().await;
    let pages = Router::new()
        .route("/media/{name}", get(async || (StatusCode::NOT_FOUND, "There is no such file.")))
        .route("/_dev/mail/{id}", get(async || "a mail"))
        .route("/_dev/confirm", post(async || "done"))
        .route("/cut", get(async || (StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, "bytes */3")])));
    world.door = world.gateway.door_with(&[], pages);
    world
}

const READ: [&str; 6] = ["/livez", "/gateway-health", "/openapi.json", "/docs/", "/_dev/mail/aB", "/"];

#[tokio::test]
async fn head_has_the_tag_of_get_and_both_are_304_for_who_has_it() {
    let world = with_pages().await;
    for path in READ {
        for accept in ["*/*", "application/json"] {
            let with = [("accept", accept)];
            let whole = world.send("GET", path, &with, None).await;
            let head = world.send("HEAD", path, &with, None).await;
            let tag = whole.header("etag");
            if path == "/gateway-health" && accept == "application/json" {
                // It tells how long each service took.
                assert_eq!((head.status, head.header("content-type")), (200, "application/json"));
                continue;
            }
            assert_eq!((whole.status, head.status), (200, 200), "{path}");
            assert!(tag.starts_with("W/\"") && !tag.starts_with("W/\"0-"), "{path}: {tag}");
            assert_eq!((head.header("etag"), &head.body), (tag, &"".into()), "{path}");
            assert_eq!(head.header("content-type"), whole.header("content-type"), "{path}");
            for method in ["GET", "HEAD"] {
                let again = world.send(method, path, &[("accept", accept), ("if-none-match", tag)], None).await;
                assert_eq!(
                    (again.status, again.header("etag"), &again.body),
                    (304, tag, &"".into()),
                    "{method} {path}"
                );
            }
        }
    }
}

#[tokio::test]
async fn neither_case_nor_a_slash_at_the_end_matter() {
    let world = with_pages().await;
    for (path, same) in [
        ("/livez", "/LIVEZ/?a=1"),
        ("/gateway-health", "/Gateway-Health/"),
        ("/gateway-health", "/GATEWAY-HEALTH"),
        ("/openapi.json", "/OpenAPI.json/"),
        ("/docs/", "/DOCS/"),
        ("/docs/swagger-ui.css", "/Docs/Swagger-UI.css"),
        ("/_dev/mail/aB", "/_DEV/Mail/aB/"),
    ] {
        let (usual, other) = (world.send("GET", path, &[], None).await, world.send("GET", same, &[], None).await);
        assert_eq!((other.status, usual.header("etag")), (200, other.header("etag")), "{same}");
    }
    assert_eq!(world.send("GET", "/readyz/", &[], None).await.status, 503, "starting");
    // Sockets connect with and without it.
    for path in ["/socket.io/", "/socket.io", "/SOCKET.IO"] {
        let answer = world.send("GET", &format!("{path}?EIO=4&transport=polling"), &[], None).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, "private, no-store"), "{path}");
    }
}

#[tokio::test]
async fn every_error_has_the_form_of_errors() {
    let world = with_pages().await;
    for (method, path, status, text) in [
        ("GET", "/nothing", 404, "The endpoint called does not exist."),
        ("GET", "/media/x.png", 404, "There is no such file."),
        ("GET", "/media/%ff", 404, "There is no such file."),
        ("GET", "/cut", 416, "Range Not Satisfiable"),
        ("DELETE", "/livez", 405, "This method is not possible here."),
        ("GET", "/_dev/confirm", 405, "This method is not possible here."),
        ("TRACE", "/", 405, "This method is not possible here."),
        ("TRACE", "/nothing", 405, "This method is not possible here."),
        ("BREW", "/gateway-health", 405, "This method is not possible here."),
        ("TRACE", "/socket.io/?EIO=4&transport=polling", 405, "This method is not possible here."),
        ("TRACE", "/api/gateway/v1/auth/signin", 405, "This method is not possible here."),
        ("PATCH", "/api/gateway/v1/auth/currentuser", 405, "This method is not possible here."),
        ("PROPFIND", "/api/gateway/v1/nothing", 405, "This method is not possible here."),
    ] {
        let answer = world.send(method, path, &[], None).await;
        assert_eq!(answer.error(status), text, "{method} {path}");
        assert_eq!(answer.headers.contains_key("allow"), status == 405, "{method} {path}");
        let head = if method == "GET" { world.send("HEAD", path, &[], None).await } else { continue };
        assert_eq!((head.status, &head.body), (status, &"".into()), "{path}");
    }
    assert_eq!(world.send("GET", "/cut", &[], None).await.header("content-range"), "bytes */3");
    assert_eq!(world.send("DELETE", "/livez", &[], None).await.header("allow"), "GET, HEAD, OPTIONS");
    let other = world.send("GET", "/api/gateway/v1/auth/signin", &[], None).await;
    assert_eq!(other.header("allow"), "POST, OPTIONS");
}

#[tokio::test]
async fn a_probe_is_answered_in_words() {
    let world = world().await;
    let starting = world.send("GET", "/readyz", &[], None).await;
    assert_eq!((starting.status, &starting.body), (503, &"starting".into()));
    assert_eq!((starting.header("cache-control"), starting.varies()), ("no-cache", "accept, origin".to_owned()));
}

#[tokio::test]
async fn who_asks_what_is_possible_is_told() {
    let world = with_pages().await;
    for (path, allowed) in [
        ("/livez", "GET, HEAD, OPTIONS"),
        ("/_dev/confirm", "POST, OPTIONS"),
        ("/api/gateway/v1/gig/66f0", "GET, HEAD, PUT, OPTIONS"),
    ] {
        let answer = world.send("OPTIONS", path, &[], None).await;
        assert_eq!((answer.status, answer.header("allow"), &answer.body), (204, allowed, &"".into()), "{path}");
    }
}
