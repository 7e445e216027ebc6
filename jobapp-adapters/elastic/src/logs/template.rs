//! What indexes of log lines are made with.

use http::Method;
use jobapp_kernel::error_text;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ElasticError;
use crate::client::Client;

/// To be raised whenever the template changes: an older program leaves that of a newer one alone.
const VERSION: u64 = 1;
/// What is longer is kept, and not looked up by.
const LONGEST_KEYWORD: u64 = 1024;

/// Puts the template in place, unless it is there. One that an operator changed stays as long as its version is not lower than ours.
///
/// Where we may not do so, lines are shipped all the same: an operator who gives a program no right to do that has made a template of his own.
pub(super) async fn put(client: &Client, logs: &str) -> Result<(), ElasticError> {
    match put_if_missing(client, logs).await {
        Err(error @ ElasticError::Refused { status: 400..=499, .. }) if !may_pass(&error) => {
            let error = error_text(&error);
            tracing::warn!(error, template = logs, "the template of log indexes could not be put in place");
            Ok(())
        }
        outcome => outcome,
    }
}

/// Whether somebody has to say first who we are, or the server has too much to do.
const fn may_pass(error: &ElasticError) -> bool {
    matches!(error, ElasticError::Refused { status: 401 | 407 | 408 | 429, .. })
}

async fn put_if_missing(client: &Client, logs: &str) -> Result<(), ElasticError> {
    #[derive(Deserialize)]
    struct Told {
        index_templates: Vec<Named>,
    }
    #[derive(Deserialize)]
    struct Named {
        index_template: Known,
    }
    #[derive(Deserialize)]
    struct Known {
        #[serde(default)]
        version: u64,
    }

    let path = format!("/_index_template/{logs}");
    match client.get("tell the template of log indexes", &path).await {
        Ok(answer) => {
            let Told { index_templates } = answer.read()?;
            if index_templates.iter().any(|known| known.index_template.version >= VERSION) {
                return Ok(());
            }
        }
        Err(error) if error.is_about_nothing() => {}
        Err(error) => return Err(error),
    }
    client.change("take the template of log indexes", Method::PUT, &path, Some(&template(logs))).await
}

/// What indexes of log lines are made with. Which fields there are is said once and for all: whatever else a line tells is kept and shown
/// with it, and makes no field that the cluster has to know.
fn template(logs: &str) -> Value {
    let keyword = json!({"type": "keyword", "ignore_above": LONGEST_KEYWORD});
    json!({
        // With the dots of a day, so that it takes hold of no other index whose name begins so.
        "index_patterns": [format!("{logs}-*.*.*")],
        // Above what servers bring along.
        "priority": 200,
        "version": VERSION,
        "template": {
            "settings": {
                "index": {
                    "number_of_shards": 1,
                    "auto_expand_replicas": "0-1",
                    "refresh_interval": "5s",
                    // No codec is named: some need code of the processor that not every distribution brings along.
                    "mapping": {
                        // A library may call a text `status`: that line is kept, too.
                        "ignore_malformed": true,
                        "total_fields": {"limit": 100},
                    },
                }
            },
            "mappings": {
                "dynamic": false,
                "properties": {
                    "timestamp": {"type": "date"},
                    "level": keyword,
                    "service": keyword,
                    "instance": keyword,
                    "target": keyword,
                    "message": {"type": "text"},
                    "error": {"type": "text"},
                    "request_id": keyword,
                    "trace_id": keyword,
                    "span_id": keyword,
                    "user": keyword,
                    "address": keyword,
                    "method": keyword,
                    "route": keyword,
                    "status": {"type": "integer"},
                    "ms": {"type": "double"},
                    "queue": keyword,
                    "span": {
                        "dynamic": false,
                        "properties": {
                            "name": keyword,
                            "request_id": keyword,
                            "queue": keyword,
                            "kind": keyword,
                            "message_id": keyword,
                            "attempt": {"type": "integer"},
                        }
                    },
                    // The innermost of them is `span`.
                    "spans": {"type": "object", "enabled": false},
                }
            }
        }
    })
}
