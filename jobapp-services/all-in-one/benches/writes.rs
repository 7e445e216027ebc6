//! Measures writes: messages into one conversation and into many, new gigs, orders and sign-ups, over 1, 32 and 256
//! connections. Prints figures, the machine, and what its disk can do in the same run; judges nothing.
//!
//! Waits for the disk are counted by `perf stat`, where it is installed and may: the kernel counts, and stops nobody.
//!
//! `[seconds] [program] [what …]`: 5 for each figure, the `jobapp` beside this program, and everything; or some of `messages`, `gigs`,
//! `orders` and `sign-ups`.
#![expect(clippy::print_stdout, reason = "a bench prints")]

mod crowd;
mod load;
#[expect(dead_code, reason = "each bench uses a part of it")]
mod marketplace;
mod process;
mod writing;

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
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
/// How often perf tells what it has counted.
const TOLD_EVERY: Duration = Duration::from_millis(100);

/// One thread: the other core is the marketplace's alone, and half of this one.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let (seconds, program) = arguments(5, "how many seconds?")?;
    let only = std::env::args().skip(3).map(|name| name.parse()).collect::<anyhow::Result<Vec<_>>>()?;
    let folder = tempfile::tempdir()?;
    println!("machine: {}", machine());
    let written = synchronous_writes(folder.path())?;
    println!("disk: {written:.0} synchronous writes of 4 KiB a second, one after the other");
    let time = Duration::from_secs(seconds.into());
    let measured = Measured::filled(OneBinary::start(&program, folder.path()).await?, time).await?;
    println!("resident when idle: {:.1} MiB", measured.market.resident_mib()?);
    measured.measure(&only).await?;
    println!("resident when idle: {:.1} MiB", measured.market.resident_mib()?);
    measured.market.running.stop()?;
    println!(
        "disk: {:.0} synchronous writes of 4 KiB a second, one after the other",
        synchronous_writes(folder.path())?
    );
    Ok(())
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
    syncs: Option<Syncs>,
}

impl OneBinary {
    async fn start(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string(), "--log", "error", "--rate-limits", "off"]);
        command.arg("--data").arg(folder.join("data")).stdout(Stdio::null());
        let running = Running(command.spawn().with_context(|| format!("{} could not be started", program.display()))?);
        crowd::answers(port).await?;
        let syncs = Syncs::of(running.0.id(), folder.join("syncs"))?;
        if syncs.is_none() {
            println!("fsyncs are not counted: `perf stat` is not installed, or may not count them");
        }
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

    async fn synced(&self) -> anyhow::Result<Option<u64>> {
        match &self.syncs {
            Some(syncs) => syncs.so_far().await.map(Some),
            None => Ok(None),
        }
    }

    async fn settled(&self) -> anyhow::Result<()> {
        crowd::settled(self.port, PATIENCE).await
    }

    async fn hash_seconds(&self) -> anyhow::Result<Option<f64>> {
        const HASHES: u8 = 20;
        let hasher = Argon2Hasher::new()?;
        let hash = hasher.hash(PASSWORD).await?;
        let started = Instant::now();
        for _ in 0..HASHES {
            hasher.verify_here(PASSWORD, &hash)?;
        }
        Ok(Some(started.elapsed().as_secs_f64() / f64::from(HASHES)))
    }
}

/// What counts how often a process waits for the disk.
struct Syncs {
    perf: Child,
    file: PathBuf,
}

impl Syncs {
    /// Begins to count; `None` where that cannot be done.
    fn of(process: u32, file: PathBuf) -> anyhow::Result<Option<Self>> {
        let calls = "syscalls:sys_enter_fsync,syscalls:sys_enter_fdatasync,syscalls:sys_enter_syncfs";
        let mut perf = Command::new("perf");
        perf.args(["stat", "-x", ",", "-e", calls, "-I", &TOLD_EVERY.as_millis().to_string()]);
        perf.args(["-p", &process.to_string(), "-o"]).arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(perf) = perf.spawn() else { return Ok(None) };
        let mut syncs = Self { perf, file };
        let deadline = Instant::now() + PATIENCE;
        while syncs.told()?.is_none() {
            if syncs.perf.try_wait()?.is_some() || Instant::now() > deadline {
                return Ok(None);
            }
            std::thread::sleep(TOLD_EVERY);
        }
        Ok(Some(syncs))
    }

    /// How often it waited until now.
    async fn so_far(&self) -> anyhow::Result<u64> {
        // What happened since it was told the last time is told with the next.
        tokio::time::sleep(TOLD_EVERY * 3).await;
        Ok(self.told()?.unwrap_or_default())
    }

    /// How often it waited when it was told the last time: the sum of the second fields; `None` before that.
    fn told(&self) -> anyhow::Result<Option<u64>> {
        let Ok(text) = std::fs::read_to_string(&self.file) else { return Ok(None) };
        let counts = text.lines().filter_map(|line| line.split(',').nth(1)?.parse::<u64>().ok());
        Ok(counts.reduce(|sum, count| sum + count))
    }
}

impl Drop for Syncs {
    fn drop(&mut self) {
        // It may have ended with the process it looks at.
        drop(self.perf.kill());
        drop(self.perf.wait());
    }
}
