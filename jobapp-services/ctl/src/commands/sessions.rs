//! `sessions …`: where a user is signed in.

use anyhow::bail;
use clap::Subcommand;
use jobapp_auth::{Auth, AuthError, Session, SessionId};
use jobapp_kernel::Aggregate;
use serde_json::{Value, json};

use crate::output::{Answer, Usage};

/// Commands for sessions.
#[derive(Debug, Subcommand)]
pub enum SessionsCommand {
    /// Show where a user is signed in, the last used session first.
    List {
        /// The user name.
        #[arg(value_name = "USER")]
        username: String,
    },
    /// Sign a user out, everywhere or of one session. Gateways know within a second, where their broker is there.
    End {
        /// The user name.
        #[arg(value_name = "USER")]
        username: String,
        /// The id `list` shows; without one, all sessions.
        id: Option<String>,
    },
}

/// Does what the command says.
///
/// # Errors
/// When there is no such user or session, and what the store says.
pub async fn run(auth: &Auth, command: &SessionsCommand) -> anyhow::Result<Answer> {
    match command {
        SessionsCommand::List { username } => list(auth, username).await,
        SessionsCommand::End { username, id } => end(auth, username, id.as_deref()).await,
    }
}

async fn list(auth: &Auth, username: &str) -> anyhow::Result<Answer> {
    let sessions = known(auth.sessions_of(username).await, username)?;
    let mut lines: Vec<String> = sessions.iter().map(described).collect();
    if lines.is_empty() {
        lines.push(format!("{username} is signed in nowhere."));
    }
    let fields: Vec<Value> = sessions.iter().map(fields).collect();
    Ok(Answer::new(lines, json!({ "username": username, "sessions": fields })))
}

fn described(session: &Session) -> String {
    let device = session.device().map_or_else(String::new, |device| format!("  {} on {}", device.browser, device.kind));
    format!("{}  since {}, used {}{device}", session.id(), session.created_at(), session.last_used_at())
}

fn fields(session: &Session) -> Value {
    let device = session.device();
    json!({ "id": session.id().to_string(), "createdAt": session.created_at(), "lastUsedAt": session.last_used_at(),
        "expiresAt": session.expires_at(), "browserName": device.map(|device| &device.browser),
        "deviceType": device.map(|device| &device.kind) })
}

async fn end(auth: &Auth, username: &str, id: Option<&str>) -> anyhow::Result<Answer> {
    let only: Option<SessionId> = match id {
        Some(id) => Some(id.parse().map_err(|_| Usage(format!("{id} is no id of a session")))?),
        None => None,
    };
    let ended = known(auth.end_sessions_of(username, only).await, username)?;
    let line = match ended {
        0 => format!("{username} was signed out already."),
        1 => format!("{username} is signed out of one session."),
        count => format!("{username} is signed out of {count} sessions."),
    };
    Ok(Answer::new(vec![line], json!({ "username": username, "ended": ended })))
}

fn known<T>(found: Result<T, AuthError>, username: &str) -> anyhow::Result<T> {
    match found {
        Err(AuthError::NoSuchAccount) => bail!("there is no account {username}"),
        Err(AuthError::NoSuchSession) => bail!("{username} has no such session"),
        other => Ok(other?),
    }
}
