//! How programs are, as they say themselves.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use futures::future::join;
use jobapp_http::{Upstream, over_network};
use jobapp_runtime::error_text;
use serde_json::Value;
use tower::ServiceExt;

use super::{PATIENCE, ProgramReport};

/// More than any of them has to say.
const MOST: usize = 64 * 1024;

/// A program that runs somewhere.
pub struct Program {
    service: String,
    place: String,
    way: Result<Upstream, String>,
}

impl Program {
    /// The program of a service at this address, such as `http://localhost:4003`.
    pub fn at(service: &str, address: &str) -> Self {
        let way = over_network(address).map_err(|error| error_text(&error));
        Self { service: service.to_owned(), place: address.to_owned(), way }
    }

    /// How it is.
    pub(super) async fn look(&self) -> ProgramReport {
        let (service, place) = (self.service.clone(), self.place.clone());
        let mut report = ProgramReport { service, place, ..ProgramReport::default() };
        let way = match &self.way {
            Ok(way) => way,
            Err(why) => {
                report.trouble = Some(why.clone());
                return report;
            }
        };
        let asking = join(asked(way, "/livez"), asked(way, "/readyz"));
        match tokio::time::timeout(PATIENCE, asking).await {
            Ok((Ok(live), Ok(ready))) => {
                let text = |value: &Value| value.as_str().map(str::to_owned);
                report.version = text(&live["version"]);
                report.state = text(&ready["status"]);
            }
            Ok((Err(why), _) | (_, Err(why))) => report.trouble = Some(why),
            Err(_) => report.trouble = Some(format!("it does not answer within {} seconds", PATIENCE.as_secs())),
        }
        report
    }
}

/// What it answers. One that is not ready says so with 503.
async fn asked(way: &Upstream, path: &str) -> Result<Value, String> {
    let request = Request::get(path).header(header::ACCEPT, "application/json").body(Body::empty());
    let request = request.map_err(|error| error_text(&error))?;
    let answer = way.clone().oneshot(request).await.map_err(|error| error_text(&*error))?;
    let status = answer.status();
    if !status.is_success() && status != StatusCode::SERVICE_UNAVAILABLE {
        return Err(format!("it answers {path} with {status}"));
    }
    let body = to_bytes(answer.into_body(), MOST).await.map_err(|error| error_text(&error))?;
    serde_json::from_slice(&body).map_err(|error| format!("what it answers to {path} is no JSON: {error}"))
}
