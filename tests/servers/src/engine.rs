//! The container engine, and where calls to it run.

use std::collections::HashMap;
use std::future::Future;
use std::sync::LazyLock;

use anyhow::Context;
use testcontainers::bollard::Docker;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::query_parameters::{KillContainerOptions, ListContainersOptions, RemoveContainerOptions};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::OnceCell;

use crate::owner;

/// Every test has a runtime of its own that ends with it; connections to the engine, and buckets, must not.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().thread_name("test-servers");
    builder.build().expect("a runtime for the container engine")
});

static ENGINE: OnceCell<Docker> = OnceCell::const_new();

/// Runs to its end what is begun, also when the caller is dropped.
pub(crate) async fn run<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match RUNTIME.spawn(work).await {
        Ok(done) => done,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}

/// The same for who cannot wait, as in `Drop`: the thread does.
pub(crate) fn run_blocking(work: impl Future<Output = ()> + Send + 'static) {
    let (done, wait) = std::sync::mpsc::sync_channel::<()>(1);
    RUNTIME.spawn(async move {
        work.await;
        drop(done);
    });
    // It ends when the sender is gone, and that is an error to it.
    match wait.recv() {
        Ok(()) | Err(_) => {}
    }
}

/// The engine. The first call removes what ended processes have left.
pub(crate) async fn connect() -> anyhow::Result<&'static Docker> {
    ENGINE
        .get_or_try_init(|| async {
            let docker = Docker::connect_with_defaults()?;
            docker.ping().await?;
            sweep(&docker).await?;
            anyhow::Ok(docker)
        })
        .await
        .context(
            "no container engine answers: start one with tests/engine.sh, or run the tests with `cargo xtask test`",
        )
}

/// Removes the containers of processes that have ended.
async fn sweep(docker: &Docker) -> anyhow::Result<()> {
    let filters = HashMap::from([("label".to_owned(), vec![owner::LABEL.to_owned()])]);
    let options = ListContainersOptions { all: true, filters: Some(filters), ..ListContainersOptions::default() };
    for container in docker.list_containers(Some(options)).await? {
        let label = container.labels.as_ref().and_then(|labels| labels.get(owner::LABEL));
        if let (Some(id), Some(label)) = (&container.id, label)
            && owner::has_ended(label)
        {
            remove(docker, id).await;
        }
    }
    Ok(())
}

/// Removes a container, running or not. One that is gone already, or that is being removed, is no trouble.
#[expect(clippy::print_stderr, reason = "no caller can do anything about it, whoever runs the tests can")]
pub(crate) async fn remove(docker: &Docker, name: &str) {
    let options = RemoveContainerOptions { force: true, v: true, ..RemoveContainerOptions::default() };
    match docker.remove_container(name, Some(options)).await {
        Ok(()) | Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) => {}
        Err(error) => eprintln!("the container {name} cannot be removed: {error}"),
    }
}

/// Kills the server in a container, as a crash would.
pub(crate) async fn kill(docker: &Docker, name: &str) -> anyhow::Result<()> {
    let options = KillContainerOptions { signal: "KILL".to_owned() };
    docker.kill_container(name, Some(options)).await.context("cannot be killed")
}
