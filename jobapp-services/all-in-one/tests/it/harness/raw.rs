//! Requests no HTTP library would send, byte by byte.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection on which bytes are written and answers read.
pub struct Raw {
    stream: TcpStream,
    read: Vec<u8>,
}

/// An answer, as far as these tests look at it.
#[derive(Debug)]
pub struct RawAnswer {
    /// The status.
    pub status: u16,
    /// The head, in lower case.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Raw {
    /// Connects.
    pub async fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        Self { stream, read: Vec::new() }
    }

    /// Writes; `false` when the other side does not listen any more.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Reads one answer.
    pub async fn answer(&mut self) -> RawAnswer {
        tokio::time::timeout(Duration::from_secs(60), self.read_answer()).await.expect("an answer within a minute")
    }

    async fn read_answer(&mut self) -> RawAnswer {
        let end = loop {
            match find(&self.read, b"\r\n\r\n") {
                Some(end) => break end + 4,
                None => {
                    assert!(self.more().await, "closed before an answer: {:?}", String::from_utf8_lossy(&self.read))
                }
            }
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
        let body = if let Some(length) = length {
            while self.read.len() < length {
                assert!(self.more().await, "closed within an answer");
            }
            self.read.drain(..length).collect()
        } else if head.contains("transfer-encoding: chunked") {
            self.chunks().await
        } else {
            Vec::new()
        };
        RawAnswer { status, head, body: String::from_utf8(body).unwrap() }
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                match find(&self.read, b"\r\n") {
                    Some(end) => break end,
                    None => assert!(self.more().await, "closed within a chunk"),
                }
            };
            let line: Vec<u8> = self.read.drain(..end + 2).collect();
            let length = usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap();
            while self.read.len() < length + 2 {
                assert!(self.more().await, "closed within a chunk");
            }
            body.extend(self.read.drain(..length));
            self.read.drain(..2);
            if length == 0 {
                return body;
            }
        }
    }

    /// Whether the other side closes the connection, cleanly, before it sends anything more.
    pub async fn is_closed(&mut self) -> bool {
        let mut bytes = [0; 1];
        let read = tokio::time::timeout(Duration::from_secs(60), self.stream.read(&mut bytes)).await;
        self.read.is_empty() && matches!(read, Ok(Ok(0)))
    }

    async fn more(&mut self) -> bool {
        let mut bytes = [0; 8192];
        match self.stream.read(&mut bytes).await {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.read.extend_from_slice(&bytes[..count]);
                true
            }
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
