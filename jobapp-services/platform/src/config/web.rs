//! What the world sees of a marketplace: where it is reached, how much it takes at once.

use jobapp_runtime::{MAX_CONNECTIONS, ServerConfig, reserve_descriptors};

use super::sections::{bytes, flag, number, origin, several};
use super::{Reader, Setting};

/// Where a marketplace is reached, and its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// Where the browser client lives; `None` means that there is none, and links in mails lead to pages of our own.
    pub client_url: Option<String>,
    /// Where the gateway is reached, if somebody said so.
    pub public_url: Option<String>,
}

/// A URL without a path is what these settings want.
const ORIGIN: &str = "an address such as http://localhost:3000";

impl Web {
    /// Where the browser client lives.
    pub const CLIENT_URL: Setting = Setting::new("client_url", &["CLIENT_URL"], ORIGIN)
        .about("Where the browser client lives: links in mails lead there, and it may call")
        .or("none: links lead to pages of the gateway");
    /// Where the gateway is reached.
    pub const PUBLIC_URL: Setting = Setting::new("public_url", &["JOBAPP_PUBLIC_URL", "API_GATEWAY_URL"], ORIGIN)
        .about("Where the gateway is reached; https makes cookies secure")
        .or("http://localhost:4000");
    /// Further origins that may call.
    pub const ALLOWED_ORIGINS: Setting =
        Setting::new("allowed_origins", &["JOBAPP_ALLOWED_ORIGINS"], "addresses separated by commas")
            .about("Further origins that may call, separated by commas")
            .or("none");

    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        let client_url = reader.optional(&Self::CLIENT_URL, origin);
        Self { client_url, public_url: reader.optional(&Self::PUBLIC_URL, origin) }
    }

    /// Reads the further origins that may call.
    pub fn allowed_origins(reader: &mut Reader) -> Vec<String> {
        reader.or(&Self::ALLOWED_ORIGINS, Vec::new(), |text| several(text, origin))
    }

    /// Where the gateway is reached.
    pub fn gateway(&self) -> &str {
        self.public_url.as_deref().unwrap_or("http://localhost:4000")
    }

    /// Where links in mails lead: to the client, or to the pages of the gateway itself, which is reached at `public_url`.
    pub fn links_lead_to<'a>(&'a self, public_url: &'a str) -> &'a str {
        self.client_url.as_deref().unwrap_or(public_url).trim_end_matches('/')
    }
}

/// How large bodies may be, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bodies {
    /// With words only.
    pub words: usize,
    /// With a picture.
    pub picture: usize,
    /// With a chat or delivery file.
    pub file: usize,
}

const BYTES: &str = "a number of bytes between 1024 and 1073741824";

impl Bodies {
    /// The largest body of words.
    pub const WORDS: Setting = Setting::new("body_limit", &["JOBAPP_BODY_LIMIT"], BYTES)
        .about("The largest body of words, in bytes")
        .or("262144");
    /// The largest body with a picture.
    pub const PICTURE: Setting = Setting::new("picture_body_limit", &["JOBAPP_PICTURE_BODY_LIMIT"], BYTES)
        .about("The largest body with a picture, in bytes")
        .or("20971520");
    /// The largest body with a file.
    pub const FILE: Setting = Setting::new("file_body_limit", &["JOBAPP_FILE_BODY_LIMIT"], BYTES)
        .about("The largest body with a chat or delivery file, in bytes")
        .or("146800640");

    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        Self {
            words: reader.or(&Self::WORDS, 256 * 1024, bytes),
            picture: reader.or(&Self::PICTURE, 20 * 1024 * 1024, bytes),
            file: reader.or(&Self::FILE, 140 * 1024 * 1024, bytes),
        }
    }
}

/// How many may be connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// How many connections are open at most.
    pub max: usize,
    /// How many connections one address may have open; a quarter of all by default, at least 16.
    pub max_per_address: Option<usize>,
}

const NUMBER: &str = "a number between 1 and 1000000";

impl Connections {
    /// How many connections are open at most.
    pub const MAX: Setting = Setting::new("max_connections", &["JOBAPP_MAX_CONNECTIONS"], NUMBER)
        .about("How many connections are open at most; further ones wait")
        .or("10000");
    /// How many one address may have.
    pub const MAX_PER_ADDRESS: Setting =
        Setting::new("max_connections_per_address", &["JOBAPP_MAX_CONNECTIONS_PER_ADDRESS"], NUMBER)
            .about("How many of them one address may have; proxies that are named are not counted")
            .or("a quarter, at least 16, for the gateway; all for a service, whose callers are gateways");

    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        let max = reader.or(&Self::MAX, MAX_CONNECTIONS, number);
        Self { max, max_per_address: reader.optional(&Self::MAX_PER_ADDRESS, number) }
    }

    /// Who may be connected, if the system lets so many be: `public` clients of everywhere, or gateways, which are few and call for all.
    pub fn server(self, public: bool) -> ServerConfig {
        let mut config = ServerConfig::new(reserve_descriptors(self.max));
        let usual = if public { config.max_per_address } else { config.max_connections };
        config.max_per_address = self.max_per_address.unwrap_or(usual);
        config
    }
}

/// Whether developers are helped, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Developing;

impl Developing {
    /// Whether the developer pages exist.
    pub const DEV: Setting = Setting::new("dev", &["JOBAPP_DEV"], "true or false")
        .about("Developer mode: pages that show mails and payments, for who reaches the machine itself")
        .or("false");
    /// Whether the seed routes exist.
    pub const SEED_ROUTES: Setting = Setting::new("seed_routes", &["JOBAPP_SEED_ROUTES"], "true or false")
        .about("Whether the routes exist that make sample users, gigs and sellers")
        .or("false");

    /// Whether developers are helped.
    pub fn read(reader: &mut Reader) -> bool {
        reader.or(&Self::DEV, false, flag)
    }

    /// Whether the seed routes exist.
    pub fn seed_routes(reader: &mut Reader) -> bool {
        reader.or(&Self::SEED_ROUTES, false, flag)
    }
}
