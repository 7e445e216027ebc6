//! Processes of different versions, and other people's indexes.

use jobapp_contracts::search::{gig, saved};
use jobapp_gigs::{SearchError, SearchIndex};
use reqwest::Method;
use serde_json::{Value, json};

use crate::place::{Place, build, found, is_behind, total};

impl Place {
    /// An index that another version made.
    async fn of_another_version(&self, form: u32, alias: Option<&str>) -> String {
        let index = format!("{}-v{form}-0123456789abcdef0123456789abcdef", self.index);
        let aliases = alias.map_or_else(|| json!({}), |alias| json!({alias: {}}));
        self.ask(Method::PUT, &format!("/{index}"), &json!({"aliases": aliases})).await;
        index
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_versions_index_is_replaced() {
    let place = Place::fresh().await;
    let older = place.of_another_version(0, Some(&format!("{}-v0", place.index))).await;
    let index = place.process();
    assert!(is_behind(&index).await);
    build(&index, vec![saved(&gig(1, "logo"), 1)]).await;
    let indexes = place.indexes().await;
    assert!(indexes.len() == 1 && indexes[0] != older, "{indexes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_newer_version_builds_or_has_its_index_nothing_is_written_and_nothing_built() {
    for alias in ["v2-building", "v2"] {
        let (place, one, _) = Place::two(vec![saved(&gig(1, "logo"), 1)]).await;
        place.of_another_version(2, Some(&format!("{}-{alias}", place.index))).await;
        one.apply(vec![saved(&gig(2, "logo"), 1)]).await.expect_err("its processes are told");
        assert_eq!(total(&one).await, 1, "as long as there is an index, it is searched");
        for index in place.indexes().await.iter().filter(|index| index.contains("-v1-")) {
            place.ask(Method::DELETE, &format!("/{index}"), &Value::Null).await;
        }
        assert!(!one.needs_rebuild().await.unwrap(), "they would build in turns for ever");
        assert!(one.rebuild(&mut jobapp_contracts::search::Source::of(Vec::new()), &|_| {}).await.is_err());
        assert_eq!(place.indexes().await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_only_called_alike_stays() {
    let place = Place::fresh().await;
    for other in ["-vintage", "-v1x", "s-v1-0123456789abcdef0123456789abcdef"] {
        place.ask(Method::PUT, &format!("/{}{other}", place.index), &json!({})).await;
    }
    let index = place.process();
    for _ in 0..2 {
        build(&index, vec![saved(&gig(1, "logo"), 1)]).await;
    }
    assert_eq!(place.indexes().await.len(), 4);
    assert_eq!(found(&index, "logo").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_with_fields_of_somebody_else_is_told() {
    let (place, one, _) = Place::two(Vec::new()).await;
    place.remove_indexes().await;
    let strange = json!({"mappings": {"dynamic": "strict"}, "aliases": {format!("{}-v1", place.index): {}}});
    let name = format!("/{}-v1-0123456789abcdef0123456789abcdef", place.index);
    place.ask(Method::PUT, &name, &strange).await;
    let refused = one.apply(vec![saved(&gig(1, "logo"), 1)]).await.unwrap_err();
    let SearchError::Unavailable(reason) = refused else { panic!("{refused:?}") };
    assert!(reason.to_string().contains("strict_dynamic_mapping_exception"), "{reason}");
}
