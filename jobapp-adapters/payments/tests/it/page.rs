//! The developers' page.

use axum::body::Body;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use jobapp_payments::dev_page;
use serde_json::Value;
use tower::ServiceExt;

use super::*;

async fn ask(
    payments: &FakePayments,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> (http::response::Parts, String) {
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost:4000");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = dev_page(payments.clone()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (parts, String::from_utf8(bytes.to_vec()).unwrap())
}

const JSON: &[(&str, &str)] = &[("accept", "application/json")];

#[tokio::test]
async fn the_page_lists_payments_with_forms_and_no_script() {
    let payments = provider(&MemoryStore::new());
    let (_, empty) = ask(&payments, "GET", "/_dev/payments", &[]).await;
    assert!(empty.contains("No payments yet"));
    let customer = Customer { username: "<script>x</script>".into(), email: String::new() };
    let id = payments.create_intent(AMOUNT, &customer, "k").await.unwrap().id;
    let (parts, page) = ask(&payments, "GET", "/_dev/payments", &[("accept", "text/html")]).await;
    assert_eq!(parts.status, StatusCode::OK);
    let policy = parts.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
    assert!(page.contains(&format!("action=\"/_dev/payments/{id}/confirm\"")), "{page}");
    assert!(!page.contains("<script"), "names are not markup");
    assert!(!page.contains("_secret_"));
}

#[tokio::test]
async fn the_page_speaks_of_amounts_states_and_dates_as_people_do() {
    let payments = provider(&MemoryStore::new());
    let id = payments.create_intent(AMOUNT, &marta(), "k").await.unwrap().id;
    let page = async || ask(&payments, "GET", "/_dev/payments", &[("accept", "text/html")]).await.1;
    let text = page().await;
    for part in ["Marta", "$44.20", "waits for the buyer", " UTC</time>", "href=\"/_dev/mail\""] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for (answer, state) in [("decline", "declined, may be tried again"), ("process", "on its way"), ("confirm", "paid")]
    {
        ask(&payments, "POST", &format!("/_dev/payments/{id}/{answer}"), JSON).await;
        let text = page().await;
        assert!(text.contains(&format!(">{state}</span>")), "{state}: {text}");
        assert!(!text.contains("requires_payment_method") && !text.contains("succeeded"), "{text}");
    }
    payments.refund(&id, "r").await.unwrap();
    assert!(page().await.contains(">given back</span>"));
}

#[tokio::test]
async fn people_are_refused_on_a_page() {
    let payments = provider(&MemoryStore::new());
    let browser = [("accept", "text/html"), ("origin", "http://localhost:4000")];
    let (parts, page) = ask(&payments, "POST", "/_dev/payments/pi_unknown/confirm", &browser).await;
    assert_eq!(parts.status, StatusCode::NOT_FOUND);
    assert!(page.contains("<!DOCTYPE html>") && page.contains("href=\"/_dev/payments\""), "{page}");
}

#[tokio::test]
async fn a_form_confirms_and_leads_back_to_the_page() {
    let payments = provider(&MemoryStore::new());
    let id = payments.create_intent(AMOUNT, &marta(), "k").await.unwrap().id;
    let own = [("origin", "http://localhost:4000"), ("content-type", "application/x-www-form-urlencoded")];
    let (parts, _) = ask(&payments, "POST", &format!("/_dev/payments/{id}/confirm"), &own).await;
    assert_eq!(
        (parts.status, &parts.headers[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"/_dev/payments".parse().unwrap())
    );
    let (_, listed) = ask(&payments, "GET", "/_dev/payments", JSON).await;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["payments"][0]["status"], "succeeded");
    assert_eq!((&listed["payments"][0]["id"], &listed["payments"][0]["amount"]), (&id.into(), &44.2.into()));
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let payments = provider(&MemoryStore::new());
    let id = payments.create_intent(AMOUNT, &marta(), "k").await.unwrap().id;
    let path = format!("/_dev/payments/{id}/confirm");
    for foreign in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let (parts, _) = ask(&payments, "POST", &path, &[foreign]).await;
        assert_eq!(parts.status, StatusCode::FORBIDDEN);
    }
    let (_, listed) = ask(&payments, "GET", "/_dev/payments", JSON).await;
    assert!(listed.contains("requires_payment_method"));
}

#[tokio::test]
async fn programs_get_json() {
    let payments = provider(&MemoryStore::new());
    let id = payments.create_intent(AMOUNT, &marta(), "k").await.unwrap().id;
    for (answer, status) in [
        ("decline", "requires_payment_method"),
        ("process", "processing"),
        ("confirm", "succeeded"),
        ("confirm", "succeeded"),
    ] {
        let (parts, body) = ask(&payments, "POST", &format!("/_dev/payments/{id}/{answer}"), JSON).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((parts.status, body["status"].as_str()), (StatusCode::OK, Some(status)));
    }
    for (path, status) in [
        (format!("/_dev/payments/{id}/decline"), StatusCode::CONFLICT),
        (format!("/_dev/payments/{id}/steal"), StatusCode::NOT_FOUND),
        ("/_dev/payments/pi_unknown/confirm".to_owned(), StatusCode::NOT_FOUND),
    ] {
        let (parts, body) = ask(&payments, "POST", &path, JSON).await;
        assert_eq!(parts.status, status, "{path}");
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["status"], "error");
    }
}
