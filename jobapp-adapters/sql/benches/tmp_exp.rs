//! x
#![allow(missing_docs, clippy::all)]
use std::time::{Duration, Instant};
use sea_orm::*;
use sea_orm::sqlx::{self, Row};
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: u64 = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2).map(|f| f.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}
#[tokio::main]
async fn main() { tokio::spawn(run()).await.unwrap(); }
async fn run() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.db");
    let mut o = ConnectOptions::new(format!("sqlite://{}?mode=rwc", path.display()));
    o.max_connections(2).test_before_acquire(false).sqlx_logging(false).record_stmt_in_spans(false);
    let db = Database::connect(o).await.unwrap();
    db.execute_unprepared("PRAGMA journal_mode=WAL; CREATE TABLE t(id text primary key, version bigint, state text)").await.unwrap();
    for i in 0..1000 {
        db.execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, "INSERT INTO t VALUES(?,?,?)", [format!("{i:024}").into(), 1i64.into(), "x".repeat(800).into()])).await.unwrap();
    }
    let n = 20000u32;
    for round in 0..2 {
    let (c, t) = (cpu(), Instant::now());
    for i in 0..n { db.query_one_raw(Statement::from_sql_and_values(DbBackend::Sqlite, "SELECT version, state FROM t WHERE id=?", [format!("{:024}", i % 1000).into()])).await.unwrap().unwrap(); }
    println!("{round} pool one {:?} {:?}", t.elapsed() / n, (cpu() - c) / n);
    let (c, t) = (cpu(), Instant::now());
    for i in 0..n { db.query_all_raw(Statement::from_sql_and_values(DbBackend::Sqlite, "SELECT version, state FROM t WHERE id=?", [format!("{:024}", i % 1000).into()])).await.unwrap(); }
    println!("pool all {:?} {:?}", t.elapsed() / n, (cpu() - c) / n);
    let tx = db.begin().await.unwrap();
    let (c, t) = (cpu(), Instant::now());
    for i in 0..n { tx.query_one_raw(Statement::from_sql_and_values(DbBackend::Sqlite, "SELECT version, state FROM t WHERE id=?", [format!("{:024}", i % 1000).into()])).await.unwrap().unwrap(); }
    println!("tx one {:?} {:?}", t.elapsed() / n, (cpu() - c) / n);
    tx.rollback().await.unwrap();
    let mut conn = db.get_sqlite_connection_pool().acquire().await.unwrap();
    let (c, t) = (cpu(), Instant::now());
    for i in 0..n { sqlx::query("SELECT version, state FROM t WHERE id=?").bind(format!("{:024}", i % 1000)).fetch_one(&mut *conn).await.unwrap().get::<i64,_>(0); }
    println!("sqlx pinned {:?} {:?}", t.elapsed() / n, (cpu() - c) / n);
    let (c, t) = (cpu(), Instant::now());
    for i in 0..n {
        let mut h = conn.lock_handle().await.unwrap();
        std::hint::black_box(h.as_raw_handle()); let _ = i;
    }
    println!("lock handle {:?} {:?}", t.elapsed() / n, (cpu() - c) / n);
    drop(conn);
    let (c, t) = (cpu(), Instant::now());
    for _ in 0..n { drop(db.get_sqlite_connection_pool().acquire().await.unwrap()); }
    println!("acquire+release {:?} {:?}", t.elapsed() / n, (cpu() - c) / n);
    }
}
