//! Settings: flags over environment over file over defaults, every problem reported at once.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use jobapp_gateway_service::{Policy, RateLimits};
use jobapp_platform::Address;
use jobapp_platform::config::{
    Bodies, Connections, Developing, Listen, Log, Observing, Reader, Sources, SourcesError, Tokens, Tracing, Web,
    compat, flag, secret,
};
use jobapp_platform::developer::is_loopback_url;
use jobapp_runtime::{LogFormat, ServerConfig};
use secrecy::SecretString;

use crate::cli::Flags;

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
    /// How many may be connected.
    pub connections: Connections,
    /// How long the gateway keeps answers about gigs.
    pub cache_age: Duration,
    /// What to log.
    pub log: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Where log lines go beside standard error.
    pub log_server: Option<Address>,
    /// Where metrics are read.
    pub observing: Observing,
    /// Where traces go.
    pub tracing: Tracing,
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
    pub fn server(&self) -> ServerConfig {
        let mut config = self.connections.server(true);
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
        let Web { client_url, public_url } = Web::read(&mut reader);
        let allowed_origins = Web::allowed_origins(&mut reader);
        let developer_mode = reader.or(&Developing::DEV, is_local(address.ip(), public_url.as_deref()), flag);
        let seed_routes = Developing::seed_routes(&mut reader);
        let Bodies { words: body_limit, picture: picture_body_limit, file: file_body_limit } =
            Bodies::read(&mut reader);
        let reference = reference(&mut reader);
        // The demo signs up a whole town from here.
        let spare_loopback = developer_mode || flags.demo;
        let Policy { trusted_proxies, rate_limits, cache_age } = Policy::read(&mut reader, spare_loopback);
        let connections = Connections::read(&mut reader);
        // A line for each request would bury what is printed, and whoever develops sees the requests at the other end.
        let usual = match (flags.demo, developer_mode) {
            // A demo sends half a hundred mails before it tells who is there.
            (true, _) => "info,access=warn,jobapp_mail=warn",
            (false, true) => "info,access=warn",
            (false, false) => "info",
        };
        let Log { filter, format, server: log_server } = Log::read(&mut reader, usual);
        let observing = Observing::read(&mut reader, 0);
        let tracing = Tracing::read(&mut reader, "jobapp");
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
            connections,
            cache_age,
            log: filter,
            log_format: format,
            log_server,
            observing,
            tracing,
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
        assert_eq!((settings.connections.max, settings.log.as_str()), (10_000, "info,access=warn"));
        flags.dev = Some("false".into());
        assert_eq!(Settings::load(&flags).unwrap().log, "info");
        (flags.demo, flags.max_connections) = (true, Some("64".into()));
        let settings = Settings::load(&flags).unwrap();
        assert_eq!((settings.connections.max, settings.log.as_str()), (64, "info,access=warn,jobapp_mail=warn"));
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
