//! The program as it is to be distributed.

use anyhow::Context;

use crate::profile::Profile;
use crate::{cargo_command, step};

const JOBAPP: [&str; 5] = ["build", "--package", "jobapp-all-in-one", "--bin", "jobapp"];

/// Builds `target/dist/jobapp`.
pub(crate) fn build() -> anyhow::Result<()> {
    let profile = Profile::new("jobapp")?;
    step("jobapp, to count what it does");
    let counting = profile.counting(&JOBAPP)?;
    step("at work");
    let mut work =
        cargo_command(&["run", "--package", "jobapp-all-in-one", "--bin", "work", "--features", "bench", "--"]);
    work.arg(&counting).arg(profile.folder().join("work.log"));
    profile.learn(&counting, work)?;
    step("jobapp, optimised with what was counted");
    let built = profile.optimise(&JOBAPP)?.join("jobapp");
    let place = crate::root().join("target/dist/jobapp");
    std::fs::create_dir_all(crate::root().join("target/dist"))?;
    std::fs::copy(&built, &place).with_context(|| format!("{} could not be written", place.display()))?;
    println!("{}", place.display());
    Ok(())
}
