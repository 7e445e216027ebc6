//! A network before a server, to be disturbed.

use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Context;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use url::Url;

use crate::ports::ReservedPort;
use crate::{Kind, Server, shared};

/// A proxy before a server. What fails here, panics: it is the test that fails.
pub struct Proxy {
    url: String,
    name: String,
    toxiproxy: Url,
    client: Client,
    _port: ReservedPort,
}

/// Puts a proxy of the test's own before a server. Until told otherwise it passes everything on.
///
/// # Panics
/// When it cannot be made.
pub async fn proxied(server: &Server) -> Proxy {
    let toxiproxy = shared(Kind::Toxiproxy).await;
    done(Proxy::before(server, &toxiproxy).await)
}

impl Proxy {
    async fn before(server: &Server, toxiproxy: &Server) -> anyhow::Result<Self> {
        let port = ReservedPort::any()?;
        let upstream = Url::parse(server.url()).context("the address of the server cannot be read")?;
        let mut url = upstream.clone();
        url.set_port(Some(port.number)).ok().context("the address of the server takes no port")?;
        let place = upstream.host_str().zip(upstream.port()).context("the address of the server names no port")?;
        let proxy = Self {
            url: url.to_string(),
            name: format!("{}-{:016x}", server.kind(), RandomState::new().hash_one(port.number)),
            toxiproxy: Url::parse(toxiproxy.url())?,
            client: Client::new(),
            _port: port,
        };
        let listen = format!("127.0.0.1:{}", proxy._port.number);
        let upstream = format!("{}:{}", place.0, place.1);
        let body = json!({"name": proxy.name, "listen": listen, "upstream": upstream, "enabled": true});
        proxy.call(Method::POST, "/proxies", &body).await?;
        Ok(proxy)
    }

    /// The address of the server through this proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Closes every connection and refuses new ones.
    ///
    /// # Panics
    /// When Toxiproxy does not answer.
    pub async fn cut(&self) {
        done(self.enable(false).await);
    }

    /// Makes the network whole. What came into a [`blackhole`](Self::blackhole) is lost, and its connections are closed.
    ///
    /// # Panics
    /// When Toxiproxy does not answer.
    pub async fn restore(&self) {
        done(self.heal().await);
        done(self.enable(true).await);
    }

    /// Answers of the server arrive this much later.
    ///
    /// # Panics
    /// When Toxiproxy does not answer.
    pub async fn delay(&self, by: Duration) {
        let latency = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        done(self.heal().await);
        done(self.add("latency", "downstream", &json!({ "latency": latency })).await);
    }

    /// Swallows what is sent in either direction; connections stay, and nobody is told.
    ///
    /// # Panics
    /// When Toxiproxy does not answer.
    pub async fn blackhole(&self) {
        done(self.heal().await);
        for stream in ["upstream", "downstream"] {
            done(self.add("timeout", stream, &json!({"timeout": 0})).await);
        }
    }

    async fn enable(&self, enabled: bool) -> anyhow::Result<()> {
        let body = json!({ "enabled": enabled });
        self.call(Method::POST, &format!("/proxies/{}", self.name), &body).await.map(drop)
    }

    async fn add(&self, toxic: &str, stream: &str, attributes: &Value) -> anyhow::Result<()> {
        let name = format!("{toxic}_{stream}");
        let body = json!({"name": name, "type": toxic, "stream": stream, "attributes": attributes});
        self.call(Method::POST, &format!("/proxies/{}/toxics", self.name), &body).await.map(drop)
    }

    /// Removes every disturbance but a cut.
    async fn heal(&self) -> anyhow::Result<()> {
        let path = format!("/proxies/{}/toxics", self.name);
        let toxics: Vec<Value> = serde_json::from_str(&self.call(Method::GET, &path, &Value::Null).await?)?;
        for name in toxics.iter().filter_map(|toxic| toxic["name"].as_str()) {
            self.call(Method::DELETE, &format!("{path}/{name}"), &Value::Null).await?;
        }
        Ok(())
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<String> {
        let mut request = self.client.request(method.clone(), self.toxiproxy.join(path)?);
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.context("toxiproxy does not answer")?;
        let status = answer.status();
        let text = answer.text().await?;
        anyhow::ensure!(status.is_success(), "toxiproxy answers {method} {path} with {status}: {text}");
        Ok(text)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Toxiproxy may be gone already, and its proxies with it.
        let place = self.toxiproxy.host_str().zip(self.toxiproxy.port_or_known_default());
        if let Some(place) = place
            && let Ok(mut stream) = TcpStream::connect(place)
        {
            let request = format!("DELETE /proxies/{} HTTP/1.0\r\nHost: {}\r\n\r\n", self.name, place.0);
            drop(stream.write_all(request.as_bytes()).and_then(|()| std::io::copy(&mut stream, &mut std::io::sink())));
        }
    }
}

fn done<T>(result: anyhow::Result<T>) -> T {
    match result {
        Ok(done) => done,
        Err(error) => panic!("{error:#}"),
    }
}
