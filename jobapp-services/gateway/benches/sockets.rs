//! What an idle websocket of a signed-in user costs the gateway: every rule on, the allocator of the one binary.
//!
//! The clients are in a process of their own, which is this program again.
#![expect(clippy::print_stdout, reason = "a bench prints")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use jobapp_gateway_service::{Gateway, GatewayConfig, GatewayPorts, Upstreams};
use jobapp_http::{GatewayTokens, SecretString, TokenKeys, UserClaims, UserTokens};
use jobapp_memory::MemoryCategories;
use jobapp_realtime::Realtime;
use jobapp_runtime::{ServerConfig, Shutdown};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a socket may cost, in KiB.
const GOAL: f64 = 10.0;
/// How many sockets of a user: as many as some pages of the existing client.
const SOCKETS_OF_A_USER: usize = 10;

/// `[sockets]`, or `clients <address> <sockets>` for the other half.
fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match arguments.as_slice() {
        [role, address, sockets] if role == "clients" => runtime.block_on(clients(address.parse()?, sockets.parse()?)),
        [] => runtime.block_on(server(5_000)),
        [sockets] => runtime.block_on(server(sockets.parse()?)),
        _ => bail!("usage: sockets [how many]"),
    }
}

fn users() -> UserTokens {
    UserTokens::new(keys("users"), 3600)
}

fn keys(secret: &str) -> TokenKeys {
    TokenKeys::single(&SecretString::from(secret.to_owned()))
}

async fn server(sockets: usize) -> anyhow::Result<()> {
    let config = GatewayConfig::default();
    let upstreams = Upstreams::new([], GatewayTokens::new(keys("gateway")), &config.guards);
    let ports = GatewayPorts::alone(Arc::new(MemoryCategories::default()));
    let gateway = Gateway::start(upstreams, users(), ports, config).await;
    let realtime = gateway.realtime();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let shutdown = Shutdown::new();
    // All clients are at one address.
    let most = 2 * sockets + 1_000;
    let config = ServerConfig { max_per_address: most, ..ServerConfig::new(most) };
    jobapp_runtime::serve(&shutdown, listener, gateway.door(&[]), config);

    // The first ones pay for what is made once.
    let _first = open_from_elsewhere(realtime, address, 200, 200).await?;
    let before = resident()?;
    let _rest = open_from_elsewhere(realtime, address, sockets, 200 + sockets).await?;
    let opened = resident()?;
    // Past a heartbeat, when every queue has been used.
    tokio::time::sleep(Duration::from_secs(30)).await;
    let settled = resident()?;
    let each = |after: usize| (after.saturating_sub(before)) as f64 / sockets as f64 / 1024.0;
    println!("{sockets} signed-in idle websockets");
    for (when, found) in [("when opened", each(opened)), ("after a heartbeat", each(settled))] {
        println!("{when}: {found:.1} KiB each (goal {GOAL} KiB, ratio {:.2})", found / GOAL);
    }
    Ok(())
}

async fn open_from_elsewhere(
    realtime: &Realtime,
    address: SocketAddr,
    sockets: usize,
    until: usize,
) -> anyhow::Result<tokio::process::Child> {
    let child = tokio::process::Command::new(std::env::current_exe()?)
        .args(["clients", &address.to_string(), &sockets.to_string()])
        .kill_on_drop(true)
        .spawn()?;
    let patience = tokio::time::Instant::now() + Duration::from_secs(120);
    while realtime.connections().signed_in < until {
        ensure!(tokio::time::Instant::now() < patience, "only {:?} were opened", realtime.connections());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // What was only needed for the handshakes ends.
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(child)
}

/// Bytes of memory this process has.
fn resident() -> anyhow::Result<usize> {
    let status = std::fs::read_to_string("/proc/self/status").context("only Linux tells it here")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kibibytes: usize = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kibibytes * 1024)
}

async fn clients(address: SocketAddr, sockets: usize) -> anyhow::Result<()> {
    let mut open = JoinSet::new();
    // As many at once as a browser's page opens.
    let opening = Arc::new(Semaphore::new(64));
    for number in 0..sockets {
        let turn = opening.clone().acquire_owned().await?;
        open.spawn(client(address, number, turn));
    }
    while let Some(ended) = open.join_next().await {
        ended??;
    }
    Ok(())
}

/// A websocket that joins and then only answers pings.
async fn client(address: SocketAddr, number: usize, turn: OwnedSemaphorePermit) -> anyhow::Result<()> {
    let mut turn = Some(turn);
    let mut stream = TcpStream::connect(address).await?;
    let user = format!("User{}x{}", std::process::id(), number / SOCKETS_OF_A_USER);
    let claims = UserClaims {
        id: 7,
        email: format!("{user}@example.org"),
        sid: format!("session-of-{user}"),
        username: user,
        role: None,
    };
    let token = users().issue(&claims).context("no token could be signed")?;
    let request = format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nPragma: no-cache\r\n\
         Cache-Control: no-cache\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n\
         Origin: http://localhost:3000\r\nCookie: session={token}; session.refresh=abcdefghijklmnopqrstuvwxyz0123456789\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    send(&mut stream, b"40").await?;
    let mut read = [0; 4096];
    loop {
        let count = stream.read(&mut read).await?;
        if count == 0 {
            bail!("a connection was closed");
        }
        if read[..count].windows(7).any(|text| text == b"{\"pid\":") {
            drop(turn.take());
        }
        // A text frame with one byte in it: a ping.
        if read[..count].windows(3).any(|frame| frame == b"\x81\x01\x32") {
            send(&mut stream, b"3").await?;
        }
    }
}

/// A masked text frame.
async fn send(stream: &mut TcpStream, text: &[u8]) -> anyhow::Result<()> {
    let length = u8::try_from(text.len())?;
    let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
    frame.extend_from_slice(text);
    stream.write_all(&frame).await?;
    Ok(())
}
