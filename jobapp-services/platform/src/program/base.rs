//! The settings that all programs have.

use std::net::IpAddr;
use std::time::Duration;

use super::Program;
use crate::config::{
    Bodies, Connections, Developing, Listen, Log, Observing, Places, Reader, Setting, Tokens, Tracing, Web,
};
use crate::{Address, SealingKey};

/// The settings that all programs have.
#[derive(Debug, Clone)]
pub struct Base {
    /// Where to listen.
    pub listen: Listen,
    /// How many may be connected.
    pub connections: Connections,
    /// How long the program serves on once it is asked to stop.
    pub drain: Duration,
    /// What is logged.
    pub log: Log,
    /// Where metrics are read.
    pub observing: Observing,
    /// Where traces go.
    pub tracing: Tracing,
    /// Where the marketplace is reached.
    pub web: Web,
    /// How large bodies may be.
    pub bodies: Bodies,
    /// Whether developers are helped.
    pub developer_mode: bool,
    /// Whether the seed routes exist.
    pub seed_routes: bool,
    /// The message bus.
    pub bus: Address,
    /// What programs that serve users know beside it.
    pub users: Option<ForUsers>,
    /// Seals what waits to be published, where a key is given.
    pub sealing_key: Option<SealingKey>,
}

/// What programs that serve users know.
#[derive(Debug, Clone)]
pub struct ForUsers {
    /// The marketplace's secrets.
    pub tokens: Tokens,
    /// Where media are.
    pub media: Address,
}

impl Base {
    /// Seals what waits to be published.
    pub const SEALING_KEY: Setting = Setting::new("sealing_key", &["JOBAPP_SEALING_KEY"], "64 hexadecimal digits")
        .secret()
        .about("Seals what waits in a database to be published, such as links in mails; the same for all processes of a service")
        .or("none: it is as readable as the database");

    /// How long to serve on. No longer, since a stop as a whole is bounded.
    pub const DRAIN: Setting =
        Setting::new("drain_seconds", &["JOBAPP_DRAIN_SECONDS"], "a number of seconds between 0 and 8")
            .about("How long a program that is asked to stop serves on, telling each client to connect anew; 6 or more lose no request of a gateway")
            .or("0");

    /// Reads them for a program.
    pub(super) fn read<P: Program>(reader: &mut Reader) -> Option<Self> {
        let listen = Listen::read(reader, IpAddr::from([0, 0, 0, 0]), P::PORT);
        let bus = Places::bus(reader);
        let users = P::SERVES_USERS.then(|| {
            let (tokens, media) = (Tokens::read(reader), Places::media(reader));
            Some(ForUsers { tokens: tokens?, media: media? })
        });
        let (web, bodies) = (Web::read(reader), Bodies::read(reader));
        let (developer_mode, seed_routes) = (Developing::read(reader), Developing::seed_routes(reader));
        let sealing_key = reader.optional(&Self::SEALING_KEY, sealing_key);
        let (connections, log) = (Connections::read(reader), Log::read(reader, "info"));
        let drain = reader.or(&Self::DRAIN, 0, |text| text.parse::<u64>().ok().filter(|seconds| *seconds <= 8));
        let observing = Observing::read(reader, Observing::port_beside(P::PORT));
        let tracing = Tracing::read(reader, &format!("jobapp-{}", P::SERVICE));
        let users = match users {
            Some(users) => Some(users?),
            None => None,
        };
        let bus = bus?;
        let drain = Duration::from_secs(drain);
        Some(Self {
            listen,
            connections,
            drain,
            log,
            observing,
            tracing,
            web,
            bodies,
            developer_mode,
            seed_routes,
            bus,
            users,
            sealing_key,
        })
    }

    /// Where links in mails lead.
    pub fn links_lead_to(&self) -> String {
        self.web.links_lead_to(self.web.gateway()).to_owned()
    }

    /// Where developers read mails, if they are helped.
    pub fn mailbox(&self) -> Option<String> {
        self.developer_mode.then(|| format!("{}/_dev/mail", self.web.gateway()))
    }
}

/// What [`Base::SEALING_KEY`] says.
pub fn sealing_key(text: &str) -> Option<SealingKey> {
    let mut key = SealingKey::default();
    hex::decode_to_slice(text, &mut key).ok().map(|()| key)
}
