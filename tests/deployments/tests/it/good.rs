//! A deployment that keeps every policy, as small as there can be one.

use jobapp_deployments::{Facts, Manifests, breaches, root};
use serde_json::{Value, json};

const PROGRAMS: [(&str, u64); 8] = [
    ("gateway", 4000),
    ("notification", 4002),
    ("auth", 4003),
    ("gig", 4004),
    ("users", 4005),
    ("chat", 4007),
    ("order", 4008),
    ("review", 4009),
];

/// What the project says of its programs.
pub(crate) fn facts() -> Facts {
    Facts::read(&root()).unwrap()
}

/// The deployment.
pub(crate) fn good() -> Manifests {
    let mut objects = vec![
        json!({"kind": "Namespace", "metadata": {"name": "production", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}),
        json!({"kind": "ServiceAccount", "metadata": {"name": "jobapp"}}),
        json!({"kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"JOBAPP_METRICS_PORT": "9464", "JOBAPP_DRAIN_SECONDS": "8"}}),
        policy("nobody", &json!({}), &json!({"policyTypes": ["Ingress", "Egress"]})),
        policy(
            "names",
            &json!({}),
            &json!({"policyTypes": ["Egress"],
            "egress": [{"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]}]}),
        ),
        policy(
            "programs",
            &json!({"matchLabels": {"app.kubernetes.io/component": "program"}}),
            &json!({"ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "jobber-gateway"}}}], "ports": [{"port": "http"}]}]}),
        ),
        policy(
            "queue",
            &json!({"matchLabels": {"app": "jobber-queue"}}),
            &json!({"ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "jobber-auth"}}}], "ports": [{"port": "server"}]}]}),
        ),
        json!({"kind": "HorizontalPodAutoscaler", "metadata": {"name": "gateway"}, "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": "jobber-gateway"}, "minReplicas": 2, "maxReplicas": 10,
            "metrics": [resource("cpu", 70), resource("memory", 80)], "behavior": slowly()}}),
        json!({"kind": "VerticalPodAutoscaler", "metadata": {"name": "gateway"},
            "spec": {"targetRef": {"name": "jobber-gateway"}, "updatePolicy": {"updateMode": "Off"}}}),
        json!({"kind": "TriggerAuthentication", "metadata": {"name": "broker"}, "spec": {"secretTargetRef": [
            {"parameter": "username", "name": "jobber-backend-secret", "key": "jobber-rabbitmq-user"},
            {"parameter": "password", "name": "jobber-backend-secret", "key": "jobber-rabbitmq-password"}]}}),
        json!({"kind": "ScaledObject", "metadata": {"name": "notification"}, "spec": {
            "scaleTargetRef": {"name": "jobber-notification"}, "minReplicaCount": 0, "cooldownPeriod": 300, "fallback": {"replicas": 1},
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": slowly()}},
            "triggers": [trigger("auth-email-queue"), trigger("order-email-queue")]}}),
        json!({"kind": "Ingress", "metadata": {"name": "door"}, "spec": {"ingressClassName": "traefik", "rules": [{"http": {"paths": [
            {"path": "/socket.io", "backend": {"service": {"name": "sockets", "port": {"name": "http"}}}},
            {"path": "/", "backend": {"service": {"name": "jobber-gateway", "port": {"name": "http"}}}}]}}]}}),
        json!({"kind": "Service", "metadata": {"name": "sockets", "annotations": {"traefik.ingress.kubernetes.io/service.sticky.cookie": "true"}},
            "spec": {"selector": {"app": "jobber-gateway"}, "ports": [{"name": "http", "port": 4000, "targetPort": "http"}]}}),
        json!({"kind": "ServiceMonitor", "metadata": {"name": "programs"}, "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/component": "program"}}, "endpoints": [{"port": "metrics"}]}}),
        json!({"kind": "Probe", "metadata": {"name": "uptime"},
            "spec": {"targets": {"staticConfig": {"static": ["http://jobber-auth.production.svc:4003/auth-health"]}}}}),
        json!({"kind": "Service", "metadata": {"name": "jobber-queue"}, "spec": {"selector": {"app": "jobber-queue"}, "ports": [
            {"name": "server", "port": 5672, "targetPort": "server"}, {"name": "management", "port": 15672, "targetPort": "management"}]}}),
        queue(),
    ];
    for (service, port) in PROGRAMS {
        objects.extend(program(service, port));
    }
    Manifests(objects)
}

fn policy(name: &str, selector: &Value, rest: &Value) -> Value {
    let mut spec = rest.clone();
    spec["podSelector"] = selector.clone();
    json!({"kind": "NetworkPolicy", "metadata": {"name": name}, "spec": spec})
}

fn resource(name: &str, percent: u64) -> Value {
    json!({"type": "Resource", "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": percent}}})
}

fn slowly() -> Value {
    json!({"scaleDown": {"stabilizationWindowSeconds": 300}})
}

fn trigger(queue: &str) -> Value {
    json!({"type": "rabbitmq", "authenticationRef": {"name": "broker"}, "metadata": {"host": "http://jobber-queue:15672/", "protocol": "http",
        "queueName": queue, "mode": "QueueLength", "value": "5", "activationValue": "0", "excludeUnacknowledged": "false"}})
}

fn container(name: &str, image: &str) -> Value {
    json!({"name": name, "image": image,
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "2", "memory": "1Gi"}},
        "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]})
}

fn template(labels: &Value, container: &Value) -> Value {
    json!({"metadata": {"labels": labels}, "spec": {
        "automountServiceAccountToken": false, "enableServiceLinks": false, "containers": [container],
        "securityContext": {"runAsNonRoot": true, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}]}})
}

fn queue() -> Value {
    let mut server = container("server", "rabbitmq:3.13-management");
    server["ports"] =
        json!([{"name": "server", "containerPort": 5672}, {"name": "management", "containerPort": 15672}]);
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        server[probe] = json!({"tcpSocket": {"port": "server"}});
    }
    let labels = json!({"app": "jobber-queue", "app.kubernetes.io/component": "server"});
    json!({"kind": "StatefulSet", "metadata": {"name": "jobber-queue"}, "spec": {"serviceName": "jobber-queue",
        "podManagementPolicy": "Parallel", "selector": {"matchLabels": {"app": "jobber-queue"}}, "template": template(&labels, &server)}})
}

fn program(service: &str, port: u64) -> [Value; 3] {
    let name = format!("jobber-{service}");
    let labels = json!({"app": name, "app.kubernetes.io/component": "program"});
    let mut own = container("service", &format!("jobapp-{service}:{}", env!("CARGO_PKG_VERSION")));
    own["ports"] = json!([{"name": "http", "containerPort": port}, {"name": "metrics", "containerPort": 9464}]);
    own["envFrom"] = json!([{"configMapRef": {"name": "settings"}}]);
    own["env"] = json!([{"name": "RABBITMQ_ENDPOINT",
        "valueFrom": {"secretKeyRef": {"name": "jobber-backend-secret", "key": "jobber-rabbitmq-endpoint"}}}]);
    own["lifecycle"] = json!({"preStop": {"sleep": {"seconds": 10}}});
    for (probe, path) in [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
        own[probe] = json!({"httpGet": {"path": path, "port": "http"}, "timeoutSeconds": 6});
    }
    let mut template = template(&labels, &own);
    template["spec"]["serviceAccountName"] = json!("jobapp");
    template["spec"]["terminationGracePeriodSeconds"] = json!(60);
    let spread = ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map(|key| {
        json!({"topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway", "matchLabelKeys": ["pod-template-hash"],
            "labelSelector": {"matchLabels": {"app": name}}})
    });
    template["spec"]["topologySpreadConstraints"] = json!(spread);
    let mut deployment = json!({"kind": "Deployment", "metadata": {"name": name}, "spec": {"progressDeadlineSeconds": 300,
        "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "selector": {"matchLabels": {"app": name}}, "template": template}});
    if !["gateway", "notification"].contains(&service) {
        deployment["spec"]["replicas"] = json!(2);
    }
    let ports = json!([{"name": "http", "port": port, "targetPort": "http"}, {"name": "metrics", "port": 9464, "targetPort": "metrics"}]);
    let reached = json!({"kind": "Service", "metadata": {"name": name, "labels": labels}, "spec": {"selector": {"app": name}, "ports": ports}});
    let budget = json!({"kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": {"maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow", "selector": {"matchLabels": {"app": name}}}});
    [deployment, reached, budget]
}

#[test]
fn it_keeps_every_policy() {
    assert_eq!(breaches(&good(), &facts()), Vec::<String>::new());
}

#[test]
fn the_project_says_what_the_policies_go_by() {
    let facts = facts();
    assert_eq!(facts.ports.iter().map(|(service, port)| (service.as_str(), *port)).collect::<Vec<_>>(), {
        let mut expected = PROGRAMS.to_vec();
        expected.sort_unstable();
        expected
    });
    assert!(facts.secret_variables.contains("JWT_TOKEN") && !facts.secret_variables.contains("CLIENT_URL"));
    assert!(facts.variables["MYSQL_DB"].contains("auth") && !facts.variables["MYSQL_DB"].contains("order"));
    assert!(
        facts.stop.as_secs() > 0
            && facts.queues.contains("auth-email-queue")
            && facts.secret_keys.contains("jwt-token")
    );
    assert!(facts.tried_images.contains_key("postgres"));
}
