//! Settings: flags over environment over file over defaults, every problem reported at once.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use jobapp_gateway_service::RateLimits;
use jobapp_platform::config::{
    Listen, Log, Reader, Setting, Sources, SourcesError, Tokens, bytes, compat, flag, networks, secret,
};
use jobapp_runtime::{LogFormat, ServerConfig};
use secrecy::SecretString;

use crate::cli::Flags;
use crate::developer::is_loopback_url;

/// The settings of the one binary.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The data folder.
    pub data: PathBuf,
    /// Where to listen.
    pub address: SocketAddr,
    /// Where the browser client lives; `None` means that there is none, and links in mails lead to pages of our own.
    pub client_url: Option<String>,
    /// Where this server is reached; `None` means `http://localhost:<the port it got>`.
    pub public_url: Option<String>,
    /// Further origins that may call.
    pub allowed_origins: Vec<String>,
    /// Whether the developer pages exist.
    pub developer_mode: bool,
    /// Whether the seed routes exist.
    pub seed_routes: bool,
    /// The largest body of words, in bytes.
    pub body_limit: usize,
    /// The largest body with a picture, in bytes.
    pub picture_body_limit: usize,
    /// The largest body with a file, in bytes.
    pub file_body_limit: usize,
    /// Also accept the tokens of the reference system, signed with these.
    pub reference: Option<ReferenceSecrets>,
    /// Proxies whose word about a client's address is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether and how strictly rates are limited.
    pub rate_limits: RateLimits,
    /// How many connections are open at most.
    pub max_connections: usize,
    /// How many connections one address may have open; a quarter of all by default.
    pub max_connections_per_address: Option<usize>,
    /// How long the gateway keeps answers about gigs.
    pub cache_age: Duration,
    /// What to log.
    pub log: String,
    /// How log lines look.
    pub log_format: LogFormat,
}

/// What the reference system signs its tokens with.
#[derive(Debug, Clone)]
pub struct ReferenceSecrets {
    /// Users' tokens.
    pub users: SecretString,
    /// Its gateway's tokens, if its gateway is still in front.
    pub gateway: Option<SecretString>,
}

/// The addresses of this machine for itself.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// A URL without a path is what these settings want.
const ORIGIN: &str = "an address such as http://localhost:3000";
const BYTES: &str = "a number of bytes between 1024 and 1073741824";
const NUMBER: &str = "a number between 1 and 1000000";

const CLIENT_URL: Setting = Setting::new("client_url", &["CLIENT_URL"], ORIGIN);
const PUBLIC_URL: Setting = Setting::new("public_url", &["JOBAPP_PUBLIC_URL"], ORIGIN);
const ALLOWED_ORIGINS: Setting =
    Setting::new("allowed_origins", &["JOBAPP_ALLOWED_ORIGINS"], "addresses separated by commas");
const DEV: Setting = Setting::new("dev", &["JOBAPP_DEV"], "true or false");
const SEED_ROUTES: Setting = Setting::new("seed_routes", &["JOBAPP_SEED_ROUTES"], "true or false");
const BODY_LIMIT: Setting = Setting::new("body_limit", &["JOBAPP_BODY_LIMIT"], BYTES);
const PICTURE_BODY_LIMIT: Setting = Setting::new("picture_body_limit", &["JOBAPP_PICTURE_BODY_LIMIT"], BYTES);
const FILE_BODY_LIMIT: Setting = Setting::new("file_body_limit", &["JOBAPP_FILE_BODY_LIMIT"], BYTES);
const TRUSTED_PROXIES: Setting = Setting::new(
    "trusted_proxies",
    &["JOBAPP_TRUSTED_PROXIES"],
    "addresses or networks such as 10.0.0.0/8, separated by commas",
);
const RATE_LIMITS: Setting =
    Setting::new("rate_limits", &["JOBAPP_RATE_LIMITS"], "auto, on, off or a factor from 1 to 1000000");
const CACHE_SECONDS: Setting =
    Setting::new("cache_seconds", &["JOBAPP_CACHE_SECONDS"], "a number of seconds up to 65535");
const MAX_CONNECTIONS: Setting = Setting::new("max_connections", &["JOBAPP_MAX_CONNECTIONS"], NUMBER);
const MAX_PER_ADDRESS: Setting =
    Setting::new("max_connections_per_address", &["JOBAPP_MAX_CONNECTIONS_PER_ADDRESS"], NUMBER);

impl Settings {
    /// Where links in mails lead: to the client, or to the pages of the server itself, which is reached at `public_url`.
    pub fn links_lead_to(&self, public_url: &str) -> String {
        self.client_url.as_deref().unwrap_or(public_url).trim_end_matches('/').to_owned()
    }

    /// Whether others than this machine may reach the server.
    pub fn is_exposed(&self) -> bool {
        !is_local(self.address.ip(), self.public_url.as_deref())
    }

    /// Whether the developer pages are where others may reach them.
    pub fn exposes_developer_pages(&self) -> bool {
        self.developer_mode && self.is_exposed()
    }

    /// Who may be connected, if the system lets so many be. Proxies stand for many clients, and so does this machine where rates spare it.
    pub fn server(&self, max_connections: usize) -> ServerConfig {
        let mut config = ServerConfig::new(max_connections);
        if let Some(most) = self.max_connections_per_address {
            config.max_per_address = most;
        }
        config.uncounted.clone_from(&self.trusted_proxies);
        if self.rate_limits.spare_loopback {
            config.uncounted.extend(LOOPBACK.iter().filter_map(|net| net.parse::<IpNet>().ok()));
        }
        config
    }

    /// Reads the settings.
    ///
    /// # Errors
    /// [`WrongSettings`](jobapp_platform::config::WrongSettings) with every problem; the file's own if it cannot be read.
    pub fn load(flags: &Flags) -> anyhow::Result<Self> {
        let data = flags.data.clone().unwrap_or_else(default_data);
        let mut reader = Reader::new(sources(flags, &data)?);
        let Listen { address } = Listen::read(&mut reader, IpAddr::from([127, 0, 0, 1]), 4000);
        let client_url = reader.optional(&CLIENT_URL, origin);
        let public_url = reader.optional(&PUBLIC_URL, origin);
        let allowed_origins = reader.or(&ALLOWED_ORIGINS, Vec::new(), |text| {
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(origin).collect()
        });
        let developer_mode = reader.or(&DEV, is_local(address.ip(), public_url.as_deref()), flag);
        let seed_routes = reader.or(&SEED_ROUTES, false, flag);
        let body_limit = reader.or(&BODY_LIMIT, 256 * 1024, bytes);
        let picture_body_limit = reader.or(&PICTURE_BODY_LIMIT, 20 * 1024 * 1024, bytes);
        let file_body_limit = reader.or(&FILE_BODY_LIMIT, 140 * 1024 * 1024, bytes);
        let reference = reference(&mut reader);
        let trusted_proxies = reader.or(&TRUSTED_PROXIES, Vec::new(), networks);
        // The demo signs up a whole town from here.
        let spare_loopback = developer_mode || flags.demo;
        let limits = RateLimits { spare_loopback, ..RateLimits::default() };
        let rate_limits = reader.or(&RATE_LIMITS, limits, |text| rate_limits(text, spare_loopback));
        let cache_seconds: u16 = reader.or(&CACHE_SECONDS, 60, |text| text.parse().ok());
        let max_connections = reader.or(&MAX_CONNECTIONS, jobapp_runtime::MAX_CONNECTIONS, number);
        let max_connections_per_address = reader.optional(&MAX_PER_ADDRESS, number);
        // A line for each request would bury what is printed, and whoever develops sees the requests at the other end.
        let usual = if developer_mode || flags.demo { "info,access=warn" } else { "info" };
        let Log { filter, format } = Log::read(&mut reader, usual);
        reader.finish()?;
        Ok(Self {
            data,
            address,
            client_url,
            public_url,
            allowed_origins,
            developer_mode,
            seed_routes,
            body_limit,
            picture_body_limit,
            file_body_limit,
            reference,
            trusted_proxies,
            rate_limits,
            max_connections,
            max_connections_per_address,
            cache_age: Duration::from_secs(cache_seconds.into()),
            log: filter,
            log_format: format,
        })
    }
}

/// Behind a proxy on the same machine the address is a loopback one, but the world can reach it.
fn is_local(bind: IpAddr, public_url: Option<&str>) -> bool {
    bind.is_loopback() && public_url.is_none_or(is_loopback_url)
}

fn default_data() -> PathBuf {
    directories::ProjectDirs::from("", "", "jobapp")
        .map_or_else(|| PathBuf::from("jobapp-data"), |dirs| dirs.data_dir().to_owned())
}

/// Flags and environment, and the file that is named, or lies in the data folder.
fn sources(flags: &Flags, data: &Path) -> Result<Sources, SourcesError> {
    let sources = flags.sources();
    match &flags.config {
        Some(file) => sources.file(file),
        // What is wrong with the data folder itself is told by who opens it.
        None => sources.file_if_there(&data.join("jobapp.toml")),
    }
}

/// What the reference system signs with. The one binary signs with keys of its own; these it only verifies.
fn reference(reader: &mut Reader) -> Option<ReferenceSecrets> {
    let is_wanted = reader.or(&Tokens::COMPAT, false, compat);
    let users = reader.optional(&Tokens::USERS, |text| Some(secret(text))).flatten();
    let gateway = reader.optional(&Tokens::GATEWAY, |text| Some(secret(text))).flatten();
    match (is_wanted, users) {
        (false, _) => None,
        (true, Some(users)) => Some(ReferenceSecrets { users, gateway }),
        (true, None) => {
            reader.complain(&Tokens::COMPAT, "of use without the secret its tokens are signed with: JWT_TOKEN");
            None
        }
    }
}

fn number(text: &str) -> Option<usize> {
    text.parse().ok().filter(|most| (1..=1_000_000).contains(most))
}

fn rate_limits(text: &str, spare_loopback: bool) -> Option<RateLimits> {
    let on = RateLimits::default();
    match text.to_ascii_lowercase().as_str() {
        "auto" => Some(RateLimits { spare_loopback, ..on }),
        "on" => Some(on),
        "off" => Some(RateLimits { on: false, ..on }),
        factor => factor
            .parse()
            .ok()
            .filter(|factor| (1..=1_000_000).contains(factor))
            .map(|factor| RateLimits { factor, ..on }),
    }
}

fn origin(text: &str) -> Option<String> {
    let uri: http::Uri = text.parse().ok()?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let bare = uri.path_and_query().is_none_or(|path| path.as_str() == "/");
    (known && bare && uri.host().is_some_and(|host| !host.is_empty())).then(|| text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags() -> (tempfile::TempDir, Flags) {
        let folder = tempfile::tempdir().unwrap();
        let flags = Flags { data: Some(folder.path().to_owned()), ..Flags::default() };
        (folder, flags)
    }

    #[test]
    fn defaults_are_a_laptops() {
        let (_folder, flags) = flags();
        let settings = Settings::load(&flags).unwrap();
        assert_eq!(settings.address.to_string(), "127.0.0.1:4000");
        assert!(settings.developer_mode);
        assert!(!settings.seed_routes);
        assert_eq!(settings.links_lead_to("http://localhost:4000"), "http://localhost:4000");
    }

    #[test]
    fn links_lead_to_the_client_if_there_is_one() {
        let (_folder, mut flags) = flags();
        flags.client_url = Some("https://app.example.org/".into());
        assert_eq!(Settings::load(&flags).unwrap().links_lead_to("http://localhost:4000"), "https://app.example.org");
    }

    #[test]
    fn connections_are_capped_and_the_demo_logs_no_line_a_request() {
        let (_folder, mut flags) = flags();
        let settings = Settings::load(&flags).unwrap();
        assert_eq!((settings.max_connections, settings.log.as_str()), (10_000, "info,access=warn"));
        flags.dev = Some("false".into());
        assert_eq!(Settings::load(&flags).unwrap().log, "info");
        (flags.demo, flags.max_connections) = (true, Some("64".into()));
        let settings = Settings::load(&flags).unwrap();
        assert_eq!((settings.max_connections, settings.log.as_str()), (64, "info,access=warn"));
        flags.log = Some("info".into());
        assert_eq!(Settings::load(&flags).unwrap().log, "info", "what is asked for counts");
        flags.max_connections = Some("0".into());
        assert!(Settings::load(&flags).is_err());
    }

    #[test]
    fn developer_mode_is_off_where_others_can_reach_it() {
        let (_folder, mut flags) = flags();
        flags.bind = Some("0.0.0.0".into());
        assert!(!Settings::load(&flags).unwrap().developer_mode);
        flags.bind = None;
        flags.public_url = Some("https://market.example".into());
        assert!(!Settings::load(&flags).unwrap().developer_mode, "behind a proxy");
        flags.public_url = Some("http://localhost:8080".into());
        assert!(Settings::load(&flags).unwrap().developer_mode);
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let (folder, mut flags) = flags();
        std::fs::write(
            folder.path().join("jobapp.toml"),
            "port = 4100\nallowed_origins = [\"http://a.test\", \"http://b.test\"]",
        )
        .unwrap();
        assert_eq!(Settings::load(&flags).unwrap().address.port(), 4100);
        flags.port = Some("4200".into());
        let settings = Settings::load(&flags).unwrap();
        assert_eq!(settings.address.port(), 4200);
        assert_eq!(settings.allowed_origins, ["http://a.test", "http://b.test"]);
    }

    #[test]
    fn proxies_are_addresses_or_networks() {
        let (_folder, mut flags) = flags();
        flags.trusted_proxies = Some("10.0.0.0/8, ::1".into());
        let networks = Settings::load(&flags).unwrap().trusted_proxies;
        assert!(networks[0].contains(&IpAddr::from([10, 1, 2, 3])) && networks[1].to_string() == "::1/128");
        flags.trusted_proxies = Some("everybody".into());
        assert!(Settings::load(&flags).is_err());
    }

    #[test]
    fn this_machine_is_spared_in_developer_mode_only() {
        let (_folder, mut flags) = flags();
        let limits = |flags: &Flags| Settings::load(flags).unwrap().rate_limits;
        assert!(limits(&flags).on && limits(&flags).spare_loopback);
        flags.rate_limits = Some("on".into());
        assert!(!limits(&flags).spare_loopback);
        flags.rate_limits = Some("auto".into());
        flags.dev = Some("false".into());
        assert!(limits(&flags).on && !limits(&flags).spare_loopback);
        flags.demo = true;
        assert!(limits(&flags).spare_loopback, "the demo is filled in from this machine");
        flags.rate_limits = Some("25".into());
        assert_eq!(limits(&flags).factor, 25);
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let (folder, mut flags) = flags();
        std::fs::write(folder.path().join("jobapp.toml"), "dev = \"perhaps\"\ncolour = 1").unwrap();
        flags.port = Some("70000".into());
        flags.client_url = Some("localhost:3000".into());
        let text = Settings::load(&flags).unwrap_err().to_string();
        for part in [
            "--port: \"70000\" is not a port",
            "--client-url",
            "dev in ",
            "jobapp.toml, line 1",
            "colour in ",
            "jobapp.toml, line 2",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn tokens_of_the_reference_are_accepted_only_when_they_are_asked_for_with_their_secret() {
        let (_folder, mut flags) = flags();
        flags.jwt_token = Some("hush".into());
        assert!(Settings::load(&flags).unwrap().reference.is_none());
        flags.compat = Some("reference".into());
        let reference = Settings::load(&flags).unwrap().reference.unwrap();
        assert!(reference.gateway.is_none() && !format!("{reference:?}").contains("hush"));
        flags.jwt_token = Some(String::new());
        let text = Settings::load(&flags).unwrap_err().to_string();
        assert!(text.contains("--compat: \"reference\" is not of use without the secret"), "{text}");
        flags.compat = Some("something".into());
        assert!(Settings::load(&flags).unwrap_err().to_string().contains("is not reference, or left out"));
    }
}
