//! `keys …`: what the tokens of a marketplace in a folder are signed with.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use clap::Subcommand;
use jobapp_kernel::Timestamp;
use serde_json::{Value, json};

use crate::output::Answer;
use crate::secrets::Secrets;

/// Commands for keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Sign with new keys from the next start on. Those before go on verifying for a while, so nobody is signed out.
    Rotate {
        /// How many hours those before go on verifying.
        #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=8760))]
        grace_hours: u32,
    },
    /// Show their ids, and until when they verify.
    List,
}

/// Does what the command says. It works beside a running marketplace, which takes new keys when it starts again.
///
/// # Errors
/// When there is no marketplace in the folder `root`, or its keys cannot be read or written.
pub fn run(root: &Path, command: &KeysCommand, now: Timestamp) -> anyhow::Result<Answer> {
    let mut lines = Vec::new();
    let secrets = match command {
        KeysCommand::Rotate { grace_hours } => {
            let grace = Duration::from_secs(u64::from(*grace_hours) * 3600);
            let secrets = Secrets::rotate(root, now, grace)?;
            lines.push(format!(
                "New keys sign from the next start of the marketplace on. Those before verify for {grace_hours} hours."
            ));
            secrets
        }
        KeysCommand::List => Secrets::read(root)?
            .with_context(|| format!("there is no marketplace in {}; name its folder with --data", root.display()))?,
    };
    let mut keys: Vec<Value> = Vec::new();
    for (name, ring) in [("users", &secrets.user_tokens), ("gateway", &secrets.gateway_tokens)] {
        for key in ring.keys() {
            lines.push(match key.verifies_until {
                None => format!("{name}  {}  signs", key.id),
                Some(until) => format!("{name}  {}  verifies until {until}", key.id),
            });
            keys.push(json!({ "tokens": name, "id": key.id, "signs": key.verifies_until.is_none(),
                "verifiesUntil": key.verifies_until }));
        }
    }
    Ok(Answer::new(lines, json!({ "keys": keys })))
}
