//! A service over the network.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::header::HOST;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower::util::BoxCloneSyncService;

use super::Upstream;

/// How long a service may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection is kept for the next call. Servers on Node.js close theirs after five seconds.
const IDLE: Duration = Duration::from_secs(4);

/// An address no service can be called at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address of a service: write http://host:port, without a path")]
pub struct NoServiceAddress(pub String);

/// The service at this address, `http://host:port`. Its connections are kept for a few seconds and used again; a call
/// that finds its connection closed before anything was sent takes another one.
///
/// # Errors
/// [`NoServiceAddress`] for anything else.
pub fn over_network(address: &str) -> Result<Upstream, NoServiceAddress> {
    let wrong = || NoServiceAddress(address.to_owned());
    let parts = address.parse::<Uri>().map_err(|_| wrong())?.into_parts();
    let path = parts.path_and_query.as_ref().map_or("/", PathAndQuery::as_str);
    let (Some(authority), true, "/") = (parts.authority, parts.scheme == Some(Scheme::HTTP), path) else {
        return Err(wrong());
    };
    let host = HeaderValue::try_from(authority.as_str()).map_err(|_| wrong())?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT));
    let client: Client<_, Body> = Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .set_host(false)
        .build(connector);
    let network = Arc::new((client, authority, host));
    let service = tower::service_fn(move |mut request: Request<Body>| {
        let (client, authority, host) = &*network;
        let path = request.uri().path_and_query().cloned();
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(authority.clone());
        parts.path_and_query = Some(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        // Cannot fail: all three parts are there.
        *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
        request.headers_mut().insert(HOST, host.clone());
        let answer = client.request(request);
        async move { Ok(answer.await?.map(Body::new)) }
    });
    Ok(BoxCloneSyncService::new(service))
}

#[cfg(test)]
mod tests {
    use super::super::BoxError;
    use super::*;
    use axum::Router;
    use axum::extract::{OriginalUri, Request};
    use axum::routing::any;
    use http::Response;
    use http_body_util::BodyExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tower::ServiceExt;

    async fn text(response: Response<Body>) -> String {
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    async fn ask(service: &Upstream, uri: &str, body: &'static str) -> Result<String, BoxError> {
        let body = if body.is_empty() { Body::empty() } else { Body::from(body) };
        let request = Request::builder().method("PUT").uri(uri).body(body)?;
        Ok(text(service.clone().oneshot(request).await?).await)
    }

    #[tokio::test]
    async fn a_call_keeps_method_path_query_and_body_and_names_the_host() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = |OriginalUri(uri): OriginalUri, request: Request| async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let host = head.headers[HOST].to_str().unwrap();
            format!("{} {uri} {host} {}", head.method, String::from_utf8_lossy(&body))
        };
        let server = axum::serve(listener, Router::new().fallback(any(answer)));
        tokio::spawn(async move { server.await.unwrap() });
        let service = over_network(&format!("http://{address}")).unwrap();
        let answered = ask(&service, "/api/v1/gig/a%20b?from=0&size=10", "words").await.unwrap();
        assert_eq!(answered, format!("PUT /api/v1/gig/a%20b?from=0&size=10 {address} words"));
    }

    #[tokio::test]
    async fn a_connection_is_used_again_and_a_closed_one_is_replaced() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // Answers twice on each connection with its number, then closes it.
        tokio::spawn(async move {
            for number in 1.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                for _ in 0..2 {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(stream.read_u8().await.unwrap());
                    }
                    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{number}");
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        });
        let service = over_network(&format!("http://{address}/")).unwrap();
        for expected in ["1", "1", "2", "2", "3"] {
            assert_eq!(ask(&service, "/", "").await.unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn nobody_there_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert!(ask(&over_network(&format!("http://{address}")).unwrap(), "/", "").await.is_err());
    }

    #[test]
    fn other_addresses_are_refused() {
        for wrong in
            ["", "gig:4004", "https://gig:4004", "http://gig:4004/api", "http://gig:4004/?x", "http:///", "a b"]
        {
            let refused = over_network(wrong).unwrap_err();
            assert!(refused.to_string().contains(wrong), "{refused}");
        }
    }
}
