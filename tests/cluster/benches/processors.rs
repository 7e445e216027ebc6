//! What the programs of this machine have used of its processors.

use std::fmt;

use anyhow::Context;

/// Who is told of, by the names of their programs.
const PROGRAMS: [(&str, &[&str]); 5] = [
    ("here", &[]),
    ("broker", &["beam.smp"]),
    ("postgres", &["postgres"]),
    ("mysql", &["mysqld", "mariadbd"]),
    ("docker's proxy", &["docker-proxy"]),
];

/// Linux tells programs of time in hundredths of a second.
const A_SECOND: f64 = 100.0;

/// Seconds of processors, by program: since the machine started, or of one event.
#[derive(Debug, Clone, Default)]
pub(crate) struct Used([f64; PROGRAMS.len()]);

impl Used {
    /// What was used until now.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub(crate) fn now() -> anyhow::Result<Self> {
        let mut used = Self::default();
        for process in std::fs::read_dir("/proc")? {
            let Ok(stat) = std::fs::read_to_string(process?.path().join("stat")) else { continue };
            let (id, rest) = stat.split_once(" (").context("a process has a name")?;
            let (name, rest) = rest.rsplit_once(") ").context("a name has an end")?;
            let is_here = id.parse::<u32>() == Ok(std::process::id());
            let told = |(_, names): &(&str, &[&str])| if names.is_empty() { is_here } else { names.contains(&name) };
            if let Some(program) = PROGRAMS.iter().position(told) {
                let times = rest.split(' ').skip(11).take(2).map(str::parse::<u64>).collect::<Result<Vec<_>, _>>()?;
                used.0[program] += times.iter().sum::<u64>() as f64 / A_SECOND;
            }
        }
        Ok(used)
    }

    /// What one of so many events used since then.
    pub(crate) fn since(&self, before: &Self, events: usize) -> Self {
        Self(std::array::from_fn(|program| (self.0[program] - before.0[program]) / events as f64))
    }
}

impl fmt::Display for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} µs of processors", self.0.iter().sum::<f64>() * 1e6)?;
        for ((program, _), used) in PROGRAMS.iter().zip(self.0).filter(|(_, used)| *used > 0.5e-6) {
            write!(f, ", {program} {:.0}", used * 1e6)?;
        }
        Ok(())
    }
}
