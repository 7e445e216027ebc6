//! How many clients are served at once, and how long they may take.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONNECTION, UPGRADE};
use jobapp_http::JsonBody;
use jobapp_runtime::{Deadlines, LeastRate, ServerConfig, Shutdown, listen, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tracing::Level;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n";

/// A server, and what its routes tell and wait for.
struct Server {
    address: SocketAddr,
    /// A request to `/held` arrived.
    held: mpsc::UnboundedReceiver<()>,
    /// Each lets one request to `/held` be answered.
    let_go: Arc<Semaphore>,
    /// An endless answer of `/endless` was given up.
    given_up: mpsc::UnboundedReceiver<()>,
    shutdown: Shutdown,
}

/// Tells when it is dropped.
struct Tell(mpsc::UnboundedSender<()>);

impl Drop for Tell {
    fn drop(&mut self) {
        // Nobody listens any more when a test has ended.
        self.0.send(()).unwrap_or_default();
    }
}

async fn server(config: ServerConfig) -> Server {
    let listener = listen(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (arrived, held) = mpsc::unbounded_channel();
    let (ended, given_up) = mpsc::unbounded_channel();
    let let_go = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&let_go);
    let hold = move || {
        let (arrived, gate) = (arrived.clone(), Arc::clone(&gate));
        async move {
            arrived.send(()).unwrap();
            gate.acquire().await.unwrap().forget();
            "held"
        }
    };
    let endless = move || {
        let tell = Tell(ended.clone());
        async move {
            Body::from_stream(futures::stream::repeat_with(move || {
                let _told_when_dropped = &tell;
                Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 64 * 1024]))
            }))
        }
    };
    let switch = async || {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().insert(CONNECTION, "upgrade".parse().unwrap());
        response.headers_mut().insert(UPGRADE, "websocket".parse().unwrap());
        response
    };
    let router = Router::new()
        .route("/", get(async || "here"))
        .route("/held", get(hold))
        .route("/endless", get(endless))
        .route(
            "/switch",
            get(async move |request: axum::extract::Request| {
                let upgrade = hyper::upgrade::on(request);
                tokio::spawn(async move {
                    let mut io = hyper_util::rt::TokioIo::new(upgrade.await.unwrap());
                    let mut byte = [0];
                    while io.read_exact(&mut byte).await.is_ok() {
                        io.write_all(&byte).await.unwrap();
                    }
                });
                switch().await
            }),
        )
        .route("/body", post(async |body: JsonBody| body.value.to_string()));
    let shutdown = Shutdown::new();
    serve(&shutdown, listener, router, config);
    Server { address, held, let_go, given_up, shutdown }
}

/// Deadlines that a test can wait for.
fn impatient() -> ServerConfig {
    let rate = LeastRate { grace: Duration::from_millis(200), bytes_a_second: 1 << 20 };
    let deadlines = Deadlines {
        head: Duration::from_millis(200),
        idle: Duration::from_millis(300),
        body: rate,
        answer: rate,
        ping: Duration::from_secs(20),
    };
    ServerConfig { deadlines, ..ServerConfig::new(100) }
}

impl Server {
    async fn client(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn sends(&self, bytes: &[u8]) -> TcpStream {
        let mut client = self.client().await;
        client.write_all(bytes).await.unwrap();
        client
    }

    /// What comes back until the server closes.
    async fn whole(&self, bytes: &[u8]) -> String {
        rest(self.sends(bytes).await).await
    }
}

/// What comes until the server closes; the end of a connection counts as such however it came.
async fn rest(mut client: TcpStream) -> String {
    let mut text = Vec::new();
    if let Err(error) = client.read_to_end(&mut text).await {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// The beginning of an answer.
async fn answer(client: &mut TcpStream) -> String {
    let mut beginning = [0; 15];
    client.read_exact(&mut beginning).await.unwrap();
    String::from_utf8_lossy(&beginning).into_owned()
}

/// Reads an answer to its last byte.
async fn answer_ending(client: &mut TcpStream, ending: &str) {
    let mut text = Vec::new();
    while !text.ends_with(ending.as_bytes()) {
        let mut byte = [0];
        client.read_exact(&mut byte).await.unwrap();
        text.push(byte[0]);
    }
}

#[tokio::test]
async fn clients_above_the_cap_are_served_once_others_leave() {
    let (log, writer) = std::io::pipe().unwrap();
    let logging = tracing::subscriber::set_default(
        tracing_subscriber::fmt().with_max_level(Level::WARN).with_ansi(false).with_writer(Arc::new(writer)).finish(),
    );
    let mut server = server(ServerConfig::new(2)).await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(server.sends(b"GET /held HTTP/1.1\r\nhost: here\r\n\r\n").await);
    }
    for _ in 0..2 {
        server.held.recv().await.unwrap();
    }
    let late = clients.split_off(2);
    server.let_go.add_permits(2);
    for client in &mut clients {
        assert_eq!(answer(client).await, "HTTP/1.1 200 OK");
        answer_ending(client, "held").await;
    }
    assert!(server.held.try_recv().is_err(), "nobody above the cap was served");
    drop(clients);
    server.let_go.add_permits(3);
    for mut client in late {
        assert_eq!(answer(&mut client).await, "HTTP/1.1 200 OK");
    }
    server.shutdown.token().cancel();
    drop(logging);
    let lines: Vec<_> = BufReader::new(log).lines().map(Result::unwrap).collect();
    assert!(lines.len() == 1 && lines[0].ends_with("further clients wait max_connections=2"), "{lines:?}");
}

#[tokio::test]
async fn connections_that_only_wait_make_room() {
    // Their own deadlines are far away.
    let deadlines =
        Deadlines { head: Duration::from_millis(500), idle: Duration::from_secs(600), ..Deadlines::default() };
    let server = server(ServerConfig { deadlines, ..ServerConfig::new(3) }).await;
    let mut kept = server.sends(REQUEST).await;
    answer_ending(&mut kept, "here").await;
    let mut crowd = Vec::new();
    for number in 0..8 {
        crowd.push(if number % 2 == 0 { server.client().await } else { server.sends(b"GET / HT").await });
    }
    let mut late = server.sends(REQUEST).await;
    assert_eq!(answer(&mut late).await, "HTTP/1.1 200 OK");
    assert_eq!(rest(kept).await, "");
}

#[tokio::test]
async fn an_address_with_too_many_connections_at_work_is_turned_away() {
    let mut server = server(ServerConfig { max_per_address: 2, ..ServerConfig::new(100) }).await;
    let mut clients = Vec::new();
    for _ in 0..2 {
        clients.push(server.sends(b"GET /held HTTP/1.1\r\nhost: here\r\n\r\n").await);
        server.held.recv().await.unwrap();
    }
    let refusal = rest(server.client().await).await;
    assert!(refusal.starts_with("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"), "{refusal}");
    let body: serde_json::Value = serde_json::from_str(refusal.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["statusCode"], 503);
    server.let_go.add_permits(2);
    for client in &mut clients {
        assert_eq!(answer(client).await, "HTTP/1.1 200 OK");
    }
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed() {
    let server = server(impatient()).await;
    for beginning in
        ["", "\r\n", "G", "GET / HTTP/1.1\r\nhost: he", "PRI * HTTP/2.0\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
    {
        server.whole(beginning.as_bytes()).await;
    }
}

#[tokio::test]
async fn a_connection_that_waits_for_its_next_request_for_too_long_is_closed() {
    let server = server(impatient()).await;
    let whole = server.whole(REQUEST).await;
    assert!(whole.starts_with("HTTP/1.1 200 OK") && whole.ends_with("here"), "{whole}");
    let whole = server.whole(&[REQUEST, REQUEST, b"GET / HTTP/1.1\r\nho"].concat()).await;
    assert_eq!(whole.matches("HTTP/1.1 200 OK").count(), 2, "{whole}");
}

#[tokio::test]
async fn a_trickled_head_is_not_waited_for() {
    let server = server(impatient()).await;
    let mut client = server.client().await;
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    let head = b"GET / HTTP/1.1\r\nx: ".iter().copied().chain(std::iter::repeat(b'y'));
    for byte in head {
        pace.tick().await;
        if client.write_all(&[byte]).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_answered_408() {
    let server = server(impatient()).await;
    let head = b"POST /body HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{";
    let whole = server.whole(head).await;
    assert!(whole.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{whole}");
    assert!(whole.contains(r#""message":"The body did not arrive in time.""#), "{whole}");
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_left() {
    let mut server = server(impatient()).await;
    let _client = server.sends(b"GET /endless HTTP/1.1\r\nhost: here\r\n\r\n").await;
    server.given_up.recv().await.unwrap();
}

#[tokio::test]
async fn a_request_may_take_its_service_as_long_as_it_likes() {
    let mut server = server(impatient()).await;
    let mut client = server.sends(b"GET /held HTTP/1.1\r\nhost: here\r\n\r\n").await;
    server.held.recv().await.unwrap();
    // Somebody else's connection has run out of time meanwhile.
    server.whole(b"").await;
    server.whole(REQUEST).await;
    server.let_go.add_permits(1);
    assert_eq!(answer(&mut client).await, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn a_web_socket_is_held_to_no_deadline_of_requests() {
    let server = server(impatient()).await;
    let upgrade = b"GET /switch HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    let mut socket = server.sends(upgrade).await;
    answer_ending(&mut socket, "\r\n\r\n").await;
    for _ in 0..2 {
        server.whole(REQUEST).await;
    }
    socket.write_all(b"?").await.unwrap();
    answer_ending(&mut socket, "?").await;
}

#[tokio::test]
async fn a_head_that_can_be_read_in_two_ways_is_refused() {
    let server = server(ServerConfig::new(10)).await;
    for (head, status) in [
        ("GET / HTTP/1.1\r\n", "400 Bad Request"),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n", "400 Bad Request"),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n", "400 Bad Request"),
        ("POST /body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n", "501 Not Implemented"),
        ("POST /body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, chunked\r\n", "501 Not Implemented"),
        ("POST /body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n", "400 Bad Request"),
        ("POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n", "400 Bad Request"),
        ("POST /body HTTP/1.0\r\ntransfer-encoding: chunked\r\n", "400 Bad Request"),
    ] {
        let whole = server.whole(format!("{head}\r\n0\r\n\r\n").as_bytes()).await;
        assert!(
            whole.starts_with(&format!("HTTP/1.1 {status}\r\n"))
                || whole.starts_with(&format!("HTTP/1.0 {status}\r\n")),
            "{head:?}: {whole}"
        );
        assert_eq!(whole.to_lowercase().matches("\r\ndate: ").count(), 1, "{head:?}: {whole}");
    }
    // The chunks count, and what follows them is no second request.
    let both = "POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    let whole = server.whole([both.as_bytes(), REQUEST].concat().as_slice()).await;
    assert!(whole.starts_with("HTTP/1.1 200 OK\r\n") && whole.contains("connection: close\r\n"), "{whole}");
    assert_eq!(whole.to_lowercase().matches("\r\ndate: ").count(), 1, "{whole}");
    let whole = server.whole(b"GET / HTTP/1.0\r\n\r\n").await;
    assert!(whole.ends_with("here"), "{whole}");
}

/// A part of what comes, until it ends so.
async fn until(client: &mut TcpStream, end: &str) -> String {
    let (mut text, mut byte) = (String::new(), [0]);
    while !text.ends_with(end) {
        client.read_exact(&mut byte).await.unwrap();
        text.push(char::from(byte[0]));
    }
    text
}

#[tokio::test]
async fn a_server_that_lingers_answers_old_and_new_clients_once_more_and_tells_them_to_connect_anew() {
    let server = server(ServerConfig { linger: Duration::from_millis(500), ..ServerConfig::new(100) }).await;
    let mut kept = server.sends(REQUEST).await;
    assert!(!until(&mut kept, "here").await.contains("connection: close"));
    let idle = server.client().await;
    server.shutdown.request();
    // The server hears of it when it next runs, which is before it accepts another client.
    let new = server.whole(REQUEST).await;
    assert!(new.starts_with("HTTP/1.1 200") && new.ends_with("here"), "{new}");
    kept.write_all(REQUEST).await.unwrap();
    let last = rest(kept).await;
    assert!(last.starts_with("HTTP/1.1 200") && last.contains("connection: close"), "{last}");
    // One that asks for nothing is closed in the end.
    assert_eq!(rest(idle).await, "");
    assert!(server.shutdown.stop(Duration::from_secs(30)).await);
    assert!(TcpStream::connect(server.address).await.is_err());
}
