//! `/`: a page of what is running for people, JSON for everybody else.

use axum::Json;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, header};
use serde_json::json;

use crate::Gateway;
use crate::routes::{BASE_PATH, Target};

/// The text load balancers know.
pub(crate) const HEALTHY: &str = "API Gateway service is healthy and OK.";

/// `GET /`.
pub(crate) async fn home(State(gateway): State<Gateway>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accept.contains("text/html") {
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
    let mut services: Vec<&str> = Target::ALL.iter().map(|target| target.service()).collect();
    services.dedup();
    let list: String = services.iter().map(|name| format!("<li>{name}</li>")).collect();
    let developer = if gateway.config().developer_mode {
        r#"<a href="/_dev/mail"><b>Mailbox</b><span>every mail the marketplace sent, with its links and codes</span></a>
<a href="/_dev/payments"><b>Payments</b><span>confirm or decline a payment</span></a>
<a href="/_dev/status"><b>Status</b><span>what waits in outboxes and queues</span></a>"#
    } else {
        ""
    };
    let page = format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>JobApp</title><style>{STYLE}</style></head>
<body><main><h1>JobApp</h1><p class="ok">The marketplace is running. Version {version}.</p>
<nav><a href="/docs"><b>API reference</b><span>every route, to read and to try</span></a>
<a href="/openapi.json"><b>OpenAPI</b><span>the same for programs</span></a>
{developer}</nav>
<h2>API</h2><p><code>{public}{BASE_PATH}</code></p>
<h2>Services in this gateway</h2><ul>{list}<li>notification</li></ul></main></body></html>"#,
        version = env!("CARGO_PKG_VERSION"),
        public = escape(gateway.config().public_url.trim_end_matches('/')),
    );
    Html(page).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

const STYLE: &str = "
:root{color-scheme:light dark;--line:#8884;--accent:#0a7d5a}
body{font:16px/1.5 system-ui,sans-serif;margin:0;padding:3rem 1rem}
main{max-width:42rem;margin:auto}h1{font-size:2.4rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}
.ok::before{content:'';display:inline-block;width:.7em;height:.7em;border-radius:50%;background:var(--accent);margin-right:.5em}
nav{display:grid;grid-template-columns:repeat(auto-fit,minmax(16rem,1fr));gap:.8rem;margin-top:2rem}
nav a{border:1px solid var(--line);border-radius:.6rem;padding:1rem;text-decoration:none;color:inherit}
nav a:hover{border-color:var(--accent)}nav b{display:block;color:var(--accent)}nav span{opacity:.75;font-size:.9rem}
code{background:#8882;padding:.2em .4em;border-radius:.3em}ul{display:flex;flex-wrap:wrap;gap:.5rem;list-style:none;padding:0}
li{border:1px solid var(--line);border-radius:2rem;padding:.1rem .8rem}";
