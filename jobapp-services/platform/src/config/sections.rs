//! The settings that processes have in common, a section each.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;
use jobapp_http::{GatewayTokens, TokenKeys, UserTokens};
use jobapp_runtime::LogFormat;
use secrecy::{ExposeSecret, SecretString};

use super::{Reader, Setting, Source};
use crate::Address;
use crate::shared::ACCESS_SECONDS;

/// How long a key must be that we sign with, in bytes (RFC 7518 §3.2).
const SHORTEST_KEY: usize = 32;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// The address and port.
    pub address: SocketAddr,
}

impl Listen {
    /// The address to listen on.
    pub const BIND: Setting = Setting::new("bind", &["BIND"], "an IP address such as 127.0.0.1 or 0.0.0.0")
        .about("The address to listen on")
        .or("0.0.0.0");
    /// The port to listen on; 0 takes a free one.
    pub const PORT: Setting = Setting::new("port", &["PORT"], "a port between 0 and 65535")
        .about("The port to listen on; 0 takes a free one");

    /// Reads the section.
    pub fn read(reader: &mut Reader, bind: IpAddr, port: u16) -> Self {
        let bind = reader.or(&Self::BIND, bind, parsed);
        let port = reader.or(&Self::PORT, port, parsed);
        Self { address: SocketAddr::new(bind, port) }
    }
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// A level, or targets with levels.
    pub filter: String,
    /// How lines look.
    pub format: LogFormat,
    /// Where lines go beside standard error.
    pub server: Option<Address>,
}

impl Log {
    /// What to log.
    pub const FILTER: Setting = Setting::new("log", &["JOBAPP_LOG"], "a log filter such as info or warn,access=info")
        .about("What is logged: a level, or targets with levels")
        .or("info");
    /// How lines look.
    pub const FORMAT: Setting = Setting::new("log_format", &["JOBAPP_LOG_FORMAT"], "auto, text or json")
        .about("How log lines look; auto is text on a terminal, JSON elsewhere")
        .or("auto");

    /// Where lines go beside standard error. Programs of the existing system send theirs to the server of this name as well.
    pub const SERVER: Setting = Setting::new(
        "log_server",
        &["JOBAPP_LOG_SERVER", "ELASTIC_SEARCH_URL"],
        "an address such as http://elastic:secret@es:9200, or none",
    )
    .secret()
    .about("The Elasticsearch that log lines go to beside standard error; none is none")
    .or("none");

    /// Reads the section; `filter` is what is logged unless somebody says otherwise.
    pub fn read(reader: &mut Reader, filter: &str) -> Self {
        let filter = reader.or(&Self::FILTER, filter.to_owned(), |text| Some(text.to_owned()));
        let format = reader.or(&Self::FORMAT, LogFormat::default(), |text| match text {
            "auto" => Some(LogFormat::Auto),
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        });
        Self { filter, format, server: Self::server(reader) }
    }

    fn server(reader: &mut Reader) -> Option<Address> {
        let source = reader.source_of(&Self::SERVER);
        // What gigs are searched in may be something else.
        let is_implied = matches!(&source, Source::Environment(name) if name == "ELASTIC_SEARCH_URL");
        let address = |text: &str| {
            let address = Address::parse(source.to_string(), text);
            let is_one = ["elasticsearch", "http", "https"].contains(&address.scheme());
            match is_one {
                true => Some(Some(address)),
                false => (is_implied || text == "none").then_some(None),
            }
        };
        reader.optional(&Self::SERVER, address).flatten()
    }
}

/// The keys that a marketplace of several processes signs tokens with. All of its processes have the same ones.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Signs users' tokens.
    pub users: SecretString,
    /// Signs the gateway's tokens.
    pub gateway: SecretString,
    /// Whether tokens of the reference system are accepted, too: signed with the same keys, since services that take the place of
    /// its services share them with those that are left.
    pub accept_reference: bool,
}

impl Tokens {
    /// Signs users' tokens.
    pub const USERS: Setting = Setting::new("jwt_token", &["JWT_TOKEN"], KEY)
        .secret()
        .about("The secret users' tokens are signed with; the same for all programs");
    /// Signs the gateway's tokens.
    pub const GATEWAY: Setting = Setting::new("gateway_jwt_token", &["GATEWAY_JWT_TOKEN"], KEY)
        .secret()
        .about("The secret the gateway's tokens are signed with; the same for all programs");
    /// Whether tokens of the reference system are accepted.
    pub const COMPAT: Setting = Setting::new("compat", &["JOBAPP_COMPAT"], "reference, or left out")
        .about("`reference` also accepts tokens of the system this one takes the place of");

    /// Reads the section. There are no keys by default.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let compat = reader.or(&Self::COMPAT, false, compat);
        // What the reference system chose is what it is.
        let shortest = if compat { 1 } else { SHORTEST_KEY };
        let key = |text: &str| secret(text).filter(|key| key.expose_secret().len() >= shortest);
        let (users, gateway) = (reader.required(&Self::USERS, key), reader.required(&Self::GATEWAY, key));
        Some(Self { users: users?, gateway: gateway?, accept_reference: compat })
    }

    /// What signs and verifies users' and the gateway's tokens.
    pub fn tokens(&self) -> (UserTokens, GatewayTokens) {
        let users = UserTokens::new(TokenKeys::single(&self.users), ACCESS_SECONDS);
        let gateway = GatewayTokens::new(TokenKeys::single(&self.gateway));
        if self.accept_reference {
            return (users.accepting_reference(&self.users), gateway.accepting_reference(&self.gateway));
        }
        (users, gateway)
    }
}

const KEY: &str = "a secret of 32 characters at least";

/// Where everything is that a service stands on. Ours win over the names that existing deployments have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The store.
    pub store: Address,
    /// The message bus.
    pub bus: Address,
}

impl Places {
    /// The message bus.
    pub const BUS: Setting =
        Setting::new("bus", &["JOBAPP_BUS", "RABBITMQ_ENDPOINT"], "an address such as amqp://jobapp:secret@mq/jobapp")
            .secret()
            .about("The message broker");
    /// What the queues of a broker are declared as.
    pub const QUEUE_TYPE: Setting =
        Setting::new("amqp_queue_type", &["JOBAPP_AMQP_QUEUE_TYPE"], "quorum, or classic beside existing programs")
            .about("What the queues of the broker are declared as; classic beside programs of the existing system")
            .or("quorum");
    /// The store of the auth service.
    pub const AUTH_STORE: Setting =
        Setting::new("store", &["JOBAPP_STORE", "MYSQL_DB"], STORE).secret().about("The database of the service");
    /// The store of any other service.
    pub const STORE: Setting =
        Setting::new("store", &["JOBAPP_STORE", "DATABASE_URL"], STORE).secret().about("The database of the service");
    /// The search index.
    pub const SEARCH: Setting = Setting::new(
        "search",
        &["JOBAPP_SEARCH", "ELASTIC_SEARCH_URL"],
        "an address such as http://elastic:9200 or tantivy:data/search",
    )
    .secret()
    .about("The search index of gigs");
    /// The analytics of reviews.
    pub const ANALYTICS: Setting = Setting::new("analytics", &["JOBAPP_ANALYTICS"], STORE)
        .secret()
        .about("The database of the analytics of reviews, if it is another one than that of the service");
    /// What gateways share.
    pub const PEERS: Setting =
        Setting::new("peers", &["JOBAPP_PEERS", "REDIS_HOST"], "an address such as redis://:secret@redis")
            .secret()
            .about("What several processes share: who is online, news between gateways, counts of tries");
    /// Which mails were sent.
    pub const SENT_RECORDS: Setting = Setting::new(
        "sent_records",
        &["JOBAPP_SENT_RECORDS", "REDIS_HOST"],
        "an address such as redis://:secret@redis or file:data/sent",
    )
    .secret()
    .about("Where it is remembered which mails were sent, so that each is sent once");
    /// Pictures and files.
    pub const MEDIA: Setting = Setting::new(
        "media",
        &["JOBAPP_MEDIA"],
        "an address such as file:data/media, s3://bucket/prefix?region=eu-west-1 or cloudinary://key:secret@cloud",
    )
    .secret()
    .about("Where pictures and files are kept; the same for all programs");
    /// Mails.
    pub const MAIL: Setting = Setting::new(
        "mail",
        &["JOBAPP_MAIL"],
        "an address such as smtp://user:secret@mail.example.org or file:data/mail",
    )
    .secret()
    .about("Where mails go");
    /// Payments.
    pub const PAYMENTS: Setting = Setting::new("payments", &["JOBAPP_PAYMENTS"], "an address such as fake:")
        .secret()
        .about("Who takes the money");

    /// Reads what a service with a store needs; `store` is its setting.
    pub fn read(reader: &mut Reader, store: &Setting) -> Option<Self> {
        let (store, bus) = (Self::of(reader, store), Self::bus(reader));
        Some(Self { store: store?, bus: bus? })
    }

    /// Reads the store of the review service, whose host, user, password and database existing deployments say one by one.
    pub fn review_store(reader: &mut Reader) -> Option<Address> {
        let of_parts = Self::review_parts(reader);
        of_parts.filter(|_| !reader.is_set(&Self::STORE)).or_else(|| Self::of(reader, &Self::STORE))
    }

    /// Reads it as those parts say; `None` where there is no host.
    pub fn review_parts(reader: &mut Reader) -> Option<Address> {
        let text = |text: &str| Some(text.to_owned());
        let (user, password) = (reader.optional(&DATABASE_USER, text), reader.optional(&DATABASE_PASSWORD, text));
        let (host, name) = (reader.optional(&DATABASE_HOST, text), reader.optional(&DATABASE_NAME, text));
        let encrypted = reader.optional(&CLUSTER_TYPE, text).is_some_and(|kind| kind == "AWS");
        let name = name.unwrap_or_else(|| "jobapp_reviews".to_owned());
        let parameters = if encrypted { "?sslmode=require" } else { "" };
        let address = Address::parse("DATABASE_HOST", &format!("postgres://{}/{name}{parameters}", host?));
        Some(match user {
            Some(user) => address.of_user(&user, &password.unwrap_or_default()),
            None => address,
        })
    }

    /// Reads where media are. Existing deployments say of Cloudinary one by one whose the account is.
    pub fn media(reader: &mut Reader) -> Option<Address> {
        let text = |text: &str| Some(text.to_owned());
        let cloud = reader.optional(&CLOUD_NAME, text);
        let (key, secret) = (reader.optional(&CLOUD_API_KEY, text), reader.optional(&CLOUD_API_SECRET, text));
        let Some(cloud) = cloud.filter(|_| !reader.is_set(&Self::MEDIA)) else { return Self::of(reader, &Self::MEDIA) };
        let (Some(key), Some(secret)) = (key, secret) else {
            reader.complain(&CLOUD_NAME, "enough: set CLOUD_API_KEY and CLOUD_API_SECRET, too");
            return None;
        };
        Some(Address::parse("CLOUD_NAME", &format!("cloudinary://{cloud}")).of_user(&key, &secret))
    }

    /// Reads where the message bus is, and what it has to know if it is a broker.
    pub fn bus(reader: &mut Reader) -> Option<Address> {
        let known = |text: &str| ["quorum", "classic"].contains(&text).then(|| text.to_owned());
        let queue_type = reader.optional(&Self::QUEUE_TYPE, known);
        let bus = Self::of(reader, &Self::BUS)?;
        match queue_type {
            Some(queue_type) if bus.scheme().starts_with("amqp") => Some(bus.with_parameter("queue_type", &queue_type)),
            _ => Some(bus),
        }
    }

    /// Reads one place, if it is set.
    pub fn optional(reader: &mut Reader, setting: &Setting) -> Option<Address> {
        let source = reader.source_of(setting);
        reader.optional(setting, |text| Self::place(&source, text))
    }

    /// Reads one place, which must be set.
    pub fn of(reader: &mut Reader, setting: &Setting) -> Option<Address> {
        let source = reader.source_of(setting);
        reader.required(setting, |text| Self::place(&source, text))
    }

    fn place(source: &Source, text: &str) -> Option<Address> {
        let address = Address::parse(source.to_string(), text);
        (!address.scheme().is_empty()).then_some(address)
    }
}

const CLOUD_NAME: Setting = Setting::new("cloud_name", &["CLOUD_NAME"], "the name of a cloud")
    .about("The cloud of an account at Cloudinary, where `JOBAPP_MEDIA` says nothing");
const CLOUD_API_KEY: Setting = Setting::new("cloud_api_key", &["CLOUD_API_KEY"], "the API key of that account")
    .about("Whom Cloudinary knows us as");
const CLOUD_API_SECRET: Setting =
    Setting::new("cloud_api_secret", &["CLOUD_API_SECRET"], "the API secret of that account")
        .secret()
        .about("What proves it");

const DATABASE_HOST: Setting = Setting::new("database_host", &["DATABASE_HOST"], "a host such as db, or db:5432")
    .about("The host of the PostgreSQL database, where its address is not given as a whole");
const DATABASE_USER: Setting =
    Setting::new("database_user", &["DATABASE_USER"], "a name").about("Whom that database knows us as");
const DATABASE_PASSWORD: Setting =
    Setting::new("database_password", &["DATABASE_PASSWORD"], "a secret").secret().about("The password of that user");
const DATABASE_NAME: Setting = Setting::new("database_name", &["DATABASE_NAME"], "a name")
    .about("Which database of that host")
    .or("jobapp_reviews");
const CLUSTER_TYPE: Setting =
    Setting::new("cluster_type", &["CLUSTER_TYPE"], "AWS, or anything else").about("AWS asks for TLS to that database");

/// Where mails go, and from whom they come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSettings {
    /// Where they go.
    pub address: Address,
    /// Whom they come from, such as `JobApp <no-reply@jobapp.example>`.
    pub sender: String,
    /// What the marketplace is called in them.
    pub marketplace: String,
}

impl MailSettings {
    /// Whom mails come from.
    pub const SENDER: Setting = Setting::new(
        "mail_sender",
        &["JOBAPP_MAIL_SENDER", "SENDER_EMAIL"],
        "an address such as JobApp <no-reply@jobapp.example>",
    )
    .about("Whom mails come from; where only a password is given beside it, also whom the mail host knows us as")
    .or("JobApp <no-reply@jobapp.example>");
    /// What the mail host wants to hear.
    pub const PASSWORD: Setting =
        Setting::new("mail_password", &["JOBAPP_MAIL_PASSWORD", "SENDER_EMAIL_PASSWORD"], "a password")
            .secret()
            .about("The sender's password at the mail host, where the address has none");
    /// What the marketplace is called.
    pub const MARKETPLACE: Setting = Setting::new("marketplace", &["JOBAPP_MARKETPLACE"], "a name")
        .about("What the marketplace is called in mails")
        .or("JobApp");

    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let sender = reader.or(&Self::SENDER, "JobApp <no-reply@jobapp.example>".to_owned(), text);
        let marketplace = reader.or(&Self::MARKETPLACE, "JobApp".to_owned(), text);
        let password = reader.optional(&Self::PASSWORD, text);
        let address = Places::of(reader, &Places::MAIL)?;
        let address = match password {
            Some(password) if address.scheme().starts_with("smtp") => {
                let user = sender.rsplit_once('<').map_or(&*sender, |(_, user)| user.trim_end_matches('>'));
                address.of_user(user, &password)
            }
            _ => address,
        };
        Some(Self { address, sender, marketplace })
    }
}

const STORE: &str = "an address such as postgres://jobapp:secret@db/market";

/// A value that reads itself.
pub(super) fn parsed<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// `true`, `1`, `yes`, `on` and their opposites.
pub fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// A number of bytes from 1 KiB to 1 GiB.
pub fn bytes(text: &str) -> Option<usize> {
    text.parse().ok().filter(|bytes| (1024..=1 << 30).contains(bytes))
}

/// Addresses or networks, separated by commas.
pub fn networks(text: &str) -> Option<Vec<IpNet>> {
    several(text, |part| part.parse().ok().or_else(|| part.parse::<IpAddr>().ok().map(IpNet::from)))
}

/// An address without a path, such as `https://app.example.org`.
pub fn origin(text: &str) -> Option<String> {
    let uri: axum::http::Uri = text.parse().ok()?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let bare = uri.path_and_query().is_none_or(|path| path.as_str() == "/");
    (known && bare && uri.host().is_some_and(|host| !host.is_empty())).then(|| text.trim_end_matches('/').to_owned())
}

/// What several values separated by commas are, each read alike.
pub fn several<T>(text: &str, one: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(one).collect()
}

/// A number from 1 to a million.
pub fn number(text: &str) -> Option<usize> {
    text.parse().ok().filter(|most| (1..=1_000_000).contains(most))
}

/// A text that is not empty.
pub fn secret(text: &str) -> Option<SecretString> {
    (!text.is_empty()).then(|| SecretString::from(text.to_owned()))
}

/// Whether tokens of the reference system are accepted.
pub fn compat(text: &str) -> Option<bool> {
    match text {
        "reference" => Some(true),
        "" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, WrongSettings};

    fn sources(variables: &[(&str, &str)]) -> Sources {
        let pairs = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Sources::new().environment(pairs)
    }

    fn read(sources: Sources) -> Result<(Listen, Option<Tokens>, Option<Places>), WrongSettings> {
        let mut reader = Reader::new(sources);
        let listen = Listen::read(&mut reader, IpAddr::from([0, 0, 0, 0]), 4008);
        let read = (listen, Tokens::read(&mut reader), Places::read(&mut reader, &Places::STORE));
        reader.finish().map(|()| read)
    }

    const GOOD: &str = "01234567890123456789012345678901";

    #[test]
    fn every_problem_is_told_at_once_with_its_name_what_was_expected_and_where_it_comes_from() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("order.toml");
        std::fs::write(&file, "bus = \"nowhere\"\n\n# where\nbind = \"here\"\ncolour = \"blue\"\n").unwrap();
        let sources = sources(&[("PORT", "70000"), ("JWT_TOKEN", "hush"), ("DATABASE_URL", "data")]);
        let text = read(sources.file(&file).unwrap()).unwrap_err().to_string();
        let shown = file.display();
        let expected = format!(
            "some settings are wrong:\n  \
             bind in {shown}, line 4: \"here\" is not an IP address such as 127.0.0.1 or 0.0.0.0\n  \
             PORT in the environment: \"70000\" is not a port between 0 and 65535\n  \
             JWT_TOKEN in the environment: its value is not a secret of 32 characters at least\n  \
             gateway_jwt_token: missing; it should be a secret of 32 characters at least. \
             Set GATEWAY_JWT_TOKEN, or gateway_jwt_token in the settings file\n  \
             DATABASE_URL in the environment: its value is not an address such as postgres://jobapp:secret@db/market\n  \
             bus in {shown}, line 1: its value is not an address such as amqp://jobapp:secret@mq/jobapp\n  \
             colour in {shown}, line 5: \"blue\" is not the value of a setting: there is none of that name"
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn a_secret_that_looks_like_a_number_is_a_text() {
        let digits = "01234567890123456789012345678901";
        let places = [("DATABASE_URL", "memory:"), ("RABBITMQ_ENDPOINT", "memory:")];
        let tokens = [("JWT_TOKEN", digits), ("GATEWAY_JWT_TOKEN", GOOD)];
        let (_, tokens, _) = read(sources(&[places, tokens].concat())).unwrap();
        assert_eq!(tokens.unwrap().users.expose_secret(), digits);
    }

    #[test]
    fn ours_win_over_the_names_of_existing_deployments_and_those_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("order.toml");
        std::fs::write(&file, "bus = \"sqlite:file.db\"\nstore = \"sqlite:file.db\"\nport = 1\n").unwrap();
        let tokens = [("JWT_TOKEN", GOOD), ("GATEWAY_JWT_TOKEN", GOOD)];
        let places =
            [("DATABASE_URL", "mongodb://db"), ("JOBAPP_STORE", "memory:"), ("RABBITMQ_ENDPOINT", "amqp://mq")];
        let sources = sources(&[&tokens[..], &places].concat()).file(&file).unwrap().flag("port", "2");
        let (listen, _, places) = read(sources).unwrap();
        let places = places.unwrap();
        assert_eq!((listen.address.port(), places.store.scheme(), places.bus.scheme()), (2, "memory", "amqp"));
        assert_eq!(places.bus.setting(), "RABBITMQ_ENDPOINT in the environment");
    }

    #[test]
    fn log_lines_go_where_those_of_existing_programs_go_unless_somebody_says_otherwise() {
        let server = |variables: &[(&str, &str)]| {
            let mut reader = Reader::new(sources(variables));
            let log = Log::read(&mut reader, "info");
            reader.finish().map(|()| log.server.map(|address| address.url())).map_err(|wrong| wrong.to_string())
        };
        let theirs = ("ELASTIC_SEARCH_URL", "http://elastic:hush@es.test:9200");
        assert_eq!(server(&[]), Ok(None));
        assert_eq!(server(&[theirs]), Ok(Some("http://elastic:hush@es.test:9200".to_owned())));
        assert_eq!(server(&[theirs, ("JOBAPP_LOG_SERVER", "none")]), Ok(None));
        let ours = server(&[theirs, ("JOBAPP_LOG_SERVER", "https://logs.test")]);
        assert_eq!(ours, Ok(Some("https://logs.test".to_owned())));
        assert_eq!(server(&[("ELASTIC_SEARCH_URL", "tantivy:data/search")]), Ok(None), "gigs are searched there");
        let wrong = server(&[("JOBAPP_LOG_SERVER", "tcp://:hush@logs.test")]).unwrap_err();
        assert!(wrong.contains("JOBAPP_LOG_SERVER in the environment") && !wrong.contains("hush"), "{wrong}");
    }

    #[test]
    fn the_type_of_queues_is_told_to_a_broker() {
        let tokens = [("JWT_TOKEN", GOOD), ("GATEWAY_JWT_TOKEN", GOOD), ("DATABASE_URL", "memory:")];
        let bus = |bus, queue_type| {
            let variables = [&tokens[..], &[("JOBAPP_BUS", bus), ("JOBAPP_AMQP_QUEUE_TYPE", queue_type)]].concat();
            read(sources(&variables)).map(|(_, _, places)| places.unwrap().bus.url())
        };
        assert_eq!(bus("amqp://mq/jobapp", "classic").unwrap(), "amqp://mq/jobapp?queue_type=classic");
        assert_eq!(bus("memory:", "quorum").unwrap(), "memory:");
        let refused = bus("amqp://mq/jobapp", "round").unwrap_err().to_string();
        assert!(refused.contains("JOBAPP_AMQP_QUEUE_TYPE in the environment: \"round\" is not quorum"), "{refused}");
    }

    #[test]
    fn an_account_at_cloudinary_is_that_of_existing_deployments_unless_another_place_is_said() {
        let read = |variables: &[(&str, &str)]| {
            let mut reader = Reader::new(sources(variables));
            let media = Places::media(&mut reader);
            reader.finish().map(|()| media.unwrap())
        };
        let account = [("CLOUD_NAME", "demo"), ("CLOUD_API_KEY", "123"), ("CLOUD_API_SECRET", "s@id")];
        let media = read(&account).unwrap();
        assert_eq!((media.url(), media.setting()), ("cloudinary://123:s%40id@demo".to_owned(), "CLOUD_NAME"));
        assert_eq!(media.to_string(), "cloudinary://123:***@demo");
        let ours = read(&[&account[..], &[("JOBAPP_MEDIA", "file:data/media")]].concat()).unwrap();
        assert_eq!(ours.url(), "file:data/media");
        let half = read(&account[..2]).unwrap_err().to_string();
        assert!(half.contains("CLOUD_NAME") && half.contains("set CLOUD_API_KEY and CLOUD_API_SECRET, too"), "{half}");
        let none = read(&[]).unwrap_err().to_string();
        assert!(none.contains("Set JOBAPP_MEDIA, or media in the settings file"), "{none}");
    }

    #[test]
    fn the_parts_of_an_address_of_existing_deployments_make_one() {
        let read = |variables: &[(&str, &str)]| {
            let mut reader = Reader::new(sources(variables));
            let address = Places::review_store(&mut reader);
            reader.finish().map(|()| address.unwrap().url())
        };
        let parts = [("DATABASE_HOST", "db"), ("DATABASE_USER", "me"), ("DATABASE_PASSWORD", "a@b/c")];
        assert_eq!(read(&parts).unwrap(), "postgres://me:a%40b%2Fc@db/jobapp_reviews");
        let on_aws = [("DATABASE_HOST", "db:5433"), ("DATABASE_NAME", "reviews"), ("CLUSTER_TYPE", "AWS")];
        assert_eq!(read(&on_aws).unwrap(), "postgres://db:5433/reviews?sslmode=require");
        assert_eq!(read(&[&parts[..], &[("JOBAPP_STORE", "memory:")]].concat()).unwrap(), "memory:");
        assert!(read(&[]).unwrap_err().to_string().contains("Set JOBAPP_STORE or DATABASE_URL"));
    }

    #[test]
    fn whom_a_mail_host_knows_us_as_is_the_sender_unless_the_address_says_otherwise() {
        let read = |mail: &str| {
            let variables =
                [("JOBAPP_MAIL", mail), ("SENDER_EMAIL", "Shop <me@shop.test>"), ("SENDER_EMAIL_PASSWORD", "hush")];
            let mut reader = Reader::new(sources(&variables));
            let mail = MailSettings::read(&mut reader).unwrap();
            assert_eq!((mail.sender.as_str(), mail.marketplace.as_str()), ("Shop <me@shop.test>", "JobApp"));
            mail.address.url()
        };
        assert_eq!(read("smtp://mail.test"), "smtp://me%40shop%2Etest:hush@mail.test");
        assert_eq!(read("smtp://you:other@mail.test"), "smtp://you:other@mail.test");
        assert_eq!(read("file:/var/mail"), "file:/var/mail");
    }

    #[test]
    fn the_reference_systems_secrets_may_be_short() {
        let places = [("DATABASE_URL", "memory:"), ("RABBITMQ_ENDPOINT", "memory:")];
        let tokens = [("JWT_TOKEN", "1234"), ("GATEWAY_JWT_TOKEN", "5678")];
        assert!(read(sources(&[&places[..], &tokens].concat())).is_err());
        let (_, tokens, _) =
            read(sources(&[&places[..], &tokens, &[("JOBAPP_COMPAT", "reference")]].concat())).unwrap();
        assert!(tokens.unwrap().accept_reference);
    }
}
