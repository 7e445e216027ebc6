//! A client of the gateway: one signed-in person, with retries that do nothing twice.
//!
//! A [`Client`] keeps the session's cookies. A [retrying](Client::retrying) one sends each write with an
//! `Idempotency-Key` and repeats it until the marketplace answers, so a restart of the server goes unnoticed.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::Value;

/// What went wrong with a call.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The marketplace refused.
    #[error("{method} {path} was answered {status}: {message}")]
    Refused {
        /// The method.
        method: Method,
        /// The path.
        path: String,
        /// The status.
        status: StatusCode,
        /// The text of the answer.
        message: String,
    },
    /// There was no answer, or none that could be read.
    #[error("{method} {path} got no answer")]
    NoAnswer {
        /// The method.
        method: Method,
        /// The path.
        path: String,
        /// Why.
        source: reqwest::Error,
    },
}

impl CallError {
    /// The status, if there was an answer.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::NoAnswer { source, .. } => source.status(),
        }
    }

    /// Whether the same call may be answered in a moment: nobody was there, or only a proxy or a gateway.
    fn may_pass(&self) -> bool {
        self.status().is_none_or(|status| matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY))
    }
}

/// One person's connection to a marketplace.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    patience: Duration,
}

impl Client {
    /// The path below which the API lies.
    pub const API: &'static str = "/api/gateway/v1";

    /// A client without a session, of the marketplace at `base`, such as `http://localhost:4000`.
    ///
    /// # Errors
    /// When the system offers no way to connect.
    pub fn new(base: &str) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder().cookie_store(true).timeout(Duration::from_secs(30)).build()?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), patience: Duration::ZERO })
    }

    /// The same client, which repeats calls that get no answer for up to `patience`.
    #[must_use]
    pub const fn retrying(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How long calls are repeated that get no answer.
    pub const fn patience(&self) -> Duration {
        self.patience
    }

    /// Where the marketplace is.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// `GET` a path of the API.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn get(&self, path: &str) -> Result<Value, CallError> {
        self.call(Method::GET, &format!("{}{path}", Self::API), None).await
    }

    /// `POST` to a path of the API.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn post(&self, path: &str, body: Value) -> Result<Value, CallError> {
        self.call(Method::POST, &format!("{}{path}", Self::API), Some(body)).await
    }

    /// `PUT` to a path of the API.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn put(&self, path: &str, body: Value) -> Result<Value, CallError> {
        self.call(Method::PUT, &format!("{}{path}", Self::API), Some(body)).await
    }

    /// `DELETE` a path of the API.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn delete(&self, path: &str) -> Result<Value, CallError> {
        self.call(Method::DELETE, &format!("{}{path}", Self::API), None).await
    }

    /// Any call, by its whole path, such as `/_dev/mail`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, CallError> {
        // One key for all attempts: the marketplace does it once and answers each as the first.
        let key = (method != Method::GET).then(|| uuid::Uuid::new_v4().to_string());
        self.patiently(|| self.attempt(&method, path, body.as_ref(), key.as_deref())).await
    }

    /// Repeats what gets no answer.
    async fn patiently<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let started = Instant::now();
        let mut pause = Duration::from_millis(20);
        loop {
            match attempt().await {
                Err(error) if error.may_pass() && started.elapsed() < self.patience => {}
                outcome => return outcome,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    async fn attempt(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Value, CallError> {
        let no_answer = |source| CallError::NoAnswer { method: method.clone(), path: path.to_owned(), source };
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base));
        request = request.header("accept", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(no_answer)?;
        let status = response.status();
        let text = response.text().await.map_err(no_answer)?;
        let answer: Option<Value> = serde_json::from_str(&text).ok();
        match answer {
            Some(answer) if status.is_success() => Ok(answer),
            answer => {
                let message = answer.as_ref().and_then(|answer| answer["message"].as_str()).unwrap_or(&text);
                Err(CallError::Refused {
                    method: method.clone(),
                    path: path.to_owned(),
                    status,
                    message: message.chars().take(300).collect(),
                })
            }
        }
    }

    /// The bytes and the content type of a file the marketplace serves.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn file(&self, url: &str) -> Result<(String, Vec<u8>), CallError> {
        self.patiently(|| self.download(url)).await
    }

    async fn download(&self, url: &str) -> Result<(String, Vec<u8>), CallError> {
        let no_answer = |source| CallError::NoAnswer { method: Method::GET, path: url.to_owned(), source };
        let response =
            self.http.get(url).send().await.and_then(reqwest::Response::error_for_status).map_err(no_answer)?;
        let content_type =
            response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        Ok((content_type, response.bytes().await.map_err(no_answer)?.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::thread::{JoinHandle, spawn};

    use super::*;

    /// A server that reads one request for each of the answers and hangs up after it; an empty answer is a lost one.
    fn answering(answers: &'static [&'static str]) -> (String, JoinHandle<()>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = spawn(move || {
            for answer in answers {
                let (mut connection, _) = listener.accept().unwrap();
                read_head(&mut connection);
                connection.write_all(answer.as_bytes()).unwrap();
            }
        });
        (base, server)
    }

    fn read_head(connection: &mut TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            connection.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
    }

    const LOST: &str = "";
    const CUT_OFF: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhel";
    const AWAY: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    const FILE: &str =
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
    const GONE: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

    #[tokio::test]
    async fn a_patient_client_asks_again_for_a_file_whose_answer_was_lost() {
        let (base, server) = answering(&[LOST, CUT_OFF, AWAY, FILE]);
        let client = Client::new(&base).unwrap().retrying(Duration::from_secs(60));
        let (content_type, bytes) = client.file(&format!("{base}/media/a.txt")).await.unwrap();
        assert_eq!((content_type.as_str(), bytes.as_slice()), ("text/plain", b"hello".as_slice()));
        server.join().unwrap();
    }

    #[tokio::test]
    async fn an_answer_is_not_asked_for_again() {
        let (base, server) = answering(&[GONE]);
        let client = Client::new(&base).unwrap().retrying(Duration::from_secs(60));
        let error = client.file(&format!("{base}/media/a.txt")).await.unwrap_err();
        assert_eq!(error.status(), Some(StatusCode::NOT_FOUND));
        server.join().unwrap();
    }
}
