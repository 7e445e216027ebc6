//! How many clients are served at once.

use std::io::{BufRead, BufReader};
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use jobapp_runtime::{Shutdown, listen, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tracing::Level;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n";

/// The beginning of an answer.
async fn answer(client: &mut TcpStream) -> String {
    let mut beginning = [0; 15];
    client.read_exact(&mut beginning).await.unwrap();
    String::from_utf8_lossy(&beginning).into_owned()
}

#[tokio::test]
async fn clients_above_the_cap_are_served_once_others_leave() {
    let listener = listen(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (served, mut asked) = mpsc::unbounded_channel();
    let router = Router::new().route(
        "/",
        get(move || {
            let served = served.clone();
            async move { served.send(()).unwrap() }
        }),
    );
    let (log, writer) = std::io::pipe().unwrap();
    let logging = tracing::subscriber::set_default(
        tracing_subscriber::fmt().with_max_level(Level::WARN).with_ansi(false).with_writer(Arc::new(writer)).finish(),
    );
    let shutdown = Shutdown::new();
    serve(&shutdown, listener, router, 2);

    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        clients.push(client);
    }
    let mut late = clients.split_off(2);
    for client in &mut clients {
        assert_eq!(answer(client).await, "HTTP/1.1 200 OK");
    }
    // Those who are served are served again, before anybody who waits.
    for client in &mut clients {
        client.write_all(REQUEST).await.unwrap();
        while answer_is_missing(client).await {}
    }
    let mut served = 0;
    while asked.try_recv().is_ok() {
        served += 1;
    }
    assert_eq!(served, 4, "nobody above the cap was served");
    drop(clients);
    for client in &mut late[..2] {
        assert_eq!(answer(client).await, "HTTP/1.1 200 OK");
    }
    late.remove(0);
    assert_eq!(answer(&mut late[1]).await, "HTTP/1.1 200 OK");
    shutdown.token().cancel();
    drop(logging);
    let lines: Vec<_> = BufReader::new(log).lines().map(Result::unwrap).collect();
    assert!(lines.len() == 1 && lines[0].ends_with("further clients wait max_connections=2"), "{lines:?}");
}

/// Reads on until the next answer begins.
async fn answer_is_missing(client: &mut TcpStream) -> bool {
    let mut byte = [0];
    client.read_exact(&mut byte).await.unwrap();
    byte != *b"H"
}
