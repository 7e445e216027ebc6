//! Whether a server answers: asked in its own protocol, since a port that is published takes connections before anybody listens.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Kind;

/// How long a server may take to answer; the slowest needs a tenth of it.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long one try may take.
const TRY: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(50);

/// Waits until the server at these ports answers at all of them.
pub(crate) async fn until_ready(kind: Kind, ports: &[u16]) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let answered = tokio::time::timeout(TRY, ask(kind, ports)).await.context("no answer").and_then(|answer| answer);
        match answered {
            Ok(()) => return Ok(()),
            Err(error) if begun.elapsed() > PATIENCE => {
                return Err(error.context(format!("{kind} did not answer within {} s", PATIENCE.as_secs())));
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn ask(kind: Kind, ports: &[u16]) -> anyhow::Result<()> {
    let [first, ..] = *ports else { bail!("{kind} has no port") };
    match kind {
        Kind::Postgres => postgres(first).await,
        Kind::MySql => mysql(first).await,
        Kind::Redis => redis(first).await,
        Kind::RabbitMq => rabbitmq(first).await,
        // Once every index that it has can be searched.
        Kind::Elasticsearch => http(first, "/_cluster/health?wait_for_status=yellow&timeout=2s", 200).await,
        Kind::MongoDb => mongodb(first).await,
        Kind::Mailpit => smtp(first).await,
        Kind::Toxiproxy => http(first, "/version", 200).await,
    }?;
    match (kind, ports) {
        // It asks who is there: it is up.
        (Kind::RabbitMq, [_, api]) => http(*api, "/api/overview", 401).await,
        (Kind::Mailpit, [_, api]) => http(*api, "/readyz", 200).await,
        _ => Ok(()),
    }
}

async fn connect(port: u16) -> anyhow::Result<TcpStream> {
    Ok(TcpStream::connect(("127.0.0.1", port)).await?)
}

/// The answer to a start-up message is a request to authenticate; while it starts it is an error.
async fn postgres(port: u16) -> anyhow::Result<()> {
    let mut stream = connect(port).await?;
    let settings = b"user\0postgres\0database\0postgres\0\0";
    let length = u32::try_from(settings.len() + 8)?;
    let version = 196_608_u32;
    let message = [&length.to_be_bytes()[..], &version.to_be_bytes(), settings].concat();
    stream.write_all(&message).await?;
    let kind = stream.read_u8().await?;
    ensure!(kind == b'R', "postgres answers with {:?}", char::from(kind));
    Ok(())
}

/// It greets with a packet: three bytes of length, its number, and the protocol's version, or 255 for an error.
async fn mysql(port: u16) -> anyhow::Result<()> {
    let mut stream = connect(port).await?;
    let mut head = [0; 5];
    stream.read_exact(&mut head).await?;
    ensure!(head[4] == 10, "mysql greets with {}", head[4]);
    Ok(())
}

async fn redis(port: u16) -> anyhow::Result<()> {
    let mut stream = connect(port).await?;
    stream.write_all(b"PING\r\n").await?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).await?;
    // An error while it loads its data.
    ensure!(&answer == b"+PONG\r\n", "redis answers with {:?}", String::from_utf8_lossy(&answer));
    Ok(())
}

/// The answer to the protocol's header is a method (1) of channel 0; a server of another version sends its own header.
async fn rabbitmq(port: u16) -> anyhow::Result<()> {
    let mut stream = connect(port).await?;
    stream.write_all(b"AMQP\0\0\x09\x01").await?;
    let kind = stream.read_u8().await?;
    ensure!(kind == 1, "rabbitmq answers with {kind}");
    Ok(())
}

/// The answer to a `ping` is a message of the same kind. A document is its length, its fields and a zero.
async fn mongodb(port: u16) -> anyhow::Result<()> {
    const OP_MSG: u32 = 2013;
    let body = b"\x1e\0\0\0\x10ping\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0";
    let length = u32::try_from(body.len() + 21)?;
    let mut message = [length, 1, 0, OP_MSG, 0].map(u32::to_le_bytes).concat();
    message.push(0);
    message.extend_from_slice(body);
    let mut stream = connect(port).await?;
    stream.write_all(&message).await?;
    let mut head = [0; 16];
    stream.read_exact(&mut head).await?;
    ensure!(head[12..] == OP_MSG.to_le_bytes(), "mongodb answers with a message of another kind");
    Ok(())
}

async fn smtp(port: u16) -> anyhow::Result<()> {
    let mut stream = connect(port).await?;
    let mut code = [0; 4];
    stream.read_exact(&mut code).await?;
    ensure!(&code == b"220 ", "the mail server greets with {:?}", String::from_utf8_lossy(&code));
    stream.write_all(b"QUIT\r\n").await?;
    Ok(())
}

async fn http(port: u16, path: &str, status: u16) -> anyhow::Result<()> {
    let answer = reqwest::get(format!("http://127.0.0.1:{port}{path}")).await?;
    ensure!(answer.status() == status, "{path} is answered with {}", answer.status());
    Ok(())
}
