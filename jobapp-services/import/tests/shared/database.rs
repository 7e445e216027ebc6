//! The databases of the existing system, of a test's own on the servers that all share.

use std::hash::{BuildHasher, RandomState};

use jobapp_import::{Kind, OldRow, Places};
use jobapp_test_servers::{Kind as Server, shared};
use mongodb::Client;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement, Value as Bound};
use serde_json::Value;

/// How many rows are put in at a time.
const AT_ONCE: usize = 500;

/// As the contract of the existing system has it, but for what no row there could break: rows are broken by hand here.
const AUTHS: &str = "CREATE TABLE auths (id INT AUTO_INCREMENT PRIMARY KEY, username VARCHAR(255), password VARCHAR(255), \
    profilePublicId VARCHAR(255), email VARCHAR(255), country VARCHAR(255), profilePicture VARCHAR(255), \
    emailVerificationToken VARCHAR(255) UNIQUE, emailVerified TINYINT(1) NOT NULL DEFAULT 0, browserName VARCHAR(255), \
    deviceType VARCHAR(255), otp VARCHAR(255), otpExpiration DATETIME, passwordResetExpires DATETIME, createdAt DATETIME, \
    passwordResetToken VARCHAR(255), updatedAt DATETIME) CHARACTER SET utf8mb4";
const REVIEWS: &str = "CREATE TABLE public.reviews (id SERIAL PRIMARY KEY, gigId text NOT NULL, reviewerId text NOT NULL, \
    orderId text NOT NULL, sellerId text NOT NULL, review text NOT NULL, reviewerImage text NOT NULL, reviewerUsername text NOT NULL, \
    country text NOT NULL, reviewType text NOT NULL, rating integer DEFAULT 0 NOT NULL, createdAt timestamp DEFAULT CURRENT_DATE)";

/// The columns that are filled, in order.
const OF_AUTHS: [&str; 13] = [
    "id",
    "username",
    "password",
    "profilePublicId",
    "email",
    "country",
    "profilePicture",
    "emailVerificationToken",
    "emailVerified",
    "browserName",
    "deviceType",
    "createdAt",
    "updatedAt",
];
const OF_REVIEWS: [&str; 12] = [
    "id",
    "gigId",
    "reviewerId",
    "orderId",
    "sellerId",
    "review",
    "reviewerImage",
    "reviewerUsername",
    "country",
    "reviewType",
    "rating",
    "createdAt",
];

/// All databases of one existing system.
pub struct Databases {
    name: String,
    mysql: String,
    postgres: String,
    mongodb: String,
}

fn within(server: &str, database: &str) -> String {
    let mut url = url::Url::parse(server).unwrap();
    url.set_path(database);
    url.into()
}

impl Databases {
    pub async fn new() -> Self {
        let name = format!("old{:016x}", RandomState::new().hash_one(0));
        let mysql = shared(Server::MySql).await.url().to_owned();
        let postgres = shared(Server::Postgres).await.url().to_owned();
        let mongodb = shared(Server::MongoDb).await.url().trim_end_matches('/').to_owned();
        for server in [&mysql, &postgres] {
            let server = Database::connect(server).await.unwrap();
            let make = Statement::from_string(server.get_database_backend(), format!("CREATE DATABASE {name}"));
            server.execute_raw(make).await.unwrap();
        }
        let databases = Self { mysql: within(&mysql, &name), postgres: within(&postgres, &name), mongodb, name };
        let (auths, reviews) = (databases.mysql().await, databases.postgres().await);
        auths.execute_raw(Statement::from_string(DbBackend::MySql, AUTHS)).await.unwrap();
        reviews.execute_raw(Statement::from_string(DbBackend::Postgres, REVIEWS)).await.unwrap();
        databases
    }

    pub async fn mysql(&self) -> DatabaseConnection {
        Database::connect(&self.mysql).await.unwrap()
    }

    pub async fn postgres(&self) -> DatabaseConnection {
        Database::connect(&self.postgres).await.unwrap()
    }

    /// One service's documents.
    pub async fn documents(&self, service: &str) -> mongodb::Database {
        Client::with_uri_str(&self.mongodb).await.unwrap().database(&format!("{}_{service}", self.name))
    }

    pub fn places(&self) -> Places {
        let documents = |service: &str| Some(format!("{}/{}_{service}", self.mongodb, self.name));
        Places {
            auth: Some(self.mysql.clone()),
            users: documents("users"),
            gig: documents("gig"),
            chat: documents("chat"),
            order: documents("order"),
            review: Some(self.postgres.clone()),
        }
    }

    /// Where our services may keep what is theirs, beside it.
    pub fn ours(&self) -> [(&'static str, String); 6] {
        let documents = format!("{}/{}_ours", self.mongodb, self.name);
        [
            ("auth", self.mysql.clone()),
            ("users", documents.clone()),
            ("gig", self.postgres.clone()),
            ("chat", self.postgres.clone()),
            ("order", documents),
            ("review", self.postgres.clone()),
        ]
    }

    pub async fn fill(&self, kind: Kind, rows: &[OldRow]) {
        match kind {
            Kind::Accounts => insert(&self.mysql().await, "auths", &OF_AUTHS, rows).await,
            Kind::Reviews => insert(&self.postgres().await, "public.reviews", &OF_REVIEWS, rows).await,
            Kind::Buyers => self.put("users", "Buyer", rows).await,
            Kind::Sellers => self.put("users", "Seller", rows).await,
            Kind::Gigs => self.put("gig", "Gig", rows).await,
            Kind::Conversations => self.put("chat", "Conversation", rows).await,
            Kind::Messages => self.put("chat", "Message", rows).await,
            Kind::Orders => self.put("order", "Order", rows).await,
            Kind::Notifications => self.put("order", "OrderNotification", rows).await,
        }
    }

    async fn put(&self, service: &str, collection: &str, rows: &[OldRow]) {
        let collection = self.documents(service).await.collection::<Document>(collection);
        for rows in rows.chunks(AT_ONCE) {
            let documents = rows.iter().map(|row| {
                row.fields.iter().map(|(name, value)| (name.clone(), bson(name, value))).collect::<Document>()
            });
            collection.insert_many(documents).await.unwrap();
        }
    }

    /// Removes them. Those of a test that failed go with their servers.
    pub async fn drop(self) {
        for service in ["users", "gig", "chat", "order", "ours"] {
            self.documents(service).await.drop().await.unwrap();
        }
        for server in [&self.mysql, &self.postgres] {
            let database = if server.starts_with("mysql") { "mysql" } else { "postgres" };
            let server = Database::connect(within(server, database)).await.unwrap();
            let force = if server.get_database_backend() == DbBackend::Postgres { " WITH (FORCE)" } else { "" };
            let gone =
                Statement::from_string(server.get_database_backend(), format!("DROP DATABASE {}{force}", self.name));
            server.execute_raw(gone).await.unwrap();
        }
    }
}

async fn insert(database: &DatabaseConnection, table: &str, columns: &[&str], rows: &[OldRow]) {
    let backend = database.get_database_backend();
    let is_mysql = backend == DbBackend::MySql;
    for rows in rows.chunks(AT_ONCE) {
        let (mut values, mut places, mut number) = (Vec::new(), Vec::new(), 0);
        for row in rows {
            let mut of_row = Vec::new();
            for column in columns {
                number += 1;
                let place = if is_mysql { "?".to_owned() } else { format!("${number}") };
                let is_date = column.ends_with("edAt");
                of_row.push(if is_date && !is_mysql { format!("CAST({place} AS timestamp)") } else { place });
                values.push(match &row.fields[*column] {
                    Value::Null => Bound::String(None),
                    Value::Number(number) if is_mysql => Bound::BigInt(number.as_i64()),
                    Value::Number(number) => Bound::Int(number.as_i64().map(|number| i32::try_from(number).unwrap())),
                    Value::String(text) if is_date => {
                        Bound::from(text.replace('T', " ").trim_end_matches('Z').to_owned())
                    }
                    Value::String(text) => Bound::from(text.clone()),
                    other => panic!("{column} is no column of {other}"),
                });
            }
            places.push(format!("({})", of_row.join(", ")));
        }
        let question = format!("INSERT INTO {table} ({}) VALUES {}", columns.join(", "), places.join(", "));
        database.execute_raw(Statement::from_sql_and_values(backend, question, values)).await.unwrap();
    }
}

/// As the existing system's models store it: ids and dates have types of their own there.
fn bson(name: &str, value: &Value) -> Bson {
    const IDS: [&str; 2] = ["_id", "purchasedGigs"];
    match value {
        Value::Null => Bson::Null,
        Value::Bool(flag) => Bson::Boolean(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => i32::try_from(whole).map_or(Bson::Int64(whole), Bson::Int32),
            None => Bson::Double(number.as_f64().unwrap()),
        },
        Value::String(text) if IDS.contains(&name) => {
            ObjectId::parse_str(text).map_or_else(|_| Bson::String(text.clone()), Bson::ObjectId)
        }
        Value::String(text) if text.len() == 24 && text.ends_with('Z') => {
            Bson::DateTime(DateTime::parse_rfc3339_str(text).unwrap())
        }
        Value::String(text) => Bson::String(text.clone()),
        Value::Array(values) => values.iter().map(|value| bson(name, value)).collect::<Vec<_>>().into(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), bson(name, value))).collect::<Document>().into()
        }
    }
}
