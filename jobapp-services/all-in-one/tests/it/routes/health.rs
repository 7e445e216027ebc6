//! Health, the home page, and what is not there.

use serde_json::json;

use crate::harness::{IS_ONE_BINARY, shared, soon};

const HEALTHY: &str = "API Gateway service is healthy and OK.";

#[tokio::test]
async fn programs_and_people_learn_from_the_root_that_all_is_well() {
    let browser = shared().browser();
    let body = browser.send(browser.request("GET", "/")).await.says(HEALTHY);
    assert_eq!(body["api"], "/api/gateway/v1");

    let plain = reqwest::Client::new().get(browser.url("/")).header("accept", "text/html,*/*;q=0.8");
    let page = browser.send(plain).await;
    assert_eq!(page.status, 200, "{page}");
    assert!(page.header("content-type").starts_with("text/html"), "{page}");
    for part in ["JobApp", "/docs", "/openapi.json", "/_dev/mail", "/_dev/payments", "/_dev/status", "/api/gateway/v1"]
    {
        assert!(page.text().contains(part), "{part}: {page}");
    }
}

#[tokio::test]
async fn probes_read_the_text_they_know() {
    let browser = shared().browser();
    for method in ["GET", "HEAD"] {
        let plain = reqwest::Client::new().request(method.parse().unwrap(), browser.url("/gateway-health"));
        let answer = browser.send(plain).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, if method == "GET" { HEALTHY } else { "" }));
    }
}

#[tokio::test]
async fn who_asks_for_json_learns_how_each_service_is() {
    let browser = shared().browser();
    // The search index of a new marketplace takes a moment.
    let health = soon("all is well", || async {
        let health = browser.send(browser.request("GET", "/gateway-health")).await.says(HEALTHY);
        if health["status"] == "ok" { Ok(health) } else { Err(health.to_string()) }
    })
    .await;
    assert_eq!(health["ready"], true, "{health}");
    let parts: &[&str] = if IS_ONE_BINARY {
        &[
            "disk",
            "auth.db",
            "users.db",
            "gig.db",
            "chat.db",
            "order.db",
            "review.db",
            "payments.db",
            "bus.db",
            "search",
        ]
    } else {
        &["the message bus", "what processes share"]
    };
    for part in parts {
        assert_eq!(health["parts"][part], json!({ "status": "up" }), "{part}: {health}");
    }
    for service in ["auth", "users", "gig", "chat", "order", "review"] {
        assert_eq!(health["services"][service]["status"], "up", "{health}");
        assert_eq!(health["services"][service]["breaker"], "closed", "{health}");
    }
    let version = env!("CARGO_PKG_VERSION");
    for (path, told) in
        [("/livez", json!({ "status": "ok", "version": version })), ("/readyz", json!({ "status": "ready" }))]
    {
        assert_eq!(browser.send(browser.request("GET", path)).await.good(), told);
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found_outside_of_the_api() {
    let browser = shared().browser();
    for (method, path) in [
        ("GET", "/nothing"),
        ("GET", "/api/gateway/v2/gig/1"),
        ("GET", "/metrics"),
        ("POST", "/api"),
        ("GET", "/api/v1/auth/currentuser"),
    ] {
        let answer = browser.send(browser.request(method, path)).await;
        answer.refused_with(404, "The endpoint called does not exist.");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found_within_the_api_by_who_is_signed_in() {
    let (person, nobody) = (shared().person().await, shared().browser());
    for (method, path) in
        [("GET", "/nothing"), ("GET", ""), ("POST", "/order/create-payment-intent/more"), ("POST", "/gig")]
    {
        person.call(method, path, None).await.refused_with(404, "The endpoint called does not exist.");
        nobody.call(method, path, None).await.refused_with(401, "Token is not available. Please login again.");
    }
}

#[tokio::test]
async fn a_route_by_another_method_is_refused_with_those_it_has_whoever_asks() {
    let (person, nobody) = (shared().person().await, shared().browser());
    for (method, path, allowed) in [
        ("PATCH", "/auth/currentuser", "GET, HEAD, OPTIONS"),
        ("DELETE", "/buyer/username", "GET, HEAD, OPTIONS"),
        ("GET", "/auth/signup", "POST, OPTIONS"),
        ("TRACE", "/auth/signin", "POST, OPTIONS"),
        ("BREW", "/review", "POST, OPTIONS"),
    ] {
        for browser in [&person.browser, &nobody] {
            let answer = browser.call(method, path, None).await;
            answer.refused_with(405, "This method is not possible here.");
            assert_eq!(answer.header("allow"), allowed, "{method} {path}");
        }
    }
    for (method, path) in [("DELETE", "/livez"), ("POST", "/docs/"), ("TRACE", "/"), ("PUT", "/_dev/mail")] {
        let answer = nobody.send(nobody.request(method, path)).await;
        answer.refused_with(405, "This method is not possible here.");
        assert!(answer.header("allow").ends_with("OPTIONS"), "{answer}");
    }
}

#[tokio::test]
async fn what_is_beside_the_api_ignores_case_and_a_slash_at_the_end_and_answers_head_as_get() {
    let browser = shared().browser();
    for path in ["/livez", "/readyz", "/gateway-health", "/openapi.json", "/docs/", "/_dev/mail", "/_dev/payments"] {
        let whole = browser.send(browser.request("GET", path)).await;
        assert_eq!(whole.status, 200, "{path}");
        let head = browser.send(browser.request("HEAD", path)).await;
        assert_eq!((head.status, head.bytes.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-type"), whole.header("content-type"), "{path}");
        if path != "/_dev/payments" && path != "/_dev/mail" {
            let tag = whole.header("etag");
            assert_eq!(head.header("etag"), tag, "{path}");
            for method in ["GET", "HEAD"] {
                let again = browser.send(browser.request(method, path).header("if-none-match", tag)).await;
                assert_eq!((again.status, again.bytes.len()), (304, 0), "{method} {path}");
            }
        }
        let slashed = if path.ends_with('/') { path.to_owned() } else { format!("{path}/") };
        for other in [path.to_uppercase(), slashed] {
            assert_eq!(browser.send(browser.request("GET", &other)).await.status, 200, "{other}");
        }
    }
    for path in ["/media/nothing.png", "/_dev/mail/nothing", "/_dev/payments/a/b/c"] {
        browser.send(browser.request("GET", path)).await.refused(404);
    }
}

#[tokio::test]
async fn the_documentation_works_without_the_rest_of_the_world() {
    let browser = shared().browser();
    let document = browser.send(browser.request("GET", "/openapi.json")).await.good();
    let documented = document["paths"].as_object().unwrap();
    for route in jobapp_gateway_service::routes::all().iter().filter(|route| !route.seed) {
        let parts: Vec<String> = route
            .path
            .split('/')
            .map(|part| part.strip_prefix(':').map_or_else(|| part.to_owned(), |name| format!("{{{name}}}")))
            .collect();
        let path = format!("/api/gateway/v1{}", parts.join("/"));
        let operation = &documented[&path][route.method.as_str().to_lowercase()];
        assert!(operation["responses"][route.status.to_string()].is_object(), "{} {path}: {operation}", route.method);
    }

    let page = browser.send(browser.request("GET", "/docs/")).await;
    assert_eq!(page.status, 200, "{page}");
    let page = page.text();
    assert!(page.contains("swagger"), "{page}");
    for elsewhere in ["src=\"http", "href=\"http", "//cdn", "//unpkg"] {
        assert!(!page.contains(elsewhere), "{elsewhere}: {page}");
    }
    for asset in page.split('"').filter(|part| part.ends_with(".js") || part.ends_with(".css")) {
        let answer = browser.send(browser.request("GET", asset)).await;
        assert_eq!(answer.status, 200, "{answer}");
    }
}
