//! What is asked of an outbox again and again.

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{DbBackend, Order};

use crate::dialect;
use crate::statement::Template;

/// To whom an entry is leased that is held back from everybody.
pub(crate) const NOBODY: &str = "";

/// What the outbox asks most often, by its relay and by its metrics.
pub(crate) struct OutboxStatements {
    pub(crate) any: Template,
    pub(crate) count: Template,
    pub(crate) stuck: Template,
    /// The owner.
    pub(crate) oldest: Template,
}

impl OutboxStatements {
    pub(crate) fn new(backend: DbBackend, outbox: &str) -> Self {
        let outbox = || outbox.to_owned();
        let leased_elsewhere = Query::select()
            .column(("other", "seq"))
            .from_as(outbox(), "other")
            .and_where(Expr::col(("other", "aggregate_id")).equals((outbox(), "aggregate_id")))
            .and_where(Expr::col(("other", "aggregate")).equals((outbox(), "aggregate")))
            .and_where(Expr::col(("other", "leased_until")).gt(dialect::now()))
            .and_where(Expr::col(("other", "leased_by")).ne(""))
            .take();
        let oldest = Query::select()
            .columns(["seq", "id", "aggregate", "aggregate_id", "version", "event", "headers", "recorded_at"])
            .from(outbox())
            .and_where(Expr::exists(leased_elsewhere).not())
            .order_by("seq", Order::Asc)
            .take();
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
        }
    }
}
