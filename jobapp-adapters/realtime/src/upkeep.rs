//! What is done now and then, and for every event.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use jobapp_realtime_core::{Feed, Identity, Published, Since};
use jobapp_wire::messages::Realtime as Event;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::conn::Phase;
use crate::server::Server;

/// How often connections are looked over, at the most seldom.
const LOOK: Duration = Duration::from_secs(5);
/// The first and the longest pause before the feed of events is asked for again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How long a socket waits for a gateway that has not heard yet what it has. The client's own patience is 20 s.
const AHEAD: Duration = Duration::from_secs(5);

/// Hears again what was published before the feed began, for sockets that come from other gateways.
pub(crate) async fn read_back(server: &Server, feed: &mut Feed) {
    while server.hub.head() < feed.head {
        // Where the feed ends early, it is begun again after what was heard.
        let Some(published) = feed.events.next().await else { return };
        take(server, &published);
    }
}

/// What gateways tell each other of a user who says that he is gone, or there: his name.
pub(crate) const OFF: &str = "user off";
pub(crate) const BACK: &str = "user back";

/// Takes every published event until the server stops.
pub(crate) async fn follow(server: Arc<Server>, first: Feed) {
    let mut feed = first;
    loop {
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
        let Some(next) = subscribe_again(&server).await else { return };
        if next.from != server.hub.head() {
            server.hub.restart(next.from);
            server.news.missed();
        }
        feed = next;
    }
}

async fn subscribe_again(server: &Server) -> Option<Feed> {
    let mut pause = PAUSE.0;
    loop {
        tokio::select! {
            () = server.stop.cancelled() => return None,
            () = tokio::time::sleep(pause) => {}
        }
        match server.fanout.subscribe(Since::After(server.hub.head())).await {
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
        server.rounds.begin(server.hub.deliver(published));
    } else {
        if server.hub.pass(published) {
            hear(server, published);
        }
    }
    join_those_ahead(server);
}

/// Lets those in who have heard no more than this gateway, or waited long enough.
fn join_those_ahead(server: &Server) {
    for (conn, auth) in server.hub.caught_up(AHEAD) {
        server.join(&conn, &auth);
    }
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

/// Looks after sockets until the server stops.
pub(crate) async fn look_after(server: Arc<Server>) {
    let mut looks = interval(LOOK.min(server.config.connect_timeout));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut checks = interval(server.config.recheck_sessions);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = server.stop.cancelled() => return,
            _ = looks.tick() => look(&server),
            _ = checks.tick() => recheck_sessions(&server).await,
        }
    }
}

/// Forgets what is old and ends connections that never joined.
fn look(server: &Server) {
    let patience = server.config.connect_timeout;
    server.hub.tidy(patience);
    join_those_ahead(server);
    let now = Instant::now();
    for conn in server.hub.conns() {
        if conn.phase() == Phase::Open && now.duration_since(conn.asked()) >= patience {
            conn.hang_up();
        }
    }
}

/// Demotes the sockets of sessions whose end was not heard of.
async fn recheck_sessions(server: &Server) {
    let mut sessions: HashMap<Arc<str>, Identity> = HashMap::new();
    for conn in server.hub.signed_in() {
        if let Some(owner) = conn.owner() {
            sessions.entry(owner.sid.clone()).or_insert_with(|| owner.clone());
        }
    }
    for identity in sessions.into_values() {
        if !server.handshake.alive(&identity).await {
            server.uncount(&server.hub.demote_session_of(&identity.username, &identity.sid));
        }
    }
}
