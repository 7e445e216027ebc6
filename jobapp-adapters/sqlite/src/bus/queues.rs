//! What is done with the messages of a queue, as statements within a transaction.

use std::collections::BTreeMap;
use std::time::Duration;

use jobapp_kernel::{DeadLetter, Delivery, Message, MessageId, Outcome, Timestamp};
use jobapp_pump::{QueueDepth, Settled, Taken};
use jobapp_seal::Seal;
use rusqlite::{Connection, Row, params};

use crate::SqliteError;

/// What a sealed reason is bound to.
const REASON: &str = "reason";

const STORE: &str = "
INSERT INTO bus_messages (queue, message_id, kind, exchange, routing_key, timestamp, headers, body)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (queue, message_id) DO NOTHING";
// Without a limit: a statement is planned anew at every call when that is a value.
const READY: &str = "
SELECT message_id, kind, exchange, routing_key, timestamp, headers, body, seq, attempt, redelivered, losses
FROM bus_messages WHERE queue = ?1 AND state = 0 ORDER BY seq";
const TAKE: &str = "UPDATE bus_messages SET state = 1 WHERE queue = ?1 AND state = 0 AND seq <= ?2";
const MAKE_READY: &str = "UPDATE bus_messages SET state = 0 WHERE state = 2 AND queue = ?1 AND visible_at <= ?2";
const NEXT_DUE: &str = "SELECT min(visible_at) FROM bus_messages WHERE state = 2 AND queue = ?1";
const DELAY: &str =
    "UPDATE bus_messages SET state = 2, visible_at = ?2, attempt = attempt + ?3 WHERE seq = ?1 AND state = 1";
const KILL: &str = "
INSERT INTO bus_dead (queue, message_id, kind, exchange, routing_key, timestamp, headers, body, attempts, reason, died_at)
SELECT queue, message_id, kind, exchange, routing_key, timestamp, headers, body, ?2, ?3, ?4 FROM bus_messages WHERE seq = ?1";
const FORGET: &str = "DELETE FROM bus_messages WHERE seq IN (SELECT value FROM json_each(?1))";
const GIVE_BACK: &str = "
UPDATE bus_messages SET state = 0, redelivered = 1, losses = losses + 1
WHERE state = 1 AND seq IN (SELECT value FROM json_each(?1))";
const DEAD: &str = "
SELECT message_id, kind, exchange, routing_key, timestamp, headers, body, seq, reason, attempts, died_at
FROM bus_dead WHERE queue = ?1 ORDER BY seq LIMIT ?2";
const REPLAY: &str = "
INSERT INTO bus_messages (queue, message_id, kind, exchange, routing_key, timestamp, headers, body)
SELECT queue, message_id, kind, exchange, routing_key, timestamp, headers, body FROM bus_dead WHERE queue = ?1 AND seq = ?2
ON CONFLICT (queue, message_id) DO NOTHING";
const DISCARD: &str = "DELETE FROM bus_dead WHERE queue = ?1 AND seq = ?2";
const LAST: &str = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'bus_messages'";
const DEPTHS: &str = "
SELECT queue, state, count(*) FROM bus_messages GROUP BY queue, state
UNION ALL SELECT queue, -1, count(*) FROM bus_dead GROUP BY queue";

/// What a sealed body is bound to: where it stays, as a dead letter too.
fn place(queue: &str, id: Option<&str>) -> String {
    format!("{queue} {}", id.unwrap_or_default())
}

/// Seals what is in clear.
pub(super) fn seal_all(connection: &Connection, seal: &Seal) -> Result<(), SqliteError> {
    for table in ["bus_messages", "bus_dead"] {
        let mut select = connection.prepare(&format!("SELECT seq, queue, message_id, body FROM {table}"))?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        let mut update = connection.prepare(&format!("UPDATE {table} SET body = ?1 WHERE seq = ?2"))?;
        for row in rows.collect::<rusqlite::Result<Vec<(i64, String, Option<String>, Vec<u8>)>>>()? {
            let (seq, queue, id, body) = row;
            let place = place(&queue, id.as_deref());
            // What is sealed was so by a process that did not come to the end, or with a key that is lost.
            let Ok(clear) = jobapp_seal::open(Some(seal), body, &place) else { continue };
            update.execute(params![seal.close(&clear, &place)?, seq])?;
        }
    }
    let mut select = connection.prepare("SELECT seq, reason FROM bus_dead")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for (seq, reason) in rows.collect::<rusqlite::Result<Vec<(i64, String)>>>()? {
        let Ok(clear) = jobapp_seal::open_text(Some(seal), reason, REASON) else { continue };
        let sealed = seal.close_text(&clear, REASON)?;
        connection.execute("UPDATE bus_dead SET reason = ?1 WHERE seq = ?2", params![sealed, seq])?;
    }
    Ok(())
}

/// Many numbers as one value, so that the statement's text stays the same.
fn list(seqs: impl IntoIterator<Item = u64>) -> String {
    let numbers: Vec<String> = seqs.into_iter().map(|seq| seq.to_string()).collect();
    format!("[{}]", numbers.join(","))
}

/// Stores a message in a queue, unless the same one is there. Returns whether it is new.
pub(super) fn store(
    connection: &Connection,
    queue: &str,
    message: &Message,
    seal: Option<&Seal>,
) -> Result<bool, SqliteError> {
    let headers = serde_json::to_string(&message.headers).map_err(|error| SqliteError::foreign(error.to_string()))?;
    let id = message.id.as_ref().map(|id| id.0.as_str());
    let sealed = seal.map(|seal| seal.close(&message.body, &place(queue, id))).transpose()?;
    let body = sealed.as_ref().unwrap_or(&message.body);
    let (kind, exchange, key) = (&message.kind, &message.exchange, &message.routing_key);
    let values = params![queue, id, kind, exchange, key, message.timestamp.as_millis(), headers, body];
    Ok(connection.prepare_cached(STORE)?.execute(values)? > 0)
}

/// Takes the oldest messages that are ready, at most `want`.
pub(super) fn take(
    connection: &Connection,
    queue: &'static str,
    want: usize,
    seal: Option<&Seal>,
) -> Result<Vec<Taken>, SqliteError> {
    let mut ready = connection.prepare_cached(READY)?;
    let rows = ready.query_map([queue], |row| read_taken(row, queue, seal))?;
    let taken = rows.take(want).collect::<rusqlite::Result<Vec<Taken>>>()?;
    if let Some(last) = taken.last() {
        let last = i64::try_from(last.receipt).unwrap_or(i64::MAX);
        connection.prepare_cached(TAKE)?.execute(params![queue, last])?;
    }
    Ok(taken)
}

fn read_taken(row: &Row<'_>, queue: &'static str, seal: Option<&Seal>) -> rusqlite::Result<Taken> {
    let (seq, attempt, losses): (i64, i64, i64) = (row.get(7)?, row.get(8)?, row.get(10)?);
    let delivery = Delivery {
        message: read_message(row, queue, seal)?,
        queue,
        attempt: u32::try_from(attempt).unwrap_or_default(),
        redelivered: row.get::<_, i64>(9)? != 0,
    };
    Ok(Taken { receipt: seq.unsigned_abs(), delivery, losses: u32::try_from(losses).unwrap_or(u32::MAX) })
}

/// Reads the first seven columns of a message or a dead letter.
fn read_message(row: &Row<'_>, queue: &str, seal: Option<&Seal>) -> rusqlite::Result<Message> {
    let id: Option<String> = row.get(0)?;
    let headers: String = row.get(5)?;
    let headers = serde_json::from_str(&headers).unwrap_or_else(|error| {
        // A message is worth more than its headers.
        tracing::error!(message_id = id, %error, "the stored headers of a message cannot be read");
        BTreeMap::new()
    });
    let body: Vec<u8> = row.get(6)?;
    let body = match seal {
        None => body,
        Some(seal) => match jobapp_seal::open(Some(seal), body.clone(), &place(queue, id.as_deref())) {
            Ok(clear) => clear,
            Err(error) => {
                // Nobody can read it: it ends with the dead letters, and holds up nobody.
                tracing::error!(message_id = id, queue, %error, "the body of a message cannot be read");
                body
            }
        },
    };
    Ok(Message {
        id: id.map(MessageId),
        kind: row.get(1)?,
        exchange: row.get(2)?,
        routing_key: row.get(3)?,
        timestamp: Timestamp::from_millis(row.get(4)?).unwrap_or(Timestamp::EPOCH),
        headers,
        body,
    })
}

/// Makes delayed messages ready whose time has come.
pub(super) fn make_ready(connection: &Connection, queue: &str, now: Timestamp) -> rusqlite::Result<()> {
    connection.prepare_cached(MAKE_READY)?.execute(params![queue, now.as_millis()]).map(drop)
}

/// When the next delayed message is due.
pub(super) fn next_due(connection: &Connection, queue: &str) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached(NEXT_DUE)?.query_row([queue], |row| row.get(0))
}

/// Does what the outcomes say. Returns when the first of the retries is due.
pub(super) fn settle(
    connection: &Connection,
    settled: &[Settled],
    now: Timestamp,
    longest_retry: Option<Duration>,
    seal: Option<&Seal>,
) -> Result<Option<i64>, SqliteError> {
    let mut gone = Vec::with_capacity(settled.len());
    let mut first_due = None;
    for known in settled {
        let seq = i64::try_from(known.receipt).unwrap_or(i64::MAX);
        match &known.outcome {
            Outcome::Done => gone.push(known.receipt),
            Outcome::Retry { after, counts, .. } => {
                let due = now.plus(longest_retry.map_or(*after, |longest| longest.min(*after))).as_millis();
                connection.prepare_cached(DELAY)?.execute(params![seq, due, i64::from(*counts)])?;
                first_due = Some(first_due.map_or(due, |first: i64| first.min(due)));
            }
            Outcome::Dead { reason } => {
                // It may repeat words of the body.
                let reason = jobapp_seal::close_text(seal, reason, REASON)?;
                connection.prepare_cached(KILL)?.execute(params![seq, known.attempts, reason, now.as_millis()])?;
                gone.push(known.receipt);
            }
        }
    }
    if !gone.is_empty() {
        connection.prepare_cached(FORGET)?.execute([list(gone)])?;
    }
    Ok(first_due)
}

/// Makes messages ready again whose consumer is gone.
pub(super) fn give_back(connection: &Connection, receipts: &[u64]) -> rusqlite::Result<()> {
    connection.prepare_cached(GIVE_BACK)?.execute([list(receipts.iter().copied())]).map(drop)
}

/// The dead letters of a queue, oldest first.
pub(super) fn dead(
    connection: &Connection,
    queue: &str,
    limit: usize,
    seal: Option<&Seal>,
) -> rusqlite::Result<Vec<DeadLetter>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let letter = |row: &Row<'_>| {
        let (seq, reason, attempts): (i64, String, i64) = (row.get(7)?, row.get(8)?, row.get(9)?);
        Ok(DeadLetter {
            id: seq.to_string(),
            queue: queue.to_owned(),
            reason: jobapp_seal::open_text(seal, reason, REASON).unwrap_or_else(|error| error.to_string()),
            attempts: u32::try_from(attempts).unwrap_or_default(),
            died_at: Timestamp::from_millis(row.get(10)?).unwrap_or(Timestamp::EPOCH),
            message: read_message(row, queue, seal)?,
        })
    };
    connection.prepare_cached(DEAD)?.query_map(params![queue, limit], letter)?.collect()
}

/// Forgets a dead letter, after it was put back into its queue if `replay`. Returns whether there was one.
pub(super) fn bury(connection: &Connection, queue: &str, seq: i64, replay: bool) -> rusqlite::Result<bool> {
    if replay {
        connection.prepare_cached(REPLAY)?.execute(params![queue, seq])?;
    }
    Ok(connection.prepare_cached(DISCARD)?.execute(params![queue, seq])? > 0)
}

/// The number of the message that was stored last, in any queue; 0 when none ever was.
pub(super) fn last_seq(connection: &Connection) -> rusqlite::Result<u64> {
    connection.prepare_cached(LAST)?.query_row([], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
}

/// Tells whether another connection has changed the database: the number differs from the one before.
pub(super) fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA data_version", [], |row| row.get(0))
}

/// How many messages each queue holds that holds any.
pub(super) fn depths(connection: &Connection) -> rusqlite::Result<BTreeMap<String, QueueDepth>> {
    let mut depths: BTreeMap<String, QueueDepth> = BTreeMap::new();
    let mut select = connection.prepare_cached(DEPTHS)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (queue, state, count): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let depth = depths.entry(queue).or_default();
        match state {
            1 => depth.in_flight += count.unsigned_abs(),
            0 | 2 => depth.waiting += count.unsigned_abs(),
            _ => depth.dead += count.unsigned_abs(),
        }
    }
    Ok(depths)
}
