//! What can be told of each file, without anything that puts them together.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jobapp_deployments::{Manifests, policies, root};
use serde_json::Value;

use crate::good::facts;

fn kubernetes() -> PathBuf {
    root().join("examples/deployments/kubernetes")
}

/// Every file below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(below(&path)) } else { files.push(path) }
    }
    files
}

fn read(path: &Path) -> Manifests {
    let text = std::fs::read_to_string(path).unwrap();
    Manifests::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_file_is_part_of_something_and_everything_that_is_named_is_there() {
    for kustomization in below(&kubernetes()).into_iter().filter(|path| path.ends_with("kustomization.yaml")) {
        let folder = kustomization.parent().unwrap();
        let mut named = BTreeSet::new();
        for one in &read(&kustomization).0 {
            names(one, &mut named);
        }
        for name in &named {
            assert!(folder.join(name).exists(), "{} names {name}, which is not there", kustomization.display());
        }
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let is_known = path.is_dir() || name == "kustomization.yaml" || named.contains(&name);
            assert!(is_known, "{} does not name {name}", kustomization.display());
        }
    }
}

/// The files and folders that a kustomization names.
fn names(kustomization: &Value, named: &mut BTreeSet<String>) {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let of_maps = list(&kustomization["configMapGenerator"]);
    let of_maps = of_maps.iter().flat_map(|map| [list(&map["envs"]), list(&map["files"])].concat());
    let patches = list(&kustomization["patches"]).into_iter().map(|patch| patch["path"].clone());
    let plain = list(&kustomization["resources"]).into_iter().chain(list(&kustomization["configurations"]));
    named.extend(plain.chain(of_maps).chain(patches).filter_map(|name| name.as_str().map(str::to_owned)));
}

#[test]
fn no_file_has_a_secret_or_an_image_that_may_change() {
    let facts = facts();
    let yaml = below(&kubernetes()).into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    for path in yaml {
        let mut told = Vec::new();
        let manifests = read(&path);
        for (name, policy) in policies::ALL.iter().filter(|(name, _)| ["images", "secrets", "variables"].contains(name))
        {
            let mut breaches = Vec::new();
            policy(&manifests, &facts, &mut breaches);
            // Where the version of an image is not said, the kustomization says it.
            told.extend(
                breaches
                    .into_iter()
                    .filter(|breach| !breach.ends_with("has no tag"))
                    .map(|breach| format!("{name}: {breach}")),
            );
        }
        assert_eq!(told, Vec::<String>::new(), "{}", path.display());
    }
}

#[test]
fn every_setting_in_a_file_of_settings_is_one_that_programs_have() {
    let facts = facts();
    let mut seen = 0;
    for path in below(&kubernetes()).into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "env")) {
        for line in
            std::fs::read_to_string(&path).unwrap().lines().filter(|line| !line.starts_with('#') && !line.is_empty())
        {
            let (variable, _) = line.split_once('=').unwrap();
            assert!(facts.variables.contains_key(variable), "{}: no program reads {variable}", path.display());
            assert!(!facts.secret_variables.contains(variable), "{}: {variable} is a secret", path.display());
            seen += 1;
        }
    }
    assert!(seen > 0);
}
