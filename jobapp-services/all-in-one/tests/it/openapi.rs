//! The OpenAPI document says what the marketplace does. `cargo xtask openapi` tries the whole of it; here stands what it once
//! said wrongly.

use serde_json::{Value, json};

use crate::harness::{shared, soon};

/// The document, once every service behind the gateway has told its part.
async fn document() -> Value {
    let browser = shared().browser();
    soon("every service tells what it answers", || async {
        let document = browser.send(browser.request("GET", "/openapi.json")).await.good();
        let parts =
            [("/auth/signin", "post"), ("/buyer/username", "get"), ("/gig/{gigId}", "get"), ("/message", "post")];
        let further = [("/order/{orderId}", "get"), ("/review", "post")];
        let is_told = |(path, method): &(&str, &str)| {
            let operation = &document["paths"][format!("/api/gateway/v1{path}")][method];
            operation["summary"].is_string() || operation["description"].is_string()
        };
        match parts.iter().chain(&further).find(|part| !is_told(part)) {
            Some(part) => Err(format!("nobody tells of {part:?}")),
            None => Ok(document),
        }
    })
    .await
}

fn operation<'d>(document: &'d Value, method: &str, path: &str) -> &'d Value {
    let operation = &document["paths"][format!("/api/gateway/v1{path}")][method];
    assert!(operation.is_object(), "{method} {path}");
    operation
}

/// The schema itself, wherever it stands.
fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    let name = schema["$ref"].as_str().map(|name| name.trim_start_matches('#'));
    name.map_or(schema, |pointer| document.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is not there")))
}

fn answer<'d>(document: &'d Value, operation: &'d Value, status: &str) -> &'d Value {
    resolved(document, &resolved(document, &operation["responses"][status])["content"]["application/json"]["schema"])
}

#[tokio::test]
async fn answers_require_only_what_they_send() {
    let document = document().await;
    let person = shared().person().await;
    let name = &person.username;
    for (template, path) in [
        ("/auth/refresh-token/{username}", format!("/auth/refresh-token/{name}")),
        ("/gig/category/{username}", format!("/gig/category/{name}")),
        ("/gig/top/{username}", format!("/gig/top/{name}")),
        ("/auth/currentuser", "/auth/currentuser".to_owned()),
        ("/auth/logged-in-user", "/auth/logged-in-user".to_owned()),
        ("/bff/home", "/bff/home".to_owned()),
        ("/buyer/username", "/buyer/username".to_owned()),
    ] {
        let sent = person.get(&path).await.good();
        let schema = answer(&document, operation(&document, "get", template), "200");
        let required = schema["required"].as_array().unwrap_or_else(|| panic!("{template}: {schema}"));
        assert!(!required.is_empty(), "{template}: {schema}");
        for key in required.iter().filter_map(Value::as_str) {
            assert!(sent.get(key).is_some(), "{template} requires {key}: {sent}");
        }
        for key in sent.as_object().unwrap().keys() {
            assert!(schema["properties"].get(key).is_some(), "{template} does not tell of {key}");
        }
    }
}

#[tokio::test]
async fn the_answer_to_a_message_is_told_as_it_is() {
    let document = document().await;
    let trade = shared().trade().await;
    let sent = trade.buyer.post("/message", trade.message(true, None, "Hello")).await.good();
    let schema = answer(&document, operation(&document, "post", "/message"), "200");
    for key in sent.as_object().unwrap().keys() {
        assert!(schema["properties"].get(key).is_some(), "{key} is sent and not told of: {schema}");
    }
}

#[tokio::test]
async fn every_body_has_a_schema_of_its_rules() {
    let document = document().await;
    let mut bodies = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(body) = operation.get("requestBody") else { continue };
            bodies += 1;
            let schema = resolved(&document, &body["content"]["application/json"]["schema"]);
            let properties = schema["properties"].as_object().unwrap_or_else(|| panic!("{method} {path}: {schema}"));
            assert!(!properties.is_empty(), "{method} {path}");
            assert_eq!(body["required"], schema.get("required").is_some(), "{method} {path}");
        }
    }
    assert!(bodies > 20, "{bodies}");
    let schemas = &document["components"]["schemas"];
    let review = &schemas["ReviewBody"]["properties"];
    assert_eq!(review["reviewType"]["enum"], json!(["buyer-review", "seller-review"]));
    assert_eq!(
        (&review["rating"]["anyOf"][0]["minimum"], &review["rating"]["anyOf"][0]["maximum"]),
        (&json!(1.0), &json!(5.0))
    );
    assert_eq!(schemas["MessageBody"]["additionalProperties"], false);
    // Prices are rounded to cents, and one is above 4.99 from here on.
    assert_eq!(schemas["GigContentBody"]["properties"]["price"]["anyOf"][0]["minimum"], 4.995);
    assert_eq!(schemas["SignUpBody"]["properties"]["password"]["minLength"], 8);
}

#[tokio::test]
async fn every_mention_in_the_document_leads_somewhere() {
    let document = document().await;
    let text = document.to_string();
    for mention in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(document.pointer(mention).is_some(), "{mention}");
    }
}
