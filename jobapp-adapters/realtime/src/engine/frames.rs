//! The frames of a websocket, read.
//!
//! Most websockets rest most of the time. Between two messages nothing is kept here: no buffer, however large the last message
//! was, and no reader.

use std::io::{self, Read, Write};

use tungstenite::Message;
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};

use super::wire::Bridge;

/// The first buffer a message is read into, in bytes. It grows with what comes; clients send little.
const READ_BUFFER: usize = 128;

/// What reads the frames of a websocket.
#[derive(Debug)]
pub(crate) struct Frames {
    /// The largest message, in bytes.
    largest: usize,
    /// As long as something has come and is not told yet.
    reader: Option<Box<WebSocketContext>>,
    edge: Edge,
}

impl Frames {
    /// A reader of messages of so many bytes at the most.
    pub(crate) fn new(largest: usize) -> Self {
        Self { largest, reader: None, edge: Edge::default() }
    }

    /// The next message, or [`io::ErrorKind::WouldBlock`].
    pub(crate) fn read(&mut self, stream: &mut Bridge<'_, '_>) -> Result<Message, tungstenite::Error> {
        let reader = self.reader.get_or_insert_with(|| Box::new(reader(self.largest)));
        let read = reader.read(&mut Noted { stream, edge: &mut self.edge });
        let rests = matches!(&read, Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock);
        if rests && self.edge.is_between_messages() {
            self.reader = None;
        }
        read
    }
}

fn reader(largest: usize) -> WebSocketContext {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(largest))
        .max_frame_size(Some(largest));
    WebSocketContext::new(Role::Server, Some(config))
}

/// How far the bytes go that have come: the reader does not tell whether it holds a part of a message.
#[derive(Debug, Default)]
struct Edge {
    /// The head of a frame, as far as it has come.
    head: [u8; 14],
    in_head: u8,
    /// How much of a frame has not come yet.
    left: u64,
    /// A message in several frames has begun.
    begun: bool,
}

impl Edge {
    fn is_between_messages(&self) -> bool {
        self.in_head == 0 && self.left == 0 && !self.begun
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while let [first, rest @ ..] = bytes {
            if self.left > 0 {
                let here = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= here as u64;
                bytes = &bytes[here..];
                continue;
            }
            self.head[usize::from(self.in_head)] = *first;
            self.in_head += 1;
            bytes = rest;
            if self.in_head >= 2 && self.in_head == self.head_length() {
                self.begin_frame();
            }
        }
    }

    /// How long the head is whose first two bytes have come (RFC 6455 §5.2).
    fn head_length(&self) -> u8 {
        let length = match self.head[1] & 0x7f {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        if self.head[1] & 0x80 == 0 { length } else { length + 4 }
    }

    /// The head has come.
    fn begin_frame(&mut self) {
        let [first, second, long @ ..] = self.head;
        self.left = match second & 0x7f {
            126 => u64::from(u16::from_be_bytes([long[0], long[1]])),
            127 => u64::from_be_bytes([long[0], long[1], long[2], long[3], long[4], long[5], long[6], long[7]]),
            short => u64::from(short),
        };
        // Control frames may come in the midst of a message.
        if first & 0x08 == 0 {
            self.begun = first & 0x80 == 0;
        }
        self.in_head = 0;
    }
}

/// A stream of which it is noted what comes.
struct Noted<'n, 't, 'c> {
    stream: &'n mut Bridge<'t, 'c>,
    edge: &'n mut Edge,
}

impl Read for Noted<'_, '_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(into)?;
        self.edge.take(&into[..read]);
        Ok(read)
    }
}

impl Write for Noted<'_, '_, '_> {
    fn write(&mut self, frames: &[u8]) -> io::Result<usize> {
        self.stream.write(frames)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Waker};
    use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

    /// A masked frame: its first byte and what is in it.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            short @ 0..126 => frame.push(0x80 | u8::try_from(short).unwrap()),
            long @ 126..65_536 => {
                frame.push(0x80 | 126);
                frame.extend(u16::try_from(long).unwrap().to_be_bytes());
            }
            longer => {
                frame.push(0x80 | 127);
                frame.extend((longer as u64).to_be_bytes());
            }
        }
        let mask = [1, 2, 3, 4];
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    /// Reads whatever there is.
    fn read(frames: &mut Frames, stream: &mut DuplexStream) -> Vec<String> {
        let (mut answers, mut messages) = (Vec::new(), Vec::new());
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            let mut bridge = Bridge { stream: &mut *stream, answers: &mut answers, cx: &mut cx };
            match frames.read(&mut bridge) {
                Ok(message) => messages.push(message.into_text().unwrap().to_string()),
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return messages,
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[tokio::test]
    async fn a_message_is_read_whole_wherever_it_is_cut_and_then_nothing_is_kept() {
        // Without a budget: a task that reads much without a pause is told that nothing is there.
        tokio::task::unconstrained(every_message_cut_everywhere()).await;
    }

    async fn every_message_cut_everywhere() {
        let long = "x".repeat(70_000);
        let messages: Vec<Vec<u8>> = vec![
            frame(0x81, b"42[]"),
            frame(0x81, b""),
            frame(0x81, "x".repeat(200).as_bytes()),
            // In three frames, with a ping between them.
            [frame(0x01, b"4"), frame(0x00, b"2"), frame(0x89, b"?"), frame(0x80, b"[]")].concat(),
            frame(0x81, long.as_bytes()),
        ];
        for message in &messages {
            let cuts = (0..message.len().min(40)).chain([message.len() - 1]);
            for cut in cuts {
                let (mut near, mut far) = duplex(200_000);
                let mut frames = Frames::new(100_000);
                far.write_all(&message[..cut]).await.unwrap();
                let mut heard = read(&mut frames, &mut near);
                assert_eq!(frames.reader.is_none(), cut == 0, "a part of a message is kept: {cut}");
                far.write_all(&message[cut..]).await.unwrap();
                heard.extend(read(&mut frames, &mut near));
                assert!(frames.reader.is_none(), "{cut}");
                let said: String = heard.into_iter().filter(|text| text != "?").collect();
                assert!(["42[]", "", &"x".repeat(200), &long].contains(&&*said), "{cut}: {said:.20}");
            }
        }
    }

    #[tokio::test]
    async fn of_several_messages_at_once_none_is_lost() {
        let (mut near, mut far) = duplex(1_000);
        let mut frames = Frames::new(100);
        far.write_all(&[frame(0x81, b"a"), frame(0x81, b"b"), frame(0x81, b"c")].concat()).await.unwrap();
        assert_eq!(read(&mut frames, &mut near), ["a", "b", "c"]);
        assert!(frames.reader.is_none());
    }
}
