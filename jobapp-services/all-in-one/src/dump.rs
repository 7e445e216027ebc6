//! `jobapp dump`: everything stored, one aggregate a line.

use std::process::ExitCode;

use jobapp_platform::{Shared, dump};

use crate::parts::Parts;
use crate::stores::Stores;
use crate::{Folder, Settings};

/// Prints the dump.
pub(crate) async fn print(settings: &Settings, replace: bool) -> anyhow::Result<ExitCode> {
    let folder = Folder::open_used(&settings.data)?;
    let stores = Box::pin(Stores::open(&folder)).await?;
    // What a service keeps is known once its ports are there.
    Box::pin(Parts::to_look_at(&stores, &Shared::in_memory())).await?;
    let lines = dump(&stores.kept(), replace).await?;
    stores.close().await;
    jobapp_ctl::lines(lines)?;
    Ok(ExitCode::SUCCESS)
}
