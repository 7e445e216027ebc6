//! Reads a JSON text that arrives in pieces.

use crate::field_event::{Event, Fault};

/// Bytes of a text that are handed on at a time.
const PIECE: usize = 64 * 1024;

const HALF: Fault = Fault::NotJson(crate::body::HALF);

/// Whether the text has ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended<'a> {
    /// It goes on.
    No,
    /// Its quotation mark was before these bytes.
    Before(&'a [u8]),
}

/// Reads a text from behind its opening quotation mark on.
#[derive(Debug)]
pub(crate) struct Unescape {
    out: Vec<u8>,
    escape: Escape,
    /// The first half of a surrogate pair, of which the second must follow.
    half: Option<u16>,
}

#[derive(Debug, Clone, Copy)]
enum Escape {
    No,
    /// After a backslash.
    Begun,
    /// Within `\u0000`.
    Number {
        digits: u8,
        value: u16,
    },
}

impl Unescape {
    pub(crate) const fn new() -> Self {
        Self { out: Vec::new(), escape: Escape::No, half: None }
    }

    /// Reads on, up to the end of the text or of the bytes.
    pub(crate) fn push<'a>(&mut self, mut bytes: &'a [u8], events: &mut Vec<Event>) -> Result<Ended<'a>, Fault> {
        while let Some((&first, others)) = bytes.split_first() {
            match self.escape {
                Escape::Begun => {
                    self.escape(first)?;
                    bytes = others;
                }
                Escape::Number { digits, value } => {
                    self.digit(digits, value, first)?;
                    bytes = others;
                }
                Escape::No => {
                    if self.half.is_some() && first != b'\\' {
                        return Err(HALF);
                    }
                    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
                    let (plain, rest) = bytes.split_at(bytes.iter().position(special).unwrap_or(bytes.len()));
                    self.out.extend_from_slice(plain);
                    bytes = rest;
                    match rest.split_first() {
                        None => {}
                        Some((b'"', after)) => {
                            self.hand_on(true, events)?;
                            return Ok(Ended::Before(after));
                        }
                        Some((b'\\', after)) => {
                            self.escape = Escape::Begun;
                            bytes = after;
                        }
                        Some(_) => return Err(Fault::NotJson("control character in a text")),
                    }
                }
            }
            if self.out.len() >= PIECE {
                self.hand_on(false, events)?;
            }
        }
        Ok(Ended::No)
    }

    /// The byte after a backslash.
    fn escape(&mut self, byte: u8) -> Result<(), Fault> {
        if byte == b'u' {
            self.escape = Escape::Number { digits: 0, value: 0 };
            return Ok(());
        }
        if self.half.is_some() {
            return Err(HALF);
        }
        self.out.push(match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            _ => return Err(Fault::NotJson("invalid escape")),
        });
        self.escape = Escape::No;
        Ok(())
    }

    /// A digit of `\u0000`.
    fn digit(&mut self, digits: u8, value: u16, byte: u8) -> Result<(), Fault> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => return Err(Fault::NotJson("invalid escape")),
        };
        let value = value << 4 | u16::from(digit);
        if digits < 3 {
            self.escape = Escape::Number { digits: digits + 1, value };
            return Ok(());
        }
        self.escape = Escape::No;
        let units = match (self.half.take(), value) {
            (None, 0xd800..0xdc00) => {
                self.half = Some(value);
                return Ok(());
            }
            (Some(half), 0xdc00..0xe000) => vec![half, value],
            (None, _) => vec![value],
            (Some(_), _) => return Err(HALF),
        };
        let text = String::from_utf16(&units).map_err(|_| HALF)?;
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// Hands on what was read; the beginning of a character waits for its end, unless this is the `last` piece.
    fn hand_on(&mut self, last: bool, events: &mut Vec<Event>) -> Result<(), Fault> {
        let text = match String::from_utf8(std::mem::take(&mut self.out)) {
            Ok(text) => text,
            Err(error) if !last && error.utf8_error().error_len().is_none() => {
                let complete = error.utf8_error().valid_up_to();
                let mut bytes = error.into_bytes();
                self.out = bytes.split_off(complete);
                String::from_utf8(bytes).map_err(|_| Fault::NotUtf8)?
            }
            Err(_) => return Err(Fault::NotUtf8),
        };
        if !text.is_empty() {
            events.push(Event::Piece(text));
        }
        Ok(())
    }
}
