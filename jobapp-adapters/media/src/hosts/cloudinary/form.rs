//! A form with a file (RFC 7578), sent while it is read.

use std::io::{self, SeekFrom};
use std::path::Path;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::signature::Parameters;
use crate::hosts::http::{Body, BoxError};

/// Bytes that are read from disk at a time.
const CHUNK: usize = 64 * 1024;

/// A form.
pub(super) struct Form {
    boundary: String,
    before: String,
    after: String,
    count: u64,
}

impl Form {
    /// These fields, and `count` bytes of a file. Fields are plain words of ours.
    pub(super) fn new(fields: &Parameters, count: u64) -> Self {
        let boundary = format!("{:032x}", rand::random::<u128>());
        let part = |name: &str, value: &str| {
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let mut before: String = fields.iter().map(|(name, value)| part(name, value)).collect();
        before.push_str(&format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        ));
        let after = format!("\r\n--{boundary}--\r\n");
        Self { boundary, before, after, count }
    }

    pub(super) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    pub(super) fn length(&self) -> u64 {
        (self.before.len() + self.after.len()) as u64 + self.count
    }

    /// The form with the bytes of a file from the byte `first` on.
    pub(super) async fn body(self, content: &Path, first: u64) -> io::Result<Body> {
        let mut file = tokio::fs::File::open(content).await?;
        file.seek(SeekFrom::Start(first)).await?;
        let file = ReaderStream::with_capacity(file.take(self.count), CHUNK);
        let text = |text: String| stream::iter([Ok::<_, io::Error>(Bytes::from(text))]);
        let all = text(self.before).chain(file).chain(text(self.after));
        Ok(StreamBody::new(all.map_ok(Frame::data).map_err(BoxError::from)).boxed_unsync())
    }
}
