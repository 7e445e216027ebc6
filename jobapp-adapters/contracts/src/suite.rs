//! How a list of promises becomes tests.

/// One test for each promise of a module. `$factory` makes a future of a fresh `$fresh`.
#[doc(hidden)]
#[macro_export]
macro_rules! __suite {
    ($factory:expr, $fresh:ty, [$($path:tt)*], $module:ident: $($case:ident)*) => {
        mod $module {
            use super::*;
            use $($path)* as promises;

            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $case() {
                    let fresh: $fresh = $factory.await;
                    promises::$case(&fresh).await;
                }
            )*
        }
    };
}
