//! `jobapp operator …` and `jobapp keys …`: who runs the marketplace, and what its tokens are signed with.

use std::io::BufRead;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use jobapp_auth::{Auth, AuthError, NewOperator, Policy};
use jobapp_auth_service::{AuthConfig, AuthPorts};
use jobapp_kernel::{Aggregate, Clock};
use jobapp_platform::Shared;
use jobapp_runtime::{SystemClock, error_text};

use crate::cli::{KeysCommand, OperatorCommand};
use crate::databases::advised_to_open;
use crate::stores::Stores;
use crate::{Folder, Secrets, Settings, media, output};

/// `jobapp operator …`. The marketplace must not be running on the folder.
pub(crate) async fn operator(settings: &Settings, command: &OperatorCommand) -> anyhow::Result<ExitCode> {
    let folder = match command {
        // Also before the first start.
        OperatorCommand::Create { .. } => Folder::open(&settings.data)?,
        OperatorCommand::Remove { .. } | OperatorCommand::List => Folder::open_used(&settings.data)?,
    };
    if matches!(command, OperatorCommand::Create { .. }) {
        // From here on there is a marketplace in the folder, for every command.
        folder.secrets()?;
    }
    let stores = Box::pin(Stores::open(&folder)).await?;
    let done = Box::pin(change(settings, &folder, &stores, command)).await;
    stores.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn change(
    settings: &Settings,
    folder: &Folder,
    stores: &Stores,
    command: &OperatorCommand,
) -> anyhow::Result<()> {
    let auth = use_cases(settings, folder, stores).await?;
    match command {
        OperatorCommand::Create { username, email, password_stdin } => {
            let password = if *password_stdin { Some(read_password()?) } else { None };
            let picture = AuthConfig::default().seed_picture;
            let wish = NewOperator { username: username.clone(), email: email.clone(), password, picture };
            let made = match auth.make_operator(wish).await {
                Err(AuthError::NoSuchAccount) => {
                    bail!("there is no account {username}. To make one, say where its mail goes with --email")
                }
                Err(AuthError::Taken) => bail!("the name or the address belongs to another account"),
                other => other?,
            };
            output::say(format_args!("{} runs the marketplace.", made.account.username()))?;
            if let Some(secret) = made.reset {
                let place = format!("/reset_password?token={}", secret.expose());
                match links(settings) {
                    Some(links) => output::say(format_args!(
                        "Start the marketplace and set the password within an hour. The link is good once:\n{links}{place}"
                    ))?,
                    None => output::say(format_args!(
                        "Start the marketplace and set the password within an hour, at its address. The page is good once:\n{place}"
                    ))?,
                }
            }
            tell_unfinished(made.unfinished.as_ref());
        }
        OperatorCommand::Remove { username } => {
            let changed = match auth.unmake_operator(username).await {
                Err(AuthError::NoSuchAccount) => bail!("there is no account {username}"),
                other => other?,
            };
            let text = if changed.is_changed { "is an ordinary user now." } else { "is an ordinary user." };
            output::say(format_args!("{username} {text}"))?;
            tell_unfinished(changed.unfinished.as_ref());
        }
        OperatorCommand::List => {
            let operators = auth.operators().await?;
            if operators.is_empty() {
                output::say("Nobody runs the marketplace.")?;
            }
            for account in operators {
                output::say(format_args!("{}  {}  {}", account.id(), account.username(), account.email()))?;
            }
        }
    }
    Ok(())
}

/// Where the link leads once the marketplace runs; `None` when nobody knows yet which port it will get.
fn links(settings: &Settings) -> Option<String> {
    let is_known = settings.address.port() != 0 || settings.public_url.is_some() || settings.client_url.is_some();
    is_known.then(|| settings.links_lead_to(&public_url(settings)))
}

fn public_url(settings: &Settings) -> String {
    settings.public_url.clone().unwrap_or_else(|| format!("http://localhost:{}", settings.address.port()))
}

fn tell_unfinished(unfinished: Option<&AuthError>) {
    if let Some(error) = unfinished {
        output::complain(format_args!(
            "warning: not every session was ended at once; those that are left cannot be renewed: {}",
            error_text(error)
        ));
    }
}

async fn use_cases(settings: &Settings, folder: &Folder, stores: &Stores) -> anyhow::Result<Auth> {
    let media = media::open(settings, folder, &public_url(settings), Arc::new(SystemClock))?;
    let shared = Shared { media: media.store(), ..Shared::in_memory() };
    let ports = AuthPorts::open(&stores.auth, &shared).await.map_err(advised_to_open).context("the store of auth")?;
    Ok(Auth::new(ports.auth, Policy::default()))
}

/// One line of standard input.
fn read_password() -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("no password could be read from standard input")?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("standard input has no password");
    }
    Ok(password.to_owned())
}

/// `jobapp keys …`: works beside a running marketplace too, which takes new keys when it starts again.
pub(crate) fn keys(settings: &Settings, command: &KeysCommand) -> anyhow::Result<ExitCode> {
    let root = &settings.data;
    let secrets = match command {
        KeysCommand::Rotate { grace_hours } => {
            let grace = Duration::from_secs(u64::from(*grace_hours) * 3600);
            let secrets = Secrets::rotate(root, SystemClock.now(), grace)?;
            output::say(format_args!(
                "New keys sign from the next start of the marketplace on. Those before verify for {grace_hours} hours."
            ))?;
            secrets
        }
        KeysCommand::List => Secrets::read(root)?
            .with_context(|| format!("there is no marketplace in {}; name its folder with --data", root.display()))?,
    };
    for (name, ring) in [("users", &secrets.user_tokens), ("gateway", &secrets.gateway_tokens)] {
        for key in ring.keys() {
            match key.verifies_until {
                None => output::say(format_args!("{name}  {}  signs", key.id))?,
                Some(until) => output::say(format_args!("{name}  {}  verifies until {until}", key.id))?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
