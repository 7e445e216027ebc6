//! The store on PostgreSQL and MySQL.

/// A test of each case, on this kind of server.
macro_rules! on {
    ($module:ident, $kind:expr, $($case:ident)*) => {
        mod $module {
            use super::*;

            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $case() {
                    super::$case($kind).await;
                }
            )*
        }
    };
}

mod analytics;
mod cuts;
mod locks;
#[path = "../shared/migrations.rs"]
mod migrations;
mod outbox;
mod place;
mod plans;
mod sharing;
mod suites;
mod tables;
