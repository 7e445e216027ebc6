//! Random bytes from the system.

use jobapp_auth::Secrets;
use rand::Rng;

/// Random bytes from the thread's generator, which the operating system seeds again and again.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemSecrets;

impl Secrets for SystemSecrets {
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}
