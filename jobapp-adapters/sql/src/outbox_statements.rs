//! What is asked of an outbox again and again.

use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{DbBackend, Order};

use crate::dialect;
use crate::statement::Template;
use crate::tables::Names;

/// To whom an entry is leased that is held back from everybody.
pub(crate) const NOBODY: &str = "";

/// What the outbox asks most often, by its relay and by its metrics.
pub(crate) struct OutboxStatements {
    pub(crate) any: Template,
    pub(crate) count: Template,
    pub(crate) stuck: Template,
    /// The owner.
    pub(crate) oldest: Template,
    /// Waits until no other process leases, where several may write at once. Each would see neither what the other is about to
    /// lease nor, in skipping what it has locked, that later entries of the same aggregate must wait.
    pub(crate) turn: Option<Template>,
}

/// What stands for the right to lease among the keys. No aggregate is called so.
pub(crate) const TURN: [&str; 2] = ["", "lease"];

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
        let leased_elsewhere = Query::select()
            .column(("other", "seq"))
            .from_as(outbox(), "other")
            .and_where(Expr::col(("other", "aggregate_id")).equals((outbox(), "aggregate_id")))
            .and_where(Expr::col(("other", "aggregate")).equals((outbox(), "aggregate")))
            .and_where(Expr::col(("other", "leased_until")).gt(dialect::now(backend)))
            .and_where(Expr::col(("other", "leased_by")).ne(""))
            .take();
        let oldest =
            Self::entries(&outbox()).and_where(Expr::exists(leased_elsewhere).not()).order_by("seq", Order::Asc).take();
        let stuck = Query::select()
            .expr(Expr::col("seq").count())
            .from(outbox())
            .and_where(Expr::col("leased_by").eq(NOBODY))
            .take();
        Self {
            any: Template::of(backend, &Query::select().column("seq").from(outbox()).take()),
            count: Template::of(backend, &Query::select().expr(Expr::col("seq").count()).from(outbox()).take()),
            stuck: Template::of(backend, &stuck),
            oldest: Template::of(backend, &oldest),
            turn: dialect::has_many_writers(backend).then(|| Template::of(backend, &turn)),
        }
    }

    /// Every column of an entry.
    pub(crate) fn entries(outbox: &str) -> SelectStatement {
        Query::select()
            .columns(["seq", "id", "aggregate", "aggregate_id", "version", "event", "headers", "recorded_at"])
            .from(outbox.to_owned())
            .take()
    }
}
