//! A service over the network.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use futures::future::BoxFuture;
use http::header::HOST;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tower::Service;
use tower::util::BoxCloneSyncService;

use super::Upstream;

/// How long a service may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection is kept for the next call. Servers on Node.js close theirs after five seconds.
const IDLE: Duration = Duration::from_secs(4);
/// Where a process says whether it is ready, and how long it may take for that.
const READY: PathAndQuery = PathAndQuery::from_static("/readyz");
const READY_WITHIN: Duration = Duration::from_millis(500);

/// An address no service can be called at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address of a service: write http://host:port, without a path; several are separated by commas")]
pub struct NoServiceAddress(pub String);

/// The service at this address, `http://host:port`. Its connections are kept for a few seconds and used again; a call
/// that finds its connection closed before anything was sent takes another one.
///
/// Several addresses, separated by commas, are processes of the same service: calls go to each in turn, and where one cannot be
/// connected to, or answers at `/readyz` that it is not ready, to the next that is.
///
/// # Errors
/// [`NoServiceAddress`] for anything else.
pub fn over_network(addresses: &str) -> Result<Upstream, NoServiceAddress> {
    let wrong = |_| NoServiceAddress(addresses.to_owned());
    let places = addresses.split(',').map(|one| Place::parse(one.trim())).collect::<Result<Vec<_>, _>>();
    let places: Arc<[Place]> = places.map_err(wrong)?.into();
    let clients: Vec<_> = (0..places.len()).map(|first| client(AnyOf::new(first, Arc::clone(&places)))).collect();
    let network = Arc::new((clients, places, AtomicUsize::new(0)));
    let service = tower::service_fn(move |mut request: Request<Body>| {
        let (clients, places, turn) = &*network;
        let turn = if clients.len() == 1 { 0 } else { turn.fetch_add(1, Ordering::Relaxed) % clients.len() };
        let place = &places[turn];
        *request.uri_mut() = place.with(request.uri().path_and_query().cloned());
        request.headers_mut().insert(HOST, place.host.clone());
        let answer = clients[turn].request(request);
        async move { Ok(answer.await?.map(Body::new)) }
    });
    Ok(BoxCloneSyncService::new(service))
}

fn client(connector: AnyOf) -> Client<AnyOf, Body> {
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .set_host(false)
        .build(connector)
}

/// Where a process of a service is.
struct Place {
    authority: http::uri::Authority,
    host: HeaderValue,
}

impl Place {
    fn parse(address: &str) -> Result<Self, ()> {
        let parts = address.parse::<Uri>().map_err(drop)?.into_parts();
        let path = parts.path_and_query.as_ref().map_or("/", PathAndQuery::as_str);
        let (Some(authority), true, "/") = (parts.authority, parts.scheme == Some(Scheme::HTTP), path) else {
            return Err(());
        };
        let host = HeaderValue::try_from(authority.as_str()).map_err(drop)?;
        Ok(Self { authority, host })
    }

    fn with(&self, path: Option<PathAndQuery>) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        // Cannot fail: all three parts are there.
        Uri::from_parts(parts).unwrap_or_default()
    }
}

/// Connects to one of several places: its own, or else the next that accepts and is ready. That is where a place that is away, that starts
/// or that stops is passed over, since a call whose body streams cannot be made twice. Where none is ready, the first that accepts may
/// say what is wrong.
#[derive(Clone)]
struct AnyOf {
    connector: HttpConnector,
    asking: Client<HttpConnector, Body>,
    first: usize,
    places: Arc<[Place]>,
}

impl AnyOf {
    fn new(first: usize, places: Arc<[Place]>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        let asking = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector.clone());
        Self { connector, asking, first, places }
    }

    /// Whether a process takes calls. One that does not know the question, as those of the existing system, is asked no further.
    async fn is_ready(&self, place: &Place) -> bool {
        let asked = self.asking.get(place.with(Some(READY)));
        let answer = tokio::time::timeout(READY_WITHIN, asked).await;
        answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status() != StatusCode::SERVICE_UNAVAILABLE))
    }
}

impl Service<Uri> for AnyOf {
    type Response = TokioIo<TcpStream>;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, own: Uri) -> Self::Future {
        if self.places.len() == 1 {
            return Box::pin(self.connector.call(own));
        }
        let mut this = self.clone();
        Box::pin(async move {
            let places = Arc::clone(&this.places);
            let (mut unready, mut failure) = (None, None);
            for place in (0..places.len()).map(|step| &places[(this.first + step) % places.len()]) {
                poll_fn(|context| this.connector.poll_ready(context)).await?;
                match this.connector.call(place.with(None)).await {
                    Ok(connected) if this.is_ready(place).await => return Ok(connected),
                    Ok(connected) => {
                        unready.get_or_insert(connected);
                    }
                    Err(error) => failure = Some(error),
                }
            }
            match (unready, failure) {
                (Some(connected), _) => Ok(connected),
                (None, Some(failure)) => Err(failure),
                // There is at least one place.
                (None, None) => this.connector.call(own).await,
            }
        })
    }
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

    /// A server that answers with a text, and its address.
    async fn answering(text: &'static str) -> (String, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = axum::serve(listener, Router::new().fallback(any(move || async move { text })));
        (address, tokio::spawn(async move { server.await.unwrap() }))
    }

    #[tokio::test]
    async fn several_processes_are_called_in_turn_and_one_that_is_away_is_passed_over() {
        let ((one, _one), (two, _two)) = (answering("1").await, answering("2").await);
        let away = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gone = format!("http://{}", away.local_addr().unwrap());
        drop(away);
        let service = over_network(&format!("{one}, {gone}, {two}")).unwrap();
        let mut answers = Vec::new();
        for _ in 0..6 {
            answers.push(ask(&service, "/", "a body that cannot be sent twice").await.unwrap());
        }
        assert_eq!(answers, ["1", "2", "2", "1", "2", "2"]);
    }

    /// A server that says it is not ready, and answers everything else with a text, and its address.
    async fn starting(text: &'static str) -> (String, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().route("/readyz", any(async || StatusCode::SERVICE_UNAVAILABLE));
        let server = axum::serve(listener, routes.fallback(any(move || async move { text })));
        (address, tokio::spawn(async move { server.await.unwrap() }))
    }

    #[tokio::test]
    async fn one_that_is_not_ready_is_passed_over_unless_there_is_no_other() {
        let ((one, _one), (two, _two)) = (starting("starting").await, answering("ready").await);
        let service = over_network(&format!("{one},{two}")).unwrap();
        for _ in 0..4 {
            assert_eq!(ask(&service, "/", "a body that cannot be sent twice").await.unwrap(), "ready");
        }
        let (three, _three) = starting("starting, too").await;
        let service = over_network(&format!("{one},{three}")).unwrap();
        assert_eq!(ask(&service, "/", "").await.unwrap(), "starting");
        assert_eq!(ask(&service, "/", "").await.unwrap(), "starting, too");
        assert_eq!(ask(&over_network(&one).unwrap(), "/", "").await.unwrap(), "starting", "there is no other");
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
        for wrong in [
            "",
            "gig:4004",
            "https://gig:4004",
            "http://gig:4004/api",
            "http://gig:4004/?x",
            "http:///",
            "a b",
            "http://a:1,",
        ] {
            let refused = over_network(wrong).unwrap_err();
            assert!(refused.to_string().contains(wrong), "{refused}");
        }
    }
}
