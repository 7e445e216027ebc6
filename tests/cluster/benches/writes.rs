//! Measures writes into the eight programs on servers: messages into one conversation and into many, new gigs, orders and sign-ups, over 1, 32
//! and 256 connections. The CPU is that of the programs; servers, and whoever asks, have the same cores. `cargo xtask bench writes --on postgres`.
//!
//! `postgres`, `mysql`, `both` or `polyglot`, how many seconds each figure is measured: 5, and what, if not everything:
//! `messages`, `gigs`, `orders`, `sign-ups`.
#![expect(clippy::print_stdout, reason = "it prints figures")]

#[path = "../../../jobapp-services/all-in-one/benches/crowd.rs"]
#[expect(dead_code, reason = "each bench uses a part of it")]
mod crowd;
#[path = "../../../jobapp-services/all-in-one/benches/load.rs"]
mod load;
#[path = "../../../jobapp-services/all-in-one/benches/process.rs"]
#[expect(dead_code, reason = "each bench uses a part of it")]
mod process;
#[path = "../../../jobapp-services/all-in-one/benches/writing.rs"]
mod writing;

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use jobapp_cluster::{Cluster, Databases, Plan};
use process::{cpu_seconds, machine, resident_mib};
use writing::{Market, Measured};

/// How long everything that follows from a run may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long is looked whether anything is done.
const LOOK: Duration = Duration::from_millis(500);
/// The CPU time in that time that idle programs take at most.
const IDLE: f64 = 0.05;
/// So many idle looks in a row mean that nothing is under way.
const LOOKS: usize = 3;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let databases = arguments.next().map_or(Ok(Databases::default()), |name| Databases::named(&name))?;
    let seconds = arguments.next().map_or(Ok(5), |seconds| seconds.parse()).context("how many seconds?")?;
    let only = arguments.map(|name| name.parse()).collect::<anyhow::Result<Vec<_>>>()?;
    println!("machine: {}", machine());
    let setting = |name, value: &str| (None, name, value.to_owned());
    let settings = vec![setting("JOBAPP_LOG", "error"), setting("JOBAPP_RATE_LIMITS", "off")];
    let cluster = Box::pin(Cluster::start(&Plan { databases, settings, ..Plan::default() })).await?;
    let port = cluster.url().rsplit(':').next().and_then(|port| port.parse().ok()).context("no port")?;
    let measured = Measured::filled(Programs { cluster, port }, Duration::from_secs(seconds)).await?;
    measured.market.tell_memory()?;
    measured.measure(&only).await?;
    measured.market.tell_memory()?;
    ensure!(measured.market.cluster.stop()?, "a program did not stop politely");
    Ok(())
}

/// The eight programs.
struct Programs {
    cluster: Cluster,
    port: u16,
}

impl Programs {
    fn ids(&self) -> anyhow::Result<Vec<u32>> {
        self.cluster.processes().iter().map(|process| Ok(process.id()?.unsigned_abs())).collect()
    }

    fn tell_memory(&self) -> anyhow::Result<()> {
        for (process, id) in self.cluster.processes().iter().zip(self.ids()?) {
            print!("{} {:.1} MiB  ", process.service(), resident_mib(id)?);
        }
        println!("resident when idle");
        Ok(())
    }
}

impl Market for Programs {
    fn port(&self) -> u16 {
        self.port
    }

    fn cpu_seconds(&self) -> anyhow::Result<f64> {
        self.ids()?.into_iter().map(cpu_seconds).sum()
    }

    async fn synced(&self) -> anyhow::Result<Option<u64>> {
        Ok(None)
    }

    /// Waits until the programs do nothing.
    async fn settled(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut idle = 0;
        while idle < LOOKS {
            ensure!(Instant::now() < deadline, "the programs are still at work after {PATIENCE:?}");
            let before = self.cpu_seconds()?;
            tokio::time::sleep(LOOK).await;
            idle = if self.cpu_seconds()? - before < IDLE { idle + 1 } else { 0 };
        }
        Ok(())
    }

    async fn hash_seconds(&self) -> anyhow::Result<Option<f64>> {
        Ok(None)
    }
}
