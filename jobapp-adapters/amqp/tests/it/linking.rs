//! A peer that says nothing is given up, and nothing of it is left.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jobapp_amqp::{AmqpBus, AmqpConfig, AmqpError};
use jobapp_contracts::bus::in_time;
use jobapp_kernel::Publisher;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::broker::{Broker, message};

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_says_nothing_from_the_first_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("amqp://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let mut config = AmqpConfig::new(&address).unwrap();
    config.connect_within = Duration::from_millis(300);
    let begun = Instant::now();
    let (opened, accepted) = tokio::join!(AmqpBus::open(config), listener.accept());
    let error = opened.unwrap_err();
    assert!(error.may_pass(), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    // Its socket is closed: neither a thread nor a connection is left of the attempt.
    let mut heard = Vec::new();
    in_time("the socket to be closed", accepted.unwrap().0.read_to_end(&mut heard)).await.unwrap();
    assert!(heard.starts_with(b"AMQP"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("amqp://127.0.0.1:{}", listener.local_addr().unwrap().port());
    drop(listener);
    let error = in_time("the answer", AmqpBus::open(AmqpConfig::new(&address).unwrap())).await.unwrap_err();
    assert!(matches!(error, AmqpError::Broken(_)), "{error:?}");
    let error = AmqpConfig::new("http://127.0.0.1").unwrap_err();
    assert!(matches!(error, AmqpError::Address(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_it_must_be_the_broker_itself() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let settings = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let broker = Broker::confirming_behind(Some(TlsAcceptor::from(Arc::new(settings)))).await;
    let (port, roots) = (broker.port(), roots.display());
    let open = async |address: String| in_time("the answer", AmqpBus::open(AmqpConfig::new(&address).unwrap())).await;
    let bus = open(format!("amqps://localhost:{port}/%2f?cacertfile={roots}")).await.unwrap();
    in_time("the answer", bus.publish_one(&message("0"))).await.unwrap();
    // Somebody else's name, and somebody nobody vouches for.
    open(format!("amqps://127.0.0.1:{port}/%2f?cacertfile={roots}")).await.unwrap_err();
    open(format!("amqps://localhost:{port}/%2f")).await.unwrap_err();
    assert_eq!(broker.connections(), 2, "nobody else said a word");
}

/// Frozen, or behind a network that swallows everything: no end of the connection tells of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_falls_silent_is_noticed_and_replaced() {
    let broker = Broker::confirming().await;
    let bus = broker.bus().await;
    in_time("the answer", bus.publish_one(&message("0"))).await.unwrap();
    broker.until_open(2).await;
    broker.be_silent(true);
    in_time("the answer", bus.publish_one(&message("1"))).await.unwrap_err();
    in_time("the silence to be noticed", async {
        while bus.trouble().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    broker.be_silent(false);
    in_time("the bus to be whole again", async {
        while bus.trouble().is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    in_time("the answer", bus.publish_one(&message("2"))).await.unwrap();
    // Every connection that was given up is closed.
    broker.until_open(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_is_dropped_leaves_no_connection() {
    let broker = Broker::confirming().await;
    let bus = broker.bus().await;
    in_time("the answer", bus.publish_one(&message("0"))).await.unwrap();
    broker.until_open(2).await;
    drop(bus);
    broker.until_open(0).await;
}
