//! Every overlay against the schemas and the policies.

use std::process::Command;

use jobapp_deployments::{Facts, Manifests, breaches, root};

use crate::{OVERLAYS, overlay, said, tools};

#[test]
fn every_overlay_keeps_every_policy_and_fits_the_schemas() {
    let tools = tools("lint");
    let facts = Facts::read(&root()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in OVERLAYS {
        let built = said(Command::new(tools.join("bin/kustomize")).arg("build").arg(overlay(name))).unwrap();
        let manifests = Manifests::parse(&built).unwrap();
        assert_eq!(breaches(&manifests, &facts), Vec::<String>::new(), "{name}");
        let file = folder.path().join(format!("{name}.yaml"));
        std::fs::write(&file, &built).unwrap();
        let place = tools.join("schemas/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json");
        let mut check = Command::new(tools.join("bin/kubeconform"));
        check.args(["-strict", "-summary", "-schema-location"]).arg(&place);
        let summary = said(check.arg(&file)).unwrap();
        assert!(
            summary.contains(&format!("Valid: {}, Invalid: 0, Errors: 0, Skipped: 0", manifests.0.len())),
            "{summary}"
        );
        println!("{name}: {} objects", manifests.0.len());
    }
}

#[test]
fn the_schemas_refuse_a_field_that_nobody_knows() {
    let tools = tools("lint");
    let folder = tempfile::tempdir().unwrap();
    let built = said(Command::new(tools.join("bin/kustomize")).arg("build").arg(overlay("minikube"))).unwrap();
    for (right, wrong) in
        [("minReadySeconds", "minReadySecond"), ("minReplicaCount", "minReplicas"), ("interval: 15s", "interwal: 15s")]
    {
        let file = folder.path().join("wrong.yaml");
        std::fs::write(&file, built.replacen(right, wrong, 1)).unwrap();
        let place = tools.join("schemas/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json");
        let mut check = Command::new(tools.join("bin/kubeconform"));
        let refused = said(check.args(["-strict", "-summary", "-schema-location"]).arg(&place).arg(&file)).unwrap_err();
        assert!(refused.to_string().contains("Invalid: 1"), "{refused}");
    }
}
