//! What a container engine runs to learn whether a program wants requests (`jobapp-auth --health`, `jobapp health`). An image needs no
//! shell and no curl for it.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long the program may take to answer; looking after all parts may take five seconds.
const PATIENCE: Duration = Duration::from_secs(8);
/// The most that is read of an answer.
const MOST: u64 = 64 * 1024;

/// Asks the program that listens there whether it wants requests: what it says, if it does.
///
/// # Errors
/// When it does not, with what it waits for, or does not answer.
pub fn ask_ready(listens_on: SocketAddr) -> anyhow::Result<String> {
    let everywhere = listens_on.ip().is_unspecified();
    let address =
        if everywhere { SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), listens_on.port()) } else { listens_on };
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.take(MOST).read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned();
    match answer.split(' ').nth(1) {
        Some("200") => Ok(body),
        _ => anyhow::bail!("not ready: {body}"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn told(answer: &'static str) -> anyhow::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut asked, mut byte) = (Vec::new(), [0]);
            while !asked.ends_with(b"\r\n\r\n") {
                stream.read_exact(&mut byte).unwrap();
                asked.extend(byte);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            asked
        });
        let told = ask_ready(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port()));
        assert!(answering.join().unwrap().starts_with(b"GET /readyz "));
        told
    }

    #[test]
    fn a_program_that_wants_requests_is_well_and_one_that_waits_says_for_what() {
        assert_eq!(told("HTTP/1.1 200 OK\r\n\r\nready").unwrap(), "ready");
        let waits = told("HTTP/1.1 503 Service Unavailable\r\n\r\nthe broker is away").unwrap_err();
        assert_eq!(waits.to_string(), "not ready: the broker is away");
        assert!(told("").is_err());
    }
}
