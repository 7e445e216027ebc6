//! The collector, asked over HTTP as OTLP has it.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use jobapp_kernel::error_text;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::trace::SpanData;
use prost::Message;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::{TracesConfig, TracesError};

/// How long a connection is kept for the next batch.
const IDLE: Duration = Duration::from_secs(15);
/// The pause before it is tried again, which doubles.
const PAUSE: Duration = Duration::from_millis(250);
/// More than any answer has.
const LARGEST_ANSWER: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Collector {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    endpoint: Uri,
    headers: HeaderMap,
    patience: Duration,
    resource: ResourceAttributesWithSchema,
}

/// Why a batch did not arrive.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("the collector does not answer within {} s", .0.as_secs_f64())]
    Silent(Duration),
    #[error("the collector cannot be reached: {0}")]
    Away(String),
    #[error("the collector answers {0}")]
    Refused(StatusCode),
}

impl Failure {
    /// Whether the same batch may arrive later (OTLP 1.5, "Failures").
    fn may_pass(&self) -> bool {
        match self {
            Self::Silent(_) => false,
            Self::Away(_) => true,
            Self::Refused(status) => matches!(status.as_u16(), 429 | 502 | 503 | 504),
        }
    }
}

impl Collector {
    pub(super) fn new(config: &TracesConfig, resource: ResourceAttributesWithSchema) -> Result<Self, TracesError> {
        let is_sealed = match config.endpoint.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(TracesError::Endpoint(config.endpoint.to_string())),
        };
        let roots = if is_sealed { roots(config.certificates.as_deref())? } else { RootCertStore::empty() };
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| TracesError::Certificates(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(connector);
        let http = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        let mut headers: HeaderMap = config.headers.iter().cloned().collect();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("jobapp/", env!("CARGO_PKG_VERSION"))));
        let (endpoint, patience) = (config.endpoint.clone(), config.patience);
        Ok(Self { http, endpoint, headers, patience, resource })
    }

    /// Sends spans; once more where that may help, for as long as its patience lasts. Returns how many of them it refused.
    pub(super) async fn send(&self, spans: Vec<SpanData>) -> Result<usize, Failure> {
        let resource_spans = group_spans_by_resource_and_scope(spans, &self.resource);
        let body = Bytes::from(ExportTraceServiceRequest { resource_spans }.encode_to_vec());
        let trying = async {
            let mut pause = PAUSE;
            loop {
                match self.sent(body.clone()).await {
                    Err(failure) if failure.may_pass() && pause < self.patience => {
                        tokio::time::sleep(pause).await;
                        pause *= 2;
                    }
                    outcome => return outcome,
                }
            }
        };
        tokio::time::timeout(self.patience, trying).await.unwrap_or(Err(Failure::Silent(self.patience)))
    }

    async fn sent(&self, body: Bytes) -> Result<usize, Failure> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.clone();
        *request.headers_mut() = self.headers.clone();
        let away = |error: &(dyn Error + 'static)| Failure::Away(error_text(error));
        let answer = self.http.request(request).await.map_err(|error| away(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await;
        if !status.is_success() {
            return Err(Failure::Refused(status));
        }
        let body = body.map_err(|error| away(&*error))?.to_bytes();
        // A collector that took them and says it in another way took them.
        let told = ExportTraceServiceResponse::decode(body).unwrap_or_default();
        let refused = told.partial_success.map_or(0, |partial| partial.rejected_spans);
        Ok(usize::try_from(refused).unwrap_or(0))
    }
}

fn roots(file: Option<&Path>) -> Result<RootCertStore, TracesError> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            let named =
                |error: &dyn std::fmt::Display| TracesError::Certificates(format!("{}: {error}", file.display()));
            let text = std::fs::read(file).map_err(|error| named(&error))?;
            for certificate in CertificateDer::pem_slice_iter(&text) {
                roots.add(certificate.map_err(|error| named(&error))?).map_err(|error| named(&error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() { Err(TracesError::Certificates("there are none".to_owned())) } else { Ok(roots) }
}
