//! What an upload's source is: content to store, or the URL of something stored elsewhere.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jobapp_kernel::MediaError;

/// The longest URL that is kept.
const MAX_URL_CHARS: usize = 2048;

/// Base64 characters decoded at a time: four characters make three bytes, so any multiple of four can stand alone.
const CHUNK: usize = 64 * 1024;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What an upload's source turned out to be.
pub(crate) enum Source<'a> {
    /// The address of something stored elsewhere, checked.
    Elsewhere(&'a str),
    /// Content, still encoded.
    Content(Content<'a>),
}

/// The base64 text of a data URL, without padding.
pub(crate) struct Content<'a> {
    encoded: &'a [u8],
}

/// Tells what a source is, without decoding it.
pub(crate) fn parse(source: &str) -> Result<Source<'_>, MediaError> {
    if source.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        return Ok(Source::Content(data_url(&source[5..])?));
    }
    address(source).map(Source::Elsewhere)
}

fn data_url(rest: &str) -> Result<Content<'_>, MediaError> {
    let (description, data) = rest.split_once(',').ok_or_else(|| MediaError::invalid("the data URL has no content"))?;
    let is_base64 = description.rsplit(';').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("base64"));
    if !is_base64 {
        return Err(MediaError::invalid("the data URL is not in base64"));
    }
    let data = data.trim_ascii().as_bytes();
    let unpadded = data.strip_suffix(b"==").or_else(|| data.strip_suffix(b"=")).unwrap_or(data);
    if unpadded.is_empty() {
        return Err(MediaError::invalid("the data URL is empty"));
    }
    Ok(Content { encoded: unpadded })
}

fn address(source: &str) -> Result<&str, MediaError> {
    let wrong = || MediaError::invalid("it is neither a data URL nor an absolute http or https URL");
    if source.len() > MAX_URL_CHARS {
        // Whoever sends so much meant to send content.
        return Err(if source.starts_with("http") { MediaError::invalid("the URL is too long") } else { wrong() });
    }
    let url = url::Url::parse(source).map_err(|_| wrong())?;
    let is_clean = !source.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '"' | '<' | '>' | '\\'));
    let is_plain = url.username().is_empty() && url.password().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && is_clean && is_plain {
        Ok(source)
    } else {
        Err(wrong())
    }
}

impl Content<'_> {
    /// How many bytes the content has.
    pub(crate) const fn len(&self) -> u64 {
        (self.encoded.len() as u64 / 4) * 3 + (self.encoded.len() as u64 % 4).saturating_sub(1)
    }

    /// Decodes the content piece by piece, so that a large file is never in memory a second time. The first piece has at
    /// least the bytes that types are told by.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Result<Vec<u8>, MediaError>> + '_ {
        self.encoded.chunks(CHUNK).map(|chunk| {
            // The end is the only place for padding, and there it was taken off.
            if chunk.contains(&b'=') {
                return Err(MediaError::invalid("the base64 of the data URL is wrong"));
            }
            BASE64.decode(chunk).map_err(|_| MediaError::invalid("the base64 of the data URL is wrong"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(source: &str) -> Result<Vec<u8>, MediaError> {
        match parse(source)? {
            Source::Elsewhere(url) => panic!("{url} is no content"),
            Source::Content(content) => {
                let bytes = content.pieces().collect::<Result<Vec<_>, _>>()?.concat();
                assert_eq!(bytes.len() as u64, content.len(), "the length is known before decoding");
                Ok(bytes)
            }
        }
    }

    #[test]
    fn an_absolute_address_is_kept_as_it_is() {
        for url in ["https://pictures.example/a.png", "http://127.0.0.1:4000/media/x", "https://example.org"] {
            assert!(matches!(parse(url), Ok(Source::Elsewhere(kept)) if kept == url), "{url}");
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        let long = format!("https://example.org/{}", "a".repeat(MAX_URL_CHARS));
        for url in [
            "",
            "picture.png",
            "/media/x",
            "//example.org/x",
            "ftp://example.org/x",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "blob:https://example.org/1",
            "https://",
            "https://a:b@example.org/x",
            "https://example.org/a b",
            "https://example.org/\"onload=",
            "https://example.org/\n",
            &long,
        ] {
            assert!(matches!(parse(url), Err(MediaError::Invalid { .. })), "{url}");
        }
    }

    #[test]
    fn a_data_url_needs_correct_base64() {
        assert_eq!(decode("data:text/plain;charset=utf-8;base64,aGk=").unwrap(), b"hi");
        assert_eq!(decode("DATA:;BASE64,aGk").unwrap(), b"hi");
        for source in [
            "data:",
            "data:image/png;base64",
            "data:image/png;base64,",
            "data:image/png;base64,=",
            "data:,plain",
            "data:text/plain,aGk=",
            "data:;base64,a",
            "data:;base64,aG=k",
            "data:;base64,a-_k",
            "data:;base64,aGk\u{e9}",
        ] {
            assert!(matches!(parse(source).map(|_| decode(source)), Err(_) | Ok(Err(_))), "{source}");
        }
    }

    #[test]
    fn padding_between_pieces_is_refused() {
        let source = format!("data:;base64,{}==aGk==", "A".repeat(CHUNK - 2));
        assert!(decode(&source).is_err());
    }

    proptest! {
        #[test]
        fn every_content_survives_the_encoding(
            seed in proptest::collection::vec(any::<u8>(), 1..200),
            times in prop_oneof![Just(1_usize), 700..2000_usize],
        ) {
            let bytes = seed.repeat(times);
            let encoded = base64::engine::general_purpose::STANDARD.encode(&bytes);
            prop_assert_eq!(decode(&format!("data:application/x;base64,{encoded}")).unwrap(), bytes);
        }

        #[test]
        fn no_source_panics(source in "(data:|http://)?.{0,60}") {
            drop(parse(&source).map(|source| match source {
                Source::Elsewhere(_) => 0,
                Source::Content(content) => content.pieces().count(),
            }));
        }
    }
}
