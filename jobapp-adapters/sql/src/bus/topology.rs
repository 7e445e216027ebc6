//! Exchanges and what is bound to them.

use std::collections::HashMap;

use jobapp_kernel::{ExchangeKind, Message, Queue};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

/// All exchanges and bindings, as they are stored.
#[derive(Debug, Default)]
pub(super) struct Topology {
    exchanges: HashMap<String, Bound>,
}

#[derive(Debug)]
struct Bound {
    kind: ExchangeKind,
    /// Routing keys and queues.
    queues: Vec<(String, String)>,
}

impl Topology {
    /// Reads what is stored.
    pub(super) async fn load(database: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let mut exchanges = HashMap::new();
        let all = Statement::from_string(DbBackend::Sqlite, "SELECT name, kind FROM bus_exchanges");
        for row in database.query_all_raw(all).await? {
            let (name, kind): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            let kind = if kind == name_of(ExchangeKind::Fanout) { ExchangeKind::Fanout } else { ExchangeKind::Direct };
            exchanges.insert(name, Bound { kind, queues: Vec::new() });
        }
        let all = Statement::from_string(DbBackend::Sqlite, "SELECT exchange, routing_key, queue FROM bus_bindings");
        for row in database.query_all_raw(all).await? {
            let exchange: String = row.try_get_by_index(0)?;
            if let Some(bound) = exchanges.get_mut(&exchange) {
                bound.queues.push((row.try_get_by_index(1)?, row.try_get_by_index(2)?));
            }
        }
        Ok(Self { exchanges })
    }

    /// Stores a queue, its exchange and its binding. Returns what is wrong with it, if anything is.
    pub(super) async fn declare(
        &mut self,
        database: &impl ConnectionTrait,
        queue: &Queue,
    ) -> Result<Option<String>, DbErr> {
        let exchange = queue.exchange;
        if !self.exchanges.contains_key(exchange.name) {
            let insert = "INSERT INTO bus_exchanges (name, kind) VALUES (?, ?) ON CONFLICT (name) DO NOTHING";
            let values = [exchange.name.into(), name_of(exchange.kind).into()];
            database.execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, insert, values)).await?;
        }
        let bound = self
            .exchanges
            .entry(exchange.name.to_owned())
            .or_insert_with(|| Bound { kind: exchange.kind, queues: Vec::new() });
        if bound.kind != exchange.kind {
            let (name, is, wanted) = (exchange.name, name_of(bound.kind), name_of(exchange.kind));
            return Ok(Some(format!("the exchange {name} exists and is {is}, not {wanted}")));
        }
        let binding = (queue.routing_key.to_owned(), queue.name.to_owned());
        if !bound.queues.contains(&binding) {
            let insert =
                "INSERT INTO bus_bindings (exchange, routing_key, queue) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
            let values = [exchange.name.into(), queue.routing_key.into(), queue.name.into()];
            database.execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, insert, values)).await?;
            bound.queues.push(binding);
        }
        Ok(None)
    }

    /// The queues a message goes to, each once.
    pub(super) fn route(&self, message: &Message) -> Vec<&str> {
        let Some(bound) = self.exchanges.get(&message.exchange) else { return Vec::new() };
        let of_key = |key: &str| bound.kind == ExchangeKind::Fanout || key == message.routing_key;
        let mut queues: Vec<&str> =
            bound.queues.iter().filter(|(key, _)| of_key(key)).map(|(_, queue)| queue.as_str()).collect();
        queues.sort_unstable();
        queues.dedup();
        queues
    }

    /// The names of all queues.
    pub(super) fn queues(&self) -> impl Iterator<Item = &str> {
        self.exchanges.values().flat_map(|bound| &bound.queues).map(|(_, queue)| queue.as_str())
    }
}

const fn name_of(kind: ExchangeKind) -> &'static str {
    match kind {
        ExchangeKind::Direct => "direct",
        ExchangeKind::Fanout => "fanout",
    }
}
