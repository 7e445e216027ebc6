//! The mailbox as a page for developers: `/_dev/mail`.

use std::io;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderMap};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jobapp_notifications::Template;
use jobapp_pages::{Allows, Entry, Menu, Page, Wanted, moment, wanted};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use crate::mailbox::{Listing, Mailbox, ReceivedMail};

/// How many mails are on one page.
const PAGE_SIZE: usize = 200;

const MENU: Menu = Menu::developer(Entry::Mail);

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
struct Asked {
    to: Option<String>,
    before: Option<String>,
}

async fn list(State(mailbox): State<Mailbox>, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let to = asked.to.as_deref().map(str::trim).filter(|to| !to.is_empty());
    let before = asked.before.as_deref().filter(|before| !before.is_empty());
    match mailbox.list(to, before, PAGE_SIZE).await {
        Ok(listing) if wants_json(&headers) => json(StatusCode::OK, &listing.mails),
        Ok(listing) => Page::new("Mailbox", MENU, mails(&listing, to)).into_response(),
        Err(error) => unreadable(&error, &headers),
    }
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
        Ok(Some(mail)) if wants_json(&headers) => json(StatusCode::OK, &Whole { html: &mail.html, mail: &mail }),
        Ok(Some(mail)) => Page::new(subject(&mail), MENU, whole(&mail)).allowing(Allows::Documents).into_response(),
        Ok(None) => failure(StatusCode::NOT_FOUND, "There is no such mail.", &headers),
        Err(error) => unreadable(&error, &headers),
    }
}

fn unreadable(error: &io::Error, headers: &HeaderMap) -> Response {
    tracing::error!(%error, "the mail folder cannot be read");
    failure(StatusCode::INTERNAL_SERVER_ERROR, "The mail folder cannot be read.", headers)
}

/// A page for people; JSON in the form of all errors for everybody else.
fn failure(status: StatusCode, message: &str, headers: &HeaderMap) -> Response {
    if wanted(headers) == Wanted::Page {
        let content = html! { p { (message) } p { a href="/_dev/mail" { "All mails" } } };
        return Page::new("Mailbox", MENU, content).status(status).into_response();
    }
    let body = serde_json::json!({
        "message": message, "statusCode": status.as_u16(), "status": "error", "comingFrom": "Mailbox router()",
    });
    json(status, &body)
}

/// Mails are private, so nobody keeps a copy.
fn json(status: StatusCode, body: &impl Serialize) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

fn wants_json(headers: &HeaderMap) -> bool {
    wanted(headers) == Wanted::Json
}

fn subject(mail: &ReceivedMail) -> &str {
    if mail.subject.is_empty() { "(no subject)" } else { &mail.subject }
}

/// What kind of mail it is, for people.
fn kind(template: &str) -> &str {
    match template.parse() {
        Ok(Template::VerifyEmail) => "confirmation of an address",
        Ok(Template::ForgotPassword) => "link for a new password",
        Ok(Template::ResetPasswordSuccess) => "password was changed",
        Ok(Template::OtpEmail) => "sign-in code",
        Ok(Template::Offer) => "offer to a buyer",
        Ok(Template::OrderPlaced) => "new order, to its seller",
        Ok(Template::OrderReceipt) => "receipt of an order",
        Ok(Template::OrderDelivered) => "delivered work",
        Ok(Template::OrderExtension) => "request for more time",
        Ok(Template::OrderExtensionApproval) => "answer to a request for more time",
        Err(_) => template,
    }
}

fn mails(listing: &Listing, to: Option<&str>) -> Markup {
    html! {
        p.soft { "Mails are not sent here but kept, newest first. Nobody outside gets any." }
        form.row method="get" action="/_dev/mail" {
            input type="search" name="to" value=(to.unwrap_or_default()) placeholder="Receiver, such as marta@example.org" aria-label="Receiver";
            button type="submit" { "Show" }
        }
        @for mail in &listing.mails {
            article {
                h2 { a href={ "/_dev/mail/" (mail.id) } { (subject(mail)) } }
                (about(mail))
                (essence(mail))
                details { summary { "Plain text" } pre { (mail.text) } }
            }
        }
        @if listing.mails.is_empty() {
            article { p { "No mails" @if let Some(to) = to { " to " (to) } " yet." } }
        }
        @if let Some(next) = &listing.next {
            p {
                @if let Some(to) = to {
                    a href={ "/_dev/mail?before=" (next) "&to=" (query_value(to)) } { "Older mails" }
                } @else {
                    a href={ "/_dev/mail?before=" (next) } { "Older mails" }
                }
            }
        }
    }
}

fn whole(mail: &ReceivedMail) -> Markup {
    html! {
        (about(mail))
        (essence(mail))
        iframe title="The mail as its receiver sees it" sandbox="allow-popups allow-popups-to-escape-sandbox" srcdoc=(mail.html) {}
        details { summary { "Plain text" } pre { (mail.text) } }
        p { a href="/_dev/mail" { "All mails" } }
    }
}

/// To whom, when and why.
fn about(mail: &ReceivedMail) -> Markup {
    html! {
        p.soft {
            "To " a href={ "/_dev/mail?to=" (query_value(&mail.to)) } { (mail.to) }
            @if let Some(date) = mail.date { " · " (moment(date)) }
            @if !mail.template.is_empty() { " · " (kind(&mail.template)) }
        }
    }
}

/// What most mails are opened for.
fn essence(mail: &ReceivedMail) -> Markup {
    html! {
        @if let Some(code) = &mail.code { code.code { (code) } }
        ul.plain {
            @for link in &mail.links { li { a href=(link) target="_blank" rel="noopener noreferrer" { (link) } } }
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
        for part in
            ["408152", "iria@example.org", "Choose a new JobApp password", "token=0a1b&amp;x=1", "1 January 1970"]
        {
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
            let (status, headers, html) = ask(&router, path, BROWSER).await;
            assert_eq!(status, StatusCode::NOT_FOUND);
            assert!(headers["content-type"].to_str().unwrap().starts_with("text/html"), "{html}");
            assert!(html.contains("There is no such mail.") && html.contains("href=\"/_dev/status\""), "{html}");
            for accept in ["application/json", "*/*"] {
                let (status, _, body) = ask(&router, path, accept).await;
                let body: Json = serde_json::from_str(&body).unwrap();
                assert_eq!((status, &body["statusCode"]), (StatusCode::NOT_FOUND, &serde_json::json!(404)));
                assert_eq!(body["message"], "There is no such mail.");
            }
        }
        let (status, _, html) = ask(&router, "/_dev/mail?to=%22%3E%3Cscript%3E", BROWSER).await;
        assert_eq!(status, StatusCode::OK);
        assert!(html.contains("No mails to &quot;&gt;&lt;script&gt; yet."), "{html}");
    }
}
