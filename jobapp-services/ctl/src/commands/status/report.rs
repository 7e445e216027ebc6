//! What was found, for people and for programs. The names of fields stay.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::commands::migrate::Step;

/// How the marketplace is.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The version of this program.
    pub version: &'static str,
    /// Whether nothing is wrong.
    pub healthy: bool,
    /// What is wrong, in words.
    pub wrong: Vec<String>,
    /// The stores, by service.
    pub services: Vec<ServiceReport>,
    /// The message bus.
    pub bus: Option<BusReport>,
    /// The search index.
    pub search: Option<SearchReport>,
    /// What processes share.
    pub peers: Option<PeersReport>,
    /// The programs that run, as far as it is known where.
    pub programs: Vec<ProgramReport>,
}

/// How the store of a service is.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceReport {
    /// The service.
    pub service: String,
    /// Where its store is, without secrets; empty when that is not known.
    pub store: String,
    /// Why it could not be asked.
    pub trouble: Option<String>,
    /// Its layout against the one this version wants.
    pub layout: Option<LayoutReport>,
    /// What waits to be published.
    pub outbox: Option<OutboxReport>,
    /// How many values there are of each kind, where that was asked for.
    pub stored: BTreeMap<String, u64>,
}

/// A layout against the one this version wants.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayoutReport {
    /// `none` where nobody has kept anything yet, `current`, or `differs`.
    pub state: &'static str,
    /// What `migrate` would do.
    pub steps: Vec<Step>,
}

/// What waits to be published.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboxReport {
    /// How many events.
    pub waiting: u64,
    /// How many of them could not be published when it was last tried.
    pub stuck: u64,
    /// How old the oldest is; `None` when none waits.
    pub oldest_seconds: Option<u64>,
}

/// How the message bus is.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BusReport {
    /// Where it is, without secrets.
    pub place: String,
    /// Why it could not be asked, or what is wrong with it.
    pub trouble: Option<String>,
    /// Its queues.
    pub queues: Vec<QueueReport>,
}

/// How a queue is.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueReport {
    /// Its name.
    pub queue: String,
    /// Whether it is there.
    pub declared: bool,
    /// Ready to be taken, or waiting for their retry.
    pub waiting: u64,
    /// With a handler; `None` where that is not told.
    pub in_flight: Option<u64>,
    /// Dead letters.
    pub dead: u64,
    /// How many consume from it; `None` where that is not told.
    pub consumers: Option<u64>,
    /// Why it could not be counted.
    pub trouble: Option<String>,
}

/// How the search index is.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchReport {
    /// Where it is, without secrets.
    pub place: String,
    /// Why it could not be asked.
    pub trouble: Option<String>,
    /// Whether it must be built from the store: meanwhile the store answers.
    pub needs_rebuild: bool,
    /// How many gigs can be found.
    pub listed: u64,
    /// How many gigs it knows, paused and deleted ones among them.
    pub known: u64,
    /// What tells this build of the index from others, where they have names.
    pub generation: Option<String>,
    /// How many gigs are stored, where the store could be asked.
    pub stored: Option<u64>,
    /// How many stored gigs it does not know at least.
    pub behind: Option<u64>,
}

/// How what processes share is.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PeersReport {
    /// Where it is, without secrets.
    pub place: String,
    /// What is wrong with it.
    pub trouble: Option<String>,
}

/// How a program is.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProgramReport {
    /// Its service.
    pub service: String,
    /// Where it was asked.
    pub place: String,
    /// `ready`, `starting`, `degraded` or `draining`, as it says itself; `None` when it does not answer.
    pub state: Option<String>,
    /// Its version, if it tells.
    pub version: Option<String>,
    /// Why it could not be asked.
    pub trouble: Option<String>,
}

/// A line about a part: what it is, where, and how it is.
fn told(what: &str, place: &str, how: &str) -> String {
    let colon = if place.is_empty() { "" } else { ": " };
    format!("{what:<14} {place}{colon}{how}")
}

impl Report {
    /// The same for people.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("jobapp-ctl {}", self.version)];
        lines.extend(self.services.iter().map(ServiceReport::line));
        for service in &self.services {
            for (kind, count) in &service.stored {
                lines.push(format!("  {:<12} {kind} {count}", service.service));
            }
        }
        if let Some(bus) = &self.bus {
            lines.push(told("bus", &bus.place, bus.trouble.as_deref().unwrap_or("it answers")));
            lines.extend(bus.queues.iter().map(QueueReport::line));
        }
        if let Some(search) = &self.search {
            lines.push(search.line());
        }
        if let Some(peers) = &self.peers {
            lines.push(told("peers", &peers.place, peers.trouble.as_deref().unwrap_or("it answers")));
        }
        lines.extend(self.programs.iter().map(ProgramReport::line));
        match self.wrong.is_empty() {
            true => lines.push("Nothing is wrong.".to_owned()),
            false => lines.extend(self.wrong.iter().map(|wrong| format!("wrong: {wrong}"))),
        }
        lines
    }
}

impl ServiceReport {
    fn line(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.trouble.clone());
        parts.extend(self.layout.as_ref().map(|layout| format!("layout {}", layout.state)));
        if let Some(outbox) = &self.outbox {
            let age = outbox.oldest_seconds.map_or_else(String::new, |age| format!(", the oldest {age} s old"));
            parts.push(format!("{} events wait{age}", outbox.waiting));
        }
        told(&self.service, &self.store, &parts.join("; "))
    }
}

impl QueueReport {
    fn line(&self) -> String {
        let Self { queue, waiting, dead, .. } = self;
        if let Some(trouble) = &self.trouble {
            return format!("  {queue:<26} {trouble}");
        }
        if !self.declared {
            return format!("  {queue:<26} not declared");
        }
        let in_flight = self.in_flight.map_or_else(String::new, |count| format!(", {count} being handled"));
        let consumers = self.consumers.map_or_else(String::new, |count| format!(", {count} consumers"));
        format!("  {queue:<26} {waiting} wait{in_flight}, {dead} dead{consumers}")
    }
}

impl SearchReport {
    fn line(&self) -> String {
        let Self { place, listed, known, .. } = self;
        if let Some(trouble) = &self.trouble {
            return told("search", place, trouble);
        }
        let stored = self.stored.map_or_else(String::new, |stored| format!(" of {stored} stored"));
        let generation = self.generation.as_ref().map_or_else(String::new, |name| format!(", {name}"));
        told("search", place, &format!("{listed} gigs are found, {known} known{stored}{generation}"))
    }
}

impl ProgramReport {
    fn line(&self) -> String {
        let state = self.trouble.as_deref().or(self.state.as_deref()).unwrap_or("it does not say how it is");
        let version = self.version.as_ref().map_or_else(String::new, |version| format!(", version {version}"));
        told(&self.service, &self.place, &format!("{state}{version}"))
    }
}
