//! Which images run.

use crate::manifests::{text, title};
use crate::{Facts, Manifests};

/// Every image has a version: ours that of the source, servers' the one that the tests run against.
pub(super) fn are_pinned_and_tried(manifests: &Manifests, facts: &Facts, told: &mut Vec<String>) {
    for workload in manifests.workloads() {
        for container in workload.all_containers() {
            let image = text(&container["image"]);
            let whose = title(workload.object);
            let (place, tag) = match image.rsplit_once(':') {
                Some((place, tag)) if !tag.contains('/') => (place, tag),
                _ => {
                    told.push(format!("{whose}: {image:?} has no tag"));
                    continue;
                }
            };
            let name = place.rsplit('/').next().unwrap_or_default();
            if tag == "latest" || tag == "stable" {
                told.push(format!("{whose}: {image} is another image tomorrow"));
            } else if name.starts_with("jobapp-") && tag != facts.version {
                told.push(format!("{whose}: {image}, and this is {}", facts.version));
            } else if let Some(tried) = facts.tried_images.get(place)
                && tried != image
            {
                told.push(format!("{whose}: {image}, and the tests run {tried}"));
            }
            if text(&container["imagePullPolicy"]) == "Always" {
                told.push(format!(
                    "{whose}: {image} is pulled at each start, so that a registry that is away keeps it from starting"
                ));
            }
        }
    }
}
