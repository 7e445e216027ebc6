//! The mailbox as a page for developers: `/_dev/mail`.

use std::io;

use axum::extract::{Path, Query, State};
use axum::http::header::{self, HeaderMap, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use minijinja::{AutoEscape, Environment, Value, context};
use serde::{Deserialize, Serialize};

use crate::mailbox::{Mailbox, ReceivedMail};

const PAGE: &str = include_str!("../templates/dev_page.html");

/// How many mails are on one page.
const PAGE_SIZE: usize = 200;

/// No script, nothing from elsewhere. Mails are private, so nobody keeps a copy and no site a link leads to learns of the page.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

impl Mailbox {
    /// Serves the mailbox under `/_dev/mail` and each mail under `/_dev/mail/{id}`: as a page, or as JSON for whoever
    /// accepts `application/json` before HTML. `?to=` shows one receiver's mails, `?before=` those older than an id.
    ///
    /// Every one-time code and every link is in there: mount it only where whoever reaches it may know them.
    pub fn router(self) -> Router {
        Router::new().route("/_dev/mail", get(list)).route("/_dev/mail/{id}", get(read)).with_state(self)
    }
}

#[derive(Debug, Default, Deserialize)]
struct Wanted {
    to: Option<String>,
    before: Option<String>,
}

async fn list(State(mailbox): State<Mailbox>, Query(wanted): Query<Wanted>, headers: HeaderMap) -> Response {
    let to = wanted.to.as_deref().map(str::trim).filter(|to| !to.is_empty());
    let before = wanted.before.as_deref().filter(|before| !before.is_empty());
    let listing = match mailbox.list(to, before, PAGE_SIZE).await {
        Ok(listing) => listing,
        Err(error) => return unreadable(&error),
    };
    if wants_json(&headers) {
        return (HEADERS, Json(listing.mails)).into_response();
    }
    let mails: Vec<Value> = listing.mails.iter().map(value).collect();
    page(context! { mails, to, to_query => to.map(query_value), next => listing.next })
}

/// A mail with its HTML part, which lists leave out.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    mail: &'a ReceivedMail,
    html: &'a str,
}

async fn read(State(mailbox): State<Mailbox>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    match mailbox.find(&id).await {
        Ok(Some(mail)) if wants_json(&headers) => {
            (HEADERS, Json(Whole { html: &mail.html, mail: &mail })).into_response()
        }
        Ok(Some(mail)) => page(context! { mail => value(&mail) }),
        Ok(None) => (StatusCode::NOT_FOUND, HEADERS, "There is no such mail.").into_response(),
        Err(error) => unreadable(&error),
    }
}

fn unreadable(error: &io::Error) -> Response {
    tracing::error!(%error, "the mail folder cannot be read");
    (StatusCode::INTERNAL_SERVER_ERROR, HEADERS, "The mail folder cannot be read.").into_response()
}

/// Whether JSON is named before HTML: a browser names HTML first.
fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.split(',').map(str::trim).find_map(|kind| match kind.split(';').next().map(str::trim) {
        Some("application/json") => Some(true),
        Some("text/html") => Some(false),
        _ => None,
    }) == Some(true)
}

fn value(mail: &ReceivedMail) -> Value {
    let date = mail.date.map(|date| date.to_string().replace('T', " ").replace(".000Z", " UTC"));
    context! {
        id => mail.id.as_str(),
        to => mail.to.as_str(),
        to_query => query_value(&mail.to),
        subject => if mail.subject.is_empty() { "(no subject)" } else { mail.subject.as_str() },
        template => mail.template.as_str(),
        date => date.unwrap_or_default(),
        text => mail.text.as_str(),
        links => mail.links.clone(),
        code => mail.code.as_deref(),
        html => mail.html.as_str(),
    }
}

fn page(values: Value) -> Response {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    match environment.render_str(PAGE, values) {
        Ok(html) => (HEADERS, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "the page of the mailbox cannot be made");
            (StatusCode::INTERNAL_SERVER_ERROR, HEADERS, "The page cannot be made.").into_response()
        }
    }
}

/// A text as the value of a query, with every byte that could mean something there encoded.
fn query_value(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Brand, FolderMailer, Templates};
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use jobapp_kernel::Timestamp;
    use jobapp_notifications::{Mail, MailId, Mailer, Template};
    use serde_json::Value as Json;
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use tower::ServiceExt as _;

    const LINK: &str = "https://app.example.org/reset_password?token=0a1b&x=1";

    async fn a_mailbox(folder: &std::path::Path) -> Router {
        let brand = Brand { name: "JobApp".into(), link: "https://app.example.org".into() };
        let sender = "JobApp <no-reply@jobapp.example>".parse().unwrap();
        let mailer = FolderMailer::open(folder, Arc::new(Templates::new(brand)), sender).unwrap();
        for (millis, to, template, variables) in [
            (1, "marta+1@example.org", Template::OtpEmail, [("username", "<b>Marta</b>"), ("otp", "408152")]),
            (2, "iria@example.org", Template::ForgotPassword, [("username", "Iria"), ("resetLink", LINK)]),
        ] {
            let variables: BTreeMap<_, _> =
                variables.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
            let id = MailId { message: "1".into(), template, at: Timestamp::from_millis(millis).unwrap() };
            mailer.send(&id, &Mail { to: to.into(), template, variables }).await.unwrap();
        }
        mailer.mailbox().router()
    }

    async fn ask(router: &Router, path: &str, accept: &str) -> (StatusCode, HeaderMap, String) {
        let request = Request::get(path).header("accept", accept).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (parts.status, parts.headers, String::from_utf8(bytes.to_vec()).unwrap())
    }

    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    #[tokio::test]
    async fn the_list_shows_codes_and_links() {
        let folder = tempfile::tempdir().unwrap();
        let router = a_mailbox(folder.path()).await;
        let (status, headers, html) = ask(&router, "/_dev/mail", BROWSER).await;
        assert_eq!(status, StatusCode::OK);
        assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
        assert_eq!(headers["cache-control"], "no-store");
        for part in ["408152", "iria@example.org", "Choose a new JobApp password", "token=0a1b&amp;x=1"] {
            assert!(html.contains(part), "{part}: {html}");
        }
        for part in ["<script", "<b>Marta", "{{", "undefined"] {
            assert!(!html.contains(part), "{part}: {html}");
        }
    }

    #[tokio::test]
    async fn tests_read_the_list_as_json() {
        let folder = tempfile::tempdir().unwrap();
        let router = a_mailbox(folder.path()).await;
        let (_, _, body) = ask(&router, "/_dev/mail", "application/json").await;
        let mails: Json = serde_json::from_str(&body).unwrap();
        assert_eq!(mails[0]["to"], "iria@example.org");
        assert_eq!(mails[0]["links"][0], LINK);
        assert_eq!(mails[0]["template"], "forgotPassword");
        assert!(mails[0].get("code").is_none());
        assert_eq!(mails[1]["code"], "408152");
        assert_eq!(mails[1]["date"], "1970-01-01T00:00:00.000Z");
        assert!(mails[1]["text"].as_str().unwrap().contains("408152"));

        let (_, _, body) = ask(&router, "/_dev/mail?to=marta%2B1@example.org", "application/json").await;
        let mails: Json = serde_json::from_str(&body).unwrap();
        assert_eq!(mails.as_array().unwrap().len(), 1);
        assert_eq!(mails[0]["template"], "otpEmail");
    }

    #[tokio::test]
    async fn a_mail_is_shown_in_a_frame_that_runs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let router = a_mailbox(folder.path()).await;
        let (_, _, list) = ask(&router, "/_dev/mail?to=marta%2B1@example.org", "application/json").await;
        let id = serde_json::from_str::<Json>(&list).unwrap()[0]["id"].as_str().unwrap().to_owned();

        let (status, _, html) = ask(&router, &format!("/_dev/mail/{id}"), BROWSER).await;
        assert_eq!(status, StatusCode::OK);
        assert!(
            html.contains("sandbox=\"allow-popups allow-popups-to-escape-sandbox\" srcdoc=\"&lt;!doctype html&gt;")
        );
        assert!(html.contains("/_dev/mail?to=marta%2B1@example.org"), "{html}");

        let (_, _, body) = ask(&router, &format!("/_dev/mail/{id}"), "application/json").await;
        let mail: Json = serde_json::from_str(&body).unwrap();
        assert!(mail["html"].as_str().unwrap().contains("&lt;b&gt;Marta&lt;/b&gt;"));
        assert_eq!(mail["code"], "408152");
    }

    #[tokio::test]
    async fn a_mail_that_is_not_there_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let router = a_mailbox(folder.path()).await;
        for path in ["/_dev/mail/nothing", "/_dev/mail/..%2f..%2fetc%2fpasswd"] {
            assert_eq!(ask(&router, path, BROWSER).await.0, StatusCode::NOT_FOUND);
        }
        let (status, _, html) = ask(&router, "/_dev/mail?to=%22%3E%3Cscript%3E", BROWSER).await;
        assert_eq!(status, StatusCode::OK);
        assert!(html.contains("No mails to &quot;&gt;&lt;script&gt; yet."), "{html}");
    }
}
