//! A page for developers: the fake payments, each with what its bank may say.

use std::fmt::Write;

use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, Method, StatusCode, header};
use jobapp_kernel::{Aggregate, ErrorKind, Kinded};
use jobapp_orders::{Intent, PaymentStatus, ProviderError};
use serde::{Deserialize, Serialize};

use crate::FakePayments;
use crate::intent::{FakeIntent, FakeStatus};

/// How many payments are shown.
const SHOWN: usize = 200;

/// A payment as the page's JSON shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedIntent {
    /// The id.
    pub id: String,
    /// In whole units.
    pub amount: f64,
    /// A user name.
    pub customer: String,
    /// Stripe's word, such as `requires_payment_method`.
    pub status: String,
    /// Whether it went back.
    pub refunded: bool,
    /// ISO.
    pub created_at: String,
}

impl From<&FakeIntent> for ListedIntent {
    fn from(intent: &FakeIntent) -> Self {
        Self {
            id: intent.id().to_string(),
            amount: intent.amount().to_decimal(),
            customer: intent.username().to_owned(),
            status: intent.status().name().to_owned(),
            refunded: intent.was_refunded(),
            created_at: intent.created_at().to_string(),
        }
    }
}

/// `GET /_dev/payments`, and `POST /_dev/payments/{id}/{confirm|decline|process}`: HTML for people, JSON for who asks for it.
///
/// Forms of other sites are refused. There is no sign-in: mount it where only developers come.
pub fn dev_page(payments: FakePayments) -> Router {
    Router::new()
        .route("/_dev/payments", get(list))
        .route("/_dev/payments/style.css", get(style))
        .route("/_dev/payments/{id}/{answer}", post(answer))
        .layer(from_fn(refuse_other_sites))
        .with_state(payments)
}

async fn list(State(payments): State<FakePayments>, headers: HeaderMap) -> Response {
    let intents = match payments.newest(SHOWN).await {
        Ok(intents) => intents,
        Err(error) => return failure(&error),
    };
    if wants_json(&headers) {
        let listed: Vec<ListedIntent> = intents.iter().map(ListedIntent::from).collect();
        return Json(serde_json::json!({ "payments": listed })).into_response();
    }
    (
        [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'",
            ),
            (header::CACHE_CONTROL, "no-store"),
        ],
        page(&intents),
    )
        .into_response()
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

async fn answer(
    State(payments): State<FakePayments>,
    Path((id, answer)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let result = match answer.as_str() {
        "confirm" => payments.confirm(&id).await,
        "decline" => payments.decline(&id).await,
        "process" => payments.process(&id).await,
        _ => return error_json(StatusCode::NOT_FOUND, "A payment can be confirmed, declined or processed."),
    };
    let intent = match result {
        Ok(intent) => intent,
        Err(error) => return failure(&error),
    };
    if wants_json(&headers) {
        return Json(told(&intent)).into_response();
    }
    (StatusCode::SEE_OTHER, [(header::LOCATION, "/_dev/payments")]).into_response()
}

fn told(intent: &Intent) -> serde_json::Value {
    let status = match intent.status {
        PaymentStatus::Open => FakeStatus::RequiresPaymentMethod,
        PaymentStatus::Processing => FakeStatus::Processing,
        PaymentStatus::Paid => FakeStatus::Succeeded,
        PaymentStatus::Cancelled => FakeStatus::Canceled,
    };
    serde_json::json!({ "id": intent.id, "amount": intent.amount.to_decimal(), "status": status.name() })
}

fn wants_json(headers: &HeaderMap) -> bool {
    [header::ACCEPT, header::CONTENT_TYPE].iter().any(|name| {
        headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|text| text.contains("application/json"))
    })
}

fn failure(error: &ProviderError) -> Response {
    let status = match error.kind() {
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict | ErrorKind::Refused => StatusCode::CONFLICT,
        _ => {
            tracing::error!(%error, "the page of fake payments could not be answered");
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    error_json(status, &error.to_string())
}

fn error_json(status: StatusCode, message: &str) -> Response {
    let body = serde_json::json!({
        "message": message, "statusCode": status.as_u16(), "status": "error", "comingFrom": "FakePayments dev_page()",
    });
    (status, Json(body)).into_response()
}

/// A form on another site must not confirm a payment here: the browser says where a form comes from.
async fn refuse_other_sites(request: Request, next: Next) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD && !is_same_origin(request.headers()) {
        return error_json(StatusCode::FORBIDDEN, "Only this page may do that.");
    }
    next.run(request).await
}

fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text("origin") else { return true };
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    text("host").is_some_and(|own| own.eq_ignore_ascii_case(host))
}

fn page(intents: &[FakeIntent]) -> String {
    let mut rows = String::new();
    for intent in intents {
        row(&mut rows, intent).expect("writing to a text cannot fail");
    }
    if intents.is_empty() {
        rows.push_str("<tr><td colspan=\"6\">No payments yet. They appear when somebody checks out.</td></tr>");
    }
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Payments</title>\
         <link rel=\"stylesheet\" href=\"/_dev/payments/style.css\"></head><body><h1>Payments</h1>\
         <p>No money moves here. Answer as the buyer's bank would.</p>\
         <table><thead><tr><th>Made</th><th>Payment</th><th>Customer</th><th>Amount</th><th>Status</th><th></th></tr></thead>\
         <tbody>{rows}</tbody></table></body></html>"
    )
}

fn row(rows: &mut String, intent: &FakeIntent) -> std::fmt::Result {
    let id = escape(&intent.id().to_string());
    let status = match (intent.was_refunded(), intent.was_declined()) {
        (true, _) => "refunded",
        (_, true) => "declined",
        _ => intent.status().name(),
    };
    write!(
        rows,
        "<tr><td>{}</td><td><code>{id}</code></td><td>{}</td><td class=\"amount\">{:.2}</td><td>{status}</td><td>",
        intent.created_at(),
        escape(intent.username()),
        intent.amount().to_decimal(),
    )?;
    if matches!(intent.status(), FakeStatus::RequiresPaymentMethod | FakeStatus::Processing) {
        for (answer, label) in [("confirm", "Confirm"), ("decline", "Decline"), ("process", "Processing")] {
            write!(
                rows,
                "<form method=\"post\" action=\"/_dev/payments/{id}/{answer}\"><button>{label}</button></form>"
            )?;
        }
    }
    rows.push_str("</td></tr>");
    Ok(())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

const STYLE: &str = "\
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #ddd; }
td.amount { text-align: right; font-variant-numeric: tabular-nums; }
form { display: inline; }
button { font: inherit; margin-right: .3rem; cursor: pointer; }
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_other_sites_are_told_from_our_own() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect::<HeaderMap>()
        };
        let host = ("host", "localhost:4000");
        assert!(is_same_origin(&headers(&[host])));
        assert!(is_same_origin(&headers(&[host, ("origin", "http://localhost:4000")])));
        assert!(is_same_origin(&headers(&[host, ("sec-fetch-site", "same-origin")])));
        assert!(!is_same_origin(&headers(&[host, ("origin", "http://evil.example")])));
        assert!(!is_same_origin(&headers(&[host, ("origin", "null")])));
        assert!(!is_same_origin(&headers(&[host, ("sec-fetch-site", "cross-site")])));
    }

    #[test]
    fn names_cannot_become_markup() {
        assert_eq!(escape("<b a=\"'&\">"), "&lt;b a=&quot;&#39;&amp;&quot;&gt;");
    }
}
