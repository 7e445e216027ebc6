//! What stands in paths.

use serde_json::{Value, json};

use crate::table::route::Route;

/// Declares every parameter of the path. Headers between the services are none of the client's.
pub(super) fn declare(operation: &mut Value, route: &Route) {
    let documented = operation["parameters"].as_array().cloned().unwrap_or_default();
    let mut parameters: Vec<Value> = documented.into_iter().filter(|parameter| parameter["in"] != "header").collect();
    for name in route.path.split('/').filter_map(|part| part.strip_prefix(':')) {
        if !parameters.iter().any(|parameter| parameter["in"] == "path" && parameter["name"] == name) {
            parameters.push(json!({
                "name": name, "in": "path", "required": true, "description": about(name), "schema": { "type": "string" },
            }));
        }
    }
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
}

/// What a parameter of a route of the gateway's own is.
fn about(name: &str) -> &'static str {
    match name {
        "gigId" => "The gig.",
        "orderId" => "The public number.",
        "username" => "The caller's own name, in any case.",
        _ => "",
    }
}
