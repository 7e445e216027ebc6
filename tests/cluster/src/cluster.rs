//! The programs, running.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use jobapp_test_servers::Bucket;

use crate::ports::free_port;
use crate::servers::Servers;
use crate::{Plan, Process, SERVICES};

/// The eight programs, running on servers of their own. Everything ends when it is dropped.
pub struct Cluster {
    processes: Vec<Process>,
    servers: Servers,
    public_url: String,
    folder: tempfile::TempDir,
}

impl Cluster {
    /// Starts servers and programs, and waits until all are ready.
    ///
    /// # Errors
    /// When a program is not there, or does not get ready.
    pub async fn start(plan: &Plan) -> anyhow::Result<Self> {
        let cluster = Box::pin(Self::prepare(plan)).await?;
        cluster.begin().await?;
        Ok(cluster)
    }

    /// Starts every process, of which none runs, and waits until all are ready.
    ///
    /// # Errors
    /// When one does not get ready.
    pub async fn begin(&self) -> anyhow::Result<()> {
        // In an order in which nobody finds what he needs.
        for process in self.processes.iter().rev() {
            process.start()?;
        }
        self.ready().await
    }

    /// Starts the servers; no program runs yet.
    ///
    /// # Errors
    /// When a program is not there.
    pub async fn prepare(plan: &Plan) -> anyhow::Result<Self> {
        let programs = SERVICES.map(|service| program(&format!("jobapp-{service}")));
        let programs = programs.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        let servers = Box::pin(Servers::start(plan)).await;
        let folder = tempfile::tempdir()?;
        let mut ports: BTreeMap<&str, Vec<u16>> = BTreeMap::new();
        for service in SERVICES {
            ports.insert(service, (0..plan.each).map(|_| free_port()).collect::<anyhow::Result<_>>()?);
        }
        let gateway = ports["gateway"].first().context("no gateway is wanted")?;
        let public_url = format!("http://localhost:{gateway}");
        let common = common(&servers, folder.path(), &public_url, &ports);
        let mut processes = Vec::new();
        for (service, program) in SERVICES.into_iter().zip(programs) {
            for (index, port) in ports[service].iter().enumerate() {
                let mut settings = common.clone();
                settings.extend(of_service(service, plan, &servers, folder.path()));
                settings.insert("PORT".to_owned(), port.to_string());
                settings.insert("JOBAPP_METRICS_PORT".to_owned(), free_port()?.to_string());
                let wanted = plan.settings.iter().filter(|(of, ..)| of.is_none_or(|of| of == service));
                settings.extend(wanted.map(|(_, name, value)| ((*name).to_owned(), value.clone())));
                let log = folder.path().join(format!("{service}-{index}.log"));
                processes.push(Process::new(service, *port, program.clone(), settings, log));
            }
        }
        Ok(Self { processes, servers, public_url, folder })
    }

    /// Waits until every process is ready.
    ///
    /// # Errors
    /// When one does not get ready.
    pub async fn ready(&self) -> anyhow::Result<()> {
        for process in &self.processes {
            process.ready().await?;
        }
        Ok(())
    }

    /// Where the first gateway is reached; the marketplace gives this as its address.
    pub fn url(&self) -> &str {
        &self.public_url
    }

    /// Where every gateway is reached.
    pub fn gateways(&self) -> Vec<String> {
        self.of("gateway").map(|process| process.url().replace("127.0.0.1", "localhost")).collect()
    }

    /// Every process.
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// The processes of a service.
    pub fn of<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a Process> {
        self.processes.iter().filter(move |process| process.service() == service)
    }

    /// The servers.
    pub fn servers(&self) -> &Servers {
        &self.servers
    }

    /// Where mails are, if they go to a folder, and logs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Everything stored, one aggregate a line, with ids, times and secrets replaced.
    ///
    /// # Errors
    /// When a program cannot read what it stored.
    pub fn dump(&self) -> anyhow::Result<Vec<String>> {
        let mut lines = Vec::new();
        for service in SERVICES.iter().filter(|service| !["gateway", "notification"].contains(service)) {
            let process = self.of(service).next().context("no process")?;
            lines.extend(process.command(&["--dump", "canonical"])?.lines().map(str::to_owned));
        }
        lines.sort();
        Ok(lines)
    }

    /// `jobapp-ctl`, which knows where everything of this cluster is.
    ///
    /// # Errors
    /// When it is not built.
    pub fn ctl(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(program("jobapp-ctl")?);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        for process in &self.processes {
            // Each has its own port, and its own log; all else that they share is the same.
            command
                .envs(process.settings().filter(|(name, _)| !name.contains("PORT") && !name.starts_with("JOBAPP_LOG")));
        }
        for service in SERVICES {
            let database = self.servers.database_of(service);
            command.envs(database.map(|url| (format!("JOBAPP_{}_STORE", service.to_uppercase()), url)));
        }
        Ok(command)
    }

    /// Asks every process to stop, gateways first: whether all ended as they should.
    ///
    /// # Errors
    /// When one does not end.
    pub fn stop(&self) -> anyhow::Result<bool> {
        let mut well = true;
        for process in self.processes.iter().rev() {
            well &= process.stop()?;
        }
        Ok(well)
    }
}

/// Where a program of this name is: beside the one that asks, or a folder above.
///
/// # Errors
/// When it is not built.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folders = own.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join(name)).find(|program| program.exists());
    found.with_context(|| format!("{name} is not built: cargo build --workspace --all-features --bins"))
}

fn common(
    servers: &Servers,
    folder: &Path,
    public_url: &str,
    ports: &BTreeMap<&str, Vec<u16>>,
) -> BTreeMap<String, String> {
    let secret = || format!("{:032x}", rand::random::<u128>());
    let mut settings: BTreeMap<String, String> = [
        ("BIND", "127.0.0.1".to_owned()),
        ("JOBAPP_DEV", "true".to_owned()),
        ("JOBAPP_LOG", "info,access=warn".to_owned()),
        ("JOBAPP_LOG_FORMAT", "json".to_owned()),
        ("RABBITMQ_ENDPOINT", servers.rabbitmq.url().to_owned()),
        ("REDIS_HOST", servers.redis.url().to_owned()),
        ("JWT_TOKEN", secret()),
        ("GATEWAY_JWT_TOKEN", secret()),
        ("API_GATEWAY_URL", public_url.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let media = match &servers.bucket {
        Some(bucket) => bucket.url(&format!("&spool={}", folder.join("spool").display())),
        None => format!("file:{}", folder.join("media").display()),
    };
    settings.insert("JOBAPP_MEDIA".to_owned(), media);
    if servers.bucket.is_some() {
        settings.extend(Bucket::KEYS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    let variables = [
        ("auth", "AUTH_BASE_URL"),
        ("users", "USERS_BASE_URL"),
        ("gig", "GIG_BASE_URL"),
        ("chat", "MESSAGE_BASE_URL"),
        ("order", "ORDER_BASE_URL"),
        ("review", "REVIEW_BASE_URL"),
        ("notification", "JOBAPP_NOTIFICATION_BASE_URL"),
    ];
    for (service, variable) in variables {
        let addresses: Vec<String> = ports[service].iter().map(|port| format!("http://127.0.0.1:{port}")).collect();
        settings.insert(variable.to_owned(), addresses.join(","));
    }
    settings
}

fn of_service(service: &str, plan: &Plan, servers: &Servers, folder: &Path) -> Vec<(String, String)> {
    let variable = if service == "auth" { "MYSQL_DB" } else { "DATABASE_URL" };
    let mut settings = Vec::new();
    if let Some(database) = servers.database_of(service) {
        settings.push((variable, database));
    }
    match service {
        "gig" => settings.push(match &servers.elasticsearch {
            Some(server) => ("ELASTIC_SEARCH_URL", server.url().to_owned()),
            None => ("JOBAPP_SEARCH", format!("tantivy:{}", folder.join("search").display())),
        }),
        "review" => settings.extend(servers.analytics().map(|database| ("JOBAPP_ANALYTICS", database))),
        "order" => settings.push(("JOBAPP_PAYMENTS", "fake:".to_owned())),
        "notification" => settings.push((
            "JOBAPP_MAIL",
            match &servers.mailpit {
                Some(host) if plan.mail_host => format!("{}?tls=none", host.url()),
                _ => format!("file:{}", folder.join("mail").display()),
            },
        )),
        _ => {}
    }
    settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
