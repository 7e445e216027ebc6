//! A browser: it keeps cookies and remembers what it asked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderMap;
use reqwest::RequestBuilder;
use serde_json::Value;

/// The path below which the API lies.
pub const API: &str = "/api/gateway/v1";

/// One browser. Clones share their cookies.
#[derive(Debug, Clone)]
pub struct Browser {
    http: reqwest::Client,
    base: Arc<str>,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Method and path, for messages.
    pub asked: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub bytes: Vec<u8>,
}

impl Browser {
    /// A browser without cookies.
    pub fn new(base: &str, port: u16) -> Self {
        // What listens listens on one address; `localhost` has two.
        let http = reqwest::Client::builder()
            .resolve("localhost", SocketAddr::from(([127, 0, 0, 1], port)))
            .timeout(Duration::from_secs(60))
            .build()
            .unwrap();
        Self { http, base: base.into(), cookies: Arc::default() }
    }

    /// The same place without cookies.
    pub fn without_cookies(&self) -> Self {
        Self { cookies: Arc::default(), ..self.clone() }
    }

    /// The same place with the same cookies over new connections: those of a server that is gone are gone, too.
    pub fn reconnected(&self) -> Self {
        let port = self.base.rsplit(':').next().unwrap().parse().unwrap();
        Self { cookies: Arc::clone(&self.cookies), ..Self::new(&self.base, port) }
    }

    /// The same place with a copy of the cookies.
    pub fn copy(&self) -> Self {
        let cookies = Arc::new(Mutex::new(self.cookies.lock().unwrap().clone()));
        Self { cookies, ..self.clone() }
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    /// Sets a cookie, or removes it.
    pub fn set_cookie(&self, name: &str, value: Option<&str>) {
        let mut cookies = self.cookies.lock().unwrap();
        match value {
            Some(value) => cookies.insert(name.to_owned(), value.to_owned()),
            None => cookies.remove(name),
        };
    }

    /// The whole address of a path.
    pub fn url(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) }
    }

    /// A request to a whole path, still to be filled.
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.http.request(method.parse().unwrap(), self.url(path)).header("accept", "application/json")
    }

    /// Sends a request with the cookies and keeps those it brings back.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let cookies: Vec<String> =
            self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = request;
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        let request = request.build().unwrap();
        let asked = format!("{} {}", request.method(), request.url());
        let response = self.http.execute(request).await.unwrap_or_else(|error| panic!("{asked}: {error:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.unwrap_or_else(|error| panic!("{asked}: {error:?}")).to_vec();
        let answer = Answer { asked, status, headers, bytes };
        for cookie in answer.set_cookies() {
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.set_cookie(name, Some(value).filter(|value| !value.is_empty()));
        }
        answer
    }

    /// A call of the API.
    pub async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let mut request = self.request(method, &format!("{API}{path}"));
        if let Some(body) = body {
            request = request.json(body);
        }
        self.send(request).await
    }

    /// `GET` below the API.
    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None).await
    }

    /// `POST` below the API.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some(&body)).await
    }

    /// `PUT` below the API.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call("PUT", path, Some(&body)).await
    }

    /// `DELETE` below the API.
    pub async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, None).await
    }
}

impl Answer {
    /// A header's text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Its cookies, as they were sent.
    pub fn set_cookies(&self) -> Vec<String> {
        self.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    /// The body as a text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The body, which must be JSON and say so.
    #[track_caller]
    pub fn json(&self) -> Value {
        let content_type = self.header("content-type");
        assert!(content_type.starts_with("application/json"), "{}: {content_type}: {}", self, self.text());
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{self}: {error}"))
    }

    /// The `message` of the body.
    #[track_caller]
    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_else(|| panic!("no message: {self}")).to_owned()
    }

    /// The body of a good answer.
    #[track_caller]
    pub fn good(&self) -> Value {
        assert!((200..300).contains(&self.status), "{self}");
        self.json()
    }

    /// The body of a good answer with this message.
    #[track_caller]
    pub fn says(&self, message: &str) -> Value {
        let body = self.good();
        assert_eq!(body["message"], message, "{self}");
        body
    }

    /// Checks that the answer is an error in the form of every error, and returns it.
    #[track_caller]
    pub fn error(&self) -> Value {
        assert!(self.status >= 400, "no error: {self}");
        let body = self.json();
        let keys: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["comingFrom", "message", "status", "statusCode"], "{self}");
        assert_eq!(body["statusCode"], self.status, "{self}");
        assert_eq!(body["status"], "error", "{self}");
        assert!(body["message"].as_str().is_some_and(|text| !text.is_empty()), "{self}");
        assert!(body["comingFrom"].is_string(), "{self}");
        body
    }

    /// Checks that the answer is an error with this status.
    #[track_caller]
    pub fn refused(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self}");
        self.error()
    }

    /// Checks that the answer is an error with this status and text.
    #[track_caller]
    pub fn refused_with(&self, status: u16, message: &str) -> Value {
        let body = self.refused(status);
        assert_eq!(body["message"], message, "{self}");
        body
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text: String = self.text().chars().take(600).collect();
        write!(f, "{} was answered {}: {text}", self.asked, self.status)
    }
}
