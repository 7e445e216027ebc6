//! Who listens where, and who may call.

use serde_json::Value;

use super::settings::configs;
use crate::manifests::{list, selects, text, title};
use crate::{Facts, Manifests};

/// The setting that says where metrics are served.
const METRICS_PORT: &str = "JOBAPP_METRICS_PORT";

/// Programs listen where they say they do, and their Services are there, too.
pub(super) fn ports_agree(manifests: &Manifests, facts: &Facts, told: &mut Vec<String>) {
    let mut seen = std::collections::BTreeSet::new();
    for workload in manifests.programs() {
        let Some(service) = workload.service() else { continue };
        seen.insert(service);
        let Some(expected) = facts.ports.get(service) else {
            told.push(format!("{}: there is no program jobapp-{service}", title(workload.object)));
            continue;
        };
        if workload.port(&"http".into()) != Some(*expected) {
            told.push(format!("{}: jobapp-{service} listens on {expected}", title(workload.object)));
        }
        let said = configs(manifests, &workload).into_iter().find_map(|config| config["data"].get(METRICS_PORT));
        let said = said.and_then(|port| text(port).parse::<u64>().ok());
        if said.is_none() || workload.port(&"metrics".into()) != said {
            told.push(format!("{}: metrics are not where {METRICS_PORT} says", title(workload.object)));
        }
        let named = manifests.named("Service", workload.name());
        let Some(named) = named else {
            told.push(format!("{}: has no Service of its name", title(workload.object)));
            continue;
        };
        let port =
            |name: &str| list(&named["spec"]["ports"]).iter().find(|port| port["name"] == name)?["port"].as_u64();
        // Whichever of two colours is live has the name, too.
        if port("http") != Some(*expected)
            || (named["metadata"]["labels"]["app.kubernetes.io/component"] == "program" && port("metrics") != said)
        {
            told.push(format!("{}: its ports are not those of its pods", title(named)));
        }
    }
    for missing in facts.ports.keys().filter(|service| !seen.contains(service.as_str())) {
        told.push(format!("there is no jobapp-{missing}"));
    }
}

/// Every address inside the cluster that is written down leads to a port of a Service.
pub(super) fn addresses_lead_somewhere(manifests: &Manifests, _: &Facts, told: &mut Vec<String>) {
    let workloads = manifests.workloads();
    let variables = workloads.iter().flat_map(|workload| {
        let all = workload.all_containers().flat_map(|container| list(&container["env"]));
        all.map(|variable| (workload.object, text(&variable["value"])))
    });
    let probes = manifests.of("Probe").flat_map(|probe| {
        let targets = list(&probe["spec"]["targets"]["staticConfig"]["static"]).iter();
        targets.chain([&probe["spec"]["prober"]["url"]]).map(move |url| (probe, text(url)))
    });
    let scalers = manifests.of("ScaledObject").flat_map(|scaler| {
        list(&scaler["spec"]["triggers"]).iter().map(move |trigger| (scaler, text(&trigger["metadata"]["host"])))
    });
    for (whose, address) in variables.chain(probes).chain(scalers) {
        if address.contains("jobber-") || address.contains("jobapp-uptime") {
            let there = leads_somewhere(manifests, address);
            if !there {
                told.push(format!("{}: {address} leads nowhere", title(whose)));
            }
        }
    }
}

fn leads_somewhere(manifests: &Manifests, address: &str) -> bool {
    let authority = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    let Some((host, port)) = authority.rsplit_once(':') else { return false };
    let name = host.split('.').next().unwrap_or_default();
    let Some(service) = manifests.named("Service", name) else { return false };
    list(&service["spec"]["ports"]).iter().any(|known| known["port"].as_u64() == port.parse().ok())
}

/// Browsers' sockets come to the gateway by a rule of their own, whose Service sticks, and nothing depends on a default.
pub(super) fn sockets_have_their_way(manifests: &Manifests, facts: &Facts, told: &mut Vec<String>) {
    for ingress in manifests.of("Ingress") {
        let whose = title(ingress);
        if !ingress["spec"]["defaultBackend"].is_null() {
            told.push(format!("{whose}: depends on a default"));
        }
        if ingress["metadata"]["annotations"].to_string().contains("nginx.")
            || ingress["spec"]["ingressClassName"] == "nginx"
        {
            told.push(format!("{whose}: is for a controller that nobody maintains"));
        }
        let paths: Vec<&Value> =
            list(&ingress["spec"]["rules"]).iter().flat_map(|rule| list(&rule["http"]["paths"])).collect();
        for path in &paths {
            let backend = &path["backend"]["service"];
            let service = manifests.named("Service", text(&backend["name"]));
            let ports = service.map(|service| list(&service["spec"]["ports"])).unwrap_or_default();
            if !ports.iter().any(|port| port["name"] == backend["port"]["name"]) {
                told.push(format!("{whose}: {} leads nowhere", path["path"]));
            }
        }
        let sockets = paths.iter().find(|path| path["path"] == "/socket.io");
        let service = sockets.and_then(|path| manifests.named("Service", text(&path["backend"]["service"]["name"])));
        let Some(service) = service else {
            told.push(format!("{whose}: has no way for /socket.io"));
            continue;
        };
        let annotations = service["metadata"]["annotations"].to_string();
        let class = text(&ingress["spec"]["ingressClassName"]);
        let sticks = match class {
            "traefik" => annotations.contains("service.sticky.cookie\":\"true\""),
            "alb" => annotations.contains("stickiness.enabled=true"),
            _ => false,
        };
        if !sticks {
            told.push(format!("{whose}: browsers that poll do not come back to their gateway ({class:?})"));
        }
    }
    let gateway = facts.ports.get("gateway");
    let open = manifests.of("Service").filter(|service| {
        let kind = text(&service["spec"]["type"]);
        kind == "NodePort" || kind == "LoadBalancer"
    });
    told.extend(open.map(|service| format!("{}: is reached past the gateway at {gateway:?}", title(service))));
}

/// Nobody talks to anybody but by a policy, everybody looks up names, by both protocols and at any address, and each server lets
/// in whoever stands on it.
pub(super) fn nobody_talks_to_anybody(manifests: &Manifests, _: &Facts, told: &mut Vec<String>) {
    let is_of_all = |policy: &&Value| policy["spec"]["podSelector"].as_object().is_some_and(serde_json::Map::is_empty);
    let of_all: Vec<&Value> = manifests.of("NetworkPolicy").filter(is_of_all).collect();
    let denies = of_all.iter().any(|policy| {
        let types = list(&policy["spec"]["policyTypes"]);
        types.len() == 2 && list(&policy["spec"]["ingress"]).is_empty() && list(&policy["spec"]["egress"]).is_empty()
    });
    if !denies {
        told.push("everybody may talk to everybody".to_owned());
    }
    for protocol in ["UDP", "TCP"] {
        let looks_up = of_all.iter().flat_map(|policy| list(&policy["spec"]["egress"])).any(|rule| {
            rule["to"].is_null()
                && list(&rule["ports"]).iter().any(|one| one["port"] == 53 && one["protocol"] == protocol)
        });
        if !looks_up {
            told.push(format!("names cannot be looked up by {protocol} everywhere"));
        }
    }
    for workload in manifests.workloads() {
        let labels = &workload.template["metadata"]["labels"];
        let reached = manifests.of("NetworkPolicy").filter(|policy| {
            !is_of_all(policy)
                && selects(&policy["spec"]["podSelector"], labels)
                && !list(&policy["spec"]["ingress"]).is_empty()
        });
        if reached.count() == 0 {
            told.push(format!("{}: nobody may call it", title(workload.object)));
        }
    }
}
