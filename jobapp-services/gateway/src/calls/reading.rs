//! The answers of services, read to their end.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Limited};
use jobapp_http::ApiError;
use serde_json::Value;

/// The largest answer the gateway reads itself, in bytes.
const READ_ANSWER: usize = 16 * 1024 * 1024;

/// Reads an answer's body.
pub(crate) async fn read_bytes(response: Response) -> Result<Bytes, ApiError> {
    collected(response.into_body()).await
}

/// Reads a body of an answer.
pub(crate) async fn collected(body: Body) -> Result<Bytes, ApiError> {
    let read = Limited::new(body, READ_ANSWER).collect().await.map_err(|error| {
        tracing::warn!(%error, "a service's answer broke off");
        unreadable()
    })?;
    Ok(read.to_bytes())
}

/// Reads an answer's body as JSON.
pub(crate) async fn read_json(response: Response) -> Result<Value, ApiError> {
    serde_json::from_slice(&read_bytes(response).await?).map_err(|_| unreadable())
}

/// 502.
pub(crate) fn unreadable() -> ApiError {
    ApiError::new(StatusCode::BAD_GATEWAY, "The service's answer could not be read.").at("Gateway: answer unreadable")
}
