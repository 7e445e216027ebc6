//! Bodies that arrive compressed (RFC 9110 §8.4).
//!
//! They are inflated step by step as they are read, a few KiB at a time, so whoever reads them and counts what he gets is
//! never given more than he asked for. Only what needs little memory is taken: a decoder of `br` or `zstd` may be told to set
//! megabytes aside by a body of a few bytes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::{Buf, Bytes};
use flate2::{Decompress, FlushDecompress, Status};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::{Body as HttpBody, Frame};

use crate::{ApiError, lists};

/// What bodies may be compressed with, as `Accept-Encoding` tells it.
const ACCEPTED: &str = "gzip, deflate";
/// The most bytes that are inflated in one step.
const STEP: usize = 16 * 1024;
/// How far back a compressed text may refer, as a power of two: the most there is, 32 KiB.
const WINDOW: u8 = 15;

/// What a body is compressed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, and for the sake of clients that take the name by its letter, RFC 1951.
    Deflate,
}

impl Coding {
    /// What the headers say a body is compressed with, if it is.
    ///
    /// # Errors
    /// 415 for anything that is not taken, and for a body that is compressed twice. The answer says what is taken.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let mut found = None;
        for name in lists::members(headers, &CONTENT_ENCODING) {
            let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
            if is("identity") {
                continue;
            }
            let coding = if is("gzip") || is("x-gzip") {
                Self::Gzip
            } else if is("deflate") {
                Self::Deflate
            } else {
                return Err(not_taken());
            };
            if found.replace(coding).is_some() {
                return Err(not_taken());
            }
        }
        Ok(found)
    }

    /// The body as it was before it was compressed. It ends with an error if it is not what it says it is.
    pub fn inflate(self, body: Body) -> Body {
        let (input, output) = (Bytes::new(), Vec::new());
        Body::new(Inflating { coding: self, body, decoder: None, input, output, full: false, over: false })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    /// A decoder for a stream that begins with this byte.
    fn decoder(self, first: u8) -> Decompress {
        match self {
            Self::Gzip => Decompress::new_gzip(WINDOW),
            // The method in a header of RFC 1950 is 8; as the beginning of a bare stream that would be a block of a kind nobody makes.
            Self::Deflate => Decompress::new(first & 0x8f == 0x08),
        }
    }
}

fn not_taken() -> ApiError {
    let text = "The body is compressed in a way that is not taken here. Send it as it is, or with gzip or deflate.";
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
        .at("Content-Encoding")
        .with_header(ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED))
}

/// A body that is not what its `Content-Encoding` says.
#[derive(Debug, thiserror::Error)]
#[error("the body is not valid {}", .0.name())]
pub(crate) struct NotInflated(pub(crate) Coding);

impl NotInflated {
    /// 400.
    pub(crate) fn refusal(&self) -> ApiError {
        ApiError::bad_request(format!("The body is not valid {}, as its Content-Encoding says it is.", self.0.name()))
    }
}

/// A compressed body that is inflated while it is read.
struct Inflating {
    coding: Coding,
    body: Body,
    /// From the first byte on.
    decoder: Option<Box<Decompress>>,
    /// What has arrived and is not inflated yet.
    input: Bytes,
    /// Where the next step goes. Handed on are copies: a step of one byte must not take the space of a full one.
    output: Vec<u8>,
    /// Whether the last step filled its space, so that there may be more without further input.
    full: bool,
    /// Whether the compressed stream has ended.
    over: bool,
}

impl Inflating {
    /// Inflates the next step. Empty if that takes further input.
    fn step(&mut self) -> Result<Bytes, NotInflated> {
        let wrong = NotInflated(self.coding);
        let Some(first) = self.input.first().copied().or(self.decoder.is_some().then_some(0)) else {
            return Ok(Bytes::new());
        };
        if self.over {
            // A second stream would be one more decoder for each few bytes.
            return Err(wrong);
        }
        let decoder = self.decoder.get_or_insert_with(|| Box::new(self.coding.decoder(first)));
        self.output.clear();
        self.output.reserve_exact(STEP);
        let before = decoder.total_in();
        let Ok(status) = decoder.decompress_vec(&self.input, &mut self.output, FlushDecompress::None) else {
            return Err(wrong);
        };
        let used = usize::try_from(decoder.total_in() - before).unwrap_or(usize::MAX).min(self.input.len());
        self.over = status == Status::StreamEnd;
        self.full = !self.over && self.output.len() == self.output.capacity();
        if used == 0 && self.output.is_empty() && !self.input.is_empty() {
            return Err(wrong);
        }
        self.input.advance(used);
        Ok(Bytes::copy_from_slice(&self.output))
    }
}

impl HttpBody for Inflating {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        loop {
            if self.full || !self.input.is_empty() {
                match self.step() {
                    Ok(output) if output.is_empty() => continue,
                    Ok(output) => return Poll::Ready(Some(Ok(Frame::data(output)))),
                    Err(wrong) => return Poll::Ready(Some(Err(axum::Error::new(wrong)))),
                }
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                // Trailers mean nothing here.
                Some(Ok(frame)) => self.input = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None if self.over => return Poll::Ready(None),
                None => return Poll::Ready(Some(Err(axum::Error::new(NotInflated(self.coding))))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use futures::stream;
    use http_body_util::{BodyExt, Limited};
    use proptest::prelude::*;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn bare(text: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// The bytes as a body that arrives in pieces of this size.
    fn arriving(bytes: &[u8], size: usize) -> Body {
        let pieces: Vec<_> =
            bytes.chunks(size).map(|piece| Ok::<_, std::convert::Infallible>(Bytes::copy_from_slice(piece))).collect();
        Body::from_stream(stream::iter(pieces))
    }

    async fn inflated(coding: Coding, bytes: &[u8], size: usize) -> Result<Vec<u8>, axum::Error> {
        Ok(coding.inflate(arriving(bytes, size)).collect().await?.to_bytes().to_vec())
    }

    fn named(values: &[&str]) -> Result<Option<Coding>, ApiError> {
        let headers = values.iter().map(|value| (CONTENT_ENCODING, value.parse().unwrap())).collect();
        Coding::of(&headers)
    }

    #[test]
    fn a_body_is_inflated_by_the_name_it_gives_or_refused_with_what_is_taken() {
        for plain in [&[][..], &[""], &["identity"], &["Identity, identity"]] {
            assert_eq!(named(plain).unwrap(), None);
        }
        for (names, coding) in [
            (&["gzip"][..], Coding::Gzip),
            (&["X-GZIP"], Coding::Gzip),
            (&["identity, gzip"], Coding::Gzip),
            (&["deflate", "identity"], Coding::Deflate),
        ] {
            assert_eq!(named(names).unwrap(), Some(coding), "{names:?}");
        }
        for names in
            [&["br"][..], &["zstd"], &["gzip, gzip"], &["deflate", "gzip"], &["compress"], &["gzip;q=1"], &["*"]]
        {
            use axum::response::IntoResponse;
            let refused = named(names).unwrap_err().into_response();
            assert_eq!(refused.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{names:?}");
            assert_eq!(refused.headers()[ACCEPT_ENCODING], "gzip, deflate");
        }
    }

    #[tokio::test]
    async fn what_is_not_what_it_says_is_refused_wherever_it_breaks() {
        let whole = gzip(&b"hello ".repeat(10_000));
        let mut changed = whole.clone();
        let last = changed.len() - 5;
        changed[last] ^= 1;
        let twice = [&whole[..], &whole[..]].concat();
        let more = [&whole[..], b"x"].concat();
        for bytes in [&b"{\"a\":1}"[..], &changed, &twice, &more, &whole[..whole.len() - 1], &whole[..20], b"\x1f", b""]
        {
            for size in [1, 7, 100_000] {
                assert!(inflated(Coding::Gzip, bytes, size).await.is_err(), "{bytes:?}");
            }
        }
        for bytes in [&b"{\"a\":1}"[..], &gzip(b"hello"), &zlib(b"hello")[..9], &bare(b"hello")[..3]] {
            assert!(inflated(Coding::Deflate, bytes, 2).await.is_err(), "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn a_bomb_is_given_up_when_it_exceeds_what_its_reader_takes() {
        let bomb = gzip(&vec![b' '; 4 * 1024 * 1024]);
        assert!(bomb.len() < 10_000);
        let mut body = Limited::new(Coding::Gzip.inflate(arriving(&bomb, bomb.len())), 100_000);
        let (mut read, mut largest) = (0, 0);
        let error = loop {
            match body.frame().await.unwrap() {
                Ok(frame) => {
                    let size = frame.into_data().unwrap().len();
                    (read, largest) = (read + size, largest.max(size));
                }
                Err(error) => break error,
            }
        };
        assert!(error.is::<http_body_util::LengthLimitError>());
        assert!(read <= 100_000 && largest <= STEP, "{read} {largest}");
    }

    #[tokio::test]
    async fn what_comes_out_in_bits_takes_no_more_space_than_it_is() {
        let mut body = Coding::Gzip.inflate(arriving(&gzip(b"hello"), 1));
        let mut read = Vec::new();
        while let Some(frame) = body.frame().await {
            let piece = frame.unwrap().into_data().unwrap();
            read.extend_from_slice(&piece);
            assert!(piece.try_into_mut().unwrap().capacity() < 100);
        }
        assert_eq!(read, b"hello");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_body_is_inflated_to_what_it_was(
            text in proptest::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 0..2000),
            times in 1..20_usize,
            size in prop_oneof![20..100_usize, 200..5000_usize],
        ) {
            let text = text.repeat(times);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            for (coding, bytes) in
                [(Coding::Gzip, gzip(&text)), (Coding::Deflate, zlib(&text)), (Coding::Deflate, bare(&text))]
            {
                prop_assert_eq!(&runtime.block_on(inflated(coding, &bytes, size)).unwrap(), &text);
            }
        }

        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), size in 1..50_usize) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            for coding in [Coding::Gzip, Coding::Deflate] {
                drop(runtime.block_on(inflated(coding, &bytes, size)));
                let begun = [&gzip(b"")[..10], &bytes].concat();
                drop(runtime.block_on(inflated(Coding::Gzip, &begun, size)));
            }
        }
    }
}
