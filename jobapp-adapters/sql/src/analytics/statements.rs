//! The statements of the read model of reviews.

use std::ops::RangeInclusive;

use jobapp_reviews::{Day, RatedReview, Subject, SubjectKind};
use sea_orm::sea_query::{
    CaseStatement, DeleteStatement, Expr, ExprTrait, InsertStatement, OnConflict, Query, SelectStatement,
    UpdateStatement,
};

use crate::statement::limit;
use crate::tables::Names;

const COLUMNS: [&str; 6] = ["edition", "order_id", "seller", "gig", "day", "stars"];

/// Makes the statements for the tables of a store.
#[derive(Debug, Clone)]
pub(super) struct Statements {
    ratings: String,
    editions: String,
}

impl Statements {
    pub(super) fn of(names: &Names) -> Self {
        Self { ratings: names.ratings.clone(), editions: names.rating_editions.clone() }
    }

    /// The edition that answers.
    pub(super) fn published(&self) -> SelectStatement {
        Query::select()
            .expr(Expr::col("edition").max())
            .from(self.editions.clone())
            .and_where(Expr::col("published").eq(1_i64))
            .take()
    }

    /// Counts a rating in the edition that answers and in those behind it, unless it is counted there.
    pub(super) fn record(&self, review: &RatedReview) -> InsertStatement {
        let mut values = Query::select();
        values.column("edition");
        for value in values_of(review) {
            values.expr(value);
        }
        values.from(self.editions.clone()).and_where(Expr::col("edition").gte(Expr::from(self.published())));
        let mut insert = self.insert();
        insert.select_from(values).expect("as many columns as values: both are written down here");
        insert
    }

    /// Counts ratings in an edition, unless they are counted there.
    pub(super) fn add(&self, edition: i64, reviews: &[RatedReview]) -> InsertStatement {
        let mut insert = self.insert();
        for review in reviews {
            insert.values_panic([Expr::val(edition)].into_iter().chain(values_of(review)));
        }
        insert
    }

    fn insert(&self) -> InsertStatement {
        Query::insert()
            .into_table(self.ratings.clone())
            .columns(COLUMNS)
            .on_conflict(OnConflict::columns(["edition", "order_id"]).do_nothing_on(["order_id"]).to_owned())
            .take()
    }

    /// The day, if it is one of these, the stars, and how often they were given, in the edition that answers.
    pub(super) fn counts(&self, subject: &Subject, days: &RangeInclusive<Day>) -> SelectStatement {
        let column = match subject.kind() {
            SubjectKind::Seller => "seller",
            SubjectKind::Gig => "gig",
        };
        let is_asked_for = Expr::col("day").between(days.start().number(), days.end().number());
        let day: Expr = CaseStatement::new().case(is_asked_for, Expr::col("day")).finally(Expr::cust("NULL")).into();
        Query::select()
            .expr_as(day, "of_day")
            .column("stars")
            // Of a column that the index has.
            .expr(Expr::col("stars").count())
            .from(self.ratings.clone())
            .and_where(Expr::col("edition").eq(Expr::from(self.published())))
            .and_where(Expr::col(column).eq(subject.id()))
            .group_by_col("of_day")
            .group_by_col("stars")
            .take()
    }

    /// The largest number an edition has.
    pub(super) fn newest(&self) -> SelectStatement {
        Query::select().expr(Expr::col("edition").max()).from(self.editions.clone()).take()
    }

    /// Begins an edition.
    pub(super) fn begin(&self, edition: i64) -> InsertStatement {
        Query::insert()
            .into_table(self.editions.clone())
            .columns(["edition", "published"])
            .values_panic([edition.into(), 0_i64.into()])
            .take()
    }

    /// Gives up every edition up to this one that is not published.
    pub(super) fn give_up(&self, edition: i64) -> DeleteStatement {
        Query::delete()
            .from_table(self.editions.clone())
            .and_where(Expr::col("published").eq(0_i64))
            .and_where(Expr::col("edition").lte(edition))
            .take()
    }

    /// Has an edition answer that was not given up.
    pub(super) fn publish(&self, edition: i64) -> UpdateStatement {
        Query::update()
            .table(self.editions.clone())
            .value("published", 1_i64)
            .and_where(Expr::col("edition").eq(edition))
            .take()
    }

    /// Forgets that there were editions before this one.
    pub(super) fn forget_editions(&self, edition: i64) -> DeleteStatement {
        Query::delete().from_table(self.editions.clone()).and_where(Expr::col("edition").lt(edition)).take()
    }

    /// The first edition that has ratings.
    pub(super) fn oldest(&self) -> SelectStatement {
        Query::select().expr(Expr::col("edition").min()).from(self.ratings.clone()).take()
    }

    /// The orders of some ratings of an edition.
    pub(super) fn some_of(&self, edition: i64, count: usize) -> SelectStatement {
        Query::select()
            .column("order_id")
            .from(self.ratings.clone())
            .and_where(Expr::col("edition").eq(edition))
            .limit(limit(count))
            .take()
    }

    /// Forgets the ratings of these orders in an edition.
    pub(super) fn forget(&self, edition: i64, orders: Vec<String>) -> DeleteStatement {
        Query::delete()
            .from_table(self.ratings.clone())
            .and_where(Expr::col("edition").eq(edition))
            .and_where(Expr::col("order_id").is_in(orders))
            .take()
    }
}

/// The columns of a rating behind that of its edition.
fn values_of(review: &RatedReview) -> [Expr; 5] {
    let RatedReview { order, seller, gig, rating, day } = review;
    [
        Expr::val(order.as_str()),
        Expr::val(seller.id()),
        Expr::val(gig.id()),
        Expr::val(day.number()),
        Expr::val(rating.get()),
    ]
}
