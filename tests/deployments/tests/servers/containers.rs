//! The images, really built of the programs that are built already, and run: the one binary, and the eight by the compose file.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use jobapp_cluster::{SERVICES, program};
use jobapp_deployments::root;

use crate::journey::{Options, travel};
use crate::said;

/// A build of all images, under a tag of its own. They go with this.
struct Images {
    tag: String,
    base: String,
    names: Vec<String>,
    _context: tempfile::TempDir,
}

impl Images {
    fn build() -> Self {
        let context = tempfile::tempdir().unwrap();
        for file in ["Dockerfile", ".dockerignore"] {
            std::fs::copy(root().join(file), context.path().join(file)).unwrap();
        }
        let prebuilt = context.path().join("prebuilt");
        std::fs::create_dir(&prebuilt).unwrap();
        let services = SERVICES.map(|service| format!("jobapp-{service}"));
        for name in services.iter().map(String::as_str).chain(["jobapp"]) {
            let built = program(name).unwrap();
            said(Command::new("strip").arg("-o").arg(prebuilt.join(name)).arg(built)).unwrap();
        }
        let tag = format!("test-{}", std::process::id());
        let mut images = Self { tag, base: base(), names: Vec::new(), _context: context };
        for name in services {
            images.build_one(&prebuilt, &name, &["--build-arg", &format!("PROGRAM={name}")]);
        }
        images.build_one(&prebuilt, "jobapp", &["--target", "jobapp"]);
        images
    }

    fn build_one(&mut self, prebuilt: &Path, name: &str, which: &[&str]) {
        let docker = tool("builder");
        let image = format!("{name}:{}", self.tag);
        let mut build = Command::new(docker);
        build.env("DOCKER_BUILDKIT", "1").args(["build", "--quiet", "--network", "host", "--tag", &image]);
        for argument in
            [format!("BASE={}", self.base), format!("BUILDER={}", self.base), "PROGRAMS=prebuilt".to_owned()]
        {
            build.args(["--build-arg", &argument]);
        }
        said(build.args(which).arg(prebuilt.parent().unwrap())).unwrap();
        let more = self.size(&image) - self.size(&self.base);
        println!("{name}: {:.1} MB above its base", more as f64 / 1e6);
        self.names.push(image);
    }

    fn size(&self, image: &str) -> i64 {
        docker(&["image", "inspect", "--format", "{{.Size}}", image]).unwrap().trim().parse().unwrap()
    }
}

impl Drop for Images {
    fn drop(&mut self) {
        for name in &self.names {
            // What cannot be removed is still used by a container that is told of elsewhere.
            drop(docker(&["image", "rm", "--force", name]));
        }
    }
}

/// What programs run on in tests: the base of the stand-ins, if it was made, or the official one.
fn base() -> String {
    let own =
        docker(&["image", "ls", "--filter", "reference=jobapp-tests/debian", "--format", "{{.Repository}}:{{.Tag}}"])
            .unwrap();
    own.lines().next().unwrap_or("debian:bookworm-slim").to_owned()
}

fn docker(arguments: &[&str]) -> anyhow::Result<String> {
    said(Command::new("docker").args(arguments))
}

/// A tool that works with images.
fn tool(which: &str) -> String {
    said(Command::new(root().join("tests/images/tools.sh")).arg(which)).unwrap().trim().to_owned()
}

/// A deployment by a compose file. It goes with this.
struct Composed {
    project: String,
    file: PathBuf,
    settings: Vec<(&'static str, String)>,
}

impl Composed {
    fn up(file: &str, tag: &str, settings: &[(&'static str, String)]) -> Self {
        let project = format!("jobapp-{file}-{tag}");
        let file = root().join("examples/deployments/compose").join(format!("{file}.yaml"));
        let mut settings = settings.to_vec();
        settings.push(("JOBAPP_VERSION", tag.to_owned()));
        let composed = Self { project, file, settings };
        if let Err(error) = composed.compose(&["up", "-d", "--no-build", "--wait", "--wait-timeout", "240"]) {
            let logs = composed.compose(&["logs", "--tail", "15"]).unwrap_or_default();
            let states = composed.compose(&["ps", "--all"]).unwrap_or_default();
            panic!("{error:#}\n{states}\n{logs}");
        }
        composed
    }

    fn compose(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let tool = tool("compose");
        let mut words = tool.split(' ');
        let mut command = Command::new(words.next().context("no tool")?);
        command.args(words).args(["--project-name", &self.project, "--file"]).arg(&self.file);
        said(command.args(arguments).envs(self.settings.iter().map(|(name, value)| (name, value))))
    }

    /// The container of a service.
    fn container(&self, service: &str) -> String {
        self.compose(&["ps", "--quiet", service]).unwrap().trim().to_owned()
    }
}

impl Drop for Composed {
    fn drop(&mut self) {
        if let Err(error) = self.compose(&["--profile", "*", "down", "--volumes", "--timeout", "40"]) {
            // A second panic would hide the first.
            eprintln!("{} did not go: {error:#}", self.project);
        }
    }
}

/// A port that nobody has now.
fn free_port() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

fn secret() -> String {
    use std::hash::{BuildHasher, RandomState};
    let part = || RandomState::new().hash_one(1);
    format!("{:016x}{:016x}{:016x}{:016x}", part(), part(), part(), part())
}

/// As little may be done in a container as the compose file says.
fn is_locked_up(container: &str) {
    let told = docker(&[
        "inspect",
        "--format",
        "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.State.Health.Status}}",
        container,
    ]);
    assert_eq!(told.unwrap().trim(), "10001:10001 true [ALL] healthy");
}

async fn journey(port: &str) {
    let base = format!("http://localhost:{port}");
    travel(&Options {
        base,
        patience: Duration::from_secs(60),
        suffix: "000001".to_owned(),
        mailpit: None,
        tell: |_| {},
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_binary_and_the_eight_run_from_their_images_and_do_business() {
    let images = Images::build();
    let port = free_port();
    {
        let one = Composed::up("one", &images.tag, &[("JOBAPP_PORT", port.clone()), ("JOBAPP_DEV", "true".to_owned())]);
        is_locked_up(&one.container("jobapp"));
        journey(&port).await;
        // It ends by itself when it is told to.
        let container = one.container("jobapp");
        one.compose(&["stop", "--timeout", "40"]).unwrap();
        assert_eq!(docker(&["inspect", "--format", "{{.State.ExitCode}}", &container]).unwrap().trim(), "0");
    }
    let mut settings = vec![
        ("JOBAPP_PORT", port.clone()),
        ("JOBAPP_PUBLIC_URL", format!("http://localhost:{port}")),
        ("JOBAPP_MAIL_PORT", free_port()),
        ("JOBAPP_DEV", "true".to_owned()),
        // Where the developer pages show them.
        ("JOBAPP_MAIL", "file:/tmp/mail".to_owned()),
    ];
    let secrets = [
        "JWT_TOKEN",
        "GATEWAY_JWT_TOKEN",
        "JOBAPP_SEALING_KEY",
        "MYSQL_PASSWORD",
        "MYSQL_ROOT_PASSWORD",
        "POSTGRES_PASSWORD",
        "MONGO_PASSWORD",
        "REDIS_PASSWORD",
        "RABBITMQ_PASSWORD",
    ];
    settings.extend(secrets.map(|name| (name, secret())));
    let mongo = std::env::var("JOBAPP_TEST_IMAGE_MONGODB").unwrap_or_default();
    if mongo.starts_with("jobapp-tests/") {
        // The stand-in has no logins.
        settings.push(("DATABASE_URL", "mongodb://mongo:27017/market".to_owned()));
    }
    let eight = Composed::up("services", &images.tag, &settings);
    for service in SERVICES {
        is_locked_up(&eight.container(service));
    }
    journey(&port).await;
    let containers = SERVICES.map(|service| eight.container(service));
    eight.compose(&[&["stop", "--timeout", "40"], &SERVICES[..]].concat()).unwrap();
    for (service, container) in SERVICES.iter().zip(&containers) {
        let code = docker(&["inspect", "--format", "{{.State.ExitCode}}", container]).unwrap();
        assert_eq!(code.trim(), "0", "{service} was killed");
    }
}
