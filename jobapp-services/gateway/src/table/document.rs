//! The OpenAPI document of the gateway: each route of the table takes its operation from the service that answers it, its
//! body from the tables that check it, and what every route may answer from here.

mod answers;
mod bodies;
mod parameters;

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use super::route::{Answer, Page, Route, Sends};
use super::routes::BASE_PATH;

/// The name of the security scheme: the session's cookie.
const SESSION: &str = "session";

/// Merges the services' documents into the gateway's. A route whose handler is not documented gets a bare operation.
pub fn openapi<'r>(routes: impl IntoIterator<Item = &'r Route>, services: &[OpenApi]) -> Value {
    let services: Vec<Value> = services.iter().map(|service| json!(service)).collect();
    merged(routes, &services)
}

/// The same of documents as they are served.
pub(crate) fn merged<'r>(routes: impl IntoIterator<Item = &'r Route>, services: &[Value]) -> Value {
    let mut schemas = Map::new();
    for service in services {
        let own = service["components"]["schemas"].as_object().into_iter().flatten();
        for (name, schema) in own {
            let before = schemas.insert(name.clone(), schema.clone());
            if before.is_some_and(|before| fields(&before) != fields(schema)) {
                tracing::error!(
                    name,
                    "two services give different schemas one name: the API's document tells of one of them"
                );
            }
        }
    }
    bodies::state_rules(&mut schemas);
    let mut paths = Map::new();
    for route in routes {
        let operation = operation(route, services, &mut schemas);
        let path = format!("{BASE_PATH}{}", braces(route.path));
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[route.method.as_str().to_lowercase()] = operation;
    }
    keep_used(&paths, &mut schemas);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "JobApp",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A freelance marketplace. Sign up or sign in first: the session is a cookie.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": answers::common(),
            "securitySchemes": {
                SESSION: {
                    "type": "apiKey", "in": "cookie", "name": "session",
                    "description": "Set by signing up, signing in and entering a code, and renewed by `session.refresh`.",
                },
            },
        },
        "security": [{ SESSION: [] }],
    })
}

/// The names of what a schema has.
fn fields(schema: &Value) -> Vec<&str> {
    schema["properties"].as_object().into_iter().flat_map(|fields| fields.keys()).map(String::as_str).collect()
}

fn operation(route: &Route, services: &[Value], schemas: &mut Map<String, Value>) -> Value {
    let mut operation = match route.answer {
        Answer::Forward { target, path } => {
            let wanted = format!("{}{}", target.base(), braces(path));
            let documented = services.iter().find_map(|service| find(service, &wanted, route));
            let mut operation = documented.unwrap_or_else(|| json!({}));
            operation["tags"] = json!([target.service()]);
            operation
        }
        answer => json!({ "tags": ["gateway"], "summary": summary(answer) }),
    };
    // Ids must differ within the document, and one handler may serve two routes.
    operation["operationId"] = json!(format!("{} {}", route.method, route.path));
    parameters::declare(&mut operation, route);
    if matches!(route.sends, Sends::Whole(_) | Sends::Keys(_)) {
        bodies::finish(&mut operation, route, schemas);
    }
    answers::finish(&mut operation, route, schemas);
    if !route.private {
        operation["security"] = json!([]);
    }
    operation
}

/// What a route of the gateway's own does.
fn summary(answer: Answer) -> Option<&'static str> {
    match answer {
        Answer::Forward { .. } => None,
        Answer::SignOut => Some("Ends the session and clears its cookies."),
        Answer::Online => Some("Says that the caller is here."),
        Answer::Offline => Some("Says that the caller is gone."),
        Answer::Page(Page::Home) => Some(
            "The page after signing in: user, buyer, seller, sellers, categoryGigs, topGigs. What could not be had is \
             null and named in missing.",
        ),
        Answer::Page(Page::Gig) => Some(
            "The page of a gig: gig, seller, reviews, similarGigs. What could not be had is null and named in missing.",
        ),
        Answer::Page(Page::Order) => Some(
            "The page of an order: order, gig, seller, buyer, conversations. What could not be had is null and named \
             in missing.",
        ),
    }
}

fn find(service: &Value, path: &str, route: &Route) -> Option<Value> {
    let paths = &service["paths"];
    let item = paths.get(path).or_else(|| paths.get(format!("{path}/")))?;
    item.get(route.method.as_str().to_lowercase()).cloned()
}

/// `/gig/:gigId` as OpenAPI writes it: `/gig/{gigId}`.
pub(crate) fn braces(path: &str) -> String {
    let parts = path.split('/').map(|part| match part.strip_prefix(':') {
        Some(name) => format!("{{{name}}}"),
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The name of the schema a reference leads to.
fn referred(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/components/schemas/")
}

/// Leaves out the schemas no route mentions: those of answers and bodies between services.
fn keep_used(paths: &Map<String, Value>, schemas: &mut Map<String, Value>) {
    let mut used = vec!["ErrorBody".to_owned()];
    paths.values().for_each(|item| mentioned(item, &mut used));
    let mut seen = 0;
    while let Some(name) = used.get(seen).cloned() {
        seen += 1;
        if let Some(schema) = schemas.get(&name) {
            mentioned(schema, &mut used);
        }
    }
    schemas.retain(|name, _| used.contains(name));
}

fn mentioned(value: &Value, used: &mut Vec<String>) {
    if let Some(name) = referred(value)
        && !used.iter().any(|one| one == name)
    {
        used.push(name.to_owned());
    }
    match value {
        Value::Object(object) => object.values().for_each(|value| mentioned(value, used)),
        Value::Array(list) => list.iter().for_each(|value| mentioned(value, used)),
        _ => {}
    }
}
