//! A page for developers: the fake payments, each with what its bank may say.

use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, Method, StatusCode, header};
use jobapp_kernel::{Aggregate, ErrorKind, Kinded};
use jobapp_orders::{Intent, PaymentStatus, ProviderError};
use jobapp_pages::{Entry, Menu, Page, Wanted, dollars, moment, wanted};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use crate::FakePayments;
use crate::intent::{FakeIntent, FakeStatus};

/// How many payments are shown.
const SHOWN: usize = 200;

const MENU: Menu = Menu::developer(Entry::Payments);

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
        .route("/_dev/payments/{id}/{answer}", post(answer))
        .layer(from_fn(refuse_other_sites))
        .with_state(payments)
}

async fn list(State(payments): State<FakePayments>, headers: HeaderMap) -> Response {
    let intents = match payments.newest(SHOWN).await {
        Ok(intents) => intents,
        Err(error) => return failure(&error, &headers),
    };
    if wants_json(&headers) {
        let listed: Vec<ListedIntent> = intents.iter().map(ListedIntent::from).collect();
        return Json(serde_json::json!({ "payments": listed })).into_response();
    }
    Page::new("Payments", MENU, table(&intents)).into_response()
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
        _ => return refusal(StatusCode::NOT_FOUND, "A payment can be confirmed, declined or processed.", &headers),
    };
    let intent = match result {
        Ok(intent) => intent,
        Err(error) => return failure(&error, &headers),
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

/// Whether the caller is a program: one that asks for JSON, or sends it.
fn wants_json(headers: &HeaderMap) -> bool {
    let sends = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    wanted(headers) == Wanted::Json || sends.starts_with("application/json")
}

fn failure(error: &ProviderError, headers: &HeaderMap) -> Response {
    let status = match error.kind() {
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict | ErrorKind::Refused => StatusCode::CONFLICT,
        _ => {
            tracing::error!(%error, "the page of fake payments could not be answered");
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    refusal(status, &error.to_string(), headers)
}

/// A page for people; JSON in the form of all errors for everybody else.
fn refusal(status: StatusCode, message: &str, headers: &HeaderMap) -> Response {
    if wanted(headers) == Wanted::Page {
        let content = html! { p.bad { (message) } p { a href="/_dev/payments" { "All payments" } } };
        return Page::new("Payments", MENU, content).status(status).into_response();
    }
    let body = serde_json::json!({
        "message": message, "statusCode": status.as_u16(), "status": "error", "comingFrom": "FakePayments dev_page()",
    });
    (status, Json(body)).into_response()
}

/// A form on another site must not confirm a payment here: the browser says where a form comes from.
async fn refuse_other_sites(request: Request, next: Next) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD && !is_same_origin(request.headers()) {
        return refusal(StatusCode::FORBIDDEN, "Only this page may do that.", request.headers());
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

fn table(intents: &[FakeIntent]) -> Markup {
    html! {
        p.soft { "No money moves here. Answer as the buyer's bank would." }
        @if intents.is_empty() {
            article { p { "No payments yet. They appear when somebody checks out." } }
        } @else {
            table.cards-when-narrow {
                thead {
                    tr {
                        th scope="col" { "Payment" }
                        th scope="col" { "Made" }
                        th scope="col" { "By" }
                        th.number scope="col" { "Amount" }
                        th scope="col" { "State" }
                        th scope="col" { "The bank says" }
                    }
                }
                tbody { @for intent in intents { (row(intent)) } }
            }
        }
    }
}

fn row(intent: &FakeIntent) -> Markup {
    let id = intent.id().to_string();
    let (state, class) = state(intent);
    html! {
        tr {
            th scope="row" { code { (id) } }
            td data-label="Made" { (moment(intent.created_at())) }
            td data-label="By" { (intent.username()) }
            td.number data-label="Amount" { (dollars(intent.amount())) }
            td data-label="State" { span class=(class) { (state) } }
            td {
                @if matches!(intent.status(), FakeStatus::RequiresPaymentMethod | FakeStatus::Processing) {
                    div.actions {
                        (answer_form(&id, "confirm", "Yes", ""))
                        (answer_form(&id, "decline", "No", "second"))
                        @if intent.status() != FakeStatus::Processing {
                            (answer_form(&id, "process", "Later", "second"))
                        }
                    }
                }
            }
        }
    }
}

/// A button. Its label alone says too little to who hears it without the row.
fn answer_form(id: &str, answer: &str, label: &str, class: &str) -> Markup {
    html! {
        form.inline method="post" action={ "/_dev/payments/" (id) "/" (answer) } {
            button class=(class) aria-label={ (label) ": " (answer) " " (id) } { (label) }
        }
    }
}

/// How far a payment is, for people, and how it looks.
fn state(intent: &FakeIntent) -> (&'static str, &'static str) {
    match (intent.was_refunded(), intent.was_declined(), intent.status()) {
        (true, ..) => ("given back", "soft"),
        (_, true, FakeStatus::RequiresPaymentMethod) => ("declined, may be tried again", "bad"),
        (.., FakeStatus::RequiresPaymentMethod) => ("waits for the buyer", ""),
        (.., FakeStatus::Processing) => ("on its way", ""),
        (.., FakeStatus::Succeeded) => ("paid", "good"),
        (.., FakeStatus::Canceled) => ("cancelled", "soft"),
    }
}

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
}
