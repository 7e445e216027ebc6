//! A bucket of an S3-compatible store of objects, in this process, that fails as it is told.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use http::header::{ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::engine;

/// What happens to a request in place of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is answered with this status.
    Answer(StatusCode),
    /// The connection ends in the middle of what is sent.
    Cut,
    /// It is done, and the answer is lost.
    LostAnswer,
    /// Nothing happens, for ever.
    Silence,
}

/// A bucket that keeps nothing yet, in this process. It speaks S3's protocol at an address that stays, and asks for its keys.
pub struct Bucket {
    address: SocketAddr,
    folder: tempfile::TempDir,
    shared: Arc<Shared>,
    /// Whether it outlives the runtime of who started it.
    lasts: bool,
    /// Ends with it.
    server: Mutex<Option<JoinSet<()>>>,
}

/// Says what goes wrong with a request.
type Faults = Box<dyn FnMut(&Parts) -> Option<Fault> + Send>;

struct Shared {
    service: S3Service,
    faults: Mutex<Faults>,
    asked: Mutex<Vec<String>>,
}

impl Bucket {
    /// What it is called.
    pub const NAME: &'static str = "market";
    /// The variables of the keys that open it.
    pub const KEYS: [(&'static str, &'static str); 2] =
        [("AWS_ACCESS_KEY_ID", "a-key"), ("AWS_SECRET_ACCESS_KEY", "a-secret")];

    /// Starts one that ends with the runtime of who starts it, and whose requests are cut with the connections they came on.
    pub async fn start() -> Self {
        Self::made(false).await
    }

    /// Starts one that several runtimes may ask, one after the other: it ends with what is returned.
    pub async fn lasting() -> Self {
        Self::made(true).await
    }

    async fn made(lasts: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the bucket");
        std::fs::create_dir(folder.path().join(Self::NAME)).expect("the bucket can be made");
        let files = FileSystem::new(folder.path()).expect("the bucket can be opened");
        let mut service = S3ServiceBuilder::new(files);
        let [(_, key), (_, secret)] = Self::KEYS;
        service.set_auth(SimpleAuth::from_single(key, secret));
        let shared = Arc::new(Shared {
            service: service.build(),
            faults: Mutex::new(Box::new(|_| None)),
            asked: Mutex::new(Vec::new()),
        });
        let (address, server) = serve(SocketAddr::from(([127, 0, 0, 1], 0)), Arc::clone(&shared), lasts).await;
        Self { address, folder, shared, lasts, server: Mutex::new(Some(server)) }
    }

    /// Where it is: `s3://market/some/place?…`, with these further parameters, such as `&public=…`.
    pub fn url(&self, parameters: &str) -> String {
        format!("s3://{}/some/place?region=eu-west-1&endpoint=http://{}{parameters}", Self::NAME, self.address)
    }

    /// From now on requests fail as this says.
    pub fn fail(&self, faults: impl FnMut(&Parts) -> Option<Fault> + Send + 'static) {
        *self.shared.faults.lock() = Box::new(faults);
    }

    /// Nobody answers there any more, and whatever was on its way is cut.
    pub async fn stop(&self) {
        let server = self.server.lock().take();
        if let Some(mut server) = server {
            server.shutdown().await;
        }
    }

    /// Answers again, at the same address.
    pub async fn start_again(&self) {
        self.stop().await;
        let (_, server) = serve(self.address, Arc::clone(&self.shared), self.lasts).await;
        *self.server.lock() = Some(server);
    }

    /// How much is in it, the parts of what is not complete included.
    pub fn kept(&self) -> usize {
        let is_part = |name: &str| name.starts_with(".upload") || name.ends_with(".part");
        let beside = std::fs::read_dir(self.folder.path()).expect("the bucket's folder can be read");
        let beside = beside.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        files(&self.folder.path().join(Self::NAME)) + beside.filter(|name| is_part(name)).count()
    }

    /// What was asked so far: method, path and query of each request.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().clone()
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("address", &self.address).finish_non_exhaustive()
    }
}

fn files(folder: &Path) -> usize {
    let entries =
        std::fs::read_dir(folder).expect("the bucket can be read").filter_map(|entry| Some(entry.ok()?.path()));
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

/// Everything that runs for it ends with what is returned.
async fn serve(address: SocketAddr, shared: Arc<Shared>, lasts: bool) -> (SocketAddr, JoinSet<()>) {
    if lasts { engine::run(begin(address, shared)).await } else { begin(address, shared).await }
}

async fn begin(address: SocketAddr, shared: Arc<Shared>) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind(address).await.expect("the bucket has its port");
    let address = listener.local_addr().expect("the bucket has an address");
    let mut server = JoinSet::new();
    server.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((socket, _)) = listener.accept().await {
            let shared = Arc::clone(&shared);
            let answer = service_fn(move |request| answer(Arc::clone(&shared), request));
            connections.spawn(async move {
                // A fault ends it with an error.
                drop(http1::Builder::new().serve_connection(TokioIo::new(socket), answer).await);
            });
        }
    });
    (address, server)
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<s3s::Body>, Ended> {
    let (head, mut body) = request.into_parts();
    shared.asked.lock().push(format!("{} {}", head.method, head.uri));
    let fault = (*shared.faults.lock())(&head);
    match fault {
        Some(Fault::Answer(status)) => {
            while body.frame().await.is_some() {}
            let mut response = Response::new(s3s::Body::empty());
            *response.status_mut() = status;
            return Ok(response);
        }
        Some(Fault::Cut) => {
            drop(body.frame().await);
            return Err(Ended);
        }
        Some(Fault::Silence) => std::future::pending::<()>().await,
        Some(Fault::LostAnswer) | None => {}
    }
    let is_read = matches!(head.method, Method::GET | Method::HEAD);
    let mut response = shared.service.call(Request::from_parts(head, body.into())).await.map_err(|_| Ended)?;
    if is_read {
        // As S3 answers, with a CORS rule that lets every page read.
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        response.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
    if fault == Some(Fault::LostAnswer) { Err(Ended) } else { Ok(response) }
}

/// The connection was told to end.
#[derive(Debug)]
struct Ended;

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was told to end")
    }
}

impl std::error::Error for Ended {}
