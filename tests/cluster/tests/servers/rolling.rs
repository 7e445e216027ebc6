//! One version takes the place of another, a process at a time, while people go on.
#![expect(clippy::print_stdout, reason = "it prints figures")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use jobapp_cluster::{Plan, SERVICES};
use parking_lot::Mutex;

use crate::people::{Person, search};
use crate::world::{cluster, until};

/// How many people go on at once.
const PEOPLE: usize = 6;
/// Longer than a gateway keeps a connection that nobody uses.
const DRAIN: &str = "6";

/// Every process of every service is told to stop and started again, one after the other. Nobody who reads or writes through the
/// gateway notices.
#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_of_every_service_loses_no_request() {
    let settings =
        vec![(None, "JOBAPP_DRAIN_SECONDS", DRAIN.to_owned()), (None, "JOBAPP_RATE_LIMITS", "off".to_owned())];
    let world = cluster(Plan { each: 2, settings, ..Plan::default() }).await;
    let iria = Person::sign_up(world.url(), "Iria").await.unwrap();
    until(async || iria.buyer().await).await;
    let seller = iria.sell().await.unwrap();
    let gig = until(async || iria.publish(&seller, "I will do logos").await).await;
    until(async || match search(&iria.client, "logos").await? {
        0 => anyhow::bail!("the gig is not found"),
        found => Ok(found),
    })
    .await;

    let (over, made, failed) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        let person = Person::sign_up(world.url(), &format!("Ana{number}")).await.unwrap();
        let buyer = until(async || person.buyer().await).await["_id"].as_str().unwrap().to_owned();
        let seller = person.sell().await.unwrap();
        let (over, made, failed, gig) = (Arc::clone(&over), Arc::clone(&made), Arc::clone(&failed), gig.clone());
        people.push(tokio::spawn(async move {
            let mut round = 0;
            while !over.load(Ordering::Relaxed) {
                round += 1;
                let reads = [
                    "/auth/currentuser".to_owned(),
                    "/buyer/username".to_owned(),
                    format!("/gig/{gig}"),
                    format!("/review/gig/{gig}"),
                    format!("/message/conversations/{}", person.name),
                    format!("/order/buyer/{}", buyer),
                ];
                for path in reads {
                    match person.client.get(&path).await {
                        Ok(_) => drop(made.fetch_add(1, Ordering::Relaxed)),
                        Err(error) => failed.lock().push(format!("GET {path}: {error}")),
                    }
                }
                // Nothing tries a write twice but whoever asked for it.
                match person.publish(&seller, &format!("I will do maps {number} {round}")).await {
                    Ok(_) => drop(made.fetch_add(1, Ordering::Relaxed)),
                    Err(error) => failed.lock().push(format!("POST /gig/create: {error}")),
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }));
    }
    for service in SERVICES.iter().filter(|service| **service != "gateway") {
        let processes: Vec<_> = world.of(service).collect();
        for process in processes {
            let ended = tokio::task::block_in_place(|| process.stop()).unwrap();
            assert!(ended, "{service} did not end by itself");
            process.start().unwrap();
            process.ready().await.unwrap();
        }
    }
    over.store(true, Ordering::Relaxed);
    for person in people {
        person.await.unwrap();
    }
    let (made, failed) = (made.load(Ordering::Relaxed), std::mem::take(&mut *failed.lock()));
    assert!(made > 500, "only {made} requests were made");
    assert!(
        failed.is_empty(),
        "{} of {} requests failed: {:#?}",
        failed.len(),
        made + failed.len(),
        &failed[..failed.len().min(10)]
    );
    println!("{made} requests, none failed");
}
