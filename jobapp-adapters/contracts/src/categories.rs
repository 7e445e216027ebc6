//! What every memory of chosen categories promises.
//!
//! ```ignore
//! jobapp_contracts::categories!(super::a_fresh_one()); // a future of `jobapp_contracts::categories::Categories`
//! ```

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use futures::future::join_all;
use jobapp_gigs::SelectedCategories;

/// Nobody chose anything yet.
#[derive(Clone)]
pub struct Categories {
    /// What is promised about.
    pub categories: Arc<dyn SelectedCategories>,
    /// What must live as long, such as a temporary folder.
    pub keep: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Categories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Categories").finish_non_exhaustive()
    }
}

impl Categories {
    /// Of these.
    pub fn of(categories: Arc<dyn SelectedCategories>) -> Self {
        Self { categories, keep: Arc::new(()) }
    }

    /// The same, with something that must live as long.
    #[must_use]
    pub fn keeping(self, keep: impl Any + Send + Sync) -> Self {
        Self { keep: Arc::new(keep), ..self }
    }

    async fn chosen(&self, username: &str) -> Option<String> {
        self.categories.of(username).await.unwrap()
    }
}

/// Who chose nothing has nothing chosen, whatever others chose.
pub async fn who_chose_nothing_has_no_category(of: &Categories) {
    of.categories.select("Marta", "music").await.unwrap();
    assert_eq!(of.chosen("Iria").await, None);
    assert_eq!(of.chosen("").await, None);
    assert_eq!(of.chosen(&"x".repeat(5_000)).await, None);
}

/// The last choice counts.
pub async fn the_category_chosen_last_counts(of: &Categories) {
    for category in ["programming", "graphics   design", "graphics   design", "music audio"] {
        of.categories.select("Iria", category).await.unwrap();
        assert_eq!(of.chosen("Iria").await.as_deref(), Some(category), "as it was sent");
    }
}

/// A user name is the same in any case.
pub async fn a_user_is_known_in_any_case(of: &Categories) {
    of.categories.select("Iria", "programming").await.unwrap();
    of.categories.select("iria", "music").await.unwrap();
    assert_eq!(of.chosen("IRIA").await.as_deref(), Some("music"));
}

/// Of a very long category a part is remembered.
pub async fn a_very_long_category_is_cut(of: &Categories) {
    of.categories.select("Iria", &"é".repeat(5_000)).await.unwrap();
    assert_eq!(of.chosen("Iria").await, Some("é".repeat(200)));
}

/// Whoever chooses in many tabs at once ends up with one of these choices.
pub async fn choices_at_once_leave_one_of_them(of: &Categories) {
    let choosing = (0..20).map(|number| {
        let categories = Arc::clone(&of.categories);
        tokio::spawn(async move { categories.select("Iria", &format!("category {number}")).await })
    });
    for chosen in join_all(choosing).await {
        chosen.unwrap().unwrap();
    }
    assert!(of.chosen("Iria").await.is_some_and(|category| category.starts_with("category ")));
}

/// Makes one test of each promise of `SelectedCategories`. The argument makes a future of fresh
/// [`Categories`](crate::categories::Categories).
#[macro_export]
macro_rules! categories {
    ($factory:expr) => {
        $crate::__suite! { $factory, $crate::categories::Categories, [$crate::categories], categories:
            who_chose_nothing_has_no_category
            the_category_chosen_last_counts
            a_user_is_known_in_any_case
            a_very_long_category_is_cut
            choices_at_once_leave_one_of_them
        }
    };
}
