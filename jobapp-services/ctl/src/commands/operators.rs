//! `operators …`: who runs the marketplace.

use std::io::BufRead;

use anyhow::{Context, bail};
use clap::Subcommand;
use jobapp_auth::{Auth, AuthError, NewOperator};
use jobapp_auth_service::AuthConfig;
use jobapp_kernel::Aggregate;
use jobapp_runtime::error_text;
use serde_json::{Value, json};

use crate::output::Answer;

/// Commands for operators.
#[derive(Debug, Subcommand)]
pub enum OperatorsCommand {
    /// Make an account an operator, and the account itself if there is none. Its sessions end.
    #[command(alias = "create")]
    Add {
        /// The user name.
        username: String,
        /// Where mail to a new account goes.
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        /// Read the password from one line of standard input. Without it an account keeps the one it has, and for a new one a
        /// link to set it is printed.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Make an operator an ordinary user. Its sessions end.
    Remove {
        /// The user name.
        username: String,
    },
    /// Show them.
    List,
}

/// Does what the command says. `link` makes of the place where a new account's password is set, such as
/// `/reset_password?token=…`, the words that tell of it.
///
/// # Errors
/// What is wrong with the name, the address or the password, and what the store says.
pub async fn run(
    auth: &Auth,
    command: &OperatorsCommand,
    link: &(dyn Fn(&str) -> String + Send + Sync),
) -> anyhow::Result<Answer> {
    match command {
        OperatorsCommand::Add { username, email, password_stdin } => {
            let password = if *password_stdin { Some(read_password()?) } else { None };
            let picture = AuthConfig::default().seed_picture;
            let wish = NewOperator { username: username.clone(), email: email.clone(), password, picture };
            add(auth, wish, link).await
        }
        OperatorsCommand::Remove { username } => remove(auth, username).await,
        OperatorsCommand::List => list(auth).await,
    }
}

async fn add(auth: &Auth, wish: NewOperator, link: &(dyn Fn(&str) -> String + Send + Sync)) -> anyhow::Result<Answer> {
    let username = wish.username.clone();
    let made = match auth.make_operator(wish).await {
        Err(AuthError::NoSuchAccount) => {
            bail!("there is no account {username}. To make one, say where its mail goes with --email")
        }
        Err(AuthError::Taken) => bail!("the name or the address belongs to another account"),
        other => other?,
    };
    let username = made.account.username();
    let mut lines = vec![format!("{username} runs the marketplace.")];
    let mut json = json!({ "username": username.as_str(), "isNew": made.is_new });
    if let Some(secret) = made.reset {
        let place = format!("/reset_password?token={}", secret.expose());
        lines.push(link(&place));
        json["setPasswordAt"] = Value::String(place);
    }
    Ok(Answer { warnings: unfinished(made.unfinished.as_ref()), ..Answer::new(lines, json) })
}

async fn remove(auth: &Auth, username: &str) -> anyhow::Result<Answer> {
    let changed = match auth.unmake_operator(username).await {
        Err(AuthError::NoSuchAccount) => bail!("there is no account {username}"),
        other => other?,
    };
    let text = if changed.is_changed { "is an ordinary user now." } else { "is an ordinary user." };
    let json = json!({ "username": username, "isChanged": changed.is_changed });
    let answer = Answer::new(vec![format!("{username} {text}")], json);
    Ok(Answer { warnings: unfinished(changed.unfinished.as_ref()), ..answer })
}

async fn list(auth: &Auth) -> anyhow::Result<Answer> {
    let operators = auth.operators().await?;
    let mut lines: Vec<String> = operators
        .iter()
        .map(|account| format!("{}  {}  {}", account.id(), account.username(), account.email()))
        .collect();
    if lines.is_empty() {
        lines.push("Nobody runs the marketplace.".to_owned());
    }
    let fields: Vec<Value> = operators
        .iter()
        .map(|account| {
            json!({ "id": account.id(), "username": account.username().as_str(), "email": account.email().as_str() })
        })
        .collect();
    Ok(Answer::new(lines, json!({ "operators": fields })))
}

/// What is left to tell of sessions that did not end.
fn unfinished(error: Option<&AuthError>) -> Vec<String> {
    let told = |error: &AuthError| {
        let why = error_text(error);
        format!("not every session was ended at once; those that are left cannot be renewed: {why}")
    };
    error.map(told).into_iter().collect()
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
