//! Signed notices: HMAC-SHA256 over the time and the payload.

use hmac::{Hmac, KeyInit, Mac};
use jobapp_kernel::Timestamp;
use jobapp_orders::ProviderError;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// A notice about one payment.
#[derive(Serialize, Deserialize)]
pub(crate) struct Notice {
    /// Tells notices apart.
    pub(crate) id: String,
    /// Such as `payment_intent.succeeded`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The payment's id.
    pub(crate) intent: String,
}

/// Signs and checks notices.
pub(crate) struct Signer(Hmac<Sha256>);

impl Signer {
    pub(crate) fn new(secret: [u8; 64]) -> Self {
        Self(<Hmac<Sha256> as KeyInit>::new(&secret.into()))
    }

    /// `t=<milliseconds>,v1=<hex>`.
    pub(crate) fn sign(&self, payload: &[u8], now: Timestamp) -> String {
        let time = now.as_millis().to_string();
        format!("t={time},v1={}", hex::encode(self.over(&time, payload).finalize().into_bytes()))
    }

    pub(crate) fn check(&self, payload: &[u8], signature: &str) -> Result<(), ProviderError> {
        let parts = signature.strip_prefix("t=").and_then(|rest| rest.split_once(",v1="));
        let (time, code) = parts.ok_or(ProviderError::NotSigned)?;
        let code = hex::decode(code).map_err(|_| ProviderError::NotSigned)?;
        self.over(time, payload).verify_slice(&code).map_err(|_| ProviderError::NotSigned)
    }

    fn over(&self, time: &str, payload: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(payload);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_signed_with_the_secret_is_taken() {
        let signer = Signer::new([7; 64]);
        let signature = signer.sign(b"hello", Timestamp::EPOCH);
        assert!(signer.check(b"hello", &signature).is_ok());
        assert!(signer.check(b"hullo", &signature).is_err());
        assert!(signer.check(b"hello", &signature.replace("t=0", "t=1")).is_err());
        assert!(Signer::new([8; 64]).check(b"hello", &signature).is_err());
        for bad in ["", "t=0", "t=0,v1=", "t=0,v1=zz"] {
            assert!(signer.check(b"hello", bad).is_err(), "{bad}");
        }
    }
}
