//! Many changes of one gig at once.

use futures::future::join_all;
use http::StatusCode;
use jobapp_gig_service::GigConfig;
use serde_json::json;

use crate::world::{IRIA, World, an_update};

#[tokio::test]
async fn changes_of_a_gig_at_once_are_all_made_here_and_in_another_process() {
    let world = World::new().await;
    let gig = world.offers(json!({})).await;
    let there = world.in_another_process(GigConfig::default());
    let path = format!("/api/v1/gig/{}", gig["id"].as_str().unwrap());
    let active = format!("/api/v1/gig/active/{}", gig["id"].as_str().unwrap());
    for processes in [&[&world][..], &[&world, &there]] {
        let answers = join_all(processes.iter().cycle().take(40).enumerate().map(|(number, world)| {
            let (path, active) = (&path, &active);
            async move {
                if number % 3 == 0 {
                    return world.call("Iria", "PUT", active, &json!({"active": number % 2 == 0})).await;
                }
                let mut body = an_update();
                body["title"] = json!(format!("I will draw logo {number}"));
                world.call("Iria", "PUT", path, &body).await
            }
        }))
        .await;
        for answer in answers {
            assert_eq!((answer.status, answer.message()), (StatusCode::OK, "Gig updated successfully."), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_gig_that_is_deleted_many_times_at_once_is_deleted_once() {
    let world = World::new().await;
    let gig = world.offers(json!({})).await;
    let path = format!("/api/v1/gig/{}/{IRIA}", gig["id"].as_str().unwrap());
    let answers = join_all((0..20).map(|_| world.call("Iria", "DELETE", &path, &serde_json::Value::Null))).await;
    let gone = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    let not_found = answers.iter().filter(|answer| answer.status == StatusCode::NOT_FOUND).count();
    assert_eq!((gone, not_found), (1, 19), "{answers:?}");
}
