//! How long each program takes from its start until it is ready, with its servers there, and what it holds when idle.
//! `cargo xtask bench services`.
#![expect(clippy::print_stdout, reason = "it prints figures")]

use std::time::{Duration, Instant};

use anyhow::Context;
use jobapp_cluster::{Cluster, Plan};

/// How often each is started. The first start also makes tables and queues.
const STARTS: usize = 5;
/// How long nothing happens before memory is read.
const IDLE: Duration = Duration::from_secs(15);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = vec![(None, "JOBAPP_LOG", "warn".to_owned())];
    let cluster = Cluster::prepare(&Plan { settings, ..Plan::default() }).await?;
    println!("{:<14} {:>12} {:>22}", "program", "first start", "start to ready, median");
    for process in cluster.processes() {
        let mut times = Vec::new();
        for start in 0..=STARTS {
            let begun = Instant::now();
            process.start()?;
            process.ready().await?;
            times.push(begun.elapsed());
            if start < STARTS {
                process.stop()?;
            }
        }
        let first = times.remove(0);
        times.sort();
        let median = times[times.len() / 2];
        println!("{:<14} {:>9} ms {:>19} ms", process.service(), first.as_millis(), median.as_millis());
    }
    tokio::time::sleep(IDLE).await;
    println!("\n{:<14} {:>16}  (goals: 300 ms to ready, 20 MiB idle)", "program", "memory when idle");
    for process in cluster.processes() {
        println!("{:<14} {:>12.1} MiB", process.service(), memory(process.id()?)?);
    }
    cluster.stop()?;
    Ok(())
}

/// What a process has in memory that nobody else has, and its share of what others have, too, in MiB.
fn memory(id: i32) -> anyhow::Result<f64> {
    let rollup = std::fs::read_to_string(format!("/proc/{id}/smaps_rollup"))?;
    let line = rollup.lines().find(|line| line.starts_with("Pss:")).context("no Pss")?;
    let kib: f64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kib / 1024.0)
}
