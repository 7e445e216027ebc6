//! Connections that nobody reads along.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::ElasticConfigError;

/// Verifies servers by the certificates in this file, or by those of the system. It brings its own cryptography: a process in which two
/// crates chose differently has no default one.
pub(crate) fn verifying(ca: Option<&Path>) -> Result<ClientConfig, ElasticConfigError> {
    let wrong = ElasticConfigError::Certificates;
    let mut roots = RootCertStore::empty();
    match ca {
        Some(file) => {
            let named = |error: &dyn std::fmt::Display| wrong(format!("{}: {error}", file.display()));
            let text = std::fs::read(file).map_err(|error| named(&error))?;
            for certificate in CertificateDer::pem_slice_iter(&text) {
                roots.add(certificate.map_err(|error| named(&error))?).map_err(|error| named(&error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(wrong("there are none".to_owned()));
    }
    with_roots(roots)
}

/// Trusts nobody: for servers that are asked in clear.
pub(crate) fn unused() -> Result<ClientConfig, ElasticConfigError> {
    with_roots(RootCertStore::empty())
}

fn with_roots(roots: RootCertStore) -> Result<ClientConfig, ElasticConfigError> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ElasticConfigError::Certificates(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
