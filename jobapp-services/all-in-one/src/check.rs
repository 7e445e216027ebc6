//! `jobapp --check`: whether the marketplace could start, and what is in the way. It changes nothing.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use jobapp_ctl::Secrets;
use jobapp_platform::LogServer;
use jobapp_runtime::{error_text, listen};

use crate::{Folder, Settings};

/// Looks at everything a start needs. All that is wrong is told at once.
pub(crate) async fn check(settings: &Settings) -> anyhow::Result<ExitCode> {
    let mut wrong = Vec::new();
    if let Err(failure) = listen(settings.address).await {
        wrong.push(error_text(&failure));
    }
    if let Some(address) = settings.observing.address
        && let Err(failure) = listen(address).await
    {
        wrong.push(error_text(&failure));
    }
    wrong.extend(folder(&settings.data));
    if let Some(server) = &settings.log_server
        && let Err(error) = LogServer::look(server).await
    {
        wrong.push(format!("log server {server}: {}", error_text(&error)));
    }
    let data = settings.data.display();
    let mut lines = vec![
        format!("Address   {}", settings.address),
        format!("Data      {data}{}", if settings.data.exists() { "" } else { " (to be made)" }),
        format!("Developer {}", if settings.developer_mode { "yes" } else { "no" }),
    ];
    if settings.exposes_developer_pages() {
        lines.push(
            "Warning: developer mode is on where others may reach it: the mailbox shows links and codes that open accounts."
                .to_owned(),
        );
    }
    if wrong.is_empty() {
        lines.push("It could start.".to_owned());
        jobapp_ctl::lines(lines)?;
        return Ok(ExitCode::SUCCESS);
    }
    jobapp_ctl::lines(lines)?;
    for problem in wrong {
        jobapp_ctl::complain(format_args!("error: {problem}"));
    }
    Ok(ExitCode::FAILURE)
}

/// What is wrong with the data folder.
fn folder(root: &Path) -> Vec<String> {
    match fs::metadata(root) {
        Ok(_) => {}
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return to_be_made(root).into_iter().collect();
        }
        Err(error) => return vec![format!("the data folder {} cannot be looked at: {error}", root.display())],
    }
    let mut wrong = Vec::new();
    if let Err(error) = Folder::try_hold(root) {
        wrong.push(error_text(error.as_ref()));
    }
    if let Err(error) = Secrets::read(root) {
        wrong.push(error_text(error.as_ref()));
    }
    wrong
}

/// What keeps a folder from being made: the nearest one above it must be there to write in.
fn to_be_made(root: &Path) -> Option<String> {
    let above = root.ancestors().skip(1).find(|above| above.exists() || above.as_os_str().is_empty());
    let above = above.filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let shown = above.display();
    match fs::metadata(above) {
        Ok(metadata) if !metadata.is_dir() => Some(format!("{shown} is no folder. Choose another one with --data")),
        Ok(metadata) if metadata.permissions().readonly() => {
            Some(format!("the folder {shown} cannot be written. Choose another one with --data"))
        }
        Ok(_) => None,
        Err(error) => Some(format!("the folder {shown} cannot be looked at: {error}")),
    }
}
