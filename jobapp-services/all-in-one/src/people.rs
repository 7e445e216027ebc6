//! `jobapp operator …`, `jobapp sessions …` and `jobapp keys …`: who runs the marketplace, where users are signed in, and what its tokens
//! are signed with.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use jobapp_auth::{Auth, Policy};
use jobapp_auth_service::AuthPorts;
use jobapp_ctl::Answer;
use jobapp_ctl::commands::keys::KeysCommand;
use jobapp_ctl::commands::operators::OperatorsCommand;
use jobapp_ctl::commands::sessions::SessionsCommand;
use jobapp_ctl::commands::{Group, keys, operators, sessions};
use jobapp_kernel::Clock;
use jobapp_platform::Shared;
use jobapp_runtime::SystemClock;

use crate::databases::advised_to_open;
use crate::stores::Stores;
use crate::{Folder, Settings, media};

/// `jobapp operator …`. The marketplace must not be running on the folder.
pub(crate) async fn operator(settings: &Settings, asked: &Group<OperatorsCommand>) -> anyhow::Result<ExitCode> {
    let folder = match asked.command {
        // Also before the first start.
        OperatorsCommand::Add { .. } => Folder::open(&settings.data)?,
        OperatorsCommand::Remove { .. } | OperatorsCommand::List => Folder::open_used(&settings.data)?,
    };
    if matches!(asked.command, OperatorsCommand::Add { .. }) {
        // From here on there is a marketplace in the folder, for every command.
        folder.secrets()?;
    }
    let stores = Box::pin(Stores::open(&folder)).await?;
    let done = Box::pin(change(settings, &folder, &stores, &asked.command)).await;
    stores.close().await;
    done?.tell(asked.form)
}

async fn change(
    settings: &Settings,
    folder: &Folder,
    stores: &Stores,
    command: &OperatorsCommand,
) -> anyhow::Result<Answer> {
    let auth = use_cases(settings, folder, stores).await?;
    operators::run(&auth, command, &|place| match links(settings) {
        Some(links) => {
            format!("Start the marketplace and set the password within an hour. The link is good once:\n{links}{place}")
        }
        None => format!(
            "Start the marketplace and set the password within an hour, at its address. The page is good once:\n{place}"
        ),
    })
    .await
}

/// Where the link leads once the marketplace runs; `None` when nobody knows yet which port it will get.
fn links(settings: &Settings) -> Option<String> {
    let is_known = settings.address.port() != 0 || settings.public_url.is_some() || settings.client_url.is_some();
    is_known.then(|| settings.links_lead_to(&public_url(settings)))
}

fn public_url(settings: &Settings) -> String {
    settings.public_url.clone().unwrap_or_else(|| format!("http://localhost:{}", settings.address.port()))
}

async fn use_cases(settings: &Settings, folder: &Folder, stores: &Stores) -> anyhow::Result<Auth> {
    let media = media::open(settings, folder, &public_url(settings), Arc::new(SystemClock))?;
    let shared = Shared { media: media.store(), ..Shared::in_memory() };
    let ports = AuthPorts::open(&stores.auth, &shared).await.map_err(advised_to_open).context("the store of auth")?;
    Ok(Auth::new(ports.auth, Policy::default()))
}

/// `jobapp sessions …`. The marketplace must not be running on the folder.
pub(crate) async fn sessions(settings: &Settings, asked: &Group<SessionsCommand>) -> anyhow::Result<ExitCode> {
    let folder = Folder::open_used(&settings.data)?;
    let stores = Box::pin(Stores::open(&folder)).await?;
    let done = async { sessions::run(&use_cases(settings, &folder, &stores).await?, &asked.command).await };
    let done = Box::pin(done).await;
    stores.close().await;
    done?.tell(asked.form)
}

/// `jobapp keys …`: works beside a running marketplace too, which takes new keys when it starts again.
pub(crate) fn keys(settings: &Settings, asked: &Group<KeysCommand>) -> anyhow::Result<ExitCode> {
    keys::run(&settings.data, &asked.command, SystemClock.now())?.tell(asked.form)
}
