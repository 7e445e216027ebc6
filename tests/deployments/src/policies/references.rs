//! Whether what is named is there.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::manifests::{list, selects, text, title};
use crate::{Facts, Manifests};

/// What pods and doors name is there, and nothing is there twice.
pub(super) fn lead_somewhere(manifests: &Manifests, _: &Facts, told: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for object in &manifests.0 {
        let name = (text(&object["apiVersion"]), title(object));
        if !seen.insert(name) {
            told.push(format!("{} is there twice", title(object)));
        }
    }
    for workload in manifests.workloads() {
        let spec = &workload.template["spec"];
        let mut named: Vec<(&str, &Value)> = vec![("ServiceAccount", &spec["serviceAccountName"])];
        named.extend(list(&spec["volumes"]).iter().flat_map(|volume| {
            [
                ("ConfigMap", &volume["configMap"]["name"]),
                ("PersistentVolumeClaim", &volume["persistentVolumeClaim"]["claimName"]),
            ]
        }));
        let sources = workload.containers().iter().flat_map(|container| list(&container["envFrom"]));
        named.extend(sources.map(|source| ("ConfigMap", &source["configMapRef"]["name"])));
        if workload.object["kind"] == "StatefulSet" {
            named.push(("Service", &workload.object["spec"]["serviceName"]));
        }
        for (kind, name) in named.into_iter().filter(|(_, name)| !name.is_null()) {
            if manifests.named(kind, text(name)).is_none() {
                told.push(format!("{}: there is no {kind} {name}", title(workload.object)));
            }
        }
        let claims =
            list(&workload.object["spec"]["volumeClaimTemplates"]).iter().map(|claim| &claim["metadata"]["name"]);
        let volumes = list(&spec["volumes"]).iter().map(|volume| &volume["name"]);
        let known: Vec<&Value> = claims.chain(volumes).collect();
        for mount in workload.all_containers().flat_map(|container| list(&container["volumeMounts"])) {
            if !known.contains(&&mount["name"]) {
                told.push(format!("{}: there is no volume {}", title(workload.object), mount["name"]));
            }
        }
    }
}

/// Every selector finds something, and names ports that it has.
pub(super) fn selectors_match(manifests: &Manifests, _: &Facts, told: &mut Vec<String>) {
    for workload in manifests.workloads() {
        if !selects(&workload.object["spec"]["selector"], &workload.template["metadata"]["labels"]) {
            told.push(format!("{}: its selector misses its own pods", title(workload.object)));
        }
        let others = manifests.selected(&workload.object["spec"]["selector"]);
        if others.iter().any(|other| other.object != workload.object) {
            told.push(format!("{}: its selector finds pods of another", title(workload.object)));
        }
    }
    for service in manifests.of("Service") {
        let pods = manifests.selected(&service["spec"]["selector"]);
        if pods.is_empty() || service["spec"]["selector"].is_null() {
            told.push(format!("{}: selects nothing", title(service)));
        }
        for port in list(&service["spec"]["ports"]) {
            if pods.iter().any(|pod| pod.port(&port["targetPort"]).is_none()) {
                told.push(format!("{}: its pods have no port {}", title(service), port["targetPort"]));
            }
        }
    }
    for budget in manifests.of("PodDisruptionBudget") {
        if manifests.selected(&budget["spec"]["selector"]).len() != 1 {
            told.push(format!("{}: is not the budget of one thing", title(budget)));
        }
    }
    for policy in manifests.of("NetworkPolicy") {
        let pods = manifests.selected(&policy["spec"]["podSelector"]);
        if pods.is_empty() {
            told.push(format!("{}: selects nothing", title(policy)));
        }
        for port in list(&policy["spec"]["ingress"]).iter().flat_map(|rule| list(&rule["ports"])) {
            if !pods.iter().any(|pod| pod.port(&port["port"]).is_some()) {
                told.push(format!("{}: none of its pods has the port {}", title(policy), port["port"]));
            }
        }
        let rules = list(&policy["spec"]["ingress"]).iter().flat_map(|rule| list(&rule["from"]));
        let rules = rules.chain(list(&policy["spec"]["egress"]).iter().flat_map(|rule| list(&rule["to"])));
        for peer in rules.filter(|peer| peer["namespaceSelector"].is_null() && !peer["podSelector"].is_null()) {
            if manifests.selected(&peer["podSelector"]).is_empty() {
                told.push(format!("{}: nobody is {}", title(policy), peer["podSelector"]));
            }
        }
    }
    for monitor in manifests.of("ServiceMonitor") {
        let found: Vec<&Value> = manifests
            .of("Service")
            .filter(|service| selects(&monitor["spec"]["selector"], &service["metadata"]["labels"]))
            .collect();
        let has =
            |service: &Value, port: &Value| list(&service["spec"]["ports"]).iter().any(|one| one["name"] == *port);
        let mut ports = list(&monitor["spec"]["endpoints"]).iter().map(|endpoint| &endpoint["port"]);
        if found.is_empty() || !ports.all(|port| found.iter().all(|service| has(service, port))) {
            told.push(format!("{}: finds no such Service, or one without its port", title(monitor)));
        }
    }
}
