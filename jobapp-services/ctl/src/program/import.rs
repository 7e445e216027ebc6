//! Opens the existing system and our stores, and imports.

use std::fs::{File, TryLockError};
use std::path::Path;

use anyhow::{Context, bail};
use jobapp_import::{Legacy, Ours};
use jobapp_platform::Address;
use jobapp_runtime::{Shutdown, Signals};

use super::settings::{self, Settings};
use super::stores::open;
use crate::commands::import::{self, ImportCommand};
use crate::output::Answer;
use crate::secrets::Secrets;

/// Held by whoever works in a data folder.
const LOCK_FILE: &str = "jobapp.lock";

pub(super) async fn run(settings: &Settings, command: &ImportCommand) -> anyhow::Result<Answer> {
    let places = settings.need(settings::old_places)?;
    let _held = command.data.as_deref().map(hold).transpose()?;
    let ours = match &command.data {
        Some(folder) => in_folder(folder).await?,
        None => of_services(settings).await?,
    };
    let old = Box::pin(Legacy::open(&places)).await?;
    let readable = old.kinds().collect();
    // From here on a signal stops it politely, so that the next run need not wait.
    let mut signals = Signals::listen().context("signals cannot be heard")?;
    let shutdown = Shutdown::new();
    let importing = import::run(command, &old, &readable, &ours, shutdown.token().clone());
    let imported = Box::pin(shutdown.starting(&mut signals, importing)).await;
    let Ours { auth, users, gig, chat, order, review, analytics } = ours;
    for store in [auth, users, gig, chat, order, review].into_iter().chain(analytics) {
        store.close().await?;
    }
    imported
}

/// The stores of the eight programs.
async fn of_services(settings: &Settings) -> anyhow::Result<Ours> {
    let of_all = settings.need(|reader| {
        let stores =
            ["auth", "users", "gig", "chat", "order", "review"].map(|service| settings::store_of(reader, service));
        let analytics = settings::analytics(reader);
        let key = settings::sealing_key(reader)?;
        let [auth, users, gig, chat, order, review] = stores;
        Some(([auth?, users?, gig?, chat?, order?, review?], analytics?, key))
    })?;
    let ([auth, users, gig, chat, order, review], analytics, key) = of_all;
    Ok(Ours {
        auth: open(&auth, key).await?,
        users: open(&users, key).await?,
        gig: open(&gig, key).await?,
        chat: open(&chat, key).await?,
        order: open(&order, key).await?,
        review: open(&review, key).await?,
        analytics: match analytics {
            Some(address) => Some(open(&address, key).await?),
            None => None,
        },
    })
}

/// The stores of the one binary, of which that of accounts is sealed.
async fn in_folder(folder: &Path) -> anyhow::Result<Ours> {
    let key = Secrets::open(folder)?.sealing_key()?;
    let store = async |service: &str, key| {
        let address = Address::new("--data", "sqlite", folder.join(format!("{service}.db")));
        open(&address, key).await
    };
    Ok(Ours {
        auth: store("auth", key).await?,
        users: store("users", None).await?,
        gig: store("gig", None).await?,
        chat: store("chat", None).await?,
        order: store("order", None).await?,
        review: store("review", None).await?,
        analytics: None,
    })
}

/// Takes hold of a data folder, as the one binary does that uses it alone.
fn hold(folder: &Path) -> anyhow::Result<File> {
    let shown = folder.display();
    if Secrets::read(folder)?.is_none() {
        bail!("there is no marketplace in {shown}; start it there once, or name its folder with --data");
    }
    let lock = File::options().create(true).truncate(false).read(true).write(true).open(folder.join(LOCK_FILE));
    let lock = lock.with_context(|| format!("the data folder {shown} cannot be written"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => bail!("the marketplace in {shown} runs: stop it, import, and start it again"),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("the data folder {shown} cannot be locked"))
        }
    }
}
