//! A server whose answers are written down.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method and path, without what follows a question mark.
    pub(crate) what: String,
    /// The lines of the head, as they came.
    pub(crate) head: Vec<String>,
    /// The body.
    pub(crate) body: String,
}

type Answer = dyn Fn(&Asked, usize) -> (u16, Value) + Send + Sync;

/// The status of an answer that never comes.
pub(crate) const SILENCE: u16 = 0;
/// The status of an answer in whose place the connection ends, as where nobody is there.
pub(crate) const GONE: u16 = 1;

/// A server whose answers are written down. It is gone once this is dropped.
pub(crate) struct Scripted {
    /// Where it is: `127.0.0.1:3100`.
    pub(crate) host: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _serving: JoinSet<()>,
}

impl Scripted {
    /// Answers with status and body, by what is asked and how often the same was asked before.
    pub(crate) async fn answering(answer: impl Fn(&Asked, usize) -> (u16, Value) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (asked, answer): (Arc<Mutex<Vec<Asked>>>, Arc<Answer>) = (Arc::default(), Arc::new(answer));
        let (mut serving, all) = (JoinSet::new(), Arc::clone(&asked));
        serving.spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                clients.spawn(serve(client, Arc::clone(&all), Arc::clone(&answer)));
            }
        });
        Self { host, asked, _serving: serving }
    }

    /// Everything of this kind that was asked so far.
    pub(crate) fn asked(&self, what: &str) -> Vec<Asked> {
        self.asked.lock().iter().filter(|asked| asked.what == what).cloned().collect()
    }
}

async fn serve(client: TcpStream, all: Arc<Mutex<Vec<Asked>>>, answer: Arc<Answer>) {
    let mut client = BufReader::new(client);
    while let Some(asked) = read(&mut client).await {
        let before = {
            let mut all = all.lock();
            let before = all.iter().filter(|other| other.what == asked.what).count();
            all.push(asked.clone());
            before
        };
        let (status, body) = answer(&asked, before);
        if status == SILENCE {
            return std::future::pending().await;
        }
        if status == GONE {
            return;
        }
        let body = body.to_string();
        let head =
            format!("HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        if client.write_all((head + &body).as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(client: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        client.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let length = head.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    client.read_exact(&mut body).await.ok()?;
    let what = head.first()?.trim_end_matches(" HTTP/1.1").split('?').next()?.to_owned();
    Some(Asked { what, head, body: String::from_utf8(body).unwrap() })
}
