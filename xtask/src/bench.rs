//! Figures, printed and never judged.

/// Start, memory and CPU of the one binary: the measuring itself is an example of the facade, because it speaks HTTP.
pub(crate) fn footprint(gigs: usize) -> anyhow::Result<()> {
    crate::cargo(&["build", "--release", "--package", "jobapp-all-in-one", "--bin", "jobapp"], &[])?;
    let gigs = gigs.to_string();
    crate::cargo(
        &[
            "run",
            "--release",
            "--package",
            "jobapp-all-in-one",
            "--bin",
            "footprint",
            "--features",
            "bench",
            "--",
            &gigs,
        ],
        &[],
    )
}

/// Sign-ins a second through the auth service, next to Argon2id alone.
pub(crate) fn signin(seconds: u64) -> anyhow::Result<()> {
    let seconds = seconds.to_string();
    crate::cargo(
        &[
            "run",
            "--release",
            "--package",
            "jobapp-all-in-one",
            "--bin",
            "signin",
            "--features",
            "bench",
            "--",
            &seconds,
        ],
        &[],
    )
}

/// A bench of the gateway service, built as it would be shipped: that takes a few minutes the first time.
pub(crate) fn gateway(name: &str, argument: &str) -> anyhow::Result<()> {
    let package = "jobapp-gateway-service";
    crate::cargo(&["bench", "--profile", "dist", "--package", package, "--bench", name, "--", argument], &[])
}
