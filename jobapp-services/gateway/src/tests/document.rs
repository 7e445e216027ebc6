//! What the document says of every route.

use serde_json::{Value, json};
use utoipa::openapi::OpenApi;

use crate::openapi;
use crate::routes::{self, BASE_PATH};
use crate::table::document::braces;

/// A service's document with one operation, its body and its answer.
fn service(path: &str, method: &str, operation: &Value) -> OpenApi {
    serde_json::from_value(json!({
        "openapi": "3.1.0",
        "info": { "title": "A service", "version": "1" },
        "paths": { path: { method: operation } },
        "components": { "schemas": {
            "Answer": {
                "type": "object",
                "required": ["message", "user", "token"],
                "properties": {
                    "message": { "type": "string" }, "user": { "type": "string" }, "token": { "type": "string" },
                },
            },
            "ForgotPasswordBody": {
                "type": "object",
                "description": "Whose password.",
                "required": ["email"],
                "properties": { "email": { "type": "string", "description": "The account's address." } },
                "example": { "email": "anna@example.com" },
            },
            "BetweenServices": { "type": "object" },
        } },
    }))
    .unwrap()
}

fn answering(body: &str) -> Value {
    let reference =
        |name: &str| json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{name}") } } });
    let mut operation = json!({ "responses": { "200": { "description": "Well.", "content": reference("Answer") } } });
    if !body.is_empty() {
        operation["requestBody"] = json!({ "content": reference(body), "required": true });
    }
    operation
}

fn documented(services: &[OpenApi]) -> Value {
    openapi(&routes::all(), services)
}

/// The operation of a route.
fn operation<'d>(document: &'d Value, method: &str, path: &str) -> &'d Value {
    &document["paths"][format!("{BASE_PATH}{path}")][method]
}

#[test]
fn every_route_declares_the_parameters_of_its_path() {
    let document = documented(&[]);
    for route in routes::all() {
        let path = braces(route.path);
        let operation = operation(&document, &route.method.as_str().to_lowercase(), &path);
        let declared = operation["parameters"].as_array().cloned().unwrap_or_default();
        let names: Vec<&str> = route.path.split('/').filter_map(|part| part.strip_prefix(':')).collect();
        assert_eq!(declared.len(), names.len(), "{} {path}", route.method);
        for name in names {
            let is_it = |one: &Value| one["name"] == name && one["in"] == "path" && one["required"] == true;
            assert!(declared.iter().any(is_it), "{} {path}: {name}", route.method);
        }
    }
}

#[test]
fn every_route_tells_what_else_it_may_answer_and_whether_it_needs_a_session() {
    let document = documented(&[]);
    assert_eq!(document["security"], json!([{ "session": [] }]));
    assert_eq!(document["components"]["securitySchemes"]["session"]["in"], "cookie");
    for route in routes::all() {
        let operation = operation(&document, &route.method.as_str().to_lowercase(), &braces(route.path));
        let answers = &operation["responses"];
        let mut expected = vec![route.status, 400, 403, 404, 405, 429, 503];
        if route.private {
            expected.push(401);
        }
        if !matches!(route.sends, routes::Sends::Nothing | routes::Sends::Query) {
            expected.extend([408, 413, 415, 422]);
        }
        for status in expected {
            assert!(answers[status.to_string()].is_object(), "{} {}: {status}", route.method, route.path);
        }
        let public = operation.get("security") == Some(&json!([]));
        assert_eq!(public, !route.private, "{} {}", route.method, route.path);
    }
    for reference in ["Away", "TooOften", "TooLarge", "TooSlow", "UnknownCoding"] {
        let answer = &document["components"]["responses"][reference];
        assert_eq!(answer["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/ErrorBody");
    }
}

#[test]
fn an_answer_of_which_keys_are_left_out_is_documented_without_them() {
    let path = "/api/v1/auth/refresh-token/{username}";
    let document = documented(&[service(path, "get", &answering(""))]);
    let operation = operation(&document, "get", "/auth/refresh-token/{username}");
    let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
    assert_eq!(schema["required"], json!(["message", "user"]));
    assert!(schema["properties"].get("token").is_none(), "{schema}");
}

#[test]
fn a_body_has_the_rules_that_check_it_and_the_words_of_its_service() {
    let document = documented(&[service("/api/v1/auth/forgot-password", "put", &answering("ForgotPasswordBody"))]);
    let body = &document["components"]["schemas"]["ForgotPasswordBody"];
    assert_eq!(body["description"], "Whose password.");
    assert_eq!(body["example"], json!({ "email": "anna@example.com" }));
    let email = &body["properties"]["email"];
    assert_eq!((&email["description"], &email["minLength"]), (&json!("The account's address."), &json!(1)));
    assert!(email["pattern"].as_str().unwrap().contains('@'), "{email}");
    // The route picks its keys of what is sent.
    assert!(body.get("additionalProperties").is_none(), "{body}");
    assert_eq!(operation(&document, "put", "/auth/forgot-password")["requestBody"]["required"], true);
}

#[test]
fn what_no_route_mentions_is_left_out() {
    let document = documented(&[service("/api/v1/auth/forgot-password", "put", &answering("ForgotPasswordBody"))]);
    assert!(document["components"]["schemas"].get("BetweenServices").is_none());
}
