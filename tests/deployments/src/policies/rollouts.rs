//! How one version takes the place of another.

use crate::manifests::{text, title};
use crate::{Facts, Manifests};

/// The grace that is left when everything took as long as it may.
const MARGIN: u64 = 5;

/// A new pod is there before an old one goes, an old one serves until everybody has heard that it goes, and is not killed before it
/// is done.
pub(super) fn lose_nothing(manifests: &Manifests, facts: &Facts, told: &mut Vec<String>) {
    for workload in manifests.programs() {
        let (whose, spec) = (title(workload.object), &workload.object["spec"]);
        let rolling = &spec["strategy"]["rollingUpdate"];
        if rolling["maxUnavailable"] != 0 || rolling["maxSurge"].as_u64().is_none_or(|more| more == 0) {
            told.push(format!("{whose}: an old pod may go before a new one is there"));
        }
        if spec["progressDeadlineSeconds"].is_null() {
            told.push(format!("{whose}: a rollout that gets nowhere is not told"));
        }
        let mut sleeps =
            workload.containers().iter().filter_map(|one| one["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64());
        let Some(sleep) = sleeps.next().filter(|seconds| *seconds >= 5) else {
            told.push(format!("{whose}: is stopped while requests still come"));
            continue;
        };
        let grace = workload.template["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap_or(30);
        let needed = sleep + facts.stop.as_secs() + MARGIN;
        if grace < needed {
            told.push(format!("{whose}: is killed after {grace} s, and needs up to {needed}"));
        }
        let drains = super::settings::configs(manifests, &workload)
            .iter()
            .find_map(|config| text(config["data"].get("JOBAPP_DRAIN_SECONDS")?).parse::<u64>().ok());
        // A gateway keeps a connection for four seconds.
        if drains.is_none_or(|seconds| seconds < 6) {
            told.push(format!("{whose}: JOBAPP_DRAIN_SECONDS is less than a gateway keeps connections for"));
        }
    }
    for server in manifests.of("StatefulSet") {
        if server["spec"]["podManagementPolicy"] != "Parallel" {
            told.push(format!("{}: never comes back when all of its pods were down", title(server)));
        }
    }
}

/// Each program has a budget, and no budget blocks the drain of a node.
pub(super) fn budgets_let_go(manifests: &Manifests, _: &Facts, told: &mut Vec<String>) {
    for workload in manifests.programs() {
        let budgets = manifests.of("PodDisruptionBudget").filter(|budget| {
            manifests.selected(&budget["spec"]["selector"]).iter().any(|one| one.object == workload.object)
        });
        if budgets.count() != 1 {
            told.push(format!("{}: has not one budget", title(workload.object)));
        }
    }
    for budget in manifests.of("PodDisruptionBudget") {
        let spec = &budget["spec"];
        if spec["maxUnavailable"] != 1 || !spec["minAvailable"].is_null() {
            told.push(format!("{}: may block the drain of a node", title(budget)));
        }
        if spec["unhealthyPodEvictionPolicy"] != "AlwaysAllow" {
            told.push(format!("{}: a pod that is not well blocks the drain of its node", title(budget)));
        }
    }
}
