//! What is done with the messages of a queue, as statements. Each function runs within the writer's transaction.

use std::collections::BTreeMap;
use std::time::Duration;

use jobapp_kernel::{DeadLetter, Delivery, Message, MessageId, Outcome, Timestamp};
use jobapp_pump::{QueueDepth, Settled, Taken};
use jobapp_seal::{self as seal, Seal};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};

use super::tables::{DELAYED, READY, TAKEN};
use crate::error::too_large;

/// What a message is made of, in both tables.
const MESSAGE: &str = "message_id, kind, exchange, routing_key, timestamp, headers, body";

/// What a sealed reason is bound to.
const REASON: &str = "reason";

/// What a sealed body is bound to: where it stays, as a dead letter too.
fn place(queue: &str, id: Option<&str>) -> String {
    format!("{queue} {}", id.unwrap_or_default())
}

/// Seals what is in clear.
pub(super) async fn seal_all(database: &impl ConnectionTrait, seal: &Seal) -> Result<(), DbErr> {
    for table in ["bus_messages", "bus_dead"] {
        let sql = format!("SELECT seq, queue, message_id, body FROM {table}");
        for row in database.query_all_raw(statement(sql, [])).await? {
            let (seq, queue): (i64, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            let (id, body): (Option<String>, Vec<u8>) = (row.try_get_by_index(2)?, row.try_get_by_index(3)?);
            let place = place(&queue, id.as_deref());
            // What is sealed was so by a process that did not come to the end, or with a key that is lost.
            let Ok(clear) = seal::open(Some(seal), body, &place) else { continue };
            let sql = format!("UPDATE {table} SET body = ? WHERE seq = ?");
            database
                .execute_raw(statement(sql, [seal.close(&clear, &place).map_err(too_large)?.into(), seq.into()]))
                .await?;
        }
    }
    for row in database.query_all_raw(statement("SELECT seq, reason FROM bus_dead", [])).await? {
        let (seq, reason): (i64, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let Ok(clear) = seal::open_text(Some(seal), reason, REASON) else { continue };
        let values = [seal.close_text(&clear, REASON).map_err(too_large)?.into(), seq.into()];
        database.execute_raw(statement("UPDATE bus_dead SET reason = ? WHERE seq = ?", values)).await?;
    }
    Ok(())
}

fn statement(sql: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)
}

/// Many numbers as one value, so that the statement's text stays the same.
fn list(seqs: impl IntoIterator<Item = u64>) -> Value {
    let numbers: Vec<String> = seqs.into_iter().map(|seq| seq.to_string()).collect();
    format!("[{}]", numbers.join(",")).into()
}

/// Stores a message in a queue, unless the same one is there. Returns whether it is new.
pub(super) async fn store(
    database: &impl ConnectionTrait,
    queue: &str,
    message: &Message,
    seal: Option<&Seal>,
) -> Result<bool, DbErr> {
    let sql = format!(
        "INSERT INTO bus_messages (queue, {MESSAGE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (queue, message_id) DO NOTHING"
    );
    let headers = serde_json::to_string(&message.headers).map_err(|error| DbErr::Json(error.to_string()))?;
    let body = match seal {
        Some(seal) => {
            seal.close(&message.body, &place(queue, message.id.as_ref().map(|id| id.0.as_str()))).map_err(too_large)?
        }
        None => message.body.clone(),
    };
    let values: [Value; 8] = [
        queue.into(),
        message.id.as_ref().map(|id| id.0.clone()).into(),
        message.kind.as_str().into(),
        message.exchange.as_str().into(),
        message.routing_key.as_str().into(),
        message.timestamp.as_millis().into(),
        headers.into(),
        body.into(),
    ];
    Ok(database.execute_raw(statement(sql, values)).await?.rows_affected() > 0)
}

/// Takes the oldest messages that are ready, at most `want`.
pub(super) async fn take(
    database: &impl ConnectionTrait,
    queue: &'static str,
    want: usize,
    seal: Option<&Seal>,
) -> Result<Vec<Taken>, DbErr> {
    let sql = format!(
        "UPDATE bus_messages SET state = {TAKEN}
         WHERE seq IN (SELECT seq FROM bus_messages WHERE queue = ? AND state = {READY} ORDER BY seq LIMIT ?)
         RETURNING {MESSAGE}, seq, attempt, redelivered, losses"
    );
    let limit = i64::try_from(want).unwrap_or(i64::MAX);
    let rows = database.query_all_raw(statement(sql, [queue.into(), limit.into()])).await?;
    let mut taken = rows.iter().map(|row| read_taken(row, queue, seal)).collect::<Result<Vec<_>, _>>()?;
    // The order of returned rows is not promised.
    taken.sort_by_key(|taken| taken.receipt);
    Ok(taken)
}

fn read_taken(row: &QueryResult, queue: &'static str, seal: Option<&Seal>) -> Result<Taken, DbErr> {
    let seq: i64 = row.try_get_by_index(7)?;
    let attempt: i64 = row.try_get_by_index(8)?;
    let redelivered: i64 = row.try_get_by_index(9)?;
    let delivery = Delivery {
        message: read_message(row, queue, seal)?,
        queue,
        attempt: u32::try_from(attempt).unwrap_or_default(),
        redelivered: redelivered != 0,
    };
    let losses: i64 = row.try_get_by_index(10)?;
    Ok(Taken { receipt: seq.unsigned_abs(), delivery, losses: u32::try_from(losses).unwrap_or(u32::MAX) })
}

/// Reads the columns of [`MESSAGE`].
fn read_message(row: &QueryResult, queue: &str, seal: Option<&Seal>) -> Result<Message, DbErr> {
    let id: Option<String> = row.try_get_by_index(0)?;
    let timestamp: i64 = row.try_get_by_index(4)?;
    let headers: String = row.try_get_by_index(5)?;
    let headers = serde_json::from_str(&headers).unwrap_or_else(|error| {
        // A message is worth more than its headers.
        tracing::error!(message_id = id, %error, "the stored headers of a message cannot be read");
        BTreeMap::new()
    });
    let body: Vec<u8> = row.try_get_by_index(6)?;
    let opened = seal::open(seal, body.clone(), &place(queue, id.as_deref()));
    let body = opened.unwrap_or_else(|error| {
        // Nobody can read it: it ends with the dead letters, and holds up nobody.
        tracing::error!(message_id = id, queue, %error, "the body of a message cannot be read");
        body
    });
    Ok(Message {
        id: id.map(MessageId),
        kind: row.try_get_by_index(1)?,
        exchange: row.try_get_by_index(2)?,
        routing_key: row.try_get_by_index(3)?,
        timestamp: Timestamp::from_millis(timestamp).unwrap_or(Timestamp::EPOCH),
        headers,
        body,
    })
}

/// Makes delayed messages ready whose time has come.
pub(super) async fn make_ready(database: &impl ConnectionTrait, queue: &str, now: Timestamp) -> Result<(), DbErr> {
    let sql =
        format!("UPDATE bus_messages SET state = {READY} WHERE state = {DELAYED} AND queue = ? AND visible_at <= ?");
    database.execute_raw(statement(sql, [queue.into(), now.as_millis().into()])).await.map(drop)
}

/// When the next delayed message is due.
pub(super) async fn next_due(database: &impl ConnectionTrait, queue: &str) -> Result<Option<i64>, DbErr> {
    let sql = format!("SELECT min(visible_at) FROM bus_messages WHERE state = {DELAYED} AND queue = ?");
    let row = database.query_one_raw(statement(sql, [queue.into()])).await?;
    row.map_or(Ok(None), |row| row.try_get_by_index(0))
}

/// Does what the outcomes say. Returns when the first of the retries is due.
pub(super) async fn settle(
    database: &impl ConnectionTrait,
    settled: &[Settled],
    now: Timestamp,
    longest_retry: Option<Duration>,
    seal: Option<&Seal>,
) -> Result<Option<i64>, DbErr> {
    let mut gone = Vec::with_capacity(settled.len());
    let mut first_due = None;
    for known in settled {
        let seq = i64::try_from(known.receipt).unwrap_or(i64::MAX);
        match &known.outcome {
            Outcome::Done => gone.push(known.receipt),
            Outcome::Retry { after, counts, .. } => {
                let due = now.plus(longest_retry.map_or(*after, |longest| longest.min(*after))).as_millis();
                let sql = format!(
                    "UPDATE bus_messages SET state = {DELAYED}, visible_at = ?, attempt = attempt + ?
                     WHERE seq = ? AND state = {TAKEN}"
                );
                let values = [due.into(), i64::from(*counts).into(), seq.into()];
                database.execute_raw(statement(sql, values)).await?;
                first_due = Some(first_due.map_or(due, |first: i64| first.min(due)));
            }
            Outcome::Dead { reason } => {
                let sql = format!(
                    "INSERT INTO bus_dead (queue, {MESSAGE}, attempts, reason, died_at)
                     SELECT queue, {MESSAGE}, ?, ?, ? FROM bus_messages WHERE seq = ?"
                );
                let attempts = i64::from(known.attempts);
                // It may repeat words of the body.
                let reason = seal::close_text(seal, reason, REASON).map_err(too_large)?;
                let values = [attempts.into(), reason.into_owned().into(), now.as_millis().into(), seq.into()];
                database.execute_raw(statement(sql, values)).await?;
                gone.push(known.receipt);
            }
        }
    }
    if !gone.is_empty() {
        let sql = "DELETE FROM bus_messages WHERE seq IN (SELECT value FROM json_each(?))";
        database.execute_raw(statement(sql, [list(gone)])).await?;
    }
    Ok(first_due)
}

/// Makes messages ready again whose consumer is gone.
pub(super) async fn give_back(database: &impl ConnectionTrait, receipts: &[u64]) -> Result<(), DbErr> {
    let sql = format!(
        "UPDATE bus_messages SET state = {READY}, redelivered = 1, losses = losses + 1
         WHERE state = {TAKEN} AND seq IN (SELECT value FROM json_each(?))"
    );
    database.execute_raw(statement(sql, [list(receipts.iter().copied())])).await.map(drop)
}

/// The dead letters of a queue, oldest first.
pub(super) async fn dead(
    database: &impl ConnectionTrait,
    queue: &str,
    limit: usize,
    seal: Option<&Seal>,
) -> Result<Vec<DeadLetter>, DbErr> {
    let sql =
        format!("SELECT {MESSAGE}, seq, reason, attempts, died_at FROM bus_dead WHERE queue = ? ORDER BY seq LIMIT ?");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = database.query_all_raw(statement(sql, [queue.into(), limit.into()])).await?;
    let letter = |row: &QueryResult| {
        let (seq, attempts, died_at): (i64, i64, i64) =
            (row.try_get_by_index(7)?, row.try_get_by_index(9)?, row.try_get_by_index(10)?);
        Ok(DeadLetter {
            id: seq.to_string(),
            queue: queue.to_owned(),
            reason: seal::open_text(seal, row.try_get_by_index(8)?, REASON).unwrap_or_else(|error| error.to_string()),
            attempts: u32::try_from(attempts).unwrap_or_default(),
            died_at: Timestamp::from_millis(died_at).unwrap_or(Timestamp::EPOCH),
            message: read_message(row, queue, seal)?,
        })
    };
    rows.iter().map(letter).collect()
}

/// Forgets a dead letter, after it was put back into its queue if `replay`. Returns whether there was one.
pub(super) async fn bury(database: &impl ConnectionTrait, queue: &str, seq: i64, replay: bool) -> Result<bool, DbErr> {
    if replay {
        let sql = format!(
            "INSERT INTO bus_messages (queue, {MESSAGE}) SELECT queue, {MESSAGE} FROM bus_dead WHERE queue = ? AND seq = ?
             ON CONFLICT (queue, message_id) DO NOTHING"
        );
        database.execute_raw(statement(sql, [queue.into(), seq.into()])).await?;
    }
    let sql = "DELETE FROM bus_dead WHERE queue = ? AND seq = ?";
    Ok(database.execute_raw(statement(sql, [queue.into(), seq.into()])).await?.rows_affected() > 0)
}

/// The number of the message that was stored last, in any queue; 0 when none ever was.
pub(super) async fn last_seq(database: &impl ConnectionTrait) -> Result<u64, DbErr> {
    let sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'bus_messages'";
    let row = database.query_one_raw(statement(sql, [])).await?;
    let seq: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
    Ok(seq.unsigned_abs())
}

/// Tells whether another connection has changed the database: the number differs from the one before.
pub(super) async fn data_version(database: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let row = database.query_one_raw(statement("PRAGMA data_version", [])).await?;
    row.map_or(Ok(0), |row| row.try_get_by_index(0))
}

/// How many messages each queue holds that holds any.
pub(super) async fn depths(database: &impl ConnectionTrait) -> Result<BTreeMap<String, QueueDepth>, DbErr> {
    let mut depths: BTreeMap<String, QueueDepth> = BTreeMap::new();
    let sql = "SELECT queue, state, count(*) FROM bus_messages GROUP BY queue, state
               UNION ALL SELECT queue, -1, count(*) FROM bus_dead GROUP BY queue";
    for row in database.query_all_raw(statement(sql, [])).await? {
        let (queue, state, count): (String, i64, i64) =
            (row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        let depth = depths.entry(queue).or_default();
        match state {
            TAKEN => depth.in_flight += count.unsigned_abs(),
            READY | DELAYED => depth.waiting += count.unsigned_abs(),
            _ => depth.dead += count.unsigned_abs(),
        }
    }
    Ok(depths)
}
