//! One server in a container.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use anyhow::{Context, anyhow};
use testcontainers::bollard::models::PortBinding;
use testcontainers::core::{CmdWaitFor, ExecCommand, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};

use crate::ports::ReservedPort;
use crate::{Kind, engine, guardian, owner, probe};

/// How often another port is tried when somebody who reserves none has taken the one that was free.
const TRIES: usize = 3;

/// A server in a container, at ports of the host that stay its own. Removed when dropped.
pub(crate) struct Container {
    pub(crate) kind: Kind,
    name: String,
    ports: Vec<ReservedPort>,
    /// Taken when it is removed.
    inner: Option<ContainerAsync<GenericImage>>,
}

impl Container {
    /// Starts a server and waits until it answers.
    pub(crate) async fn start(kind: Kind) -> anyhow::Result<Self> {
        let docker = engine::connect().await?;
        let mut failure = anyhow!("not tried");
        for _ in 0..TRIES {
            let name = format!("jobapp-test-{kind}-{:016x}", RandomState::new().hash_one(kind));
            guardian::watch(&name)?;
            match Self::started(kind, name.clone()).await {
                Ok(container) => {
                    probe::until_ready(kind, &container.port_numbers()).await?;
                    return Ok(container);
                }
                Err(error) => {
                    engine::remove(docker, &name).await;
                    failure = error;
                    if !is_about_a_port(&failure) {
                        break;
                    }
                }
            }
        }
        Err(failure.context(format!("{kind} cannot be started in a container")))
    }

    async fn started(kind: Kind, name: String) -> anyhow::Result<Self> {
        let ports: Vec<ReservedPort> =
            kind.ports().iter().map(|_| ReservedPort::any()).collect::<anyhow::Result<_>>()?;
        let first = ports.first().context("a server has a port")?.number;
        let bindings: Vec<(String, u16)> =
            kind.ports().iter().zip(&ports).map(|(inside, port)| (format!("{inside}/tcp"), port.number)).collect();
        let (image, tag) = image(kind);
        let mut image = GenericImage::new(image, tag);
        if let Some(line) = kind.line_when_ready() {
            image = image.with_wait_for(WaitFor::message_on_stdout(line));
        }
        let mut request = image
            .with_container_name(name.clone())
            .with_label(owner::LABEL, owner::this_process())
            .with_cmd(kind.command(first))
            .with_host_config_modifier(move |host| {
                // For this machine only.
                let bound = |port: &u16| PortBinding {
                    host_ip: Some("127.0.0.1".to_owned()),
                    host_port: Some(port.to_string()),
                };
                host.publish_all_ports = Some(false);
                if kind.is_on_host_network() {
                    host.network_mode = Some("host".to_owned());
                } else {
                    let map = bindings.iter().map(|(inside, port)| (inside.clone(), Some(vec![bound(port)])));
                    host.port_bindings = Some(map.collect());
                }
            });
        for (variable, value) in kind.environment() {
            request = request.with_env_var(*variable, *value);
        }
        let inner = request.start().await?;
        Ok(Self { kind, name, ports, inner: Some(inner) })
    }

    /// Its ports on the host.
    pub(crate) fn port_numbers(&self) -> Vec<u16> {
        self.ports.iter().map(|port| port.number).collect()
    }

    /// Ends the server as an operator would.
    pub(crate) async fn stop(&self) -> anyhow::Result<()> {
        self.running()?.stop().await.with_context(|| format!("{} cannot be stopped", self.kind))
    }

    /// Starts the server again, with its data and at its ports, and waits until it answers.
    pub(crate) async fn start_again(&self) -> anyhow::Result<()> {
        self.running()?.start().await.with_context(|| format!("{} cannot be started again", self.kind))?;
        probe::until_ready(self.kind, &self.port_numbers()).await
    }

    /// Freezes the server: its connections stay and nothing answers.
    pub(crate) async fn pause(&self) -> anyhow::Result<()> {
        self.running()?.pause().await.with_context(|| format!("{} cannot be paused", self.kind))
    }

    /// Thaws it.
    pub(crate) async fn unpause(&self) -> anyhow::Result<()> {
        self.running()?.unpause().await.with_context(|| format!("{} cannot go on", self.kind))
    }

    /// Ends the server as a crash would.
    pub(crate) async fn kill(&self) -> anyhow::Result<()> {
        engine::kill(engine::connect().await?, &self.name).await.with_context(|| self.name.clone())
    }

    /// Runs a line of the shell in there: what it printed.
    pub(crate) async fn shell(&self, line: &str) -> anyhow::Result<String> {
        // The exit code is printed, too: it is no part of what can be awaited from several threads.
        let told = format!("{{ {line}\n}} 2>&1; printf '\n%s' $?");
        let command = ExecCommand::new(["sh", "-c", &told]).with_cmd_ready_condition(CmdWaitFor::exit());
        let mut done = self.running()?.exec(command).await?;
        let printed = String::from_utf8(done.stdout_to_vec().await?)?;
        let (printed, code) = printed.rsplit_once('\n').context("no exit code")?;
        anyhow::ensure!(code == "0", "{line}: exit code {code}: {printed}");
        Ok(printed.to_owned())
    }

    /// Where other containers find it.
    pub(crate) async fn address(&self) -> anyhow::Result<IpAddr> {
        Ok(self.running()?.get_bridge_ip_address().await?)
    }

    fn running(&self) -> anyhow::Result<&ContainerAsync<GenericImage>> {
        self.inner.as_ref().context("the container is being removed")
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let (Some(inner), name) = (self.inner.take(), self.name.clone()) else { return };
        engine::run_blocking(async move {
            if let Ok(docker) = engine::connect().await {
                engine::remove(docker, &name).await;
            }
            // Within the runtime: it looks for one when it is dropped, and finds its container gone.
            drop(inner);
        });
    }
}

/// Name and tag of the image of a kind.
fn image(kind: Kind) -> (String, String) {
    let image = std::env::var(kind.image_variable()).unwrap_or_else(|_| kind.official_image().to_owned());
    // A colon before the last slash belongs to the address of a registry.
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name.to_owned(), tag.to_owned()),
        _ => (image, "latest".to_owned()),
    }
}

/// Whether somebody else has taken the port.
fn is_about_a_port(error: &anyhow::Error) -> bool {
    let text = format!("{error:#}");
    text.contains("already allocated") || text.contains("address already in use")
}
