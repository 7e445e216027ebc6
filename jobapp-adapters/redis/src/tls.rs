//! Connections that nobody reads along.

use std::path::Path;
use std::sync::Arc;

use fred::rustls::crypto::ring;
use fred::rustls::pki_types::CertificateDer;
use fred::rustls::pki_types::pem::PemObject;
use fred::rustls::{ClientConfig, RootCertStore};
use fred::rustls_native_certs::load_native_certs;
use fred::types::config::TlsConnector;

use crate::RedisConfigError;

/// Verifies servers by the certificates in this file, or by those of the system. It brings its own cryptography: a process in which two
/// crates chose differently has no default one.
pub(crate) fn connector(ca: Option<&Path>) -> Result<TlsConnector, RedisConfigError> {
    let wrong = |what: String| RedisConfigError::Certificates(what);
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
            roots.add_parsable_certificates(load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(wrong("there are none".to_owned()));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth().into())
}
