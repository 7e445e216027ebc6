//! The servers do what their documentation says.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jobapp_test_servers::{Kind, own, proxied, shared};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long something that must come may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it takes to believe that nothing comes.
const SILENCE: Duration = Duration::from_millis(300);

fn place(url: &str) -> String {
    let url: url::Url = url.parse().unwrap();
    format!("{}:{}", url.host_str().unwrap(), url.port().unwrap())
}

async fn connect(url: &str) -> TcpStream {
    TcpStream::connect(place(url)).await.unwrap()
}

async fn send(stream: &mut TcpStream, command: &str) {
    stream.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
}

/// What a Redis says to one command.
async fn answer(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    while !text.ends_with("\r\n") {
        text.push(char::from(tokio::time::timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap()));
    }
    // A value follows its length.
    if text.starts_with('$') && text != "$-1\r\n" { Box::pin(answer(stream)).await } else { text.trim_end().to_owned() }
}

async fn ask(url: &str, command: &str) -> String {
    let mut stream = connect(url).await;
    send(&mut stream, command).await;
    answer(&mut stream).await
}

async fn is_silent(stream: &mut TcpStream) -> bool {
    tokio::time::timeout(SILENCE, stream.read_u8()).await.is_err()
}

/// Whether the other side closes the connection, with or without a reset.
async fn is_closed(stream: &mut TcpStream) -> bool {
    tokio::time::timeout(PATIENCE, stream.read_u8()).await.unwrap().is_err()
}

async fn until_refused(url: &str) {
    let begun = Instant::now();
    while TcpStream::connect(place(url)).await.is_ok() {
        assert!(begun.elapsed() < PATIENCE, "{url} still answers");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn every_kind_is_there_and_answers() {
    for kind in Kind::ALL {
        let server = shared(kind).await;
        assert_eq!(server, shared(kind).await, "there is one");
        assert_eq!(server.kind(), kind);
        let mut stream = connect(server.url()).await;
        let (say, expected): (&[u8], &[u8]) = match kind {
            // Whether it would encrypt: it would, or not.
            Kind::Postgres => (b"\0\0\0\x08\x04\xd2\x16\x2f", b""),
            Kind::MySql => (b"", b""),
            Kind::Redis => (b"PING\r\n", b"+PONG"),
            Kind::RabbitMq => (b"AMQP\0\0\x09\x01", b"\x01\0\0"),
            // A ping, as a message of the protocol.
            Kind::MongoDb => (
                b"\x33\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\
                \x1e\0\0\0\x10ping\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0",
                b"",
            ),
            Kind::Elasticsearch => (b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200"),
            Kind::Mailpit => (b"", b"220 "),
            Kind::Toxiproxy => (b"GET /version HTTP/1.0\r\n\r\n", b"HTTP/1.0 200"),
        };
        stream.write_all(say).await.unwrap();
        let mut heard = vec![0; expected.len().max(1)];
        tokio::time::timeout(PATIENCE, stream.read_exact(&mut heard)).await.unwrap().unwrap();
        if expected.is_empty() {
            assert_ne!(heard, b"E", "{kind}");
        } else {
            assert_eq!(heard, expected, "{kind}");
        }
    }
}

#[tokio::test]
async fn the_apis_beside_a_protocol_answer() {
    let mail = shared(Kind::Mailpit).await;
    let mails = reqwest::get(format!("{}/api/v1/messages", mail.api().unwrap())).await.unwrap();
    assert_eq!(mails.status(), 200);
    let broker = shared(Kind::RabbitMq).await;
    let overview = reqwest::get(format!("{}/api/overview", broker.api().unwrap())).await.unwrap();
    assert_eq!(overview.status(), 200, "name and password are in its address");
    assert_eq!(shared(Kind::Redis).await.api(), None);
}

#[tokio::test]
async fn a_server_that_is_stopped_comes_back_with_its_address_and_its_data() {
    let server = own(Kind::Redis).await;
    let url = server.url().to_owned();
    assert_eq!(ask(&url, "SET colour green").await, "+OK");
    let mut open = connect(&url).await;
    server.stop().await;
    assert!(is_closed(&mut open).await);
    until_refused(&url).await;
    server.start().await;
    assert_eq!(server.url(), url);
    assert_eq!(ask(&url, "GET colour").await, "green");
}

#[tokio::test]
async fn a_server_that_is_killed_comes_back_with_what_it_acknowledged() {
    let server = own(Kind::Redis).await;
    assert_eq!(ask(server.url(), "SET colour green").await, "+OK");
    server.kill().await;
    until_refused(server.url()).await;
    server.start().await;
    assert_eq!(ask(server.url(), "GET colour").await, "green");
}

#[tokio::test]
async fn every_database_and_broker_can_be_stopped_and_started() {
    for kind in [Kind::Postgres, Kind::MySql, Kind::RabbitMq, Kind::Elasticsearch] {
        let server = own(kind).await;
        server.stop().await;
        until_refused(server.url()).await;
        server.start().await;
        drop(connect(server.url()).await);
    }
}

#[tokio::test]
async fn a_paused_server_hangs_and_then_goes_on() {
    let server = own(Kind::Redis).await;
    let mut stream = connect(server.url()).await;
    send(&mut stream, "PING").await;
    assert_eq!(answer(&mut stream).await, "+PONG");
    server.pause().await;
    send(&mut stream, "PING").await;
    assert!(is_silent(&mut stream).await);
    server.unpause().await;
    assert_eq!(answer(&mut stream).await, "+PONG", "the same connection");
}

#[tokio::test]
async fn a_server_goes_with_its_test_even_when_it_is_paused() {
    let server = own(Kind::Redis).await;
    let url = server.url().to_owned();
    server.pause().await;
    drop(server);
    until_refused(&url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_a_test_with_several_threads_goes_too() {
    let server = own(Kind::Redis).await;
    let url = server.url().to_owned();
    drop(server);
    until_refused(&url).await;
}

#[tokio::test]
async fn a_proxy_cuts_and_makes_whole() {
    let server = shared(Kind::Redis).await;
    let proxy = proxied(&server).await;
    assert_ne!(proxy.url(), server.url());
    let mut stream = connect(proxy.url()).await;
    send(&mut stream, "PING").await;
    assert_eq!(answer(&mut stream).await, "+PONG");
    proxy.cut().await;
    assert!(is_closed(&mut stream).await);
    until_refused(proxy.url()).await;
    assert_eq!(ask(server.url(), "PING").await, "+PONG", "only the way through the proxy is cut");
    proxy.restore().await;
    assert_eq!(ask(proxy.url(), "PING").await, "+PONG");
}

#[tokio::test]
async fn a_proxy_delays_and_stops_delaying() {
    let proxy = proxied(&shared(Kind::Redis).await).await;
    let mut stream = connect(proxy.url()).await;
    let by = Duration::from_millis(200);
    for _ in 0..2 {
        proxy.delay(by).await;
        let begun = Instant::now();
        send(&mut stream, "PING").await;
        assert_eq!(answer(&mut stream).await, "+PONG");
        assert!(begun.elapsed() >= by);
    }
    proxy.delay(Duration::from_secs(600)).await;
    proxy.restore().await;
    assert_eq!(ask(proxy.url(), "PING").await, "+PONG");
}

#[tokio::test]
async fn a_black_hole_swallows_both_directions() {
    let proxy = proxied(&shared(Kind::Redis).await).await;
    let mut stream = connect(proxy.url()).await;
    proxy.blackhole().await;
    send(&mut stream, "PING").await;
    assert!(is_silent(&mut stream).await);
    let mut another = connect(proxy.url()).await;
    send(&mut another, "PING").await;
    assert!(is_silent(&mut another).await);
    proxy.restore().await;
    assert!(is_closed(&mut stream).await);
    assert_eq!(ask(proxy.url(), "PING").await, "+PONG");
}

#[tokio::test]
async fn proxies_before_one_server_are_apart() {
    let server = shared(Kind::Redis).await;
    let (one, other) = (proxied(&server).await, proxied(&server).await);
    one.cut().await;
    assert_eq!(ask(other.url(), "PING").await, "+PONG");
    let url = other.url().to_owned();
    drop(other);
    until_refused(&url).await;
}

/// The program that holds servers, and where its Redis is.
fn holder() -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobapp-test-servers"));
    let mut holder = command.arg("redis").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    let url = first.strip_prefix("JOBAPP_TEST_SERVER_REDIS=").unwrap();
    assert_eq!(lines.next().unwrap(), "ready");
    (holder, url.to_owned())
}

#[tokio::test]
async fn servers_that_are_held_end_with_the_input() {
    let (mut holder, url) = holder();
    assert_eq!(ask(&url, "PING").await, "+PONG");
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
    until_refused(&url).await;
}

#[tokio::test]
async fn servers_end_with_a_process_that_is_killed() {
    let (mut holder, url) = holder();
    assert_eq!(ask(&url, "PING").await, "+PONG");
    holder.kill().unwrap();
    holder.wait().unwrap();
    until_refused(&url).await;
}

#[tokio::test]
async fn what_a_killed_process_and_its_guardian_left_is_swept_by_the_next() {
    let (mut left, url) = holder();
    let children = format!("/proc/{0}/task/{0}/children", left.id());
    // It has threads; the one that started the guardian is its parent.
    let mut guardians = std::fs::read_to_string(children).unwrap();
    for thread in std::fs::read_dir(format!("/proc/{}/task", left.id())).unwrap() {
        guardians.push_str(&std::fs::read_to_string(thread.unwrap().path().join("children")).unwrap());
    }
    let guardians: Vec<&str> = guardians.split_whitespace().collect();
    assert!(!guardians.is_empty());
    for guardian in guardians {
        // Listed twice, perhaps.
        Command::new("kill").args(["-9", guardian]).stderr(Stdio::null()).status().unwrap();
    }
    left.kill().unwrap();
    left.wait().unwrap();
    let (mut next, other) = holder();
    until_refused(&url).await;
    assert_eq!(ask(&other, "PING").await, "+PONG", "what belongs to a process that lives stays");
    drop(next.stdin.take());
    assert!(next.wait().unwrap().success());
}

#[test]
fn a_server_that_is_not_known_is_named() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobapp-test-servers"));
    let mut child = command.arg("oracle").stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(!child.wait().unwrap().success());
    assert!(said.contains("oracle") && said.contains("postgres"), "{said}");
}
