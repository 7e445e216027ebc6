//! A small answer of a service through the gateway, every rule on, next to nginx passing on the same: requests a second,
//! p99, and CPU a request of the one in the middle, which has a core of its own. The service and whoever asks share the
//! other core. nginx comes from the system (`nginx-light` on Debian).
#![expect(clippy::print_stdout, reason = "a bench prints")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use axum::body::Body;
use http::{HeaderValue, Request, Response};
use hyper_util::rt::TokioIo;
use jobapp_gateway_service::routes::Target;
use jobapp_gateway_service::{Gateway, GatewayConfig, GatewayPorts, RateLimits, Upstreams};
use jobapp_http::{GatewayTokens, SecretString, TokenKeys, UserClaims, UserTokens, over_network};
use jobapp_memory::MemoryCategories;
use jobapp_runtime::{LogFormat, ServerConfig, Shutdown, start_logging};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many ask at once.
const CONNECTIONS: usize = 32;
/// The path that is asked for: an order, which is private and never kept.
const PATH: &str = "/api/gateway/v1/order/JO12345678901";
/// What the service answers: 200 bytes.
const ANSWER: &str = r#"{"message":"Order by order id","order":{"orderId":"JO12345678901","status":"in progress","price":20,"serviceFee":3,"quantity":1,"buyerUsername":"Marta","sellerUsername":"Iria","gigMainTitle":"Sketches"}}"#;

/// `[seconds]`, or a role with the address it needs. `work` has the gateway answer for so long and measures nothing: that is
/// what a build with a profile counts.
fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // One thread: one core is all there is.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match arguments.as_slice() {
        ["service"] => runtime.block_on(service()),
        ["gateway", service] => runtime.block_on(gateway(service.parse()?)),
        [] => compare(Duration::from_secs(10)),
        [seconds] if seconds.parse::<u64>().is_ok() => compare(Duration::from_secs(seconds.parse()?)),
        ["work", seconds] => work(Duration::from_secs(seconds.parse()?)),
        ["ask", address, seconds] => runtime.block_on(ask(address.parse()?, Duration::from_secs_f64(seconds.parse()?))),
        _ => bail!("usage: beside_nginx [seconds]"),
    }
}

fn keys(secret: &str) -> TokenKeys {
    TokenKeys::single(&SecretString::from(secret.to_owned()))
}

fn users() -> UserTokens {
    UserTokens::new(keys("users"), 3600)
}

/// The service behind both.
async fn service() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let answer = hyper::service::service_fn(|_: Request<hyper::body::Incoming>| async {
                let mut response = Response::new(Body::from(ANSWER));
                response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
                Ok::<_, std::convert::Infallible>(response)
            });
            // A connection that breaks is the other side's affair.
            drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await);
        });
    }
}

/// A gateway as it is shipped, to one service.
async fn gateway(service: SocketAddr) -> anyhow::Result<()> {
    let _logging = start_logging(LogFormat::Json, "info", "gateway", None)?;
    let upstream = over_network(&format!("http://{service}"))?;
    // Every request is counted; none is refused.
    let rate_limits = RateLimits { factor: 1_000_000, ..RateLimits::default() };
    let config = GatewayConfig { rate_limits, ..GatewayConfig::default() };
    let upstreams = Upstreams::new([(Target::Order, upstream)], GatewayTokens::new(keys("gateway")), &config.guards);
    let ports = GatewayPorts::alone(Arc::new(MemoryCategories::new()));
    let gateway = Gateway::start(upstreams, users(), ports, config).await;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    // All clients are at one address.
    let config = ServerConfig { max_per_address: 1_000, ..ServerConfig::new(1_000) };
    jobapp_runtime::serve(&Shutdown::new(), listener, gateway.door(&[]), config);
    // It ends by itself, so that a counting build writes down what it counted.
    signal(SignalKind::terminate())?.recv().await;
    Ok(())
}

/// A process of ours on one core; it is ended with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // nginx's worker ends with its master only when that is asked politely.
        drop(Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status());
        drop(self.0.wait());
    }
}

fn on_core(core: usize, program: &Path, arguments: &[&str], log: &Path) -> anyhow::Result<Child> {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program).args(arguments);
    command.stdout(Stdio::piped()).stderr(std::fs::File::create(log)?);
    command.spawn().context("taskset could not be run: it is part of util-linux")
}

fn first_line(child: &mut Child) -> anyhow::Result<String> {
    use std::io::{BufRead, BufReader};
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
    ensure!(!line.trim().is_empty(), "it did not start");
    Ok(line.trim().to_owned())
}

/// The gateway on a core of its own, and the service behind it on the other one.
struct Pair {
    gateway: Running,
    gateway_address: String,
    service_address: String,
    _service: Running,
}

impl Pair {
    /// Logs go to this folder.
    fn start(folder: &Path) -> anyhow::Result<Self> {
        ensure!(std::thread::available_parallelism()?.get() >= 2, "this needs two cores");
        let this = std::env::current_exe()?;
        let mut service = on_core(1, &this, &["service"], &folder.join("service.log"))?;
        let service_address = first_line(&mut service)?;
        let _service = Running(service);
        let mut gateway = on_core(0, &this, &["gateway", &service_address], &folder.join("gateway.log"))?;
        let gateway_address = first_line(&mut gateway)?;
        Ok(Self { gateway: Running(gateway), gateway_address, service_address, _service })
    }
}

/// What one round of asking finds: how many answers came, and the 99th percentile of their times in µs.
fn asked(address: &str, time: Duration, folder: &Path) -> anyhow::Result<(f64, f64)> {
    let this = std::env::current_exe()?;
    let log = folder.join("ask.log");
    let mut asking = on_core(1, &this, &["ask", address, &time.as_secs_f64().to_string()], &log)?;
    let line = first_line(&mut asking);
    asking.wait()?;
    let line = line.with_context(|| std::fs::read_to_string(log).unwrap_or_default())?;
    let (count, p99) = line.split_once(' ').context("an odd line")?;
    Ok((count.parse()?, p99.parse()?))
}

fn work(time: Duration) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let pair = Pair::start(folder.path())?;
    asked(&pair.gateway_address, time, folder.path())?;
    Ok(())
}

fn compare(time: Duration) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let within = |name: &str| folder.path().join(name);
    let Pair { gateway, gateway_address, service_address, _service } = Pair::start(folder.path())?;

    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let config = within("nginx.conf");
    std::fs::write(&config, nginx_config(folder.path(), port, &service_address))?;
    let path = config.to_str().context("the temporary folder has a strange name")?;
    let nginx = on_core(0, Path::new("nginx"), &["-c", path], &within("nginx.log"))?;
    let nginx = Running(nginx);
    let nginx_address = format!("127.0.0.1:{port}");
    let deadline = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(&nginx_address).is_err() {
        ensure!(
            Instant::now() < deadline,
            "nginx did not start; is it installed (nginx-light on Debian)?\n{}",
            std::fs::read_to_string(within("nginx.log")).unwrap_or_default()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("a small answer through each, {CONNECTIONS} connections, the one in the middle on one core");
    // By turns, so that both see the same machine.
    let mut found = [Vec::new(), Vec::new()];
    for round in 0..4 {
        for (place, (at, pid)) in
            [(&gateway_address, gateway.0.id()), (&nginx_address, nginx.0.id())].iter().enumerate()
        {
            let turn = if round == 0 { Duration::from_secs(1) } else { time / 3 };
            let before = cpu_seconds(*pid)?;
            let (count, p99) = asked(at, turn, folder.path())?;
            let cpu = (cpu_seconds(*pid)? - before) / count * 1e6;
            // The first round warms up.
            if round > 0 {
                found[place].push([count / turn.as_secs_f64(), p99, cpu]);
            }
        }
    }
    let mean =
        |place: usize, of: usize| found[place].iter().map(|round| round[of]).sum::<f64>() / found[place].len() as f64;
    for (of, what, unit) in [(0, "requests a second", ""), (1, "p99", " µs"), (2, "CPU a request", " µs")] {
        let (ours, theirs) = (mean(0, of), mean(1, of));
        println!("{what}: gateway {ours:.0}{unit}, nginx {theirs:.0}{unit}, ratio {:.2}", ours / theirs);
    }
    println!("goal: level in requests a second; below 0.7 is a defect");
    Ok(())
}

fn nginx_config(folder: &Path, port: u16, service: &str) -> String {
    let folder = folder.display();
    format!(
        "daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log;\n\
         events {{ worker_connections 512; }}\n\
         http {{ access_log {folder}/access.log; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;\n\
         fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; keepalive_requests 100000000;\n\
         upstream service {{ server {service}; keepalive 64; keepalive_requests 100000000; }}\n\
         server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://service; proxy_http_version 1.1;\n\
         proxy_set_header Connection \"\"; }} }} }}\n"
    )
}

/// User and system time of a process and its children so far: nginx works in a child.
fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let family = std::iter::once(pid.to_string()).chain(children.split_whitespace().map(str::to_owned));
    let mut ticks = 0.0;
    for id in family {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        ticks += fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    }
    Ok(ticks / 100.0)
}

/// Asks as fast as it can; prints how many answers came and the 99th percentile of their times in µs.
async fn ask(address: SocketAddr, time: Duration) -> anyhow::Result<()> {
    let claims =
        UserClaims { id: 7, email: "m@example.org".into(), username: "Marta".into(), sid: "s".into(), role: None };
    let token = users().issue(&claims).context("no token could be signed")?;
    let request: Arc<str> = format!(
        "GET {PATH} HTTP/1.1\r\nHost: localhost:4000\r\nOrigin: http://localhost:3000\r\nAccept: application/json\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nCookie: session={token}\r\n\r\n"
    )
    .into();
    let until = Instant::now() + time;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        asking.spawn(ask_on_one(address, request.clone(), until));
    }
    let mut times = Vec::new();
    while let Some(done) = asking.join_next().await {
        times.extend(done??);
    }
    times.sort();
    println!("{} {}", times.len(), times[times.len() * 99 / 100].as_micros());
    Ok(())
}

async fn ask_on_one(address: SocketAddr, request: Arc<str>, until: Instant) -> anyhow::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut times = Vec::with_capacity(100_000);
    let mut read = vec![0; 16 * 1024];
    while Instant::now() < until {
        let asked = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        let mut filled = 0;
        // Every answer ends with the service's body.
        loop {
            let count = stream.read(&mut read[filled..]).await?;
            ensure!(count > 0, "the connection was closed");
            filled += count;
            if read[..filled].ends_with(ANSWER.as_bytes()) {
                break;
            }
            ensure!(filled < read.len(), "not the answer: {}", String::from_utf8_lossy(&read));
        }
        ensure!(read.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&read[..filled]));
        times.push(asked.elapsed());
    }
    Ok(times)
}
