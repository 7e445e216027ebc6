//! What is done for every event that is published.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use jobapp_realtime_core::{Envelope, Feed, Published, Since};
use jobapp_telemetry::{Span, SpanKind};
use jobapp_wire::messages::Realtime as Event;

use crate::server::Server;

/// The first and the longest pause before the feed of events is asked for again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What gateways tell each other of a user who says that he is gone, or there: his name.
pub(crate) const OFF: &str = "user off";
pub(crate) const BACK: &str = "user back";

/// Hears again what was published before the feed began, for sockets that come from other gateways.
pub(crate) async fn read_back(server: &Server, feed: &mut Feed) {
    while server.hub.head() < feed.head {
        // Where the feed ends early, it is begun again after what was heard.
        let Some(published) = feed.events.next().await else { return };
        take(server, &published);
    }
}

/// Takes every published event until the server stops. Without a feed to begin with, it takes what is published once there is one.
pub(crate) async fn follow(server: Arc<Server>, first: Option<Feed>) {
    let mut since = Since::Ago(Duration::ZERO);
    let mut feed = first;
    loop {
        if let Some(feed) = &mut feed {
            loop {
                tokio::select! {
                    () = server.stop.cancelled() => return,
                    published = feed.events.next() => match published {
                        Some(published) => take(&server, &published),
                        None => break,
                    }
                }
            }
            tracing::warn!("the feed of events broke");
            since = Since::After(server.hub.head());
        }
        let Some(next) = subscribe_again(&server, since).await else { return };
        if next.from != server.hub.head() {
            server.hub.restart(next.from);
            server.news.missed();
        }
        feed = Some(next);
    }
}

async fn subscribe_again(server: &Server, since: Since) -> Option<Feed> {
    let mut pause = PAUSE.0;
    loop {
        tokio::select! {
            () = server.stop.cancelled() => return None,
            () = tokio::time::sleep(pause) => {}
        }
        match server.fanout.subscribe(since).await {
            Ok(feed) => return Some(feed),
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "there is no feed of events"),
        }
        pause = (pause * 2).min(PAUSE.1);
    }
}

/// Does what an event says.
fn take(server: &Server, published: &Published) {
    let event = &published.envelope.event;
    if event.event != Event::SESSION_ENDED && !event.receivers.is_empty() {
        let span = delivering(server, published);
        let deliver = || server.rounds.begin(server.hub.deliver(published));
        match &span {
            Some(span) => span.at_once(deliver),
            None => deliver(),
        }
    } else if server.hub.pass(published) {
        hear(server, published);
    }
    server.let_in_those_ahead();
}

/// Handing an event to the sockets of its receivers is part of the trace it belongs to.
fn delivering(server: &Server, published: &Published) -> Option<Span> {
    let Envelope { event, traceparent, .. } = &*published.envelope;
    // Services send events of a few names; another one would be a name of its own.
    let span =
        server.config.traces.continued(SpanKind::Consumer, traceparent.as_deref()?, || "deliver event".into())?;
    span.says("messaging.operation.name", "deliver");
    span.says("messaging.system", "socket.io");
    span.says("jobapp.event", event.event.clone());
    span.says("jobapp.receivers", i64::try_from(event.receivers.len()).unwrap_or(i64::MAX));
    span.says("jobapp.service", "gateway");
    Some(span)
}

/// Does what an event says that no browser hears.
fn hear(server: &Server, published: &Published) {
    let event = &published.envelope.event;
    let name = event.arguments.first().and_then(serde_json::Value::as_str);
    match (event.event.as_str(), name) {
        (Event::SESSION_ENDED, Some(sid)) => session_ended(server, sid, event),
        (OFF, Some(username)) => server.off(username),
        (BACK, Some(username)) => server.back(username),
        (name @ (Event::SESSION_ENDED | OFF | BACK), None) => {
            tracing::error!(id = published.envelope.id, event = name, "an event does not say of whom it tells");
        }
        _ => server.news.heard(event),
    }
}

fn session_ended(server: &Server, sid: &str, event: &Event) {
    server.handshake.ended(sid);
    match event.receivers.as_slice() {
        [] => server.uncount(&server.hub.demote_session(sid)),
        users => {
            for user in users {
                server.uncount(&server.hub.demote_session_of(user, sid));
            }
        }
    }
}
