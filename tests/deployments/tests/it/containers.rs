//! What can be told of the files of images and of compose, without building anything.

use jobapp_deployments::{Facts, root};
use serde_json::Value;

use crate::good::facts;

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn composed(file: &str) -> Value {
    serde_saphyr::from_str(&text(&format!("examples/deployments/compose/{file}"))).unwrap()
}

/// What is wrong with a Dockerfile whose images are shipped.
fn wrong(dockerfile: &str, facts: &Facts) -> Vec<String> {
    let mut told = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            told.push(what.to_owned());
        }
    };
    let lines = || dockerfile.lines().map(str::trim);
    must(lines().any(|line| line.starts_with("USER 10001:10001")), "may run as root");
    must(!dockerfile.contains(":latest"), "is built on another image tomorrow");
    must(lines().any(|line| line.starts_with("ARG BASE=")), "its base cannot be chosen");
    for line in lines().filter(|line| line.starts_with("HEALTHCHECK") || line.starts_with("ENTRYPOINT")) {
        must(line.contains("[\""), "needs a shell");
    }
    must(lines().any(|line| line.starts_with("HEALTHCHECK")), "tells nobody how it is");
    must(
        !lines().any(|line| {
            line.starts_with("ARG") && ["TOKEN", "SECRET", "PASSWORD"].iter().any(|word| line.contains(word))
        }),
        "keeps a secret",
    );
    let copied = lines().find(|line| line.starts_with("cp jobapp ")).unwrap_or_default();
    for service in facts.ports.keys() {
        must(copied.contains(&format!(" jobapp-{service} ")), &format!("leaves out jobapp-{service}"));
    }
    told
}

#[test]
fn images_run_without_rights_and_without_a_shell() {
    let (facts, dockerfile) = (facts(), text("Dockerfile"));
    assert_eq!(wrong(&dockerfile, &facts), Vec::<String>::new());
    let changes = [
        ("USER 10001:10001", "USER root", "may run as root"),
        ("bookworm-slim", "latest", "is built on another image tomorrow"),
        ("ENTRYPOINT [\"/usr/local/bin/program\"]", "ENTRYPOINT /usr/local/bin/program", "needs a shell"),
        ("ARG PROGRAM\n", "ARG REGISTRY_TOKEN\n", "keeps a secret"),
        (" jobapp-gig ", " ", "leaves out jobapp-gig"),
    ];
    for (right, changed, told) in changes {
        assert!(dockerfile.contains(right), "{right}");
        assert!(wrong(&dockerfile.replace(right, changed), &facts).contains(&told.to_owned()), "{told}");
    }
}

#[test]
fn compose_runs_versions_that_were_tried_and_tells_programs_what_they_read() {
    let facts = facts();
    let mut seen = Vec::new();
    for file in ["one.yaml", "services.yaml"] {
        let whole = composed(file);
        for (name, service) in whole["services"].as_object().unwrap() {
            let image = service["image"].as_str().unwrap();
            // Behind `:-` stands what holds when nobody says otherwise.
            let usual = image.replace("${JOBAPP_VERSION:-", "").replace("${JOBAPP_IMAGE:-", "");
            let usual = usual.split(":-").last().unwrap().replace('}', "");
            let (place, tag) = usual.rsplit_once(':').unwrap_or_else(|| panic!("{image} has no tag"));
            assert!(tag != "latest", "{image}");
            if let Some(tried) = facts.tried_images.get(place) {
                assert_eq!(&usual, tried);
            }
            if place.starts_with("jobapp") {
                assert_eq!(tag, facts.version, "{image}");
                seen.push(name.clone());
                assert!(service["build"]["context"] == "../../..", "{name}");
            }
        }
        // The maps that programs share, and their own.
        let shared = whole
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| ["x-common", "x-users", "x-mongo"].contains(&name.as_str()));
        let own = whole["services"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| facts.ports.contains_key(*name) || *name == "jobapp");
        let maps = shared.map(|(_, map)| map).chain(own.map(|(_, service)| &service["environment"]));
        for (variable, value) in maps.filter_map(Value::as_object).flatten().filter(|(variable, _)| *variable != "<<") {
            assert!(facts.variables.contains_key(variable), "{file}: no program reads {variable}");
            let value = value.as_str().unwrap_or_default();
            let is_place = ["://", "file:", "fake:"].iter().any(|part| value.contains(part));
            let is_told = value.contains(":?") || (is_place && (!value.contains('@') || value.contains(":?")));
            assert!(!facts.secret_variables.contains(variable) || is_told, "{file}: {variable} is a secret");
            let named = value.strip_prefix("http://").and_then(|rest| rest.split_once(':'));
            if let Some((port, said)) = named.and_then(|(service, said)| Some((facts.ports.get(service)?, said))) {
                assert_eq!(said, port.to_string(), "{variable}");
            }
        }
    }
    seen.sort();
    let mut expected: Vec<String> = facts.ports.keys().cloned().chain(["jobapp".to_owned()]).collect();
    expected.sort();
    assert_eq!(seen, expected);
}
