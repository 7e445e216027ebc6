//! What `cargo xtask up` runs: the eight programs on servers in containers, until Ctrl-C.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to who started it")]

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use jobapp_cluster::{Cluster, Databases, Place, Plan, settings_page};
use tokio::io::AsyncReadExt;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Starts RabbitMQ, Redis and databases in containers and the eight programs beside them on this machine, prints where they are, and
/// follows their logs. Ctrl-C ends everything; nothing is kept.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask up")]
struct Arguments {
    /// Which databases the services stand on. With `polyglot` pictures and files are in a bucket, and not in a folder.
    #[arg(long, value_enum, default_value_t = Databases::Postgres)]
    databases: Databases,
    /// How many processes of each service.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=9))]
    each: u8,
    /// Send mails to a mail host in a container, and not to the mailbox of the developer pages.
    #[arg(long)]
    mail_host: bool,
    /// Search gigs on an Elasticsearch in a container, and not in a folder.
    #[arg(long)]
    elasticsearch: bool,
    /// Print the page of all settings, and end.
    #[arg(long, hide = true)]
    settings: bool,
    /// What the programs log.
    #[arg(long, default_value = "info,access=warn")]
    log: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match up(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn up(arguments: Arguments) -> anyhow::Result<()> {
    if arguments.settings {
        print!("{}", settings_page()?);
        return Ok(());
    }
    let settings = vec![(None, "JOBAPP_LOG", arguments.log.clone()), (None, "JOBAPP_LOG_FORMAT", "text".to_owned())];
    let Arguments { databases, mail_host, elasticsearch, .. } = arguments;
    let (each, bucket) = (arguments.each.into(), databases == Databases::Polyglot);
    let plan = Plan { databases, each, mail_host, elasticsearch, bucket, settings, ..Plan::default() };
    let mut asked = Asked::listen()?;
    eprintln!("starting servers in containers …");
    let preparing = Cluster::prepare(&plan);
    let cluster = tokio::select! {
        cluster = preparing => cluster?,
        () = asked.until_ended() => return Ok(()),
    };
    eprintln!("starting the programs …");
    for process in cluster.processes() {
        process.start()?;
    }
    let following: Vec<_> = cluster
        .processes()
        .iter()
        .enumerate()
        .map(|(index, process)| tokio::spawn(follow(process.service(), index, process.log_file().to_owned())))
        .collect();
    let running = async {
        cluster.ready().await?;
        println!("{}", addresses(&cluster));
        std::future::pending::<anyhow::Result<()>>().await
    };
    tokio::select! {
        ended = running => ended?,
        () = asked.until_ended() => {}
    }
    eprintln!("stopping … (Ctrl-C again: at once)");
    let folder = cluster.folder().to_owned();
    tokio::spawn(async move {
        asked.until_ended().await;
        // What was started ends with this process, however it ends; its folder may be in use until then.
        drop(std::fs::remove_dir_all(folder));
        std::process::exit(130)
    });
    let well = tokio::task::block_in_place(|| cluster.stop())?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    following.iter().for_each(tokio::task::JoinHandle::abort);
    anyhow::ensure!(well, "a program did not end as it should; its log is above");
    Ok(())
}

/// Hears when it is asked to end.
struct Asked {
    interrupt: Signal,
    terminate: Signal,
}

impl Asked {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits until it is asked, by Ctrl-C or a signal.
    async fn until_ended(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn addresses(cluster: &Cluster) -> String {
    let url = cluster.url();
    let mut text = format!(
        "\nJobApp is running. Ctrl-C stops it.\n\n  API        {url}/api/gateway/v1\n  Docs       {url}/docs\n"
    );
    let servers = cluster.servers();
    match &servers.mailpit {
        Some(host) => text += &format!("  Mails      {}\n", host.api().unwrap_or_default()),
        None => text += &format!("  Mailbox    {url}/_dev/mail\n"),
    }
    text += &format!("  Payments   {url}/_dev/payments\n\n");
    for process in cluster.processes() {
        text += &format!("  {:<12} {}\n", process.service(), process.url());
    }
    let place = |name: &str, place: &Place| {
        let api = place.api().map(|api| format!("   {api}")).unwrap_or_default();
        format!("  {name:<12} {}{api}\n", place.url())
    };
    text.push('\n');
    text += &place("rabbitmq", &servers.rabbitmq);
    text += &place("redis", &servers.redis);
    let others = [
        ("postgres", &servers.postgres),
        ("mysql", &servers.mysql),
        ("mongodb", &servers.mongodb),
        ("elasticsearch", &servers.elasticsearch),
    ];
    for (name, server) in others {
        if let Some(server) = server {
            text += &place(name, server);
        }
    }
    if let Some(bucket) = &servers.bucket {
        text += &format!("  {:<12} {}\n", "bucket", bucket.url(""));
    }
    text
}

/// Prints what is written to a log, each line with the name of its program.
async fn follow(service: &str, index: usize, log: PathBuf) {
    /// One of the colours that are readable on black and on white.
    const COLOURS: [u8; 6] = [32, 33, 34, 35, 36, 31];
    let colour = COLOURS[index % COLOURS.len()];
    let (mut read, mut rest) = (0, Vec::new());
    loop {
        if let Ok(written) = behind(&log, read).await {
            read += written.len() as u64;
            rest.extend(written);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line);
                let mut out = std::io::stdout().lock();
                // Whoever follows may have gone.
                drop(write!(out, "\u{1b}[{colour}m{service:<12}\u{1b}[0m {line}"));
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn behind(log: &PathBuf, from: u64) -> anyhow::Result<Vec<u8>> {
    let mut file = tokio::fs::File::open(log).await.context("the log is not there yet")?;
    tokio::io::AsyncSeekExt::seek(&mut file, std::io::SeekFrom::Start(from)).await?;
    let mut written = Vec::new();
    file.read_to_end(&mut written).await?;
    Ok(written)
}
