//! What the system says of processes, and what this one was asked for.

use std::path::PathBuf;

use anyhow::Context;

/// The two arguments of a bench: a number, and the `jobapp` to measure. Without them `usual`, and the one beside this program.
pub(crate) fn arguments(usual: u32, what: &'static str) -> anyhow::Result<(u32, PathBuf)> {
    let mut arguments = std::env::args_os().skip(1);
    let number = match arguments.next() {
        Some(number) => number.to_str().and_then(|text| text.parse().ok()).context(what)?,
        None => usual,
    };
    let program = match arguments.next() {
        Some(program) => PathBuf::from(program),
        None => std::env::current_exe()?.with_file_name("jobapp"),
    };
    Ok((number, program))
}

/// User and system time of a process so far, from `/proc/<pid>/stat` in ticks of 10 ms.
pub(crate) fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit(')').next().context("no name in stat")?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(ticks / 100.0)
}

/// What a process holds in memory, in MiB.
pub(crate) fn resident_mib(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kib / 1024.0)
}

/// The processor and the system.
pub(crate) fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores, Linux {}", kernel.trim())
}
