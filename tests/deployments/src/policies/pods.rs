//! How pods run.

use serde_json::Value;

use crate::manifests::{Workload, list, selects, text, title};
use crate::{Facts, Manifests};

/// Every container is looked after; a program's liveness asks nothing of what it stands on.
pub(super) fn are_probed(manifests: &Manifests, _: &Facts, told: &mut Vec<String>) {
    for workload in manifests.workloads() {
        let whose = title(workload.object);
        for container in workload.containers() {
            for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
                let handler = if container[probe]["httpGet"].is_null() { "tcpSocket" } else { "httpGet" };
                let port = &container[probe][handler]["port"];
                if port.is_null() {
                    told.push(format!("{whose}: no {probe}"));
                } else if workload.port(port).is_none() {
                    told.push(format!("{whose}: {probe} asks at {port}, which it has not"));
                }
            }
            if workload.service().is_some() {
                for (probe, path) in
                    [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")]
                {
                    if container[probe]["httpGet"]["path"] != path {
                        told.push(format!("{whose}: {probe} does not ask {path}"));
                    }
                }
                if container["readinessProbe"]["timeoutSeconds"].as_u64() < Some(6) {
                    told.push(format!(
                        "{whose}: looking after all parts may take five seconds, its readinessProbe gives less"
                    ));
                }
            }
        }
    }
}

/// Every container says what it needs, and what it may take at most.
pub(super) fn have_requests_and_limits(manifests: &Manifests, _: &Facts, told: &mut Vec<String>) {
    for workload in manifests.workloads() {
        let whose = title(workload.object);
        for container in workload.all_containers() {
            for (part, what) in [("requests", "cpu"), ("requests", "memory"), ("limits", "cpu"), ("limits", "memory")] {
                if container["resources"][part][what].is_null() {
                    told.push(format!("{whose}: no {part} of {what}"));
                }
            }
        }
        if let Some(container) = workload.containers().first().filter(|_| workload.service().is_some())
            && cores(&container["resources"]["limits"]["cpu"]) < 2.0
        {
            told.push(format!("{whose}: with less than two processors one thread does everything"));
        }
        for volume in list(&workload.template["spec"]["volumes"]) {
            if volume.get("emptyDir").is_some() && volume["emptyDir"]["sizeLimit"].is_null() {
                told.push(format!("{whose}: {} may fill the node's disk", text(&volume["name"])));
            }
        }
    }
}

fn cores(value: &Value) -> f64 {
    let said = value.as_f64().or_else(|| text(value).parse().ok());
    said.or_else(|| Some(text(value).strip_suffix('m')?.parse::<f64>().ok()? / 1000.0)).unwrap_or_default()
}

/// Pods need no more rights than Pod Security's `restricted` gives, and their root is not to be written.
pub(super) fn are_restricted(manifests: &Manifests, _: &Facts, told: &mut Vec<String>) {
    for workload in manifests.workloads() {
        let (whose, spec) = (title(workload.object), &workload.template["spec"]);
        let security = &spec["securityContext"];
        let mut must = |holds: bool, what: &str| {
            if !holds {
                told.push(format!("{whose}: {what}"));
            }
        };
        must(security["runAsNonRoot"] == true, "may run as root");
        must(security["runAsUser"].as_u64().is_some_and(|user| user > 0), "runs as whom the image says");
        must(security["seccompProfile"]["type"] == "RuntimeDefault", "may make any system call");
        must(spec["automountServiceAccountToken"] == false, "has a token of the cluster");
        must(spec["enableServiceLinks"] == false, "is told every Service as variables");
        for host in ["hostNetwork", "hostPID", "hostIPC"] {
            must(spec[host].is_null() || spec[host] == false, "shares something of the node");
        }
        must(!list(&spec["volumes"]).iter().any(|volume| volume.get("hostPath").is_some()), "writes to the node");
        for container in workload.all_containers() {
            let security = &container["securityContext"];
            must(security["allowPrivilegeEscalation"] == false, "may get further rights");
            must(security["readOnlyRootFilesystem"] == true, "may write its root");
            must(list(&security["capabilities"]["drop"]).contains(&"ALL".into()), "keeps capabilities");
            must(security["privileged"].is_null() || security["privileged"] == false, "is privileged");
            must(security["capabilities"]["add"].is_null(), "adds capabilities");
        }
        if workload.service().is_some() {
            must(writes_to_tmp(&workload), "has nowhere for uploads to wait");
        }
    }
    for namespace in manifests.of("Namespace") {
        if namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] != "restricted" {
            told.push(format!("{}: does not refuse other pods", title(namespace)));
        }
    }
}

fn writes_to_tmp(workload: &Workload<'_>) -> bool {
    let mounts = workload.containers().iter().flat_map(|container| list(&container["volumeMounts"]));
    let mut of_tmp = mounts.filter(|mount| mount["mountPath"] == "/tmp");
    of_tmp.any(|mount| {
        let volumes = list(&workload.template["spec"]["volumes"]);
        volumes.iter().any(|volume| volume["name"] == mount["name"] && volume.get("emptyDir").is_some())
    })
}

/// Pods of a program are spread over zones and nodes as far as it goes, without counting those of the version that goes.
pub(super) fn are_spread(manifests: &Manifests, _: &Facts, told: &mut Vec<String>) {
    for workload in manifests.programs() {
        let constraints = list(&workload.template["spec"]["topologySpreadConstraints"]);
        for key in ["topology.kubernetes.io/zone", "kubernetes.io/hostname"] {
            let found = constraints.iter().any(|one| {
                one["topologyKey"] == key
                    && one["whenUnsatisfiable"] == "ScheduleAnyway"
                    && list(&one["matchLabelKeys"]).contains(&"pod-template-hash".into())
                    && selects(&one["labelSelector"], &workload.template["metadata"]["labels"])
            });
            if !found {
                told.push(format!("{}: is not spread over {key}", title(workload.object)));
            }
        }
    }
}
