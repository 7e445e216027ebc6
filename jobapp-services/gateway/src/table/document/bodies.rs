//! What requests send.

use serde_json::{Map, Value, json};

use super::referred;
use crate::table::route::{Route, Sends};

/// States the rules of each body. Words and examples stay those of the services.
pub(super) fn state_rules(schemas: &mut Map<String, Value>) {
    for (name, mut rules) in jobapp_wire::request_bodies() {
        let Some(described) = schemas.get(name) else { continue };
        if let Some(example) = described.get("example") {
            rules["example"] = example.clone();
        }
        describe(&mut rules, described, schemas);
        schemas.insert(name.to_owned(), rules);
    }
}

/// Takes over the words for people from another schema of the same thing.
fn describe(rules: &mut Value, described: &Value, schemas: &Map<String, Value>) {
    if let Some(words) = described.get("description")
        && rules.get("description").is_none()
    {
        rules["description"] = words.clone();
    }
    if let Some(schema) = referred(described).and_then(|name| schemas.get(name)) {
        describe(rules, schema, schemas);
    }
    for part in ["allOf", "oneOf"].into_iter().flat_map(|key| described[key].as_array().into_iter().flatten()) {
        describe(rules, part, schemas);
    }
    // What may be blank is the first of several.
    let rules = if rules.get("anyOf").is_some() { &mut rules["anyOf"][0] } else { rules };
    if let (Some(rules), Some(described)) = (rules.get_mut("items"), described.get("items")) {
        describe(rules, described, schemas);
    }
    for (name, described) in described["properties"].as_object().into_iter().flatten() {
        if let Some(rules) = rules.get_mut("properties").and_then(|properties| properties.get_mut(name)) {
            describe(rules, described, schemas);
        }
    }
}

/// Says when the body may be left out, and that a route which picks keys of it takes others, too.
pub(super) fn finish(operation: &mut Value, route: &Route, schemas: &mut Map<String, Value>) {
    let content = &operation["requestBody"]["content"]["application/json"];
    let Some(schema) = referred(&content["schema"]).and_then(|name| schemas.get_mut(name)) else { return };
    if matches!(route.sends, Sends::Keys(_))
        && let Some(schema) = schema.as_object_mut()
    {
        schema.remove("additionalProperties");
    }
    let required = schema.get("required").is_some();
    operation["requestBody"]["required"] = json!(required);
}
