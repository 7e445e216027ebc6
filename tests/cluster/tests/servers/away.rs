//! What still works when something is down, and that nothing is lost when it is back.

use std::time::{Duration, Instant};

use anyhow::ensure;
use jobapp_client::CallError;
use jobapp_cluster::{Databases, Plan};
use jobapp_test_servers::{Bucket, Fault};
use reqwest::StatusCode;
use serde_json::json;

use crate::journey::{Options, travel};
use crate::people::{Person, gig_body, mail_address, search, sign_up_body};
use crate::world::{World, cluster, until};

async fn signed_up(world: &World, name: &str) -> Person {
    until(async || Person::sign_up(world.url(), name).await).await
}

/// Mails wait in their queue while nobody sends them, and each is sent once.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_notification_service_everything_works_and_mails_are_sent_once_it_is_back() {
    let world = cluster(Plan { each: 2, ..Plan::default() }).await;
    for process in world.of("notification") {
        process.kill().unwrap();
    }
    let marta = signed_up(&world, "Marta").await;
    marta.client.get("/auth/currentuser").await.unwrap();
    for process in world.of("notification") {
        process.start().unwrap();
    }
    until(async || {
        let mails = marta.mails().await?;
        ensure!(mails == ["verifyEmail"], "{mails:?}");
        Ok(())
    })
    .await;
    // The other row of the same kind: one of two processes is enough.
    world.of("notification").next().unwrap().kill().unwrap();
    let iria = signed_up(&world, "Iria").await;
    until(async || {
        let mails = iria.mails().await?;
        ensure!(mails == ["verifyEmail"], "{mails:?}");
        Ok(())
    })
    .await;
}

/// The mail host is away, then silent; then every mail is there, once.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_host_mails_wait() {
    let world = cluster(Plan { mail_host: true, faulty_network: true, ..Plan::default() }).await;
    let host = world.servers().mailpit.as_ref().unwrap();
    let network = host.network();
    network.cut().await;
    let _marta = signed_up(&world, "Marta").await;
    network.restore().await;
    network.blackhole().await;
    let _iria = signed_up(&world, "Iria").await;
    network.restore().await;
    let api = format!("{}/api/v1/messages", host.api().unwrap());
    for name in ["Marta", "Iria"] {
        until(async || {
            let mails: serde_json::Value = reqwest::get(&api).await?.json().await?;
            let to = mails["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
            let count = to.iter().filter(|mail| mail["To"][0]["Address"] == mail_address(name)).count();
            ensure!(count == 1, "{name} has {count} mails: {mails}");
            Ok(())
        })
        .await;
    }
}

/// All but uploads works without the host of media, whether it is gone, silent or unwell; an upload is refused in words, and nothing of it
/// is left.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_host_of_media_everything_but_uploads_works_and_nothing_is_half_stored() {
    let bucket = Bucket::start().await;
    let mut settings = vec![(None, "JOBAPP_MEDIA", bucket.url("&public=https://cdn.example.org/pictures"))];
    settings.extend(Bucket::KEYS.map(|(name, value)| (None, name, value.to_owned())));
    let world = cluster(Plan { settings, ..Plan::default() }).await;
    let (marta, iria) = (signed_up(&world, "Marta").await, signed_up(&world, "Iria").await);
    until(async || iria.buyer().await).await;
    let seller = iria.sell().await.unwrap();
    let gig = until(async || iria.publish(&seller, "I will do the first").await).await;
    let shown = iria.client.get(&format!("/gig/{gig}")).await.unwrap()["gig"]["coverImage"].clone();
    assert!(shown.as_str().unwrap().starts_with("https://cdn.example.org/pictures/"), "{shown}");
    for (number, round) in (1..).zip(["stopped", "silent", "failing"]) {
        let kept = bucket.kept();
        match round {
            "stopped" => bucket.stop().await,
            "silent" => bucket.fail(|_| Some(Fault::Silence)),
            _ => bucket.fail(|_| Some(Fault::Answer(StatusCode::SERVICE_UNAVAILABLE))),
        }
        // Long before the gateway gives a service up that is silent.
        let soon = Duration::from_secs(if round == "silent" { 18 } else { 8 });
        let name = format!("Nerea{round}");
        let refused = async {
            let begun = Instant::now();
            let (account, gig) = tokio::join!(
                marta.client.post("/auth/signup", sign_up_body(&name)),
                iria.client.post("/gig/create", gig_body(&seller, "I will do no more")),
            );
            for error in [account.unwrap_err(), gig.unwrap_err()] {
                assert_eq!(error.status(), Some(StatusCode::SERVICE_UNAVAILABLE), "{round}: {error}");
                assert!(error.to_string().contains("Please try again in a moment."), "{round}: {error}");
            }
            assert!(begun.elapsed() < soon, "{round}: {:?}", begun.elapsed());
        };
        let works = async {
            assert_eq!(iria.client.get(&format!("/gig/{gig}")).await.unwrap()["gig"]["coverImage"], shown);
            marta.client.get("/auth/currentuser").await.unwrap();
            until(async || {
                let found = search(&marta.client, "first").await?;
                ensure!(found == 1, "{round}: {found} gigs");
                Ok(())
            })
            .await;
            // Who changes words only, and sends the picture back as it was shown, uploads nothing.
            let mut body = gig_body(&seller, "I will do the first");
            body["coverImage"] = shown.clone();
            body["description"] = json!(format!("{number} drafts."));
            body.as_object_mut().unwrap().retain(|name, _| !["sellerId", "profilePicture"].contains(&name.as_str()));
            let changed = iria.client.put(&format!("/gig/{gig}"), body).await.unwrap();
            assert_eq!(changed["gig"]["coverImage"], shown, "{round}");
            world.ready().await.unwrap();
        };
        tokio::join!(refused, works);

        bucket.fail(|_| None);
        if round == "stopped" {
            bucket.start_again().await;
        }
        assert_eq!(bucket.kept(), kept, "{round}: nothing was half stored");
        let nerea = signed_up(&world, &name).await;
        until(async || nerea.buyer().await).await;
        until(async || iria.publish(&seller, "I will do another").await).await;
        assert_eq!(bucket.kept(), kept + 2, "{round}");
    }
}

/// Events wait in the outboxes: what was done while the broker was away is told once it is back.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_people_read_and_write_and_everything_is_told_once_it_is_back() {
    let world = cluster(Plan::default()).await;
    let iria = signed_up(&world, "Iria").await;
    until(async || iria.buyer().await).await;
    let seller = iria.sell().await.unwrap();
    // Once one is published, every service knows the seller.
    until(async || iria.publish(&seller, "I will do the first").await).await;
    let broker = world.servers().rabbitmq.own();
    for (round, word) in [("stopped", "sketches"), ("killed", "portraits"), ("paused", "lettering")] {
        match round {
            "stopped" => broker.stop().await,
            "killed" => broker.kill().await,
            _ => broker.pause().await,
        }
        let gig = iria.publish(&seller, &format!("I will do {word}")).await.unwrap();
        assert_eq!(iria.client.get(&format!("/gig/{gig}")).await.unwrap()["gig"]["id"], gig.as_str(), "{round}");
        iria.client.get("/auth/currentuser").await.unwrap();
        match round {
            "paused" => broker.unpause().await,
            _ => broker.start().await,
        }
        until(async || {
            let found = search(&iria.client, word).await?;
            ensure!(found == 1, "{round}: {found} gigs");
            Ok(())
        })
        .await;
        world.ready().await.unwrap();
    }
    until(async || {
        let seller = iria.client.get(&format!("/seller/id/{seller}")).await?;
        ensure!(seller["seller"]["totalGigs"] == 4, "each is counted once: {seller}");
        Ok(())
    })
    .await;
}

/// Who is signed in stays so and reads; presence and limits are each gateway's own meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn without_redis_signed_in_people_read_and_write() {
    let world = cluster(Plan { each: 2, ..Plan::default() }).await;
    let iria = signed_up(&world, "Iria").await;
    until(async || iria.buyer().await).await;
    let seller = iria.sell().await.unwrap();
    // Once one is published, every service knows the seller.
    until(async || iria.publish(&seller, "I will do the first").await).await;
    let redis = world.servers().redis.own();
    for round in ["stopped", "paused"] {
        if round == "stopped" {
            redis.stop().await
        } else {
            redis.pause().await
        }
        iria.client.get("/auth/currentuser").await.unwrap();
        let gig = iria.publish(&seller, &format!("I will do logos {round}")).await.unwrap();
        iria.client.get(&format!("/gig/{gig}")).await.unwrap();
        Person::sign_in(world.url(), "Iria").await.unwrap();
        if round == "stopped" {
            redis.start().await
        } else {
            redis.unpause().await
        }
        world.ready().await.unwrap();
    }
    until(async || {
        let found = search(&iria.client, "logos").await?;
        ensure!(found == 3, "{found} gigs");
        Ok(())
    })
    .await;
}

/// Searches are answered from the store, at once, and say so; the index has everything again once it is back, and when it was lost.
#[tokio::test(flavor = "multi_thread")]
async fn without_elasticsearch_the_store_answers_and_the_index_catches_up() {
    let world = cluster(Plan { elasticsearch: true, each: 2, ..Plan::default() }).await;
    let iria = signed_up(&world, "Iria").await;
    until(async || iria.buyer().await).await;
    let seller = iria.sell().await.unwrap();
    // Once one is published, every service knows the seller.
    until(async || iria.publish(&seller, "I will do the first logos").await).await;
    let finds = async |count: u64, is_degraded: bool| {
        let answer = iria.client.get("/auth/search/gig/0/10/forward?query=logos").await?;
        ensure!(answer["total"] == count && answer["degraded"].as_bool().unwrap_or(false) == is_degraded, "{answer}");
        Ok(())
    };
    until(async || finds(1, false).await).await;
    let server = world.servers().elasticsearch.as_ref().unwrap();
    for (count, round) in (2..).zip(["stopped", "paused"]) {
        if round == "stopped" {
            server.own().stop().await
        } else {
            server.own().pause().await
        }
        iria.publish(&seller, &format!("I will do logos {round}")).await.unwrap();
        until(async || finds(count, true).await).await;
        let begun = Instant::now();
        for _ in 0..20 {
            finds(count, true).await.unwrap();
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "each waits for it: {:?}", begun.elapsed());
        for process in world.of("gig") {
            process.ready().await.unwrap();
        }
        if round == "stopped" {
            server.own().start().await
        } else {
            server.own().unpause().await
        }
        until(async || finds(count, false).await).await;
    }
    let http = reqwest::Client::new();
    let indexes = async || http.get(format!("{}/jobapp-gigs-v*/_alias", server.url())).send().await?.json().await;
    let known: serde_json::Map<String, serde_json::Value> = indexes().await.unwrap();
    for index in known.keys() {
        let removed = http.delete(format!("{}/{index}", server.url())).send().await.unwrap();
        assert_eq!(removed.status(), StatusCode::OK);
    }
    until(async || finds(3, false).await).await;
    let known: serde_json::Map<String, serde_json::Value> = indexes().await.unwrap();
    assert_eq!(known.len(), 1, "one of the processes builds it: {known:?}");
}

/// The others work on while the database of one service is away, which says 503 and comes back by itself.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_database_of_one_service_the_others_work() {
    let world = cluster(Plan { databases: Databases::MySqlAndPostgres, ..Plan::default() }).await;
    let iria = signed_up(&world, "Iria").await;
    until(async || iria.buyer().await).await;
    let seller = iria.sell().await.unwrap();
    // Once one is published, every service knows the seller.
    until(async || iria.publish(&seller, "I will do the first").await).await;
    let database = world.servers().mysql.as_ref().unwrap().own();
    for round in ["stopped", "paused"] {
        if round == "stopped" {
            database.stop().await
        } else {
            database.pause().await
        }
        let gig = iria.publish(&seller, &format!("I will do logos {round}")).await.unwrap();
        iria.client.get(&format!("/gig/{gig}")).await.unwrap();
        // The client signs out on any error of this route, so it is answered from the session's copy.
        iria.client.get("/auth/currentuser").await.unwrap();
        let refused = Person::sign_up(world.url(), "Nobody").await.err().unwrap();
        assert_eq!(refused.status(), Some(StatusCode::SERVICE_UNAVAILABLE), "{round}: {refused}");
        if round == "stopped" {
            database.start().await
        } else {
            database.unpause().await
        }
        world.ready().await.unwrap();
        let name = format!("Marta{round}");
        let marta = signed_up(&world, &name).await;
        until(async || marta.buyer().await).await;
    }
}

/// People sign in and stay so while the database of everything else is away; its routes say 503, and nothing that was answered is lost.
#[tokio::test(flavor = "multi_thread")]
async fn without_mongodb_people_sign_in_and_nothing_is_lost() {
    let world = cluster(Plan { databases: Databases::Polyglot, each: 2, ..Plan::default() }).await;
    let iria = signed_up(&world, "Iria").await;
    until(async || iria.buyer().await).await;
    let seller = iria.sell().await.unwrap();
    // Once one is published, every service knows the seller.
    until(async || iria.publish(&seller, "I will do the first logos").await).await;
    let database = world.servers().mongodb.as_ref().unwrap().own();
    for (count, round) in (2..).zip(["stopped", "killed", "paused"]) {
        match round {
            "stopped" => database.stop().await,
            "killed" => database.kill().await,
            _ => database.pause().await,
        }
        iria.client.get("/auth/currentuser").await.unwrap();
        Person::sign_in(world.url(), "Iria").await.unwrap();
        let refused = iria.publish(&seller, &format!("I will do no logos {round}")).await.err().unwrap();
        let status = refused.downcast_ref().and_then(CallError::status);
        assert_eq!(status, Some(StatusCode::SERVICE_UNAVAILABLE), "{round}: {refused:#}");
        match round {
            "paused" => database.unpause().await,
            _ => database.start().await,
        }
        world.ready().await.unwrap();
        let gig = until(async || iria.publish(&seller, &format!("I will do logos {round}")).await).await;
        assert_eq!(iria.client.get(&format!("/gig/{gig}")).await.unwrap()["gig"]["id"], gig.as_str(), "{round}");
        until(async || {
            let found = search(&iria.client, "logos").await?;
            ensure!(found >= count, "{round}: {found} gigs");
            Ok(())
        })
        .await;
    }
}

/// The whole of business is done while the database of the analytics of reviews is away, reviews too; what was reviewed is counted later.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_database_of_the_analytics_people_review_and_it_is_counted_once_it_is_back() {
    let world = cluster(Plan { databases: Databases::Polyglot, each: 2, ..Plan::default() }).await;
    let database = world.servers().postgres.as_ref().unwrap().own();
    for (round, suffix) in [("stopped", "000001"), ("killed", "000002"), ("paused", "000003")] {
        match round {
            "stopped" => database.stop().await,
            "killed" => database.kill().await,
            _ => database.pause().await,
        }
        let (base, patience) = (world.url().to_owned(), Duration::from_secs(30));
        let options = Options { base, patience, suffix: suffix.to_owned(), mailpit: None, tell: |_| {} };
        travel(&options).await.unwrap();
        let iria = Person::sign_in(world.url(), &format!("Iria{suffix}")).await.unwrap();
        let seller = iria.client.get(&format!("/seller/username/{}", iria.name)).await.unwrap();
        let path = format!("/review/analytics/seller/{}", seller["seller"]["_id"].as_str().unwrap());
        let begun = Instant::now();
        let refused = iria.client.get(&path).await.unwrap_err();
        assert_eq!(refused.status(), Some(StatusCode::SERVICE_UNAVAILABLE), "{round}: {refused}");
        assert!(refused.to_string().contains("The analytics of reviews are away."), "{round}: {refused}");
        assert!(begun.elapsed() < Duration::from_secs(6), "{round}: {:?}", begun.elapsed());
        world.ready().await.unwrap();
        match round {
            "paused" => database.unpause().await,
            _ => database.start().await,
        }
        until(async || {
            let told = iria.client.get(&path).await?;
            let told = &told["analytics"];
            ensure!((&told["ratingsCount"], &told["ratingSum"]) == (&json!(1), &json!(5)), "{round}: {told}");
            anyhow::Ok(())
        })
        .await;
    }
}

/// Its own routes answer 503 at once and say when to come back; the others work; it comes back by itself.
#[tokio::test(flavor = "multi_thread")]
async fn without_one_service_the_others_work() {
    let world = cluster(Plan::default()).await;
    let iria = signed_up(&world, "Iria").await;
    until(async || iria.buyer().await).await;
    let seller = iria.sell().await.unwrap();
    // Once one is published, every service knows the seller.
    until(async || iria.publish(&seller, "I will do the first").await).await;
    let review = world.of("review").next().unwrap();
    for round in ["killed", "paused"] {
        if round == "killed" {
            review.kill().unwrap()
        } else {
            review.pause().unwrap()
        }
        let gig = iria.publish(&seller, &format!("I will do logos {round}")).await.unwrap();
        iria.client.get(&format!("/gig/{gig}")).await.unwrap();
        let refused = iria.client.get(&format!("/review/gig/{gig}")).await.err().unwrap();
        assert_eq!(refused.status(), Some(StatusCode::SERVICE_UNAVAILABLE), "{round}: {refused}");
        if round == "killed" {
            review.start().unwrap()
        } else {
            review.unpause().unwrap()
        }
        until(async || iria.client.get(&format!("/review/gig/{gig}")).await).await;
    }
}

/// Each process of two may end at any time: politely without a single failed request, or killed with none lost that was answered.
#[tokio::test(flavor = "multi_thread")]
async fn with_two_of_each_one_may_go() {
    let world = cluster(Plan { each: 2, ..Plan::default() }).await;
    let iria = signed_up(&world, "Iria").await;
    until(async || iria.buyer().await).await;
    let seller = iria.sell().await.unwrap();
    // Once one is published, every service knows the seller.
    until(async || iria.publish(&seller, "I will do the first").await).await;
    for service in ["auth", "users", "gig", "chat", "order", "review", "notification"] {
        let process = world.of(service).next().unwrap();
        assert!(process.stop().unwrap(), "{service} ends as it should");
        let gig = iria.publish(&seller, &format!("I will do logos without {service}")).await.unwrap();
        iria.client.get(&format!("/gig/{gig}")).await.unwrap();
        iria.client.get(&format!("/review/gig/{gig}")).await.unwrap();
        iria.client.get("/auth/currentuser").await.unwrap();
        iria.client.get("/buyer/username").await.unwrap();
        process.start().unwrap();
        process.ready().await.unwrap();
    }
    until(async || {
        let found = search(&iria.client, "logos").await?;
        ensure!(found == 8, "{found} gigs");
        Ok(())
    })
    .await;
}
