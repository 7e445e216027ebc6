//! Every overlay on a real control plane: accepted as it is, rolled out, rolled over, and a version that does not come up undone.

use std::path::{Path, PathBuf};
use std::process::Command;

use jobapp_deployments::root;

use crate::{OVERLAYS, overlay, said, tools};

/// What cannot be made up, as somebody who installs says it.
const OUTSIDE: [(&str, &str); 3] = [
    ("JOBAPP_MEDIA", "file:/var/lib/jobapp/media"),
    ("JOBAPP_MAIL", "smtp://jobber-mail:1025?tls=none"),
    ("JOBAPP_PAYMENTS", "fake:"),
];

/// A control plane. It ends with this.
struct Plane {
    state: tempfile::TempDir,
    tools: PathBuf,
}

impl Plane {
    fn start() -> Self {
        let plane = Self { state: tempfile::tempdir().unwrap(), tools: tools("all") };
        said(&mut plane.script("up.sh")).unwrap();
        plane
    }

    fn state(&self) -> PathBuf {
        self.state.path().join("state")
    }

    fn script(&self, name: &str) -> Command {
        let mut command = Command::new(root().join("tests/kubernetes").join(name));
        command.env("KUBEPLANE_STATE", self.state());
        command
    }

    /// A command that speaks to it.
    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path =
            std::env::join_paths(std::iter::once(self.tools.join("bin")).chain(std::env::split_paths(&path))).unwrap();
        command.env("PATH", path).env("KUBECONFIG", self.state().join("kubeconfig"));
        command.env("KUBECACHEDIR", self.state().join("kubectl-cache"));
        command
    }

    fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        said(self.command(self.tools.join("bin/kubectl")).args(arguments))
    }

    /// The same in the namespace of everything.
    fn in_production(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.kubectl(&[&["-n", "production"], arguments].concat())
    }

    fn ours(&self, script: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = self.command(root().join("examples/deployments/kubernetes").join(script));
        said(command.args(arguments).envs(OUTSIDE).env("TIMEOUT", "60s"))
    }

    fn apply(&self, name: &str) {
        // A first apply may come before the namespace is known to what checks the rest.
        let folder = overlay(name);
        self.kubectl(&["apply", "--server-side", "-k", &folder.to_string_lossy()]).unwrap();
    }

    /// Waits until all that has pods has them.
    fn all_out(&self) {
        let all = self.in_production(&["get", "deployments,statefulsets", "-o", "name"]).unwrap();
        for one in all.lines() {
            self.in_production(&["rollout", "status", one, "--timeout", "120s"]).unwrap();
        }
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        if let Err(error) = said(&mut self.script("down.sh")) {
            // A second panic would hide the first.
            eprintln!("the control plane did not end: {error:#}");
        }
    }
}

#[test]
fn overlays_are_accepted_rolled_over_and_undone() {
    let plane = Plane::start();
    plane.kubectl(&["create", "namespace", "production"]).unwrap();
    for name in OVERLAYS {
        let folder = overlay(name).to_string_lossy().into_owned();
        plane.kubectl(&["apply", "--server-side", "--dry-run=server", "-k", &folder]).unwrap();
    }
    plane.kubectl(&["delete", "namespace", "production"]).unwrap();

    plane.apply("minikube");
    let lacks = plane.command(root().join("examples/deployments/kubernetes/secrets.sh")).output().unwrap();
    assert!(String::from_utf8_lossy(&lacks.stderr).contains("set JOBAPP_MEDIA"), "{lacks:?}");
    assert!(plane.ours("secrets.sh", &[]).unwrap().contains("23 of them new"));
    let before = plane.in_production(&["get", "secret", "jobber-backend-secret", "-o", "jsonpath={.data}"]).unwrap();
    assert!(plane.ours("secrets.sh", &[]).unwrap().contains("0 of them new"));
    assert_eq!(
        plane.in_production(&["get", "secret", "jobber-backend-secret", "-o", "jsonpath={.data}"]).unwrap(),
        before
    );
    plane.all_out();

    rolled_over_and_undone(&plane);
    drained(&plane);
    plane.kubectl(&["delete", "namespace", "production"]).unwrap();

    plane.apply("blue-green");
    plane.all_out();
    switched(&plane);
}

/// A new version takes the place of the old one; one that does not come up does not, and is undone.
fn rolled_over_and_undone(plane: &Plane) {
    let out =
        |seconds: &str| plane.in_production(&["rollout", "status", "deployment/jobber-order", "--timeout", seconds]);
    plane.in_production(&["set", "image", "deployment/jobber-order", "service=jobapp-order:0.2.0"]).unwrap();
    out("60s").unwrap();
    let broken = r#"{"spec":{"template":{"metadata":{"annotations":{"kubeplane/never-ready":"true"}}}}}"#;
    plane.in_production(&["patch", "deployment", "jobber-order", "-p", broken]).unwrap();
    out("8s").unwrap_err();
    let available = plane
        .in_production(&["get", "deployment", "jobber-order", "-o", "jsonpath={.status.availableReplicas}"])
        .unwrap();
    assert_eq!(available, "2", "an old pod went before a new one was there");
    plane.in_production(&["rollout", "undo", "deployment/jobber-order"]).unwrap();
    out("60s").unwrap();
    let image = plane.in_production(&[
        "get",
        "deployment",
        "jobber-order",
        "-o",
        "jsonpath={.spec.template.spec.containers[0].image}",
    ]);
    assert_eq!(image.unwrap(), "jobapp-order:0.2.0");
}

/// A node is drained to its end, and everything runs on the other.
fn drained(plane: &Plane) {
    plane.kubectl(&["drain", "node-1", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout", "120s"]).unwrap();
    plane.all_out();
    plane.kubectl(&["uncordon", "node-1"]).unwrap();
}

/// The door leads to the other colour and back, and to no colour that is not ready.
fn switched(plane: &Plane) {
    let live = || plane.ours("switch.sh", &[]).unwrap().trim().to_owned();
    let ready = || {
        let slices = [
            "get",
            "endpointslices",
            "-l",
            "kubernetes.io/service-name=jobber-gateway",
            "-o",
            "jsonpath={.items[*].endpoints[*].targetRef.name}",
        ];
        plane.in_production(&slices).unwrap()
    };
    assert_eq!(live(), "blue");
    plane.ours("switch.sh", &["green"]).unwrap();
    assert_eq!(live(), "green");
    let color = r#"{"spec":{"template":{"metadata":{"annotations":{"kubeplane/never-ready":"true"}}}}}"#;
    plane.in_production(&["patch", "deployment", "jobber-users-blue", "-p", color]).unwrap();
    let refused =
        said(plane.command(root().join("examples/deployments/kubernetes/switch.sh")).arg("blue").env("TIMEOUT", "5s"));
    assert!(refused.unwrap_err().to_string().contains("jobber-users-blue is not ready; green stays live"));
    assert_eq!(live(), "green");
    plane.in_production(&["rollout", "undo", "deployment/jobber-users-blue"]).unwrap();
    plane.ours("switch.sh", &["blue"]).unwrap();
    assert_eq!(live(), "blue");
    // The Service finds the pods of the colour that is live, as soon as whoever keeps its endpoints has run.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while ready().is_empty() || !ready().split_whitespace().all(|pod| pod.starts_with("jobber-gateway-blue-")) {
        assert!(std::time::Instant::now() < deadline, "{}", ready());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}
