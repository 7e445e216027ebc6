//! What programs are told.

use serde_json::Value;

use crate::manifests::{Workload, list, text, title};
use crate::{Facts, Manifests};

/// What a text looks like that should be in no file.
const SECRET_LOOKS: [&str; 5] = ["BEGIN PRIVATE", "BEGIN RSA", "sk_live_", "sk_test_", "requirepass "];

/// Secrets come from the secret that is made at the installation, and from nowhere else.
pub(super) fn no_secret_is_written_down(manifests: &Manifests, facts: &Facts, told: &mut Vec<String>) {
    for object in &manifests.0 {
        if object["kind"] == "Secret" {
            told.push(format!("{}: secrets are made at the installation", title(object)));
        }
        each_text(object, &mut |value| {
            if SECRET_LOOKS.iter().any(|look| value.contains(look)) || has_password(value) {
                told.push(format!("{}: a secret is written down in it", title(object)));
            }
        });
    }
    for config in manifests.of("ConfigMap") {
        let keys = config["data"].as_object().into_iter().flatten().map(|(key, _)| key);
        for key in keys.filter(|key| facts.secret_variables.contains(*key)) {
            told.push(format!("{}: {key} is a secret", title(config)));
        }
    }
    for workload in manifests.workloads() {
        for variable in workload.all_containers().flat_map(|container| list(&container["env"])) {
            let name = text(&variable["name"]);
            let is_secret = facts.secret_variables.contains(name) || name.contains("PASSWORD");
            if is_secret && variable["valueFrom"]["secretKeyRef"].is_null() {
                told.push(format!("{}: {name} is a secret", title(workload.object)));
            }
        }
    }
}

/// Whether a text has an address with a password.
fn has_password(value: &str) -> bool {
    let authority = value.split_once("://").map(|(_, rest)| rest.split(['/', '?', ' ']).next().unwrap_or_default());
    authority.and_then(|authority| authority.split_once('@')).is_some_and(|(user, _)| user.contains(':'))
}

fn each_text(value: &Value, look: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => look(text),
        Value::Array(list) => list.iter().for_each(|one| each_text(one, look)),
        Value::Object(fields) => fields.values().for_each(|one| each_text(one, look)),
        _ => {}
    }
}

/// Every variable that a program is told is one it reads.
pub(super) fn variables_exist(manifests: &Manifests, facts: &Facts, told: &mut Vec<String>) {
    for workload in manifests.programs() {
        let Some(service) = workload.service() else { continue };
        for variable in variables(&workload) {
            match facts.variables.get(variable) {
                None => told.push(format!("{}: no program reads {variable}", title(workload.object))),
                Some(users) if !users.contains(service) => {
                    told.push(format!("{}: jobapp-{service} does not read {variable}", title(workload.object)));
                }
                Some(_) => {}
            }
        }
        for config in configs(manifests, &workload) {
            for (key, _) in config["data"].as_object().into_iter().flatten() {
                if !facts.variables.contains_key(key) {
                    told.push(format!("{}: no program reads {key}", title(config)));
                }
            }
        }
    }
}

/// The variables that a workload's own containers are told one by one.
fn variables<'a>(workload: &Workload<'a>) -> impl Iterator<Item = &'a str> {
    workload.containers().iter().flat_map(|container| list(&container["env"])).map(|variable| text(&variable["name"]))
}

/// The maps whose keys are variables of a workload.
pub(super) fn configs<'a>(manifests: &'a Manifests, workload: &Workload<'_>) -> Vec<&'a Value> {
    let sources = workload.containers().iter().flat_map(|container| list(&container["envFrom"]));
    let names = sources.map(|source| text(&source["configMapRef"]["name"]));
    names.filter_map(|name| manifests.named("ConfigMap", name)).collect()
}

/// Every key of a secret that is asked for is one that is made.
pub(super) fn secret_keys_are_made(manifests: &Manifests, facts: &Facts, told: &mut Vec<String>) {
    let of_pods = manifests.workloads();
    let of_pods = of_pods.iter().flat_map(|workload| {
        let variables = workload.all_containers().flat_map(|container| list(&container["env"]));
        variables.map(|variable| (workload.object, &variable["valueFrom"]["secretKeyRef"]))
    });
    let of_scalers = manifests
        .of("TriggerAuthentication")
        .flat_map(|object| list(&object["spec"]["secretTargetRef"]).iter().map(move |one| (object, one)));
    for (whose, reference) in of_pods.chain(of_scalers).filter(|(_, reference)| !reference.is_null()) {
        let (name, key) = (text(&reference["name"]), text(&reference["key"]));
        if name != "jobber-backend-secret" || !facts.secret_keys.contains(key) {
            told.push(format!("{}: nobody makes {key} of {name}", title(whose)));
        }
    }
}
