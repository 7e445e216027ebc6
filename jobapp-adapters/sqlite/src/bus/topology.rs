//! Exchanges and what is bound to them.

use std::collections::HashMap;

use jobapp_kernel::{ExchangeKind, Message, Queue};
use rusqlite::Connection;

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
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut exchanges = HashMap::new();
        let mut select = connection.prepare_cached("SELECT name, kind FROM bus_exchanges")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let is_fanout = row.get_ref(1)?.as_str()? == name_of(ExchangeKind::Fanout);
            let kind = if is_fanout { ExchangeKind::Fanout } else { ExchangeKind::Direct };
            exchanges.insert(row.get(0)?, Bound { kind, queues: Vec::new() });
        }
        let mut select = connection.prepare_cached("SELECT exchange, routing_key, queue FROM bus_bindings")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(bound) = exchanges.get_mut(row.get_ref(0)?.as_str()?) {
                bound.queues.push((row.get(1)?, row.get(2)?));
            }
        }
        Ok(Self { exchanges })
    }

    /// Binds a queue. Returns why not, if its exchange is of another kind.
    pub(super) fn declare(&mut self, connection: &Connection, queue: &Queue) -> rusqlite::Result<Option<String>> {
        let exchange = queue.exchange;
        if !self.exchanges.contains_key(exchange.name) {
            let insert = "INSERT INTO bus_exchanges (name, kind) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            connection.execute(insert, [exchange.name, name_of(exchange.kind)])?;
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
                "INSERT INTO bus_bindings (exchange, routing_key, queue) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
            connection.execute(insert, [exchange.name, queue.routing_key, queue.name])?;
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
