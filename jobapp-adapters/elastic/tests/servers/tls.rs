//! Elasticsearch over TLS.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jobapp_elastic::{ElasticConfig, ElasticError, ElasticSearch};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::place::Place;

/// Who ends TLS before a server, as this host.
async fn ends_tls(host: &str, behind: String) -> (SocketAddr, tempfile::NamedTempFile) {
    let made = rcgen::generate_simple_self_signed(vec![host.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                // Who does not trust it goes away.
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut server = TcpStream::connect(behind).await.unwrap();
                drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
            });
        }
    });
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(made.cert.pem().as_bytes()).unwrap();
    (address, file)
}

fn by(address: SocketAddr, ca: &Path) -> ElasticSearch {
    let url = format!("https://elastic:hush@localhost:{}/?ca={}", address.port(), ca.display());
    let mut config = ElasticConfig::from_url(&url).unwrap();
    config.patience = Duration::from_secs(5);
    ElasticSearch::open(config)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_known_by_its_certificate() {
    let place = Place::fresh().await;
    let behind = place.server.url().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let (known, certificate) = ends_tls("localhost", behind.clone()).await;
    let (other, _) = ends_tls("localhost", behind.clone()).await;
    let (elsewhere, of_another_host) = ends_tls("es.test", behind).await;
    by(known, certificate.path()).ping().await.unwrap();
    for stranger in [by(other, certificate.path()), by(elsewhere, of_another_host.path())] {
        assert!(matches!(stranger.ping().await, Err(ElasticError::Silent { .. })));
    }
}
