//! What requests are answered.

use http::Method;
use serde_json::{Map, Value, json};

use super::referred;
use crate::table::route::{Answer, Page, Route, Sends};

/// Answers any route may give, by their status, with the name the document knows them by.
const COMMON: [(u16, &str, &str); 12] = [
    (304, "NotModified", "The caller has this answer: its tag was sent along."),
    (400, "BadRequest", "The request cannot be read, or breaks a rule."),
    (401, "SignInFirst", "No session: sign in first."),
    (403, "Forbidden", "It is somebody else's, or the page that asks is of an origin that is not allowed."),
    (404, "NotFound", "There is nothing of this name."),
    (405, "OtherMethod", "This method is not possible here; `Allow` says which are."),
    (408, "TooSlow", "The body did not arrive in time."),
    (409, "Conflict", "It is not possible as things stand, or is in use already."),
    (413, "TooLarge", "The body is too large."),
    (415, "UnknownCoding", "The body is compressed in a way nobody takes; `Accept-Encoding` says which are taken."),
    (422, "KeyReused", "The idempotency key came with another body before."),
    (429, "TooOften", "Too many requests; `Retry-After` says when to come again."),
];
/// 503 is apart: pages of the gateway's own and services give it alike.
const AWAY: (u16, &str, &str) =
    (503, "Away", "Something that is needed is away or busy; `Retry-After` says when to come again.");

/// The common answers, as components.
pub(super) fn common() -> Value {
    let answers = COMMON.iter().chain([&AWAY]).map(|&(status, name, words)| {
        let mut answer = json!({ "description": words });
        if status >= 400 {
            answer["content"] = error_content();
        }
        if matches!(status, 429 | 503) {
            answer["headers"] =
                json!({ "Retry-After": { "description": "Seconds.", "schema": { "type": "integer", "minimum": 0 } } });
        }
        (name.to_owned(), answer)
    });
    Value::Object(answers.collect())
}

fn error_content() -> Value {
    json!({ "application/json": { "schema": { "$ref": "#/components/schemas/ErrorBody" } } })
}

/// Whether a route may give this answer.
fn occurs(status: u16, route: &Route) -> bool {
    let has_body = matches!(route.sends, Sends::Whole(_) | Sends::Keys(_));
    match status {
        304 => route.method == Method::GET,
        401 => route.private,
        408 | 409 | 413 | 415 | 422 => has_body,
        _ => true,
    }
}

/// Gives the route's own status to its good answer, states what that one holds, and adds the common answers.
pub(super) fn finish(operation: &mut Value, route: &Route, schemas: &Map<String, Value>) {
    let mut responses = operation["responses"].as_object().cloned().unwrap_or_default();
    let own = responses.keys().find(|status| status.starts_with('2')).cloned();
    let good = own.and_then(|status| responses.remove(&status)).unwrap_or_else(|| of_the_gateway(route.answer));
    responses.insert(route.status.to_string(), picked(good, route, schemas));
    for &(status, name, _) in COMMON.iter().chain([&AWAY]).filter(|(status, ..)| occurs(*status, route)) {
        responses
            .entry(status.to_string())
            .or_insert_with(|| json!({ "$ref": format!("#/components/responses/{name}") }));
    }
    operation["responses"] = responses.into();
}

/// A good answer with the keys that the route lets through.
fn picked(mut answer: Value, route: &Route, schemas: &Map<String, Value>) -> Value {
    let Some(content) = answer.pointer_mut("/content/application~1json/schema") else { return answer };
    let Some(schema) = referred(content).and_then(|name| schemas.get(name)).filter(|_| !route.keys.is_empty()) else {
        return answer;
    };
    let mut schema = schema.clone();
    let is_kept = |name: &str| route.keys.contains(&name);
    if let Some(properties) = schema["properties"].as_object_mut() {
        properties.retain(|name, _| is_kept(name));
    }
    if let Some(required) = schema["required"].as_array_mut() {
        required.retain(|name| name.as_str().is_some_and(is_kept));
    }
    *content = schema;
    answer
}

/// The good answer of what the gateway answers itself.
fn of_the_gateway(answer: Answer) -> Value {
    let schema = match answer {
        Answer::SignOut => object(&[
            ("message", json!({ "type": "string", "description": "For people." })),
            ("user", json!({ "type": "object", "description": "Empty." })),
            (
                "sessionEnded",
                json!({
                    "type": "boolean", "description": "Whether there was a session that is now over everywhere.",
                }),
            ),
        ]),
        Answer::Page(Page::Home) => page(&[
            ("user", one("UserDocument")),
            ("buyer", one("BuyerDocument")),
            ("seller", one("SellerDocument")),
            ("sellers", list("SellerDocument")),
            ("categoryGigs", list("GigDocument")),
            ("topGigs", list("GigDocument")),
        ]),
        Answer::Page(Page::Gig) => page(&[
            ("gig", one("GigDocument")),
            ("seller", one("SellerDocument")),
            ("reviews", list("ReviewDocument")),
            ("similarGigs", list("GigDocument")),
        ]),
        Answer::Page(Page::Order) => page(&[
            ("order", one("OrderDocument")),
            ("gig", one("GigDocument")),
            ("seller", one("SellerDocument")),
            ("buyer", one("BuyerDocument")),
            ("conversations", list("ConversationDocument")),
        ]),
        Answer::Online | Answer::Offline => {
            object(&[("message", json!({ "type": "string", "description": "For people." }))])
        }
        Answer::Forward { .. } => json!({}),
    };
    json!({ "description": "Done.", "content": { "application/json": { "schema": schema } } })
}

fn object(properties: &[(&str, Value)]) -> Value {
    let required: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> =
        properties.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

/// A page of parts. A part may be left out where what it follows from could not be had.
fn page(parts: &[(&str, Value)]) -> Value {
    let missing = object(&[
        ("part", json!({ "type": "string" })),
        ("statusCode", json!({ "type": "integer" })),
        ("message", json!({ "type": "string" })),
    ]);
    let mut page = object(&[
        ("message", json!({ "type": "string", "description": "For people." })),
        (
            "missing",
            json!({ "type": "array", "items": missing, "description": "The parts that could not be had, and why." }),
        ),
    ]);
    for (name, schema) in parts {
        page["properties"][*name] = schema.clone();
    }
    page
}

/// Such a document, or `null`.
fn one(name: &str) -> Value {
    json!({ "oneOf": [{ "$ref": format!("#/components/schemas/{name}") }, { "type": "null" }] })
}

/// A list of such documents, or `null`.
fn list(name: &str) -> Value {
    json!({ "type": ["array", "null"], "items": { "$ref": format!("#/components/schemas/{name}") } })
}
