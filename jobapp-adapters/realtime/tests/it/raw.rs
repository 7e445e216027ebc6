//! What no library would send.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::agent::PATIENCE;

/// The key of the standard's example.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// With their names in lower case.
    pub head: String,
    pub body: String,
}

/// Sends a request of these lines and reads what is answered, until a websocket or a body of the announced length.
pub async fn send(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    tokio::time::timeout(PATIENCE, read(&mut stream)).await.unwrap_or_else(|_| panic!("no answer to {request}"))
}

/// Reads an answer.
pub async fn read(stream: &mut TcpStream) -> Answer {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let status = head[9..12].parse().unwrap();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    Answer { status, head, body: String::from_utf8(body).unwrap() }
}

/// A polling request, with the cookie of a session or none.
pub async fn poll(address: SocketAddr, sid: &str, session: Option<&str>) -> Answer {
    send(address, &request("GET", &format!("&sid={sid}"), session, "")).await
}

/// What a polling client sends.
pub async fn post(address: SocketAddr, sid: &str, session: Option<&str>, packets: &str) -> Answer {
    send(address, &request("POST", &format!("&sid={sid}"), session, packets)).await
}

/// A polling request.
pub fn request(method: &str, query: &str, session: Option<&str>, body: &str) -> String {
    let cookie = session.map(|session| format!("Cookie: session={session}\r\n")).unwrap_or_default();
    format!(
        "{method} /socket.io/?EIO=4&transport=polling{query} HTTP/1.1\r\nHost: x\r\n{cookie}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Opens a polling connection and gives its id.
pub async fn open(address: SocketAddr, session: Option<&str>) -> String {
    let answer = send(address, &request("GET", "", session, "")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let open: serde_json::Value = serde_json::from_str(&answer.body[1..]).unwrap();
    open["sid"].as_str().unwrap().to_owned()
}

/// The same, and joins.
pub async fn join(address: SocketAddr, session: Option<&str>) -> String {
    let sid = open(address, session).await;
    assert_eq!(post(address, &sid, session, "40").await.body, "ok");
    let answer = poll(address, &sid, session).await;
    assert!(answer.body.contains("40{"), "{answer:?}");
    sid
}

/// A handshake of a websocket with these headers, which end each with a line break.
pub fn handshake(query: &str, headers: &str) -> String {
    format!("GET /socket.io/?EIO=4&transport=websocket{query} HTTP/1.1\r\nHost: x\r\n{headers}\r\n")
}

/// The headers of a good one.
pub fn good(session: &str) -> String {
    format!(
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\
         Cookie: session={session}\r\n"
    )
}

/// A websocket that has been opened and says what it is told to.
pub async fn websocket(address: SocketAddr, session: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(handshake("", &good(session)).as_bytes()).await.unwrap();
    assert_eq!(read(&mut stream).await.status, 101);
    stream
}

/// A text frame, masked with zeros.
pub fn text(packet: &str) -> Vec<u8> {
    assert!(packet.len() < 126, "longer frames have another head");
    let length = u8::try_from(packet.len()).unwrap();
    [&[0x81, 0x80 | length, 0, 0, 0, 0], packet.as_bytes()].concat()
}

/// Reads until this has come, and nothing behind it.
pub async fn read_until(stream: &mut TcpStream, wanted: &str) {
    let mut heard = Vec::new();
    let come = async {
        while !heard.ends_with(wanted.as_bytes()) {
            heard.push(stream.read_u8().await.unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, come).await.unwrap_or_else(|_| panic!("{wanted} did not come"));
}

/// Reads until the other side ends the connection.
pub async fn until_closed(stream: &mut TcpStream) {
    let mut buffer = [0; 4096];
    let closed = async {
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE + Duration::from_secs(1), closed).await.expect("the connection is closed");
}
