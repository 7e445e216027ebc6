//! A broker that does what a test says: it knows the frames of the protocol and nothing of queues.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jobapp_amqp::{AmqpBus, AmqpConfig};
use jobapp_kernel::{Exchange, ExchangeKind, Message, MessageId, Queue, Timestamp};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub(crate) const QUEUE: Queue =
    Queue { name: "q", exchange: Exchange { name: "e", kind: ExchangeKind::Direct }, routing_key: "k" };

pub(crate) fn message(body: &str) -> Message {
    Message {
        id: Some(MessageId(format!("id of {body}"))),
        kind: "a-kind".to_owned(),
        exchange: QUEUE.exchange.name.to_owned(),
        routing_key: QUEUE.routing_key.to_owned(),
        timestamp: Timestamp::EPOCH,
        headers: [].into(),
        body: body.as_bytes().to_vec(),
    }
}

/// A message that was published.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    /// Its number on its channel, as confirmations name it.
    pub(crate) tag: u64,
    pub(crate) exchange: String,
    pub(crate) routing_key: String,
    pub(crate) body: Vec<u8>,
    /// The properties as they came.
    header: Vec<u8>,
}

impl Published {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What the broker says.
#[derive(Debug, Clone)]
pub(crate) enum Say {
    Ack {
        tag: u64,
        multiple: bool,
    },
    Nack {
        tag: u64,
    },
    /// Nobody waits for it.
    Return(Published),
    /// Closes the channel.
    CloseChannel(u16, &'static str),
    Block,
    Unblock,
    /// A delivery to the consumer of this channel.
    Deliver {
        tag: u64,
        redelivered: bool,
        body: &'static str,
    },
    /// The consumer of this channel is no more.
    CancelConsumer,
}

/// What is said on which published message of a connection's channel; by default each is confirmed.
type OnPublish = dyn Fn(&Published) -> Vec<Say> + Send + Sync;
/// What is said to a new consumer, by its number.
type OnConsume = dyn Fn(usize) -> Vec<Say> + Send + Sync;

/// A broker.
#[derive(Clone)]
pub(crate) struct Broker {
    port: u16,
    inner: Arc<Inner>,
}

struct Inner {
    on_publish: Box<OnPublish>,
    on_consume: Box<OnConsume>,
    /// Whether it answers at all.
    silent: watch::Sender<bool>,
    connections: AtomicUsize,
    consumers: AtomicUsize,
    open: watch::Sender<usize>,
    acked: watch::Sender<Vec<u64>>,
    writers: Mutex<Vec<Writer>>,
}

type Writer = Arc<AsyncMutex<Box<dyn AsyncWrite + Send + Unpin>>>;

impl Broker {
    pub(crate) async fn start(
        on_publish: impl Fn(&Published) -> Vec<Say> + Send + Sync + 'static,
        on_consume: impl Fn(usize) -> Vec<Say> + Send + Sync + 'static,
    ) -> Self {
        Self::behind(None, on_publish, on_consume).await
    }

    async fn behind(
        tls: Option<TlsAcceptor>,
        on_publish: impl Fn(&Published) -> Vec<Say> + Send + Sync + 'static,
        on_consume: impl Fn(usize) -> Vec<Say> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Arc::new(Inner {
            on_publish: Box::new(on_publish),
            on_consume: Box::new(on_consume),
            silent: watch::Sender::new(false),
            connections: AtomicUsize::new(0),
            consumers: AtomicUsize::new(0),
            open: watch::Sender::new(0),
            acked: watch::Sender::new(Vec::new()),
            writers: Mutex::default(),
        });
        let of_task = Arc::clone(&inner);
        tokio::spawn(async move {
            let mut served = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (inner, tls) = (Arc::clone(&of_task), tls.clone());
                served.spawn(async move {
                    match tls {
                        None => Box::pin(serve(stream, inner)).await,
                        // A client that does not trust it goes away.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                Box::pin(serve(stream, inner)).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, inner }
    }

    /// One that confirms everything.
    pub(crate) async fn confirming() -> Self {
        Self::confirming_behind(None).await
    }

    /// The same, over TLS if there is any.
    pub(crate) async fn confirming_behind(tls: Option<TlsAcceptor>) -> Self {
        Self::behind(tls, |published| vec![Say::Ack { tag: published.tag, multiple: false }], |_| Vec::new()).await
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn config(&self) -> AmqpConfig {
        let address = format!("amqp://127.0.0.1:{}/%2f?heartbeat=1", self.port);
        let mut config = AmqpConfig::new(&address).unwrap();
        config.pauses = (Duration::from_millis(10), Duration::from_millis(100));
        config.connect_within = Duration::from_secs(2);
        config.confirm_within = Duration::from_secs(2);
        config.answer_within = Duration::from_secs(2);
        config
    }

    pub(crate) async fn bus(&self) -> AmqpBus {
        AmqpBus::open(self.config()).await.unwrap()
    }

    /// From now on it reads and says nothing, or speaks again.
    pub(crate) fn be_silent(&self, silent: bool) {
        self.inner.silent.send_replace(silent);
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.inner.connections.load(Ordering::SeqCst)
    }

    /// Waits until this many connections are open.
    pub(crate) async fn until_open(&self, count: usize) {
        let mut open = self.inner.open.subscribe();
        let waiting = open.wait_for(|open| *open == count);
        jobapp_contracts::bus::in_time("connections to come and go", waiting).await.unwrap();
    }

    /// Waits until this delivery was acknowledged so often.
    pub(crate) async fn until_acked(&self, tag: u64, times: usize) {
        let mut acked = self.inner.acked.subscribe();
        let waiting = acked.wait_for(|acked| acked.iter().filter(|one| **one == tag).count() >= times);
        jobapp_contracts::bus::in_time("an acknowledgement", waiting).await.unwrap();
    }

    /// Says something on every connection.
    pub(crate) async fn say_to_all(&self, say: Say) {
        let writers = self.inner.writers.lock().clone();
        for writer in writers {
            // Some of them are closed.
            drop(send(&writer, 0, &say, "").await);
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Send + 'static, inner: Arc<Inner>) {
    inner.connections.fetch_add(1, Ordering::SeqCst);
    inner.open.send_modify(|open| *open += 1);
    let (mut reader, writer) = tokio::io::split(stream);
    let writer: Writer = Arc::new(AsyncMutex::new(Box::new(writer)));
    let mut buffer = Vec::new();
    let mut state = State::default();
    let mut piece = [0; 65536];
    while let Ok(count) = reader.read(&mut piece).await {
        if count == 0 {
            break;
        }
        if *inner.silent.borrow() {
            continue;
        }
        buffer.extend_from_slice(&piece[..count]);
        while let Some((kind, channel, payload)) = frame(&mut buffer) {
            if heard(&inner, &writer, &mut state, kind, channel, &payload).await.is_none() {
                break;
            }
        }
    }
    // Some wait for the end of the connection.
    drop(writer.lock().await.shutdown().await);
    inner.open.send_modify(|open| *open -= 1);
}

/// Takes the next frame, or the protocol's header as a frame of kind 0, out of the buffer.
fn frame(buffer: &mut Vec<u8>) -> Option<(u8, u16, Vec<u8>)> {
    if buffer.starts_with(b"AMQP") {
        return (buffer.len() >= 8).then(|| (0, 0, buffer.drain(..8).collect()));
    }
    let head: [u8; 7] = buffer.get(..7)?.try_into().ok()?;
    let length = u32::from_be_bytes([head[3], head[4], head[5], head[6]]) as usize;
    if buffer.len() < length + 8 {
        return None;
    }
    let whole: Vec<u8> = buffer.drain(..length + 8).collect();
    Some((head[0], u16::from_be_bytes([head[1], head[2]]), whole[7..length + 7].to_vec()))
}

#[derive(Default)]
struct State {
    publishing: HashMap<u16, Publishing>,
    tags: HashMap<u16, u64>,
}

#[derive(Default)]
struct Publishing {
    exchange: String,
    routing_key: String,
    header: Vec<u8>,
    size: u64,
    body: Vec<u8>,
}

/// Answers what it has heard; `None` when the connection is over.
async fn heard(
    inner: &Inner,
    writer: &Writer,
    state: &mut State,
    kind: u8,
    channel: u16,
    payload: &[u8],
) -> Option<()> {
    match kind {
        0 => {
            let properties = 0_u32.to_be_bytes();
            let offered = [&[0, 9][..], &properties, &long("PLAIN"), &long("en_US")].concat();
            method(writer, 0, (10, 10), &offered).await.ok()
        }
        1 => heard_method(inner, writer, state, channel, payload).await,
        2 => {
            let publishing = state.publishing.get_mut(&channel)?;
            publishing.size = u64::from_be_bytes(payload[4..12].try_into().ok()?);
            publishing.header = payload[12..].to_vec();
            complete(inner, writer, state, channel).await
        }
        3 => {
            state.publishing.get_mut(&channel)?.body.extend_from_slice(payload);
            complete(inner, writer, state, channel).await
        }
        // A heartbeat is answered.
        _ => raw(writer, 8, 0, &[]).await.ok(),
    }
}

async fn complete(inner: &Inner, writer: &Writer, state: &mut State, channel: u16) -> Option<()> {
    let is_complete = state.publishing.get(&channel).is_some_and(|one| one.body.len() as u64 == one.size);
    if !is_complete {
        return Some(());
    }
    let Publishing { exchange, routing_key, header, body, .. } = state.publishing.remove(&channel)?;
    let tag = state.tags.entry(channel).or_default();
    *tag += 1;
    let published = Published { tag: *tag, exchange, routing_key, body, header };
    for say in (inner.on_publish)(&published) {
        send(writer, channel, &say, "").await.ok()?;
    }
    Some(())
}

async fn heard_method(inner: &Inner, writer: &Writer, state: &mut State, channel: u16, payload: &[u8]) -> Option<()> {
    let id = (u16::from_be_bytes([payload[0], payload[1]]), u16::from_be_bytes([payload[2], payload[3]]));
    let arguments = &payload[4..];
    let answer: (u16, Vec<u8>) = match id {
        (10, 11) => {
            let tune = [&2047_u16.to_be_bytes()[..], &131_072_u32.to_be_bytes(), &1_u16.to_be_bytes()].concat();
            return method(writer, 0, (10, 30), &tune).await.ok();
        }
        (10, 40) => {
            inner.writers.lock().push(Arc::clone(writer));
            (41, vec![0])
        }
        (10, 50) => {
            method(writer, 0, (10, 51), &[]).await.ok()?;
            return None;
        }
        (20, 10) => {
            state.tags.remove(&channel);
            (11, 0_u32.to_be_bytes().to_vec())
        }
        // Channel closed, exchange declared, queue bound, prefetch set, confirmations on.
        (20, 40) => (41, Vec::new()),
        (40 | 60 | 85, 10) => (11, Vec::new()),
        (50, 20) => (21, Vec::new()),
        (50, 10) => {
            let name = text_at(arguments, 2);
            (11, [short(&name), vec![0; 8]].concat())
        }
        (60, 20) => {
            method(writer, channel, (60, 21), &short("tag")).await.ok()?;
            let number = inner.consumers.fetch_add(1, Ordering::SeqCst);
            for say in (inner.on_consume)(number) {
                send(writer, channel, &say, "tag").await.ok()?;
            }
            return Some(());
        }
        (60, 30) => (31, short("tag")),
        (60, 40) => {
            let exchange = text_at(arguments, 2);
            let routing_key = text_at(arguments, 3 + exchange.len());
            state.publishing.insert(channel, Publishing { exchange, routing_key, ..Publishing::default() });
            return Some(());
        }
        (60, 80) => {
            let tag = u64::from_be_bytes(arguments[..8].try_into().ok()?);
            inner.acked.send_modify(|acked| acked.push(tag));
            return Some(());
        }
        _ => return Some(()),
    };
    method(writer, channel, (id.0, answer.0), &answer.1).await.ok()
}

async fn send(writer: &Writer, channel: u16, say: &Say, tag_of_consumer: &str) -> std::io::Result<()> {
    match say {
        Say::Ack { tag, multiple } => {
            let arguments = [&tag.to_be_bytes()[..], &[u8::from(*multiple)]].concat();
            method(writer, channel, (60, 80), &arguments).await
        }
        Say::Nack { tag } => method(writer, channel, (60, 120), &[&tag.to_be_bytes()[..], &[0]].concat()).await,
        Say::Return(published) => {
            let (exchange, key) = (short(&published.exchange), short(&published.routing_key));
            let arguments = [&312_u16.to_be_bytes()[..], &short("NO_ROUTE"), &exchange, &key].concat();
            method(writer, channel, (60, 50), &arguments).await?;
            content(writer, channel, &published.header, &published.body).await
        }
        Say::CloseChannel(code, text) => {
            let arguments = [&code.to_be_bytes()[..], &short(text), &[0; 4]].concat();
            method(writer, channel, (20, 40), &arguments).await
        }
        Say::Block => method(writer, 0, (10, 60), &short("low on memory")).await,
        Say::Unblock => method(writer, 0, (10, 61), &[]).await,
        Say::Deliver { tag, redelivered, body } => {
            let (exchange, key) = (short(QUEUE.exchange.name), short(QUEUE.routing_key));
            let number = tag.to_be_bytes();
            let arguments = [&short(tag_of_consumer)[..], &number, &[u8::from(*redelivered)], &exchange, &key].concat();
            method(writer, channel, (60, 60), &arguments).await?;
            // One property: the message's id.
            let header = [&0x0080_u16.to_be_bytes()[..], &short(&format!("id of {body}"))].concat();
            content(writer, channel, &header, body.as_bytes()).await
        }
        Say::CancelConsumer => method(writer, channel, (60, 30), &[short(tag_of_consumer), vec![1]].concat()).await,
    }
}

async fn content(writer: &Writer, channel: u16, header: &[u8], body: &[u8]) -> std::io::Result<()> {
    let size = (body.len() as u64).to_be_bytes();
    let whole = [&60_u16.to_be_bytes()[..], &0_u16.to_be_bytes(), &size, header].concat();
    raw(writer, 2, channel, &whole).await?;
    if body.is_empty() { Ok(()) } else { raw(writer, 3, channel, body).await }
}

async fn method(writer: &Writer, channel: u16, id: (u16, u16), arguments: &[u8]) -> std::io::Result<()> {
    let payload = [&id.0.to_be_bytes()[..], &id.1.to_be_bytes(), arguments].concat();
    raw(writer, 1, channel, &payload).await
}

async fn raw(writer: &Writer, kind: u8, channel: u16, payload: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(payload.len()).expect("frames of tests are short");
    let whole = [&[kind][..], &channel.to_be_bytes(), &length.to_be_bytes(), payload, &[0xCE]].concat();
    let mut writer = writer.lock().await;
    writer.write_all(&whole).await?;
    writer.flush().await
}

fn short(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("texts of tests are short");
    [&[length][..], text.as_bytes()].concat()
}

fn long(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("texts of tests are short");
    [&length.to_be_bytes()[..], text.as_bytes()].concat()
}

fn text_at(arguments: &[u8], at: usize) -> String {
    let length = usize::from(arguments[at]);
    String::from_utf8_lossy(&arguments[at + 1..at + 1 + length]).into_owned()
}
