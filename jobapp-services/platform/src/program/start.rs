//! Starts a program, and stops it when it is asked to.

use std::fmt::Display;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::routing::get;
use axum::{Json, Router};
use jobapp_metrics::{Measuring, Metrics, Requests};
use jobapp_runtime::{STOP_LIMIT, ServerConfig, Shutdown, Signals, error_text, listen, start_logging};
use jobapp_telemetry::Traces;

use super::check::check;
use super::command_line::{CommandLine, listed};
use super::{Base, Host, Opened, Program};
use crate::config::{Reader, Tracing};
use crate::{
    App, Entrance, LogServer, Readiness, Service, WaitError, ask_ready, dump, keep_private, observe_logs,
    observe_parts, start_metrics, start_traces,
};

/// The program of a service: does what the command line says. Failures are one message on standard error and exit code 1.
pub fn run<P: Program>() -> ExitCode {
    keep_private();
    let line = CommandLine::read::<P>();
    match prepared::<P>(&line) {
        Ok(code) => code,
        Err(error) => {
            complain(format_args!("error: {}", error_text(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}

fn prepared<P: Program>(line: &CommandLine) -> anyhow::Result<ExitCode> {
    if line.is_settings {
        print(&[listed::<P>()]);
        return Ok(ExitCode::SUCCESS);
    }
    let mut reader = Reader::new(line.sources()?);
    let (base, program) = (Base::read::<P>(&mut reader), P::read(&mut reader));
    reader.finish()?;
    let (base, program) = base.zip(program).context("a setting is missing, and nobody said which")?;
    if line.is_health {
        return Ok(healthy(base.listen.address));
    }
    // Who only looks leaves nothing elsewhere, neither lines nor spans.
    let serves = !line.is_check && line.dump.is_none();
    let log_server = base.log.server.as_ref().filter(|_| serves);
    let log_server = log_server.map(LogServer::open).transpose()?;
    let beside = log_server.as_ref().map(LogServer::beside);
    let logging = start_logging(base.log.format, &base.log.filter, P::SERVICE, beside)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("the system gives no threads")?;
    let metrics = Metrics::new();
    let tracing = if serves { base.tracing.clone() } else { Tracing { to: None } };
    let (traces, telling) = start_traces(&tracing, &metrics)?;
    let outcome = runtime.block_on(async {
        match line.dump {
            _ if line.is_check => Ok(checked(&base, &program).await),
            Some(replace) => Box::pin(dumped(base, program, replace)).await,
            None => Box::pin(serve(base, program, (metrics, traces), log_server.as_ref())).await,
        }
    });
    // Blocking work that nobody waits for any more must not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(2));
    // Behind everything: what else there is to tell is told by then, and nobody waits for it.
    drop(telling);
    // What is logged at the end is shipped, too; and what became of that is written.
    drop(log_server);
    drop(logging);
    outcome
}

fn healthy(listens_on: SocketAddr) -> ExitCode {
    let told = ask_ready(listens_on);
    let code = if told.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    print(&[told.unwrap_or_else(|error| error_text(error.as_ref()))]);
    code
}

async fn checked<P: Program>(base: &Base, program: &P) -> ExitCode {
    let (lines, is_well) = check(base, program).await;
    print(&lines);
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints what the service stored.
async fn dumped<P: Program>(base: Base, program: P, replace: bool) -> anyhow::Result<ExitCode> {
    let host = Host::open(base, P::SERVICE, (Metrics::new(), Traces::off()), Readiness::new(), Shutdown::new()).await?;
    let opened = program.open(&host).await?;
    if let Some(store) = opened.store {
        print(&dump(&store.kept(), replace).await?);
        store.close().await?;
    }
    host.bus().close().await;
    Ok(ExitCode::SUCCESS)
}

fn print(lines: &[String]) {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    // Where nobody reads any more, nobody needs to be told.
    drop(lines.iter().try_for_each(|line| writeln!(out, "{line}")).and_then(|()| out.flush()));
}

async fn serve<P: Program>(
    base: Base,
    program: P,
    (metrics, traces): (Metrics, Traces),
    log_server: Option<&LogServer>,
) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen().context("the system does not let us listen for signals")?;
    // The port first: somebody who starts the program twice should hear of that before anything is opened.
    let listener = listen(base.listen.address).await?;
    let address = listener.local_addr().context("the address cannot be told")?;
    let (shutdown, readiness) = (Shutdown::new(), Readiness::new());
    let entrance = Entrance::new(readiness.clone());
    let config = ServerConfig { linger: base.drain, ..program.server(&base) };
    jobapp_runtime::serve(&shutdown, listener, entrance.router(), config);
    tracing::info!(service = P::SERVICE, %address, "listening");
    // Before anything is opened: a program that waits is looked at, too.
    observe_parts(&metrics, Arc::new(readiness.clone()));
    observe_logs(&metrics, log_server);
    start_metrics(&shutdown, &metrics, base.observing).await.context("nobody can read metrics")?;
    let starting = Box::pin(started(base, program, &entrance, (metrics, traces, readiness), &shutdown));
    let (app, host, store) = match shutdown.starting(&mut signals, starting).await {
        Ok(started) => started,
        Err(WaitError::Stopped(what)) => {
            tracing::info!(what, "asked to stop while waiting");
            let ended = shutdown.run_with(signals, STOP_LIMIT).await;
            return Ok(if ended { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Err(error) => return Err(error.into()),
    };
    tracing::info!(service = P::SERVICE, %address, "ready");
    let ended = app.until_stopped(signals).await;
    if let Some(store) = store
        && let Err(error) = store.close().await
    {
        tracing::warn!(error = error_text(&error), "the database did not let go");
    }
    host.bus().close().await;
    Ok(if ended { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Opens everything and starts it.
async fn started<P: Program>(
    base: Base,
    program: P,
    entrance: &Entrance,
    (metrics, traces, readiness): (Metrics, Traces, Readiness),
    shutdown: &Shutdown,
) -> Result<(App, Host, Option<crate::Store>), WaitError> {
    let host = Host::open(base, P::SERVICE, (metrics, traces), readiness.clone(), shutdown.clone()).await?;
    let Opened { service, store, routes, is_whole } = program.open(&host).await?;
    let app = App::new(host.shared(), host.bus().clone(), shutdown.clone()).telling(readiness);
    app.declare().await?;
    app.wait_for(&*service).await?;
    app.run(&*service, store.as_ref());
    match is_whole {
        true => entrance.gives_way_to(routes),
        false => {
            let measuring = Measuring(Requests::of(&host.shared().metrics, service.name()));
            let serving = host.shared().traces.serving(service.name());
            entrance.opens_to(documented(&*service, routes).layer(measuring).layer(serving));
        }
    }
    Ok((app, host, store))
}

/// The routes, and what they accept and answer: the gateway makes one document of those of all services.
fn documented(service: &dyn Service, routes: Router) -> Router {
    match service.openapi() {
        Some(document) => {
            let document = Arc::new(document);
            routes.route("/openapi.json", get(move || async move { Json((*document).clone()) }))
        }
        None => routes,
    }
}

/// Writes a line to standard error. Where that is closed, there is nobody left to tell.
fn complain(text: impl Display) {
    drop(writeln!(std::io::stderr(), "{text}"));
}
