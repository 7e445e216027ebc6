//! Each policy refuses what it is there for.

use std::collections::BTreeSet;

use jobapp_deployments::{Manifests, breaches, policies};
use serde_json::{Value, json};

use crate::good::{facts, good};

/// A change of one object that breaks a policy: kind, name, where, what is put there (`null` takes it away), and what must be told.
type Wrong = (&'static str, &'static str, &'static str, Value, &'static str);

const CONTAINER: &str = "/spec/template/spec/containers/0";

/// The wrong deployments, one change each.
fn wrongs() -> Vec<Wrong> {
    let program =
        |path: &'static str, value: Value, told: &'static str| ("Deployment", "jobber-auth", path, value, told);
    let scaler =
        |path: &'static str, value: Value, told: &'static str| ("ScaledObject", "notification", path, value, told);
    vec![
        program("image", json!("jobapp-auth"), "images: Deployment jobber-auth: \"jobapp-auth\" has no tag"),
        program("image", json!("jobapp-auth:latest"), "is another image tomorrow"),
        program("image", json!("jobapp-auth:0.0.9"), "images: Deployment jobber-auth: jobapp-auth:0.0.9, and this is"),
        program("image", json!("mysql:5"), "and the tests run mysql:"),
        program("imagePullPolicy", json!("Always"), "is pulled at each start"),
        program(
            "env/0",
            json!({"name": "JWT_TOKEN", "value": "0123"}),
            "secrets: Deployment jobber-auth: JWT_TOKEN is a secret",
        ),
        program("env/0", json!({"name": "CLIENT_URL", "value": "amqp://a:b@queue/"}), "a secret is written down"),
        (
            "ConfigMap",
            "settings",
            "/data/JWT_TOKEN",
            json!("0123"),
            "secrets: ConfigMap settings: JWT_TOKEN is a secret",
        ),
        ("ConfigMap", "settings", "/kind", json!("Secret"), "secrets are made at the installation"),
        program("env/0/name", json!("RABBIT"), "variables: Deployment jobber-auth: no program reads RABBIT"),
        program("env/0/name", json!("AUTH_BASE_URL"), "jobapp-auth does not read AUTH_BASE_URL"),
        (
            "ConfigMap",
            "settings",
            "/data/JOBAPP_NONE",
            json!("1"),
            "variables: ConfigMap settings: no program reads JOBAPP_NONE",
        ),
        program(
            "env/0/valueFrom/secretKeyRef/key",
            json!("no-such"),
            "secret keys: Deployment jobber-auth: nobody makes no-such",
        ),
        program("startupProbe", Value::Null, "probes: Deployment jobber-auth: no startupProbe"),
        program(
            "livenessProbe/httpGet/path",
            json!("/readyz"),
            "probes: Deployment jobber-auth: livenessProbe does not ask /livez",
        ),
        program("readinessProbe/httpGet/port", json!("admin"), "readinessProbe asks at \"admin\", which it has not"),
        program("readinessProbe/timeoutSeconds", json!(1), "looking after all parts may take five seconds"),
        program("resources/limits/memory", Value::Null, "resources: Deployment jobber-auth: no limits of memory"),
        program("resources/limits/cpu", json!("500m"), "one thread does everything"),
        program("/spec/template/spec/volumes/0/emptyDir", json!({}), "tmp may fill the node's disk"),
        program(
            "/spec/template/spec/securityContext/runAsNonRoot",
            Value::Null,
            "restricted: Deployment jobber-auth: may run as root",
        ),
        program(
            "securityContext/readOnlyRootFilesystem",
            Value::Null,
            "restricted: Deployment jobber-auth: may write its root",
        ),
        program("securityContext/capabilities", Value::Null, "keeps capabilities"),
        program("volumeMounts", json!([]), "has nowhere for uploads to wait"),
        program("/spec/template/spec/hostNetwork", json!(true), "shares something of the node"),
        (
            "Namespace",
            "production",
            "/metadata/labels",
            json!({}),
            "restricted: Namespace production: does not refuse other pods",
        ),
        program(
            "/spec/template/spec/topologySpreadConstraints/0/whenUnsatisfiable",
            json!("DoNotSchedule"),
            "spread: Deployment jobber-auth: is not spread over topology",
        ),
        program(
            "envFrom/0/configMapRef/name",
            json!("other"),
            "references: Deployment jobber-auth: there is no ConfigMap \"other\"",
        ),
        program("volumeMounts/0/name", json!("other"), "there is no volume \"other\""),
        (
            "Service",
            "sockets",
            "/metadata/name",
            json!("jobber-auth"),
            "references: Service jobber-auth is there twice",
        ),
        program(
            "/spec/selector/matchLabels/app",
            json!("auth"),
            "selectors: Deployment jobber-auth: its selector misses its own pods",
        ),
        (
            "Service",
            "jobber-auth",
            "/spec/selector/app",
            json!("auth"),
            "selectors: Service jobber-auth: selects nothing",
        ),
        ("Service", "jobber-auth", "/spec/ports/0/targetPort", json!("web"), "its pods have no port \"web\""),
        (
            "PodDisruptionBudget",
            "jobber-auth",
            "/spec/selector/matchLabels/app",
            json!("auth"),
            "is not the budget of one thing",
        ),
        (
            "NetworkPolicy",
            "queue",
            "/spec/ingress/0/from/0/podSelector/matchLabels/app",
            json!("auth"),
            "selectors: NetworkPolicy queue: nobody is",
        ),
        (
            "NetworkPolicy",
            "queue",
            "/spec/ingress/0/ports/0/port",
            json!("amqp"),
            "none of its pods has the port \"amqp\"",
        ),
        (
            "ServiceMonitor",
            "programs",
            "/spec/endpoints/0/port",
            json!("web"),
            "finds no such Service, or one without its port",
        ),
        program("ports/0/containerPort", json!(4009), "ports: Deployment jobber-auth: jobapp-auth listens on 4003"),
        program("ports/1/containerPort", json!(9000), "metrics are not where JOBAPP_METRICS_PORT says"),
        (
            "Service",
            "jobber-auth",
            "/spec/ports/0/port",
            json!(80),
            "ports: Service jobber-auth: its ports are not those of its pods",
        ),
        (
            "Probe",
            "uptime",
            "/spec/targets/staticConfig/static/0",
            json!("http://jobber-auth:4001/"),
            "addresses: Probe uptime: http://jobber-auth:4001/ leads nowhere",
        ),
        (
            "Ingress",
            "door",
            "/spec/rules/0/http/paths/0/path",
            json!("/sockets"),
            "door: Ingress door: has no way for /socket.io",
        ),
        ("Ingress", "door", "/spec/ingressClassName", json!("nginx"), "is for a controller that nobody maintains"),
        (
            "Ingress",
            "door",
            "/spec/defaultBackend",
            json!({"service": {"name": "jobber-gateway"}}),
            "door: Ingress door: depends on a default",
        ),
        (
            "Service",
            "sockets",
            "/metadata/annotations",
            json!({}),
            "browsers that poll do not come back to their gateway",
        ),
        ("Service", "jobber-auth", "/spec/type", json!("NodePort"), "is reached past the gateway"),
        ("NetworkPolicy", "nobody", "/spec/egress", json!([{}]), "isolation: everybody may talk to everybody"),
        (
            "NetworkPolicy",
            "names",
            "/spec/egress/0/ports/1/port",
            json!(54),
            "isolation: names cannot be looked up by TCP everywhere",
        ),
        (
            "NetworkPolicy",
            "names",
            "/spec/egress/0/to",
            json!([{"podSelector": {"matchLabels": {"app": "jobber-auth"}}}]),
            "names cannot be looked up by UDP everywhere",
        ),
        (
            "NetworkPolicy",
            "queue",
            "/spec/podSelector/matchLabels/app",
            json!("jobber-auth"),
            "isolation: StatefulSet jobber-queue: nobody may call it",
        ),
        program(
            "/spec/strategy/rollingUpdate/maxUnavailable",
            json!(1),
            "rollouts: Deployment jobber-auth: an old pod may go",
        ),
        program("lifecycle", Value::Null, "is stopped while requests still come"),
        program(
            "/spec/template/spec/terminationGracePeriodSeconds",
            json!(40),
            "is killed after 40 s, and needs up to 45",
        ),
        (
            "ConfigMap",
            "settings",
            "/data/JOBAPP_DRAIN_SECONDS",
            json!("2"),
            "is less than a gateway keeps connections for",
        ),
        (
            "StatefulSet",
            "jobber-queue",
            "/spec/podManagementPolicy",
            Value::Null,
            "rollouts: StatefulSet jobber-queue: never comes back",
        ),
        (
            "PodDisruptionBudget",
            "jobber-auth",
            "/spec/minAvailable",
            json!(1),
            "budgets: PodDisruptionBudget jobber-auth: may block the drain",
        ),
        (
            "PodDisruptionBudget",
            "jobber-auth",
            "/spec/unhealthyPodEvictionPolicy",
            Value::Null,
            "a pod that is not well blocks the drain",
        ),
        (
            "PodDisruptionBudget",
            "jobber-auth",
            "/kind",
            json!("Nothing"),
            "budgets: Deployment jobber-auth: has not one budget",
        ),
        (
            "HorizontalPodAutoscaler",
            "gateway",
            "/spec/scaleTargetRef/name",
            json!("jobber-notification"),
            "scaling: jobber-notification is scaled by",
        ),
        (
            "HorizontalPodAutoscaler",
            "gateway",
            "/spec/scaleTargetRef/kind",
            json!("StatefulSet"),
            "which is not there or must not be scaled",
        ),
        (
            "Deployment",
            "jobber-gateway",
            "/spec/replicas",
            json!(3),
            "scaling: Deployment jobber-gateway: each apply undoes",
        ),
        program("/spec/replicas", json!(1), "scaling: Deployment jobber-auth: is there less than twice"),
        ("VerticalPodAutoscaler", "gateway", "/spec/updatePolicy/updateMode", json!("Auto"), "does more than advise"),
        (
            "HorizontalPodAutoscaler",
            "gateway",
            "/spec/maxReplicas",
            json!(20),
            "gateways: HorizontalPodAutoscaler gateway: is not 2 to 10",
        ),
        (
            "HorizontalPodAutoscaler",
            "gateway",
            "/spec/metrics/1/resource/target/averageUtilization",
            json!(90),
            "is not at 70 % and 80 %",
        ),
        scaler(
            "/spec/triggers/1/metadata/queueName",
            json!("auth-email-queue"),
            "mails: ScaledObject notification: does not count order-email-queue",
        ),
        scaler("/spec/triggers/0/metadata/protocol", json!("amqp"), "protocol is not http"),
        scaler("/spec/triggers/0/metadata/activationValue", json!("1"), "activationValue is not 0"),
        scaler("/spec/triggers/0/metadata/queueLength", json!("5"), "queueLength is no more"),
        scaler("/spec/triggers/0/authenticationRef/name", json!("other"), "user and password are not told apart"),
        scaler(
            "/spec/triggers/0/metadata/host",
            json!("http://jobber-rabbit:15672/"),
            "addresses: ScaledObject notification",
        ),
        scaler("/spec/minReplicaCount", json!(1), "does not go to none"),
        scaler("/spec/cooldownPeriod", json!(30), "may take away who sends"),
        scaler("/spec/fallback", Value::Null, "nobody sends where the broker does not tell"),
    ]
}

/// The good deployment with this one change.
fn changed((kind, name, path, value, _): &Wrong) -> Manifests {
    let Manifests(mut objects) = good();
    let object =
        objects.iter_mut().find(|object| object["kind"] == *kind && object["metadata"]["name"] == *name).unwrap();
    let path = if path.starts_with('/') { (*path).to_owned() } else { format!("{CONTAINER}/{path}") };
    let (parent, last) = path.rsplit_once('/').unwrap();
    match object.pointer_mut(parent).unwrap() {
        Value::Object(fields) if value.is_null() => drop(fields.remove(last).unwrap()),
        Value::Object(fields) => drop(fields.insert(last.to_owned(), value.clone())),
        Value::Array(list) => list[last.parse::<usize>().unwrap()] = value.clone(),
        other => panic!("{path} is no place in {other}"),
    }
    Manifests(objects)
}

#[test]
fn every_wrong_deployment_is_refused_with_what_is_wrong() {
    let facts = facts();
    for wrong in wrongs() {
        let found = breaches(&changed(&wrong), &facts);
        assert!(
            found.iter().any(|breach| breach.contains(wrong.4)),
            "{} at {} {}: {found:#?}",
            wrong.4,
            wrong.1,
            wrong.2
        );
    }
}

#[test]
fn every_policy_refuses_something() {
    let facts = facts();
    let told: BTreeSet<String> = wrongs().iter().flat_map(|wrong| breaches(&changed(wrong), &facts)).collect();
    for (name, _) in policies::ALL {
        assert!(told.iter().any(|breach| breach.starts_with(&format!("{name}: "))), "{name} refuses nothing");
    }
}

#[test]
fn a_service_that_is_missing_is_told() {
    let Manifests(objects) = good();
    let without = objects.into_iter().filter(|object| object["metadata"]["name"] != "jobber-review").collect();
    assert!(breaches(&Manifests(without), &facts()).contains(&"ports: there is no jobapp-review".to_owned()));
}
