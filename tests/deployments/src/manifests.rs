//! The objects of one deployment, and ways to look at them.

use serde_json::{Map, Value};

/// The objects of one deployment.
#[derive(Debug, Clone, Default)]
pub struct Manifests(pub Vec<Value>);

/// A pod template, and whose it is.
pub(crate) struct Workload<'a> {
    pub(crate) object: &'a Value,
    pub(crate) template: &'a Value,
}

impl Manifests {
    /// Those of a text with documents of YAML.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        Ok(Self(serde_saphyr::from_multiple(text)?))
    }

    /// Those of a kind.
    pub(crate) fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.0.iter().filter(move |object| object["kind"] == kind)
    }

    /// The one of this kind and name.
    pub(crate) fn named<'a>(&'a self, kind: &'a str, name: &str) -> Option<&'a Value> {
        self.of(kind).find(|object| object["metadata"]["name"] == name)
    }

    /// Everything that runs pods.
    pub(crate) fn workloads(&self) -> Vec<Workload<'_>> {
        let kinds = ["Deployment", "StatefulSet", "DaemonSet", "Job"];
        let running = self.0.iter().filter(|object| kinds.iter().any(|kind| object["kind"] == *kind));
        running.map(|object| Workload { object, template: &object["spec"]["template"] }).collect()
    }

    /// The programs of this project among them.
    pub(crate) fn programs(&self) -> Vec<Workload<'_>> {
        self.workloads().into_iter().filter(|workload| workload.service().is_some()).collect()
    }

    /// The workloads whose pods have these labels; a list of requirements of a `NetworkPolicy` or a budget.
    pub(crate) fn selected(&self, selector: &Value) -> Vec<Workload<'_>> {
        self.workloads()
            .into_iter()
            .filter(|workload| selects(selector, &workload.template["metadata"]["labels"]))
            .collect()
    }
}

impl<'a> Workload<'a> {
    /// Its name.
    pub(crate) fn name(&self) -> &'a str {
        text(&self.object["metadata"]["name"])
    }

    /// Its containers, without those that only prepare.
    pub(crate) fn containers(&self) -> &'a [Value] {
        list(&self.template["spec"]["containers"])
    }

    /// All of its containers.
    pub(crate) fn all_containers(&self) -> impl Iterator<Item = &'a Value> {
        self.containers().iter().chain(list(&self.template["spec"]["initContainers"]))
    }

    /// The service whose program this is.
    pub(crate) fn service(&self) -> Option<&'a str> {
        let labels = &self.template["metadata"]["labels"];
        if labels["app.kubernetes.io/component"] != "program" {
            return None;
        }
        text(&labels["app"]).strip_prefix("jobber-")
    }

    /// The number of a port of its containers, by name or number.
    pub(crate) fn port(&self, port: &Value) -> Option<u64> {
        let mut ports = self.containers().iter().flat_map(|container| list(&container["ports"]));
        let found =
            ports.find(|known| if port.is_string() { known["name"] == *port } else { known["containerPort"] == *port });
        found.and_then(|port| port["containerPort"].as_u64())
    }
}

/// Whether a selector, of a Service or with `matchLabels`, fits labels.
pub(crate) fn selects(selector: &Value, labels: &Value) -> bool {
    let has = |wanted: &Map<String, Value>| wanted.iter().all(|(key, value)| labels[key] == *value);
    let is_full = selector.get("matchLabels").is_some() || selector.get("matchExpressions").is_some();
    if !is_full {
        return selector.as_object().is_none_or(has);
    }
    let expressions = list(&selector["matchExpressions"]);
    selector["matchLabels"].as_object().is_none_or(has)
        && expressions.iter().all(|one| {
            let value = &labels[text(&one["key"])];
            match text(&one["operator"]) {
                "In" => list(&one["values"]).contains(value),
                "NotIn" => !list(&one["values"]).contains(value),
                "Exists" => !value.is_null(),
                _ => value.is_null(),
            }
        })
}

/// The elements of a list; none where there is no list.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A text; empty where there is none.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Kind and name.
pub(crate) fn title(object: &Value) -> String {
    format!("{} {}", text(&object["kind"]), text(&object["metadata"]["name"]))
}
