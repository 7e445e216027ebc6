//! What a cluster is made of.

use anyhow::anyhow;
use clap::ValueEnum;

/// The services, in the order in which they are started. The gateway is last: it is told where the others are.
pub const SERVICES: [&str; 8] = ["auth", "users", "gig", "chat", "order", "review", "notification", "gateway"];

/// Which databases the services stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Databases {
    /// All on one PostgreSQL, each in a namespace of its own.
    #[default]
    Postgres,
    /// auth on MySQL, the others on one PostgreSQL.
    #[value(name = "both")]
    MySqlAndPostgres,
    /// All on one MySQL.
    #[value(name = "mysql")]
    MySql,
    /// Each on what suits it: auth on MySQL, the analytics of reviews on PostgreSQL, everything else on MongoDB.
    Polyglot,
}

impl Databases {
    /// Those of this name, as `cargo xtask up --databases` takes it.
    ///
    /// # Errors
    /// When there are none.
    pub fn named(name: &str) -> anyhow::Result<Self> {
        let names = || Self::value_variants().iter().filter_map(Self::to_possible_value);
        Self::from_str(name, false).map_err(|_| {
            let names: Vec<String> = names().map(|value| value.get_name().to_owned()).collect();
            anyhow!("{name:?} is none of {}", names.join(", "))
        })
    }
}

/// What a cluster is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The databases.
    pub databases: Databases,
    /// How many processes of each service there are.
    pub each: usize,
    /// Whether mails go to a mail host, and not to a folder that the developer pages show.
    pub mail_host: bool,
    /// Whether gigs are searched on an Elasticsearch, and not in a folder.
    pub elasticsearch: bool,
    /// Whether pictures and files are in a bucket, and not in a folder.
    pub bucket: bool,
    /// Whether the servers are those that every suite of a run shares, with data apart; otherwise each is the cluster's own, and may
    /// be stopped.
    pub shared_servers: bool,
    /// Whether every server is behind a network that can be disturbed.
    pub faulty_network: bool,
    /// Further settings of every program, or of one: `(service, variable, value)`, where no service is all of them.
    pub settings: Vec<(Option<&'static str>, &'static str, String)>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            databases: Databases::default(),
            each: 1,
            mail_host: false,
            elasticsearch: false,
            bucket: false,
            shared_servers: false,
            faulty_network: false,
            settings: Vec::new(),
        }
    }
}

impl Plan {
    /// Everything on what suits it: [`Databases::Polyglot`], an Elasticsearch, a mail host and a bucket.
    pub fn polyglot() -> Self {
        Self { databases: Databases::Polyglot, mail_host: true, elasticsearch: true, bucket: true, ..Self::default() }
    }
}
