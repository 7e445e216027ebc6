//! How many there are.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::manifests::{list, text, title};
use crate::{Facts, Manifests};

/// The queues whose mails are counted.
const MAILS: [&str; 2] = ["auth-email-queue", "order-email-queue"];

/// A service is scaled by one thing only, which is there; whoever is scaled says no number, and every other program is there twice.
pub(super) fn one_thing_scales_a_service(manifests: &Manifests, _: &Facts, told: &mut Vec<String>) {
    let mut scaled: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for scaler in manifests.of("HorizontalPodAutoscaler").chain(manifests.of("ScaledObject")) {
        let target = &scaler["spec"]["scaleTargetRef"];
        let kind = target["kind"].as_str().unwrap_or("Deployment");
        if kind != "Deployment" || manifests.named("Deployment", text(&target["name"])).is_none() {
            told.push(format!(
                "{}: scales {kind} {}, which is not there or must not be scaled",
                title(scaler),
                target["name"]
            ));
        }
        scaled.entry(text(&target["name"])).or_default().push(title(scaler));
    }
    for adviser in manifests.of("VerticalPodAutoscaler") {
        if manifests.named("Deployment", text(&adviser["spec"]["targetRef"]["name"])).is_none() {
            told.push(format!("{}: advises nobody", title(adviser)));
        }
        if adviser["spec"]["updatePolicy"]["updateMode"] != "Off" {
            told.push(format!("{}: does more than advise", title(adviser)));
        }
    }
    for (target, scalers) in &scaled {
        if scalers.len() > 1 {
            told.push(format!("{target} is scaled by {}", scalers.join(" and ")));
        }
    }
    for workload in manifests.programs() {
        let replicas = &workload.object["spec"]["replicas"];
        match scaled.contains_key(workload.name()) {
            true if !replicas.is_null() => {
                told.push(format!("{}: each apply undoes what its scaler decided", title(workload.object)));
            }
            false if replicas.as_u64().is_none_or(|count| count < 2) => {
                told.push(format!("{}: is there less than twice", title(workload.object)));
            }
            _ => {}
        }
    }
}

/// Gateways follow their load: 2 to 10, at 70 % of their processors and 80 % of their memory, and slowly back.
pub(super) fn gateways_follow_load(manifests: &Manifests, _: &Facts, told: &mut Vec<String>) {
    for gateway in manifests.programs().iter().filter(|workload| workload.service() == Some("gateway")) {
        let mut scalers = manifests.of("HorizontalPodAutoscaler");
        let Some(scaler) = scalers.find(|one| one["spec"]["scaleTargetRef"]["name"] == gateway.name()) else {
            told.push(format!("{}: does not follow its load", title(gateway.object)));
            continue;
        };
        let spec = &scaler["spec"];
        let at = |what: &str| {
            let of = list(&spec["metrics"]).iter().find(|metric| metric["resource"]["name"] == what)?;
            of["resource"]["target"]["averageUtilization"].as_u64()
        };
        if (spec["minReplicas"].as_u64(), spec["maxReplicas"].as_u64()) != (Some(2), Some(10)) {
            told.push(format!("{}: is not 2 to 10", title(scaler)));
        }
        if (at("cpu"), at("memory")) != (Some(70), Some(80)) {
            told.push(format!("{}: is not at 70 % and 80 %", title(scaler)));
        }
        if spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"].as_u64() < Some(60) {
            told.push(format!("{}: takes gateways away in haste", title(scaler)));
        }
    }
}

/// Who sends mails is counted by what waits in both queues and is being sent, goes to none, and is not taken away while it sends.
pub(super) fn mails_are_counted(manifests: &Manifests, facts: &Facts, told: &mut Vec<String>) {
    for sender in manifests.programs().iter().filter(|workload| workload.service() == Some("notification")) {
        let mut scalers = manifests.of("ScaledObject");
        let Some(scaler) = scalers.find(|one| one["spec"]["scaleTargetRef"]["name"] == sender.name()) else {
            told.push(format!("{}: nobody counts mails", title(sender.object)));
            continue;
        };
        check(manifests, scaler, told);
    }
    let of_mails = MAILS.iter().filter(|queue| !facts.queues.contains(**queue));
    told.extend(of_mails.map(|queue| format!("there is no queue {queue}")));
}

fn check(manifests: &Manifests, scaler: &Value, told: &mut Vec<String>) {
    let (whose, spec) = (title(scaler), &scaler["spec"]);
    let triggers = list(&spec["triggers"]);
    for queue in MAILS {
        if !triggers.iter().any(|trigger| trigger["metadata"]["queueName"] == queue) {
            told.push(format!("{whose}: does not count {queue}"));
        }
    }
    for trigger in triggers {
        let wanted = [
            ("protocol", "http"),
            ("mode", "QueueLength"),
            ("value", "5"),
            ("activationValue", "0"),
            ("excludeUnacknowledged", "false"),
        ];
        for (field, value) in wanted.iter().filter(|(field, value)| trigger["metadata"][*field] != *value) {
            told.push(format!("{whose}: {field} is not {value}"));
        }
        if !trigger["metadata"]["queueLength"].is_null() {
            told.push(format!("{whose}: queueLength is no more"));
        }
        let name = text(&trigger["authenticationRef"]["name"]);
        let apart = manifests.named("TriggerAuthentication", name).is_some_and(|found| {
            let given = list(&found["spec"]["secretTargetRef"]);
            ["username", "password"].iter().all(|one| given.iter().any(|target| target["parameter"] == *one))
        });
        if !apart {
            told.push(format!("{whose}: user and password are not told apart"));
        }
    }
    if spec["minReplicaCount"] != 0 {
        told.push(format!("{whose}: does not go to none"));
    }
    // Longer than the longest send, its tries included.
    if spec["cooldownPeriod"].as_u64() < Some(120) {
        told.push(format!("{whose}: may take away who sends"));
    }
    let down = &spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"];
    if down["stabilizationWindowSeconds"].as_u64() < Some(60) {
        told.push(format!("{whose}: takes senders away in haste"));
    }
    if spec["fallback"]["replicas"].as_u64().is_none_or(|count| count == 0) {
        told.push(format!("{whose}: nobody sends where the broker does not tell"));
    }
}
