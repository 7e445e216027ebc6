//! What is asked of an outbox again and again.

use std::time::Duration;

use sea_orm::sea_query::{
    DeleteStatement, Expr, ExprTrait, InsertStatement, OnConflict, Query, SelectStatement, UpdateStatement,
};
use sea_orm::{DbBackend, JoinType, Order, Statement, StatementBuilder};

use super::runs::Runs;
use crate::dialect;
use crate::statement::{Template, limited};
use crate::tables::Names;

/// What the outbox asks, by its relay and by its metrics.
pub(crate) struct OutboxStatements {
    backend: DbBackend,
    names: Names,
    pub(super) any: Template,
    pub(super) count: Template,
    pub(super) stuck: Template,
    /// The owner: of what others have leases, until when, and what time it is.
    pub(super) of_others: Template,
    /// The owner: ends the leases of others whose time is over.
    pub(super) end_old: Template,
    /// The oldest entries where nobody else has any.
    oldest: Template,
    /// Waits until no other process leases, where several may write at once. Each would see neither what the other is about to
    /// lease nor, in skipping what it has locked, that later entries of the same aggregate must wait.
    pub(super) turn: Option<Template>,
}

/// What stands for the right to lease among the keys. No aggregate is called so.
pub(crate) const TURN: [&str; 2] = ["", "lease"];

fn entry(column: &'static str) -> (&'static str, &'static str) {
    ("entry", column)
}

fn held(column: &'static str) -> (&'static str, &'static str) {
    ("held", column)
}

impl OutboxStatements {
    pub(crate) fn new(backend: DbBackend, names: &Names) -> Self {
        let outbox = || names.outbox.clone();
        let [aggregate, key] = TURN;
        let turn = Query::select()
            .column("key")
            .from(names.keys.clone())
            .and_where(Expr::col("aggregate").eq(aggregate))
            .and_where(Expr::col("key").eq(key))
            .lock_exclusive()
            .take();
        let of_others = Query::select()
            .columns(["entries", "until"])
            .expr(dialect::now(backend))
            .from(names.outbox_leases.clone())
            .and_where(Expr::col("owner").ne(""))
            .take();
        let end_old = Query::delete()
            .from_table(names.outbox_leases.clone())
            .and_where(Expr::col("owner").ne(""))
            .and_where(Expr::col("until").lte(dialect::now(backend)))
            .take();
        Self {
            any: Template::of(backend, &Query::select().column("seq").from(outbox()).take()),
            count: Template::of(backend, &Query::select().expr(Expr::col("seq").count()).from(outbox()).take()),
            stuck: Template::of(backend, &stuck(names)),
            of_others: Template::of(backend, &of_others),
            end_old: Template::of(backend, &end_old),
            oldest: Template::of(backend, &oldest(backend, names)),
            turn: dialect::has_many_writers(backend).then(|| Template::of(backend, &turn)),
            names: names.clone(),
            backend,
        }
    }

    /// The oldest entries of aggregates of which none is held back and none is among those of others.
    pub(super) fn oldest(&self, of_others: &Runs, most: usize) -> Statement {
        if of_others.is_empty() {
            return limited(self.oldest.with([]), most);
        }
        // One list that is made once, not a look at each: whatever reads it compares by a hash.
        let leased = Query::select()
            .columns(["aggregate_id", "aggregate"])
            .from(self.names.outbox.clone())
            .cond_where(of_others.contain(&Expr::col("seq")))
            .take();
        let of = Expr::tuple([Expr::col(entry("aggregate_id")), Expr::col(entry("aggregate"))]);
        let question = oldest(self.backend, &self.names).and_where(of.not_in_subquery(leased)).take();
        limited(StatementBuilder::build(&question, &self.backend), most)
    }

    /// Makes these the lease of an owner, for so long from now.
    pub(super) fn lease(&self, owner: &str, entries: &Runs, time: Duration) -> InsertStatement {
        let until = dialect::in_future(self.backend, time);
        Query::insert()
            .into_table(self.names.outbox_leases.clone())
            .columns(["owner", "entries", "until"])
            .values_panic([owner.into(), entries.to_text().into(), until])
            .on_conflict(OnConflict::column("owner").update_columns(["entries", "until"]).to_owned())
            .take()
    }

    /// Leaves an owner that still has its lease these of it.
    pub(super) fn narrow(&self, owner: &str, entries: &Runs) -> UpdateStatement {
        Query::update()
            .table(self.names.outbox_leases.clone())
            .value("entries", entries.to_text())
            .and_where(Expr::col("owner").eq(owner))
            .take()
    }

    /// Forgets these entries if the owner still has its lease.
    pub(super) fn clear(&self, owner: &str, entries: &Runs) -> DeleteStatement {
        let lease = Query::select()
            .column("owner")
            .from(self.names.outbox_leases.clone())
            .and_where(Expr::col("owner").eq(owner))
            .take();
        Query::delete()
            .from_table(self.names.outbox.clone())
            .cond_where(entries.contain(&Expr::col("seq")))
            .and_where(Expr::exists(lease))
            .take()
    }

    /// Holds back an aggregate for so long from now because of this entry.
    pub(super) fn hold_back(&self, aggregate: &str, aggregate_id: &str, seq: i64, time: Duration) -> InsertStatement {
        let until = dialect::in_future(self.backend, time);
        Query::insert()
            .into_table(self.names.outbox_held.clone())
            .columns(["aggregate_id", "aggregate", "seq", "until"])
            .values_panic([aggregate_id.into(), aggregate.into(), seq.into(), until])
            .on_conflict(OnConflict::columns(["aggregate_id", "aggregate"]).update_columns(["seq", "until"]).to_owned())
            .take()
    }

    /// Holds back an aggregate no more.
    pub(super) fn let_go(&self, aggregate: &str, aggregate_id: &str) -> DeleteStatement {
        Query::delete()
            .from_table(self.names.outbox_held.clone())
            .and_where(Expr::col("aggregate_id").eq(aggregate_id))
            .and_where(Expr::col("aggregate").eq(aggregate))
            .take()
    }
}

/// How many entries are held back that are still there.
pub(crate) fn stuck(names: &Names) -> SelectStatement {
    Query::select()
        .expr(Expr::col(held("seq")).count())
        .from_as(names.outbox_held.clone(), "held")
        .join_as(JoinType::InnerJoin, names.outbox.clone(), "entry", Expr::col(entry("seq")).equals(held("seq")))
        .take()
}

/// Every column of the entries that are not held back, oldest first; at the end until when they were.
fn oldest(backend: DbBackend, names: &Names) -> SelectStatement {
    let columns = ["seq", "id", "aggregate", "aggregate_id", "version", "event", "headers", "recorded_at"];
    let of_the_same = Expr::col(held("aggregate_id"))
        .equals(entry("aggregate_id"))
        .and(Expr::col(held("aggregate")).equals(entry("aggregate")));
    Query::select()
        .columns(columns.map(entry))
        .column(held("until"))
        .from_as(names.outbox.clone(), "entry")
        .join_as(JoinType::LeftJoin, names.outbox_held.clone(), "held", of_the_same)
        .and_where(Expr::col(held("until")).is_null().or(Expr::col(held("until")).lte(dialect::now(backend))))
        .order_by(entry("seq"), Order::Asc)
        .take()
}
