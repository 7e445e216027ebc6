//! The kinds of servers, and what each is started with.

use std::fmt;

/// What the password of every server is.
const PASSWORD: &str = "jobapp";

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// PostgreSQL; the user may make databases.
    Postgres,
    /// MySQL, or MariaDB where the image is a stand-in; the user may make databases.
    MySql,
    /// Redis, which keeps its data through a restart.
    Redis,
    /// RabbitMQ with its management API.
    RabbitMq,
    /// Elasticsearch of one node, without users.
    Elasticsearch,
    /// MongoDB, or FerretDB where the image is a stand-in.
    MongoDb,
    /// Mailpit: takes every mail, and tells of them through its API.
    Mailpit,
    /// Toxiproxy: what [`proxied`](crate::proxied) uses.
    Toxiproxy,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Postgres,
        Self::MySql,
        Self::Redis,
        Self::RabbitMq,
        Self::MongoDb,
        Self::Elasticsearch,
        Self::Mailpit,
        Self::Toxiproxy,
    ];

    /// Its name, as in `tests/images`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
            Self::Redis => "redis",
            Self::RabbitMq => "rabbitmq",
            Self::Elasticsearch => "elasticsearch",
            Self::MongoDb => "mongodb",
            Self::Mailpit => "mailpit",
            Self::Toxiproxy => "toxiproxy",
        }
    }

    /// The variable that says where the shared server is: its address and, behind a blank, that of its API.
    pub fn server_variable(self) -> String {
        format!("JOBAPP_TEST_SERVER_{}", self.name().to_uppercase())
    }

    /// The variable that names another image than the official one.
    pub fn image_variable(self) -> String {
        format!("JOBAPP_TEST_IMAGE_{}", self.name().to_uppercase())
    }

    /// The official image.
    pub(crate) fn official_image(self) -> &'static str {
        match self {
            Self::Postgres => include_str!("../../images/postgres/official"),
            Self::MySql => include_str!("../../images/mysql/official"),
            Self::Redis => include_str!("../../images/redis/official"),
            Self::RabbitMq => include_str!("../../images/rabbitmq/official"),
            Self::Elasticsearch => include_str!("../../images/elasticsearch/official"),
            Self::MongoDb => include_str!("../../images/mongodb/official"),
            Self::Mailpit => include_str!("../../images/mailpit/official"),
            Self::Toxiproxy => include_str!("../../images/toxiproxy/official"),
        }
        .trim()
    }

    /// The ports inside the container: that of the protocol, then that of the API.
    pub(crate) fn ports(self) -> &'static [u16] {
        match self {
            Self::Postgres => &[5432],
            Self::MySql => &[3306],
            Self::Redis => &[6379],
            Self::RabbitMq => &[5672, 15672],
            Self::Elasticsearch => &[9200],
            Self::MongoDb => &[27017],
            Self::Mailpit => &[1025, 8025],
            Self::Toxiproxy => &[8474],
        }
    }

    /// Whether it uses the host's network: Toxiproxy must reach what is published there, and be reached at ports made later.
    pub(crate) fn is_on_host_network(self) -> bool {
        self == Self::Toxiproxy
    }

    /// Its environment.
    pub(crate) fn environment(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Postgres => &[("POSTGRES_PASSWORD", PASSWORD)],
            Self::MySql => &[("MYSQL_ROOT_PASSWORD", PASSWORD), ("MYSQL_DATABASE", "jobapp")],
            Self::RabbitMq => &[("RABBITMQ_DEFAULT_USER", "jobapp"), ("RABBITMQ_DEFAULT_PASS", PASSWORD)],
            Self::Elasticsearch => &[
                ("discovery.type", "single-node"),
                ("xpack.security.enabled", "false"),
                // A disk that is nearly full is no business of a test.
                ("cluster.routing.allocation.disk.threshold_enabled", "false"),
                ("ES_JAVA_OPTS", "-Xms512m -Xmx512m"),
            ],
            Self::Mailpit => &[("MP_SMTP_AUTH_ACCEPT_ANY", "1"), ("MP_SMTP_AUTH_ALLOW_INSECURE", "1")],
            Self::Redis | Self::MongoDb | Self::Toxiproxy => &[],
        }
    }

    /// Its command line, where the image's own does not do. `port` is the first of its ports on the host.
    pub(crate) fn command(self, port: u16) -> Vec<String> {
        let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        match self {
            // Suites run at once, each with a pool.
            Self::Postgres => text(&["-c", "max_connections=500"]),
            Self::MySql => text(&["--max-connections=500"]),
            // What was acknowledged outlives a kill.
            Self::Redis => text(&["redis-server", "--appendonly", "yes"]),
            Self::Toxiproxy => text(&["-host=127.0.0.1", &format!("-port={port}")]),
            Self::RabbitMq | Self::MongoDb | Self::Elasticsearch | Self::Mailpit => Vec::new(),
        }
    }

    /// What its log says when it has started, where an answer in its protocol comes too early.
    pub(crate) fn line_when_ready(self) -> Option<&'static str> {
        (self == Self::RabbitMq).then_some("Server startup complete")
    }

    /// The addresses of its ports on the host, as clients take them.
    pub(crate) fn urls(self, ports: &[u16]) -> Vec<String> {
        let bases: &[&str] = match self {
            Self::Postgres => &["postgres://postgres:jobapp@127.0.0.1:PORT/postgres"],
            Self::MySql => &["mysql://root:jobapp@127.0.0.1:PORT/jobapp"],
            Self::Redis => &["redis://127.0.0.1:PORT"],
            Self::RabbitMq => &["amqp://jobapp:jobapp@127.0.0.1:PORT", "http://jobapp:jobapp@127.0.0.1:PORT"],
            Self::Elasticsearch => &["http://127.0.0.1:PORT"],
            // Without a login: the stand-in has none.
            Self::MongoDb => &["mongodb://127.0.0.1:PORT"],
            Self::Mailpit => &["smtp://127.0.0.1:PORT", "http://127.0.0.1:PORT"],
            Self::Toxiproxy => &["http://127.0.0.1:PORT"],
        };
        bases.iter().zip(ports).map(|(base, port)| base.replace("PORT", &port.to_string())).collect()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
