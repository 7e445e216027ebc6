//! Ports of the host that stay one's own.

use std::fs::{File, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;

use anyhow::{Context, bail};

/// Below the ports that the system gives to clients, so that none takes the port of a server that is stopped for a while.
const FIRST: u16 = 20_000;
/// How many there are.
const COUNT: u64 = 12_000;

/// A port of this machine that no other test takes while this lives.
#[derive(Debug)]
pub(crate) struct ReservedPort {
    pub(crate) number: u16,
    /// Locked. The file stays, so that two processes never lock different files of one name.
    _claim: File,
}

impl ReservedPort {
    /// Any free one.
    pub(crate) fn any() -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join("jobapp-test-ports");
        std::fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let start = RandomState::new().hash_one(std::process::id());
        for step in 0..COUNT {
            let number = FIRST + u16::try_from((start.wrapping_add(step)) % COUNT)?;
            let path = folder.join(number.to_string());
            let claim = File::create(&path).with_context(|| format!("{} cannot be written", path.display()))?;
            match claim.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => return Err(error).context("a port cannot be reserved"),
            }
            if TcpListener::bind(("127.0.0.1", number)).is_ok() {
                return Ok(Self { number, _claim: claim });
            }
        }
        bail!("no port of {FIRST} to {} is free", u64::from(FIRST) + COUNT)
    }
}
