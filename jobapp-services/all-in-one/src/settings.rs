//! Settings: flags over environment over file over defaults, every problem reported at once.

use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use jobapp_gateway_service::RateLimits;
use jobapp_runtime::{LogFormat, ServerConfig};
use secrecy::{ExposeSecret, SecretString};

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

/// One setting that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting's name and where its value came from.
    pub name: String,
    /// The value.
    pub value: String,
    /// What would have been right.
    pub expected: &'static str,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?} is not {}", self.name, self.value, self.expected)
    }
}

/// Everything that is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub struct WrongSettings(pub Vec<Problem>);

impl fmt::Display for WrongSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("some settings are wrong:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// The names a file may hold.
const NAMES: [&str; 20] = [
    "bind",
    "port",
    "client_url",
    "public_url",
    "allowed_origins",
    "dev",
    "seed_routes",
    "body_limit",
    "picture_body_limit",
    "file_body_limit",
    "compat",
    "jwt_token",
    "gateway_jwt_token",
    "trusted_proxies",
    "rate_limits",
    "cache_seconds",
    "max_connections",
    "max_connections_per_address",
    "log",
    "log_format",
];

/// The addresses of this machine for itself.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// A URL without a path is what these settings want.
const ORIGIN: &str = "an address such as http://localhost:3000";

/// Reads values by name and collects what is wrong.
struct Reader {
    file: BTreeMap<String, String>,
    file_name: String,
    problems: Vec<Problem>,
}

impl Reader {
    fn read<T>(
        &mut self,
        name: &'static str,
        flag: Option<&String>,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let (text, origin) = match (flag, self.file.get(name)) {
            (Some(text), _) => (text.clone(), format!("--{}", name.replace('_', "-"))),
            (None, Some(text)) => (text.clone(), format!("{name} in {}", self.file_name)),
            (None, None) => return None,
        };
        let parsed = parse(text.trim());
        if parsed.is_none() {
            // A flag's value may have come from its environment variable; both names are the same setting.
            self.problems.push(Problem { name: origin, value: text, expected });
        }
        parsed
    }
}

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
    /// [`WrongSettings`] with every problem; the file's own if it cannot be read.
    pub fn load(flags: &Flags) -> anyhow::Result<Self> {
        let data = flags.data.clone().unwrap_or_else(default_data);
        let (file, file_name) = read_file(flags.config.as_deref(), &data)?;
        let unknown = file.keys().filter(|name| !NAMES.contains(&name.as_str())).map(|name| Problem {
            name: format!("{name} in {file_name}"),
            value: file[name].clone(),
            expected: "the value of a setting: there is none of that name, `jobapp --help` lists them",
        });
        let problems = unknown.collect();
        let mut reader = Reader { file, file_name, problems };
        let bind: IpAddr = reader
            .read("bind", flags.bind.as_ref(), "an IP address such as 127.0.0.1 or 0.0.0.0", parse)
            .unwrap_or(IpAddr::from([127, 0, 0, 1]));
        let port: u16 = reader.read("port", flags.port.as_ref(), "a port between 0 and 65535", parse).unwrap_or(4000);
        let client_url = reader.read("client_url", flags.client_url.as_ref(), ORIGIN, origin);
        let public_url = reader.read("public_url", flags.public_url.as_ref(), ORIGIN, origin);
        let allowed_origins =
            reader.read("allowed_origins", flags.allowed_origins.as_ref(), "addresses separated by commas", |text| {
                text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(origin).collect()
            });
        let developer_mode = reader.read("dev", flags.dev.as_ref(), "true or false", boolean);
        let seed_routes = reader.read("seed_routes", flags.seed_routes.as_ref(), "true or false", boolean);
        let bytes = "a number of bytes between 1024 and 1073741824";
        let body_limit = reader.read("body_limit", flags.body_limit.as_ref(), bytes, size);
        let picture_body_limit = reader.read("picture_body_limit", flags.picture_body_limit.as_ref(), bytes, size);
        let file_body_limit = reader.read("file_body_limit", flags.file_body_limit.as_ref(), bytes, size);
        let is_reference = reader.read("compat", flags.compat.as_ref(), "reference, or left out", |text| match text {
            "reference" => Some(true),
            "" => Some(false),
            _ => None,
        });
        let mut secret =
            |name, flag| reader.read(name, flag, "a secret", |text| Some(SecretString::from(text.to_owned())));
        let users = secret("jwt_token", flags.jwt_token.as_ref()).filter(|text| !text.expose_secret().is_empty());
        let gateway = secret("gateway_jwt_token", flags.gateway_jwt_token.as_ref());
        let gateway = gateway.filter(|text| !text.expose_secret().is_empty());
        let reference = match (is_reference.unwrap_or(false), users) {
            (false, _) => None,
            (true, Some(users)) => Some(ReferenceSecrets { users, gateway }),
            (true, None) => {
                let (name, value) = ("--compat".to_owned(), "reference".to_owned());
                let expected = "of use without the secret its tokens are signed with: JWT_TOKEN";
                reader.problems.push(Problem { name, value, expected });
                None
            }
        };
        let trusted_proxies = reader.read(
            "trusted_proxies",
            flags.trusted_proxies.as_ref(),
            "addresses or networks such as 10.0.0.0/8, separated by commas",
            networks,
        );
        let local = is_local(bind, public_url.as_deref());
        let developer_mode = developer_mode.unwrap_or(local);
        // The demo signs up a whole town from here.
        let spare_loopback = developer_mode || flags.demo;
        let rate_limits = reader.read(
            "rate_limits",
            flags.rate_limits.as_ref(),
            "auto, on, off or a factor from 1 to 1000000",
            |text| rate_limits(text, spare_loopback),
        );
        let cache_seconds: Option<u16> =
            reader.read("cache_seconds", flags.cache_seconds.as_ref(), "a number of seconds up to 65535", parse);
        let max_connections =
            reader.read("max_connections", flags.max_connections.as_ref(), "a number between 1 and 1000000", |text| {
                text.parse().ok().filter(|most| (1..=1_000_000).contains(most))
            });
        let max_connections_per_address = reader.read(
            "max_connections_per_address",
            flags.max_connections_per_address.as_ref(),
            "a number between 1 and 1000000",
            |text| text.parse().ok().filter(|most| (1..=1_000_000).contains(most)),
        );
        let log = reader.read("log", flags.log.as_ref(), "a log filter", |text| Some(text.to_owned()));
        let log_format =
            reader.read("log_format", flags.log_format.as_ref(), "auto, text or json", |text| match text {
                "auto" => Some(LogFormat::Auto),
                "text" => Some(LogFormat::Text),
                "json" => Some(LogFormat::Json),
                _ => None,
            });
        if !reader.problems.is_empty() {
            return Err(WrongSettings(reader.problems).into());
        }
        Ok(Self {
            data,
            address: SocketAddr::new(bind, port),
            client_url,
            public_url,
            allowed_origins: allowed_origins.unwrap_or_default(),
            developer_mode,
            seed_routes: seed_routes.unwrap_or(false),
            body_limit: body_limit.unwrap_or(256 * 1024),
            picture_body_limit: picture_body_limit.unwrap_or(20 * 1024 * 1024),
            file_body_limit: file_body_limit.unwrap_or(140 * 1024 * 1024),
            reference,
            trusted_proxies: trusted_proxies.unwrap_or_default(),
            rate_limits: rate_limits.unwrap_or(RateLimits { spare_loopback, ..RateLimits::default() }),
            max_connections: max_connections.unwrap_or(jobapp_runtime::MAX_CONNECTIONS),
            max_connections_per_address,
            cache_age: Duration::from_secs(cache_seconds.unwrap_or(60).into()),
            // A line for each request would bury what is printed, and whoever develops sees the requests at the other end.
            log: log
                .unwrap_or_else(|| if developer_mode || flags.demo { "info,access=warn" } else { "info" }.to_owned()),
            log_format: log_format.unwrap_or_default(),
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

fn read_file(named: Option<&Path>, data: &Path) -> anyhow::Result<(BTreeMap<String, String>, String)> {
    use anyhow::Context as _;
    let path = named.map_or_else(|| data.join("jobapp.toml"), Path::to_owned);
    let shown = path.display().to_string();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        // What is wrong with the data folder itself is told by who opens it.
        Err(error) if named.is_none() && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            String::new()
        }
        Err(error) => return Err(error).with_context(|| format!("the settings file {shown} cannot be read")),
    };
    let table: toml::Table = text.parse().with_context(|| format!("the settings file {shown} is not valid TOML"))?;
    let values = table.into_iter().map(|(name, value)| {
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Array(parts) => {
                let parts: Vec<String> =
                    parts.iter().map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned)).collect();
                parts.join(",")
            }
            other => other.to_string(),
        };
        (name, text)
    });
    Ok((values.collect(), shown))
}

fn parse<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn size(text: &str) -> Option<usize> {
    text.parse().ok().filter(|bytes| (1024..=1 << 30).contains(bytes))
}

fn networks(text: &str) -> Option<Vec<IpNet>> {
    let one = |part: &str| part.parse().ok().or_else(|| part.parse::<IpAddr>().ok().map(IpNet::from));
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(one).collect()
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
        for part in ["--port: \"70000\" is not a port", "--client-url", "dev in ", "colour in "] {
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
