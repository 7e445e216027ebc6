//! The servers a cluster stands on.

use jobapp_test_servers::{Bucket, Kind, OwnServer, Proxy, Server, own, proxied, shared};

use crate::{Databases, Plan};

/// The servers a cluster stands on: each its own, so that a test may stop it.
pub struct Servers {
    /// The message broker.
    pub rabbitmq: Place,
    /// What processes share.
    pub redis: Place,
    /// The database of all services, of all but one, or of the analytics of reviews.
    pub postgres: Option<Place>,
    /// The database of auth, or of all.
    pub mysql: Option<Place>,
    /// The database of all but auth, and of reviews but for their analytics.
    pub mongodb: Option<Place>,
    /// The mail host.
    pub mailpit: Option<Place>,
    /// Where gigs are searched, if not in a folder.
    pub elasticsearch: Option<Place>,
    /// Where pictures and files are, if not in a folder.
    pub bucket: Option<Bucket>,
    /// What this cluster's data is told apart by on servers that others use, too.
    own: Option<String>,
}

/// A server, and the faulty network before it if there is one.
pub struct Place {
    server: TheServer,
    url: String,
    network: Option<Proxy>,
}

enum TheServer {
    Own(OwnServer),
    Shared(Server),
}

impl Place {
    async fn start(kind: Kind, plan: &Plan) -> Self {
        let server = match plan.shared_servers {
            true => TheServer::Shared(shared(kind).await),
            false => TheServer::Own(own(kind).await),
        };
        let place = Self { url: String::new(), network: None, server };
        let network = match plan.faulty_network {
            true => Some(proxied(place.server()).await),
            false => None,
        };
        let url = network.as_ref().map_or_else(|| place.server().url(), Proxy::url).to_owned();
        Self { url, network, ..place }
    }

    async fn if_wanted(is_wanted: bool, kind: Kind, plan: &Plan) -> Option<Self> {
        match is_wanted {
            true => Some(Self::start(kind, plan).await),
            false => None,
        }
    }

    fn server(&self) -> &Server {
        match &self.server {
            TheServer::Own(server) => server,
            TheServer::Shared(server) => server,
        }
    }

    /// Where the programs find it, and what of it is theirs.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its API over HTTP, where it has one.
    pub fn api(&self) -> Option<&str> {
        self.server().api()
    }

    /// The server, to be stopped and started.
    ///
    /// # Panics
    /// When others use it, too.
    pub fn own(&self) -> &OwnServer {
        match &self.server {
            TheServer::Own(server) => server,
            TheServer::Shared(server) => panic!("{} belongs to every suite of the run", server.kind()),
        }
    }

    /// The network before it, to be disturbed.
    ///
    /// # Panics
    /// When the plan wanted none.
    pub fn network(&self) -> &Proxy {
        match &self.network {
            Some(network) => network,
            None => panic!("there is no faulty network before {}", self.server().kind()),
        }
    }
}

impl Servers {
    /// Starts what a plan wants, all at once.
    ///
    /// # Panics
    /// When one cannot be started.
    pub async fn start(plan: &Plan) -> Self {
        let with_postgres = plan.databases != Databases::MySql;
        let with_mysql = plan.databases != Databases::Postgres;
        let with_mongodb = plan.databases == Databases::Polyglot;
        let bucket = if plan.bucket { Some(Bucket::lasting().await) } else { None };
        let (rabbitmq, redis, postgres, mysql, mongodb, mailpit, elasticsearch) = tokio::join!(
            Box::pin(Place::start(Kind::RabbitMq, plan)),
            Box::pin(Place::start(Kind::Redis, plan)),
            Box::pin(Place::if_wanted(with_postgres, Kind::Postgres, plan)),
            Box::pin(Place::if_wanted(with_mysql, Kind::MySql, plan)),
            Box::pin(Place::if_wanted(with_mongodb, Kind::MongoDb, plan)),
            Box::pin(Place::if_wanted(plan.mail_host, Kind::Mailpit, plan)),
            Box::pin(Place::if_wanted(plan.elasticsearch, Kind::Elasticsearch, plan)),
        );
        // The addresses of the other databases name one already.
        let mongodb = mongodb.map(|place| Place { url: format!("{}/jobapp", place.url), ..place });
        let servers = Self { rabbitmq, redis, postgres, mysql, mongodb, mailpit, elasticsearch, bucket, own: None };
        if plan.shared_servers { servers.apart().await } else { servers }
    }

    /// The same servers, with data that no other cluster sees: a virtual host, a prefix, namespaces, indexes.
    async fn apart(mut self) -> Self {
        let name = format!("c{:07x}", rand::random::<u32>() >> 4);
        self.rabbitmq.url = virtual_host(&self.rabbitmq, &name).await;
        self.redis.url = format!("{}?prefix={name}", self.redis.url);
        if let Some(place) = &mut self.elasticsearch {
            place.url = format!("{}?index={name}", place.url);
        }
        Self { own: Some(name), ..self }
    }

    /// The address of the database of a service; `None` when it has none.
    pub fn database_of(&self, service: &str) -> Option<String> {
        let place = match service {
            "gateway" | "notification" => None,
            "auth" => self.mysql.as_ref().or(self.postgres.as_ref()),
            _ => self.mongodb.as_ref().or(self.postgres.as_ref()).or(self.mysql.as_ref()),
        }?;
        Some(self.of(place, service))
    }

    /// The address of the database of the analytics of reviews; `None` when they are in that of the service.
    pub fn analytics(&self) -> Option<String> {
        self.mongodb.as_ref().and(self.postgres.as_ref()).map(|place| self.of(place, "review"))
    }

    /// The address of what is a service's own on a database server.
    fn of(&self, place: &Place, service: &str) -> String {
        match &self.own {
            Some(name) => format!("{}?namespace={name}{service}", place.url),
            None => place.url.clone(),
        }
    }
}

/// Makes a virtual host of this name: its address.
async fn virtual_host(broker: &Place, name: &str) -> String {
    let api = broker.api().unwrap_or_default();
    let user = broker.url.split("//").nth(1).and_then(|rest| rest.split(':').next()).unwrap_or_default();
    let rights = serde_json::json!({ "configure": ".*", "write": ".*", "read": ".*" });
    let http = reqwest::Client::new();
    for (path, body) in
        [(format!("vhosts/{name}"), serde_json::json!({})), (format!("permissions/{name}/{user}"), rights)]
    {
        let answer = http.put(format!("{api}/api/{path}")).json(&body).send().await;
        if let Err(error) = answer.and_then(reqwest::Response::error_for_status) {
            panic!("no virtual host {name}: {error}");
        }
    }
    format!("{}/{name}", broker.url)
}
