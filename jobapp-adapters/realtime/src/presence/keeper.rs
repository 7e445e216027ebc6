//! Tells presence who came and went, and everybody who is online.
//!
//! What it tells presence may get lost, and presence may be away. So it tells again and again who is here, and presence makes
//! it so; as long as the two may differ it does so often. Who is online it knows itself, by the changes presence tells it
//! of, and it asks for everybody only when it begins and when changes may have been missed. Meanwhile it goes by what it
//! knew last and by who comes and goes here.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use jobapp_realtime_core::{Attendance, Change, Online, Presence, Unavailable};
use socketioxide_core::Str;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use super::roll::{Entry, Roll};
use crate::config::PresenceConfig;
use crate::packet;
use crate::rooms::hub::Hub;
use crate::rooms::rounds::Rounds;

/// How long changes are gathered before they are announced: a page that loads brings dozens of connections.
const GATHER: Duration = Duration::from_millis(50);
/// The first pause before presence is told again who is here.
const PAUSE: Duration = Duration::from_millis(100);

/// The task behind a [`Roll`].
pub(crate) struct Keeper {
    entries: UnboundedReceiver<Entry>,
    roll: Roll,
    presence: Arc<dyn Presence>,
    hub: Arc<Hub>,
    rounds: Rounds,
    gateway: Arc<str>,
    config: PresenceConfig,
    here: Attendance,
    /// What presence tells; `None` while presence may know something else than this gateway.
    changes: Option<BoxStream<'static, Change>>,
    /// When presence is told again who is here.
    renewal: Instant,
    /// The pause before the next time, while presence is away.
    pause: Duration,
    /// How often somebody came or went.
    version: u64,
    /// The packet for those who ask, until somebody comes or goes.
    packet: Option<Str>,
    announcement: Announcement,
}

/// When everybody is told who is online.
#[derive(Debug)]
struct Announcement {
    last: Instant,
    due: Option<Instant>,
    /// Whether those are told who know.
    to_all: bool,
}

impl Keeper {
    /// The task, and everybody who is online in its roll. While presence is away that is who is here, as at any other time.
    pub(crate) async fn new(
        (roll, entries): (Roll, UnboundedReceiver<Entry>),
        presence: Arc<dyn Presence>,
        rounds: Rounds,
        hub: Arc<Hub>,
        gateway: Arc<str>,
        config: PresenceConfig,
    ) -> Self {
        let now = Instant::now();
        let mut keeper = Self {
            entries,
            roll,
            presence,
            hub,
            rounds,
            gateway,
            config,
            here: Attendance::default(),
            changes: None,
            renewal: now + config.renew,
            pause: PAUSE,
            version: 0,
            packet: None,
            announcement: Announcement { last: now, due: None, to_all: false },
        };
        keeper.renew().await;
        keeper
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            let changes = async {
                match &mut self.changes {
                    Some(changes) => changes.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                entry = self.entries.recv() => match entry {
                    Some(Entry::Retire { done }) => {
                        self.retire().await;
                        // Whoever asked may have given up waiting.
                        return done.send(()).unwrap_or_default();
                    }
                    Some(entry) => self.handle(entry).await,
                    None => return,
                },
                change = changes => match change {
                    Some(change) => self.changed(&change),
                    None => self.out_of_step(),
                },
                () = at(self.here.next_end().map(Instant::from_std)) => {
                    for user in self.here.expire(Instant::now().into_std()) {
                        self.left(&user).await;
                    }
                }
                () = tokio::time::sleep_until(self.renewal) => self.renew().await,
                () = at(self.announcement.due) => self.tell_everybody(),
            }
        }
    }

    async fn handle(&mut self, entry: Entry) {
        match entry {
            Entry::Enter { user, number } => {
                if self.here.enter(&user, number) {
                    self.entered(&user).await;
                }
            }
            Entry::Leave { user, number } => {
                if self.here.leave(&user, number) {
                    self.left(&user).await;
                }
            }
            Entry::Linger { user, number } => {
                self.here.linger(&user, number, (Instant::now() + self.config.linger).into_std());
            }
            Entry::Off { user } => {
                if self.here.off(&user) {
                    self.left(&user).await;
                }
            }
            Entry::Ask { conn } => {
                if let Some(conn) = conn.upgrade() {
                    let packet = self.packet();
                    conn.knows_who_is_online(self.version);
                    self.rounds.begin(self.hub.tell(&conn, packet));
                }
            }
            Entry::Announce => {
                self.announcement.to_all = true;
                self.announce();
            }
            Entry::Retire { .. } => {}
        }
    }

    /// A user is here who was not.
    async fn entered(&mut self, user: &Arc<str>) {
        if self.changes.is_some() {
            match self.presence.enter(&self.gateway, user).await {
                Ok(_) => {}
                Err(error) => self.lost(&error),
            }
        }
        // Presence tells it too, a little later.
        self.changed(&Change::Came(user.clone()));
    }

    /// A user is not here any more.
    async fn left(&mut self, user: &Arc<str>) {
        if self.changes.is_some() {
            match self.presence.leave(&self.gateway, user).await {
                Ok(true) => {}
                // He is still at another gateway.
                Ok(false) => return,
                Err(error) => self.lost(&error),
            }
        }
        self.changed(&Change::Went(user.clone()));
    }

    fn lost(&mut self, error: &Unavailable) {
        let error = error as &dyn std::error::Error;
        tracing::warn!(error, "presence was not told who came or went; it is told again");
        self.out_of_step();
    }

    /// Presence and this gateway may differ: it is told who is here, and tells who is online.
    fn out_of_step(&mut self) {
        self.changes = None;
        self.renewal = Instant::now() + self.pause;
    }

    /// Tells presence who is here.
    async fn renew(&mut self) {
        match self.reconcile().await {
            Ok(()) => {
                self.pause = PAUSE;
                self.renewal = Instant::now() + self.config.renew;
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "presence cannot be told who is here; it is told again");
                self.out_of_step();
                self.pause = (self.pause * 2).min(self.config.renew);
            }
        }
    }

    async fn reconcile(&mut self) -> Result<(), Unavailable> {
        self.presence.renew(&self.gateway, &self.here.users()).await?;
        if self.changes.is_none() {
            let watched = self.presence.watch().await?;
            *self.roll.online().lock() = Online::new(watched.online.into_iter());
            self.changes = Some(watched.changes);
            self.outdated();
        }
        Ok(())
    }

    /// All users leave this gateway.
    async fn retire(&mut self) {
        if let Err(error) = self.presence.retire(&self.gateway).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the users of this gateway leave only in time");
        }
    }

    fn changed(&mut self, change: &Change) {
        let is_new = self.roll.online().lock().apply(change);
        if is_new {
            self.outdated();
        }
    }

    /// What was told of who is online is not so any more.
    fn outdated(&mut self) {
        self.version += 1;
        self.packet = None;
        self.announce();
    }

    fn announce(&mut self) {
        let announcement = &mut self.announcement;
        let soon = Instant::now() + GATHER;
        announcement.due.get_or_insert_with(|| (announcement.last + self.config.announce).max(soon));
    }

    fn tell_everybody(&mut self) {
        let packet = self.packet();
        let to_all = std::mem::take(&mut self.announcement.to_all);
        self.announcement.due = None;
        self.announcement.last = Instant::now();
        let version = self.version;
        self.rounds.begin(self.hub.announce(&packet, |conn| conn.knows_who_is_online(version) || to_all));
    }

    fn packet(&mut self) -> Str {
        let online = self.roll.online();
        self.packet.get_or_insert_with(|| packet::online(online.lock().newest_first())).clone()
    }
}

/// When the time has come; never without one.
async fn at(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
