//! The statements of one kind of aggregate, made once when it is registered.

use std::collections::HashMap;

use jobapp_kernel::{Aggregate, Bounds, Cursor, Direction, Key, KeyValue, PageRequest, RepositoryError};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{DbBackend, Order, Statement, StatementBuilder, Value};

use crate::statement::{Template, limited};
use crate::tables::{KeyNames, Names, parameter};

/// Every statement whose text does not depend on the call.
pub(crate) struct Queries {
    pub(crate) backend: DbBackend,
    /// The aggregate's table.
    pub(crate) table: String,
    /// `id`: version and state.
    pub(crate) find: Template,
    /// id, version, state and one value and sort column for each single key.
    pub(crate) insert: Template,
    /// The new version, state, and a value and sort column for each single key; id and old version.
    pub(crate) update: Template,
    /// id and version.
    pub(crate) delete: Template,
    /// The inbox key: body hash and id.
    pub(crate) handled: Template,
    /// The inbox key, body hash, id and instant.
    pub(crate) remember: Template,
    /// id, aggregate, id of the aggregate, version, event, headers and instant.
    pub(crate) record: Template,
    pub(crate) keys: HashMap<&'static str, KeyQueries>,
}

/// The statements of one key.
pub(crate) struct KeyQueries {
    pub(crate) names: KeyNames,
    is_many: bool,
    /// The value.
    pub(crate) find_by: Template,
    /// The value, from the list's start: for either direction.
    first_page: [Template; 2],
    /// The value, the cursor's sort value twice and its id: for either direction.
    next_page: [Template; 2],
    /// What an aggregate has in the side table of a key of many values.
    pub(crate) side: Option<SideQueries>,
}

/// The statements of the side table of a key of many values.
pub(crate) struct SideQueries {
    /// `id`: value and sort value.
    pub(crate) select: Template,
    /// id, value and sort value.
    pub(crate) insert: Template,
    /// id and value.
    pub(crate) delete: Template,
    /// `id`.
    pub(crate) delete_all: Template,
}

impl Queries {
    pub(crate) fn of<A: Aggregate>(backend: DbBackend, names: &Names) -> Self {
        let table = names.table::<A>();
        let template = |description: &dyn Describe| description.template(backend);
        let single: Vec<String> = A::keys()
            .iter()
            .filter(|key| !key.many)
            .flat_map(|key| {
                let names = names.key::<A>(key.name);
                [names.value, names.sort]
            })
            .collect();
        let columns: Vec<String> =
            ["id", "version", "state"].map(str::to_owned).into_iter().chain(single.clone()).collect();
        let mut update = Query::update();
        update.table(table.clone()).value("version", 0).value("state", "");
        for column in single {
            update.value(column, 0);
        }
        update.and_where(Expr::col("id").eq("")).and_where(Expr::col("version").eq(0));
        let outbox = ["id", "aggregate", "aggregate_id", "version", "event", "headers", "recorded_at"];
        Self {
            backend,
            find: template(
                &Query::select()
                    .columns(["version", "state"])
                    .from(table.clone())
                    .and_where(Expr::col("id").eq(""))
                    .take(),
            ),
            insert: insert(backend, &table, columns),
            update: template(&update),
            delete: template(
                &Query::delete()
                    .from_table(table.clone())
                    .and_where(Expr::col("id").eq(""))
                    .and_where(Expr::col("version").eq(0))
                    .take(),
            ),
            handled: template(
                &Query::select()
                    .columns(["body_hash", "aggregate_id"])
                    .from(names.inbox.clone())
                    .and_where(Expr::col("key").eq(""))
                    .take(),
            ),
            remember: insert(
                backend,
                &names.inbox,
                ["key", "body_hash", "aggregate_id", "at"].map(str::to_owned).to_vec(),
            ),
            record: insert(backend, &names.outbox, outbox.map(str::to_owned).to_vec()),
            keys: A::keys()
                .iter()
                .map(|key| (key.name, KeyQueries::of(backend, key, names.key::<A>(key.name))))
                .collect(),
            table,
        }
    }

    pub(crate) fn key<A: Aggregate>(&self, key: &Key<A>) -> Result<&KeyQueries, RepositoryError> {
        self.keys.get(key.name).ok_or_else(|| {
            RepositoryError::unavailable(
                format!("look for a {}", A::NAME),
                format!("its key {} is not among its declared keys", key.name),
            )
        })
    }
}

impl KeyQueries {
    fn of<A: Aggregate>(backend: DbBackend, key: &Key<A>, names: KeyNames) -> Self {
        let find_by = Query::select()
            .columns(columns(&names))
            .from(names.table.clone())
            .and_where(Expr::col((names.table.clone(), "id")).in_subquery(holders(&names)))
            .take();
        // By the key's own column where there is one: one look-up less.
        let find_by = if key.many {
            find_by
        } else {
            Query::select()
                .columns(columns(&names))
                .from(names.table.clone())
                .and_where(Expr::col(names.value.clone()).eq(""))
                .take()
        };
        let pages = |is_next: bool| {
            [Order::Asc, Order::Desc].map(|order| Template::of(backend, &list(key.many, &names, order, is_next)))
        };
        let side = key.many.then(|| SideQueries::of(backend, &names.side));
        Self {
            is_many: key.many,
            find_by: Template::of(backend, &find_by),
            first_page: pages(false),
            next_page: pages(true),
            side,
            names,
        }
    }

    /// A page of the values with this value of the key, and one more: id, version, state and sort value.
    pub(crate) fn list(&self, value: KeyValue, page: &PageRequest) -> Statement {
        let direction = usize::from(page.direction == Direction::Descending);
        let question = match &page.after {
            None => self.first_page[direction].with([parameter(value)]),
            Some(Cursor { sort, id }) => {
                let sort = parameter(sort.clone());
                self.next_page[direction].with([parameter(value), sort.clone(), sort, id.clone().into()])
            }
        };
        limited(question, page.limit.saturating_add(1))
    }

    /// A page of the values whose value of the key is within bounds, and one more: id, version, state and value.
    pub(crate) fn range(&self, backend: DbBackend, bounds: Bounds, page: &PageRequest) -> Statement {
        let value = self.value_column();
        let id = (self.names.table.clone(), "id");
        let mut select = select(self.is_many, &self.names, value.clone());
        if let Some(from) = bounds.from {
            select.and_where(value.clone().gte(parameter(from)));
        }
        if let Some(until) = bounds.until {
            select.and_where(value.clone().lt(parameter(until)));
        }
        // An open interval still leaves out what has no value.
        select.and_where(value.clone().is_not_null());
        let order = if page.direction == Direction::Ascending { Order::Asc } else { Order::Desc };
        if let Some(Cursor { sort, id: last }) = &page.after {
            behind(&mut select, value.clone(), Expr::col(id.clone()), parameter(sort.clone()), last.clone(), &order);
        }
        select.order_by_expr(value, order.clone()).order_by(id, order);
        limited(StatementBuilder::build(&select, &backend), page.limit.saturating_add(1))
    }

    fn value_column(&self) -> Expr {
        if self.is_many {
            Expr::col((self.names.side.clone(), "value"))
        } else {
            Expr::col((self.names.table.clone(), self.names.value.clone()))
        }
    }
}

impl SideQueries {
    fn of(backend: DbBackend, side: &str) -> Self {
        let side = || side.to_owned();
        let of_id = || Expr::col("id").eq("");
        Self {
            select: Template::of(
                backend,
                &Query::select().columns(["value", "sort"]).from(side()).and_where(of_id()).take(),
            ),
            insert: insert(backend, &side(), ["id", "value", "sort"].map(str::to_owned).to_vec()),
            delete: Template::of(
                backend,
                &Query::delete().from_table(side()).and_where(of_id()).and_where(Expr::col("value").eq("")).take(),
            ),
            delete_all: Template::of(backend, &Query::delete().from_table(side()).and_where(of_id()).take()),
        }
    }
}

/// Something a template is made of; an object, so that one closure makes them all.
trait Describe {
    fn template(&self, backend: DbBackend) -> Template;
}

impl<D: StatementBuilder> Describe for D {
    fn template(&self, backend: DbBackend) -> Template {
        Template::of(backend, self)
    }
}

fn insert(backend: DbBackend, table: &str, columns: Vec<String>) -> Template {
    let values: Vec<Expr> = columns.iter().map(|_| Expr::val(0)).collect();
    Template::of(backend, &Query::insert().into_table(table.to_owned()).columns(columns).values_panic(values).take())
}

fn columns(names: &KeyNames) -> [(String, &'static str); 3] {
    ["id", "version", "state"].map(|column| (names.table.clone(), column))
}

/// The ids that have a value, of a key of many.
fn holders(names: &KeyNames) -> SelectStatement {
    Query::select().column("id").from(names.side.clone()).and_where(Expr::col("value").eq("")).take()
}

/// Selects id, version, state and one more column, from the side table too if the key has one.
fn select(is_many: bool, names: &KeyNames, last: Expr) -> SelectStatement {
    let mut select = Query::select();
    select.columns(columns(names)).expr(last);
    if is_many {
        let same_id = Expr::col((names.table.clone(), "id")).equals((names.side.clone(), "id"));
        select.from(names.side.clone()).inner_join(names.table.clone(), same_id);
    } else {
        select.from(names.table.clone());
    }
    select
}

fn list(is_many: bool, names: &KeyNames, order: Order, is_next: bool) -> SelectStatement {
    let (value, sort, id) = if is_many {
        let side = |column: &'static str| Expr::col((names.side.clone(), column));
        (side("value"), side("sort"), side("id"))
    } else {
        let own = |column: &str| Expr::col((names.table.clone(), column.to_owned()));
        (own(&names.value), own(&names.sort), own("id"))
    };
    let mut select = select(is_many, names, sort.clone());
    select.and_where(value.eq(""));
    if is_next {
        behind(&mut select, sort.clone(), id.clone(), Value::BigInt(Some(0)), String::new(), &order);
    }
    select.order_by_expr(sort, order.clone()).order_by_expr(id, order);
    select
}

/// What lies behind a cursor. The first condition follows from the second; it is there because an index can use it.
fn behind(select: &mut SelectStatement, sort: Expr, id: Expr, last: Value, last_id: String, order: &Order) {
    if matches!(order, Order::Asc) {
        select.and_where(sort.clone().gte(last.clone())).and_where(sort.gt(last).or(id.gt(last_id)));
    } else {
        select.and_where(sort.clone().lte(last.clone())).and_where(sort.lt(last).or(id.lt(last_id)));
    }
}

#[cfg(test)]
mod tests {
    use jobapp_contracts::fixture::Kettle;
    use jobapp_kernel::ObjectId;
    use sea_orm::ConnectionTrait;

    use super::*;
    use crate::{Namespace, SqlConfig, SqlStore};

    /// How the database goes about a statement.
    async fn plan(store: &SqlStore, mut statement: Statement) -> String {
        statement.sql.insert_str(0, "EXPLAIN QUERY PLAN ");
        let rows = store.database().query_all_raw(statement).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index::<String>(3).unwrap()).collect::<Vec<_>>().join("; ")
    }

    #[tokio::test]
    async fn every_question_is_answered_by_an_index() {
        let store = SqlStore::open(SqlConfig::memory()).await.unwrap();
        store.register::<Kettle>().await.unwrap();
        let queries = Queries::of::<Kettle>(DbBackend::Sqlite, &Names::of(Namespace::default()));
        let found = plan(&store, queries.find.with(["x".into()])).await;
        assert!(found.starts_with("SEARCH kettle USING INDEX sqlite_autoindex_kettle_1 (id=?)"), "{found}");
        let cursor = Cursor { sort: 7.into(), id: ObjectId::from_bytes([7; 12]).to_string() };
        let pages = [PageRequest::first(9), PageRequest::newest(9), PageRequest::newest(9).after(Some(cursor.clone()))];
        for key in Kettle::keys() {
            let of_key = &queries.keys[key.name];
            let index = format!("INDEX by_kettle__{}", key.name);
            let value = if key.int { KeyValue::Int(7) } else { "x".into() };
            let found = plan(&store, of_key.find_by.with([parameter(value.clone())])).await;
            assert!(found.contains(&index) && !found.contains("SCAN"), "{found}");
            for page in &pages {
                let listed = plan(&store, of_key.list(value.clone(), page)).await;
                assert!(listed.contains(&index) && !listed.contains("SCAN"), "{listed}");
                assert!(key.unique || !listed.contains("TEMP B-TREE"), "sorted afterwards: {listed}");
                let bounds = Bounds { from: Some(value.clone()), until: None };
                let ranged = plan(&store, of_key.range(DbBackend::Sqlite, bounds, page)).await;
                assert!(ranged.contains(&index) && !ranged.contains("SCAN"), "{ranged}");
            }
        }
    }
}
