//! Signatures of what is asked of Cloudinary.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::HostAddressError;

/// What is asked, in the order in which it is signed.
pub(super) type Parameters = BTreeMap<&'static str, String>;

/// How a signature is made: as the account says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Digest {
    #[default]
    Sha1,
    Sha256,
}

impl FromStr for Digest {
    type Err = HostAddressError;

    fn from_str(text: &str) -> Result<Self, HostAddressError> {
        match text {
            "sha1" => Ok(Self::Sha1),
            "sha256" => Ok(Self::Sha256),
            _ => Err(HostAddressError::new(format!("signature={text} is neither sha1 nor sha256"))),
        }
    }
}

/// Signs what is asked with the secret of an account.
pub(super) struct Signer {
    key: String,
    secret: String,
    digest: Digest,
}

impl Signer {
    pub(super) const fn new(key: String, secret: String, digest: Digest) -> Self {
        Self { key, secret, digest }
    }

    /// The same with a signature and whose it is. All of it is signed; the content is not a part of it.
    pub(super) fn sign(&self, mut parameters: Parameters) -> Parameters {
        let signature = self.signature(&parameters);
        parameters.extend([("api_key", self.key.clone()), ("signature", signature)]);
        parameters
    }

    fn signature(&self, parameters: &Parameters) -> String {
        let pairs: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let text = pairs.join("&") + &self.secret;
        match self.digest {
            Digest::Sha1 => hex::encode(Sha1::digest(text)),
            Digest::Sha256 => hex::encode(Sha256::digest(text)),
        }
    }

    /// Key and secret, for questions that are not signed.
    pub(super) fn basic(&self) -> String {
        format!("{}:{}", self.key, self.secret)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("key", &self.key).field("digest", &self.digest).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_documentation() {
        let signer = Signer::new("1234".into(), "abcd".into(), Digest::Sha1);
        let parameters = Parameters::from([
            ("timestamp", "1315060510".to_owned()),
            ("public_id", "sample_image".to_owned()),
            ("eager", "w_400,h_300,c_pad|w_260,h_200,c_crop".to_owned()),
        ]);
        let signed = signer.sign(parameters);
        assert_eq!(signed["signature"], "bfd09f95f331f558cbd1320e67aa8d488770583e");
        assert_eq!(signed["api_key"], "1234");
    }
}
