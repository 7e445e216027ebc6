//! Measures writes: messages into one conversation and into many, new gigs, orders and sign-ups, over 1, 32 and 256
//! connections. Prints figures, the machine, and what its disk can do in the same run; judges nothing.
//!
//! Waits for the disk are counted in a run of their own, by strace: each that is seen costs several switches between processes,
//! which took more CPU than a message does.
//!
//! `[seconds] [program]`: 5 for each figure, and the `jobapp` beside this program.
#![expect(clippy::print_stdout, reason = "a bench prints")]

mod crowd;
mod load;
#[expect(dead_code, reason = "each bench uses a part of it")]
mod marketplace;
mod process;
mod writing;

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use crowd::PASSWORD;
use jobapp_auth::PasswordHasher;
use jobapp_auth_service::Argon2Hasher;
use marketplace::{Running, free_port};
use process::{arguments, cpu_seconds, machine, resident_mib};
use writing::{Market, Measured};

/// How long everything that follows from a run may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long each figure is measured while waits for the disk are counted, at most.
const COUNTED: Duration = Duration::from_secs(2);

/// One thread: the other core is the marketplace's alone, and half of this one.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let (seconds, program) = arguments(5, "how many seconds?")?;
    let folder = tempfile::tempdir()?;
    println!("machine: {}", machine());
    let written = synchronous_writes(folder.path())?;
    println!("disk: {written:.0} synchronous writes of 4 KiB a second, one after the other");
    let time = Duration::from_secs(seconds.into());
    let measured = Measured::filled(OneBinary::start(&program, folder.path(), None).await?, time).await?;
    println!("resident when idle: {:.1} MiB", measured.market.resident_mib()?);
    measured.all().await?;
    println!("resident when idle: {:.1} MiB", measured.market.resident_mib()?);
    measured.market.running.stop()?;
    println!(
        "disk: {:.0} synchronous writes of 4 KiB a second, one after the other",
        synchronous_writes(folder.path())?
    );
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        println!("fsyncs are not counted: strace is not installed");
        return Ok(());
    }
    println!("once more, with each wait for the disk seen by strace: only they count");
    let counted = folder.path().join("counted");
    std::fs::create_dir(&counted)?;
    let market = OneBinary::start(&program, &counted, Some(counted.join("syncs"))).await?;
    let measured = Measured::filled(market, time.min(COUNTED)).await?;
    measured.all().await?;
    measured.market.running.stop()
}

/// How many writes of 4 KiB reach the disk in a second.
fn synchronous_writes(folder: &Path) -> anyhow::Result<f64> {
    let file = std::fs::File::create(folder.join("disk"))?;
    let page = [7; 4096];
    let started = Instant::now();
    let mut count = 0;
    while started.elapsed() < Duration::from_secs(1) {
        file.write_all_at(&page, count % 256 * 4096)?;
        file.sync_data()?;
        count += 1;
    }
    Ok(count as f64 / started.elapsed().as_secs_f64())
}

/// The one binary on a folder.
struct OneBinary {
    running: Running,
    port: u16,
    /// Where each call that waits for the disk has a line.
    syncs: Option<PathBuf>,
}

impl OneBinary {
    async fn start(program: &Path, folder: &Path, syncs: Option<PathBuf>) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = match &syncs {
            // Only the traced calls are stopped at; the process that is started is the marketplace.
            Some(file) => {
                let mut command = Command::new("strace");
                command.args(["-D", "-f", "--seccomp-bpf", "-qq", "-e", "trace=fsync,fdatasync", "-o"]);
                command.arg(file).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(["--port", &port.to_string(), "--log", "error", "--rate-limits", "off"]);
        command.arg("--data").arg(folder.join("data")).stdout(Stdio::null());
        let running = Running(command.spawn().with_context(|| format!("{} could not be started", program.display()))?);
        crowd::answers(port).await?;
        Ok(Self { running, port, syncs })
    }

    fn resident_mib(&self) -> anyhow::Result<f64> {
        resident_mib(self.running.0.id())
    }
}

impl Market for OneBinary {
    fn port(&self) -> u16 {
        self.port
    }

    fn cpu_seconds(&self) -> anyhow::Result<f64> {
        cpu_seconds(self.running.0.id())
    }

    fn synced(&self) -> anyhow::Result<Option<usize>> {
        let Some(file) = &self.syncs else { return Ok(None) };
        let lines = std::fs::read(file)?;
        // A call that another thread interrupted has a second line, which says that it goes on.
        let calls = lines.split(|byte| *byte == b'\n');
        Ok(Some(calls.filter(|line| contains(line, b"sync(")).count()))
    }

    async fn settled(&self) -> anyhow::Result<()> {
        crowd::settled(self.port, PATIENCE).await
    }

    async fn hash_seconds(&self) -> anyhow::Result<Option<f64>> {
        const HASHES: u8 = 20;
        if self.syncs.is_some() {
            return Ok(None);
        }
        let hasher = Argon2Hasher::new()?;
        let hash = hasher.hash(PASSWORD).await?;
        let started = Instant::now();
        for _ in 0..HASHES {
            hasher.verify_here(PASSWORD, &hash)?;
        }
        Ok(Some(started.elapsed().as_secs_f64() / f64::from(HASHES)))
    }
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}
