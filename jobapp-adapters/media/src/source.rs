//! What an upload's source is: content to store, or the URL of something stored elsewhere. It is read in pieces of any
//! size.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jobapp_kernel::MediaError;

/// The longest URL that is kept.
const MAX_URL_CHARS: usize = 2048;

/// What a source is must be known after as many bytes.
const MAX_BEGINNING: usize = 8 * 1024;

/// Base64 characters decoded at a time: four characters make three bytes, so any multiple of four can stand alone.
const CHUNK: usize = 64 * 1024;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a source turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The address of something stored elsewhere, checked.
    Elsewhere(String),
    /// Content: it was decoded.
    Content,
}

/// Reads a source piece by piece and decodes its content.
#[derive(Debug)]
pub(crate) struct Reader {
    state: State,
}

#[derive(Debug)]
enum State {
    /// What it is, is not known yet; or it is an address.
    Beginning(String),
    /// It is the content of a data URL.
    Content(Base64),
}

impl Reader {
    pub(crate) const fn new() -> Self {
        Self { state: State::Beginning(String::new()) }
    }

    /// Takes the next piece and appends the content that it completes to `decoded`.
    pub(crate) fn push(&mut self, piece: &str, decoded: &mut Vec<u8>) -> Result<(), MediaError> {
        let beginning = match &mut self.state {
            State::Content(base64) => return base64.push(piece.as_bytes(), decoded),
            State::Beginning(beginning) => beginning,
        };
        let (taken, rest) = piece.split_at(piece.floor_char_boundary(MAX_BEGINNING - beginning.len()));
        beginning.push_str(taken);
        if !is_data_url(beginning) {
            return if rest.is_empty() { Ok(()) } else { Err(no_address(beginning)) };
        }
        let Some((description, data)) = beginning["data:".len()..].split_once(',') else {
            return if rest.is_empty() { Ok(()) } else { Err(no_content()) };
        };
        check_description(description)?;
        let mut base64 = Base64::default();
        base64.push(data.as_bytes(), decoded)?;
        base64.push(rest.as_bytes(), decoded)?;
        self.state = State::Content(base64);
        Ok(())
    }

    /// The source is complete: tells what it was and appends the last of its content to `decoded`.
    pub(crate) fn end(self, decoded: &mut Vec<u8>) -> Result<Source, MediaError> {
        match self.state {
            State::Content(base64) => base64.end(decoded).map(|()| Source::Content),
            State::Beginning(beginning) if is_data_url(&beginning) => Err(no_content()),
            State::Beginning(address) => {
                check_address(&address)?;
                Ok(Source::Elsewhere(address))
            }
        }
    }
}

fn is_data_url(source: &str) -> bool {
    source.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

fn no_content() -> MediaError {
    MediaError::invalid("the data URL has no content")
}

fn check_description(description: &str) -> Result<(), MediaError> {
    let is_base64 = description.rsplit(';').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("base64"));
    if is_base64 { Ok(()) } else { Err(MediaError::invalid("the data URL is not in base64")) }
}

/// Why a text that is longer than any URL is none. Whoever sends so much meant to send content.
fn no_address(beginning: &str) -> MediaError {
    if beginning.starts_with("http") {
        MediaError::invalid("the URL is too long")
    } else {
        MediaError::invalid("it is neither a data URL nor an absolute http or https URL")
    }
}

fn check_address(source: &str) -> Result<(), MediaError> {
    let wrong = || MediaError::invalid("it is neither a data URL nor an absolute http or https URL");
    if source.len() > MAX_URL_CHARS {
        return Err(no_address(source));
    }
    let url = url::Url::parse(source).map_err(|_| wrong())?;
    let is_clean = !source.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '"' | '<' | '>' | '\\'));
    let is_plain = url.username().is_empty() && url.password().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && is_clean && is_plain {
        Ok(())
    } else {
        Err(wrong())
    }
}

/// Decodes base64 piece by piece. White space around it is ignored; padding may be missing.
#[derive(Debug, Default)]
struct Base64 {
    /// Characters that wait for the others of their group of four.
    waiting: Vec<u8>,
    /// Whether there was any character.
    begun: bool,
    /// How many `=` there were.
    padding: usize,
    /// Whether white space followed.
    ended: bool,
}

impl Base64 {
    fn push(&mut self, piece: &[u8], decoded: &mut Vec<u8>) -> Result<(), MediaError> {
        let piece = if self.begun || self.padding > 0 { piece } else { piece.trim_ascii_start() };
        let is_end = |byte: &u8| *byte == b'=' || byte.is_ascii_whitespace();
        let length = piece.iter().rposition(|byte| !is_end(byte)).map_or(0, |last| last + 1);
        let (characters, end) = piece.split_at(length);
        if !characters.is_empty() {
            if self.padding > 0 || self.ended {
                return Err(wrong());
            }
            self.begun = true;
            self.decode(characters, decoded)?;
        }
        for byte in end {
            match byte {
                b'=' if self.ended || self.padding == 2 => return Err(wrong()),
                b'=' => self.padding += 1,
                _ => self.ended = true,
            }
        }
        Ok(())
    }

    fn decode(&mut self, mut characters: &[u8], decoded: &mut Vec<u8>) -> Result<(), MediaError> {
        if !self.waiting.is_empty() {
            let (filling, rest) = characters.split_at(characters.len().min(4 - self.waiting.len()));
            self.waiting.extend_from_slice(filling);
            characters = rest;
            if self.waiting.len() < 4 {
                return Ok(());
            }
            decode(&self.waiting, decoded)?;
            self.waiting.clear();
        }
        let (whole, waiting) = characters.split_at(characters.len() - characters.len() % 4);
        for chunk in whole.chunks(CHUNK) {
            decode(chunk, decoded)?;
        }
        self.waiting.extend_from_slice(waiting);
        Ok(())
    }

    fn end(self, decoded: &mut Vec<u8>) -> Result<(), MediaError> {
        if !self.begun {
            return Err(MediaError::invalid("the data URL is empty"));
        }
        decode(&self.waiting, decoded)
    }
}

fn decode(characters: &[u8], decoded: &mut Vec<u8>) -> Result<(), MediaError> {
    // Padding stands at the end of everything only, and there it was taken off.
    if characters.last() == Some(&b'=') {
        return Err(wrong());
    }
    BASE64.decode_vec(characters, decoded).map_err(|_| wrong())
}

fn wrong() -> MediaError {
    MediaError::invalid("the base64 of the data URL is wrong")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads a source in pieces of `size` characters.
    fn read(source: &str, size: usize) -> Result<(Source, Vec<u8>), MediaError> {
        let (mut reader, mut decoded) = (Reader::new(), Vec::new());
        let mut rest = source;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.ceil_char_boundary(size));
            reader.push(piece, &mut decoded)?;
            rest = after;
        }
        Ok((reader.end(&mut decoded)?, decoded))
    }

    fn decode(source: &str) -> Result<Vec<u8>, MediaError> {
        let whole = read(source, usize::MAX);
        for size in [1, 2, 3, 5, 1000] {
            match (&whole, read(source, size)) {
                (Ok(whole), in_pieces) => assert_eq!(whole, &in_pieces.unwrap(), "{size}: {source}"),
                (Err(_), in_pieces) => assert!(in_pieces.is_err(), "{size}: {source}"),
            }
        }
        whole.map(|(_, decoded)| decoded)
    }

    #[test]
    fn an_absolute_address_is_kept_as_it_is() {
        for url in ["https://pictures.example/a.png", "http://127.0.0.1:4000/media/x", "https://example.org"] {
            assert_eq!(read(url, usize::MAX).unwrap(), (Source::Elsewhere(url.to_owned()), Vec::new()));
            assert_eq!(read(url, 3).unwrap().0, Source::Elsewhere(url.to_owned()));
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        let long = format!("https://example.org/{}", "a".repeat(MAX_URL_CHARS));
        let endless = "a".repeat(3 * MAX_BEGINNING);
        let without_content = format!("data:{endless}");
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
            &endless,
            &without_content,
        ] {
            assert!(matches!(decode(url), Err(MediaError::Invalid { .. })), "{url}");
        }
    }

    #[test]
    fn a_data_url_needs_correct_base64() {
        assert_eq!(decode("data:text/plain;charset=utf-8;base64,aGk=").unwrap(), b"hi");
        assert_eq!(decode("DATA:;BASE64,aGk").unwrap(), b"hi");
        assert_eq!(decode("data:;base64, \r\n aGk= \n ").unwrap(), b"hi");
        for source in [
            "data:",
            "data:image/png;base64",
            "data:image/png;base64,",
            "data:image/png;base64,=",
            "data:,plain",
            "data:text/plain,aGk=",
            "data:;base64,a",
            "data:;base64,aG k",
            "data:;base64,aGk= =",
            "data:;base64,aGk===",
            "data:;base64,=aGk",
            "data:;base64,aGk=aGk=",
            "data:;base64,aGkaGk=aGkaGk=",
            "data:;base64,aG=k",
            "data:;base64,a-_k",
            "data:;base64,aGk\u{e9}",
        ] {
            assert!(matches!(decode(source), Err(MediaError::Invalid { .. })), "{source}");
        }
    }

    #[test]
    fn padding_between_pieces_is_refused() {
        let source = format!("data:;base64,{}==aGk==", "A".repeat(CHUNK - 2));
        assert!(read(&source, usize::MAX).is_err());
        assert!(read(&source, CHUNK).is_err());
    }

    proptest! {
        #[test]
        fn every_content_survives_the_encoding(
            seed in proptest::collection::vec(any::<u8>(), 1..200),
            times in prop_oneof![Just(1_usize), 700..2000_usize],
            size in prop_oneof![1..20_usize, 1000..200_000_usize],
        ) {
            let bytes = seed.repeat(times);
            let encoded = base64::engine::general_purpose::STANDARD.encode(&bytes);
            let (_, decoded) = read(&format!("data:application/x;base64,{encoded}"), size).unwrap();
            prop_assert_eq!(decoded, bytes);
        }

        #[test]
        fn no_source_panics_and_pieces_make_no_difference(source in "(data:|data:;base64,|http://)?.{0,60}") {
            drop(decode(&source));
        }
    }
}
