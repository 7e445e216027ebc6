//! Ports that nobody else is given.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u32 = 10_000;
const COUNT: u32 = 10_000;

/// A free port below those that systems give to whoever connects or asks for any: while a process is down, nobody is given its
/// port.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Programs that run at once begin far from each other.
    let begin = std::process::id().wrapping_mul(7919);
    for _ in 0..COUNT {
        let step = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + step % COUNT)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    anyhow::bail!("no port between {FIRST} and {} is free", FIRST + COUNT)
}
