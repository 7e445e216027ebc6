//! What several gateways and several of every service have in common: sessions that end, kept answers, who is online, what sockets
//! hear, how often one may try.

use anyhow::ensure;
use jobapp_cluster::{Cluster, Plan};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::agent::{Agent, Opening};
use crate::people::{PICTURE, Person, cookie_of, mail_address, sign_up_body};
use crate::world::{cluster, until};

const API: &str = "/api/gateway/v1";

/// Somebody whose session is a cookie that any gateway is shown.
struct Anybody {
    http: reqwest::Client,
    session: String,
    name: String,
}

impl Anybody {
    async fn sign_up(base: &str, name: &str) -> Self {
        let http = reqwest::Client::new();
        let answer = http.post(format!("{base}{API}/auth/signup")).json(&sign_up_body(name)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        let anybody = Self { http, session: cookie_of(&answer).unwrap(), name: name.to_owned() };
        until(async || {
            let (status, told) = anybody.get(base, "/buyer/username").await?;
            ensure!(status == StatusCode::OK && told["buyer"]["username"] == name, "{status}: {told}");
            Ok(())
        })
        .await;
        anybody
    }

    async fn get(&self, base: &str, path: &str) -> anyhow::Result<(StatusCode, Value)> {
        let answer = self.http.get(format!("{base}{API}{path}")).header("cookie", &self.session).send().await?;
        Ok((answer.status(), answer.json().await?))
    }

    async fn send(&self, method: reqwest::Method, base: &str, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.http.request(method, format!("{base}{API}{path}")).header("cookie", &self.session);
        let answer = request.json(body).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    fn tab(&self) -> Opening {
        Opening { cookie: Some(self.session.clone()), ..Opening::default() }
    }
}

fn two(cluster: &Cluster) -> (String, String) {
    let gateways = cluster.gateways();
    (gateways[0].clone(), gateways[1].clone())
}

/// A session that ends at one gateway is over at all of them, for requests and for sockets.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_everywhere() {
    let world = cluster(Plan { each: 2, ..Plan::default() }).await;
    let (one, two) = two(&world);
    let marta = Anybody::sign_up(&one, "Marta").await;
    assert_eq!(marta.get(&two, "/auth/currentuser").await.unwrap().0, StatusCode::OK);
    let agent = Agent::start().await;
    let mut tab = agent.joined("marta", &two, Opening { reconnect: false, ..marta.tab() }).await;
    tab.until_online(&["Marta"]).await;
    assert_eq!(marta.send(reqwest::Method::POST, &one, "/auth/signout", &json!({})).await.0, StatusCode::OK);
    until(async || {
        let (status, _) = marta.get(&two, "/auth/currentuser").await?;
        ensure!(status == StatusCode::UNAUTHORIZED, "{status}");
        Ok(())
    })
    .await;
    let iria = Anybody::sign_up(&one, "Iria").await;
    let mut watching = agent.joined("iria", &one, iria.tab()).await;
    watching.until_online(&["Iria"]).await;
}

/// What changed is not answered as it was, whichever gateway kept it.
#[tokio::test(flavor = "multi_thread")]
async fn what_changed_is_forgotten_by_every_gateway() {
    let world = cluster(Plan { each: 2, ..Plan::default() }).await;
    let (one, two) = two(&world);
    let iria = Person::sign_up(&one, "Iria").await.unwrap();
    until(async || iria.buyer().await).await;
    let seller = iria.sell().await.unwrap();
    let gig = until(async || iria.publish(&seller, "I will do logos").await).await;
    let title = async |base: &str| {
        let (_, bytes) = iria.client.file(&format!("{base}{API}/gig/{gig}")).await?;
        let gig: Value = serde_json::from_slice(&bytes)?;
        anyhow::Ok(gig["gig"]["title"].as_str().unwrap_or_default().to_owned())
    };
    for round in 0..5 {
        for base in [&one, &two] {
            // Asked often enough to be kept.
            for _ in 0..3 {
                title(base).await.unwrap();
            }
        }
        let wanted = format!("I will do logos, {round} times");
        let body = json!({ "title": wanted, "description": "Three drafts.", "price": 40, "categories": "Graphics & Design",
            "subCategories": ["Logo Design"], "tags": ["logo"], "coverImage": PICTURE,
            "expectedDelivery": "3 Days Delivery", "basicTitle": "One logo", "basicDescription": "One draft" });
        iria.client.put(&format!("/gig/{gig}"), body).await.unwrap();
        for base in [&one, &two] {
            until(async || {
                let found = title(base).await?;
                ensure!(found == wanted, "{base}: {found}");
                Ok(())
            })
            .await;
        }
    }
}

/// Two people at two gateways see that the other is there and hear each other, also once one of the gateways is gone.
#[tokio::test(flavor = "multi_thread")]
async fn people_at_two_gateways_hear_each_other() {
    let world = cluster(Plan { each: 2, ..Plan::default() }).await;
    let (one, two) = two(&world);
    let (marta, iria) = (Anybody::sign_up(&one, "Marta").await, Anybody::sign_up(&two, "Iria").await);
    let agent = Agent::start().await;
    let mut martas = agent.joined("marta", &one, marta.tab()).await;
    let mut irias = agent.joined("iria", &two, iria.tab()).await;
    martas.until_online(&["Iria", "Marta"]).await;
    irias.until_online(&["Iria", "Marta"]).await;
    let (_, told) = iria.send(reqwest::Method::POST, &two, "/seller/create", &crate::people::seller_body()).await;
    let seller = told["seller"]["_id"].as_str().unwrap().to_owned();
    let (_, told) = marta.get(&one, "/buyer/username").await.unwrap();
    let buyer = told["buyer"]["_id"].as_str().unwrap().to_owned();
    let message = |words: &str| {
        json!({ "conversationId": "123456789012345", "hasConversationId": false, "body": words,
            "gigId": "66f0c0ffee00000000009001", "sellerId": seller, "buyerId": buyer,
            "senderUsername": marta.name, "senderPicture": PICTURE, "receiverUsername": iria.name,
            "receiverPicture": PICTURE, "isRead": false, "hasOffer": false })
    };
    for words in ["one", "two", "three"] {
        until(async || {
            let (status, told) = marta.send(reqwest::Method::POST, &two, "/message", &message(words)).await;
            ensure!(status == StatusCode::OK, "{status}: {told}");
            Ok(())
        })
        .await;
        for tab in [&mut martas, &mut irias] {
            let news = tab.news().await;
            assert_eq!((&news[0], &news[1]["body"]), (&json!("message received"), &json!(words)), "{news:?}");
        }
    }
    // Whoever was at a gateway that is killed is gone from the others.
    world.of("gateway").nth(1).unwrap().kill().unwrap();
    martas.until_online(&["Marta"]).await;
}

/// Whoever tries passwords at one gateway and then at another has not twice as many tries.
#[tokio::test(flavor = "multi_thread")]
async fn tries_are_counted_for_all_gateways_together() {
    let settings = vec![(None, "JOBAPP_RATE_LIMITS", "on".to_owned())];
    let world = cluster(Plan { each: 2, settings, ..Plan::default() }).await;
    let http = reqwest::Client::new();
    let mut allowed = 0;
    let started = std::time::Instant::now();
    for (round, base) in world.gateways().iter().cycle().take(80).enumerate() {
        // A name of its own each time, so that it is the address that is counted.
        let body = json!({ "username": mail_address(&format!("nobody{round}")), "password": "not this one 1",
            "browserName": "Firefox", "deviceType": "browser" });
        let answer = http.post(format!("{base}{API}/auth/signin")).json(&body).send().await.unwrap();
        match answer.status() {
            StatusCode::TOO_MANY_REQUESTS => {}
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED => allowed += 1,
            other => panic!("{other}: {}", answer.text().await.unwrap()),
        }
    }
    // A burst of 30, and one more every four seconds.
    let most = 30 + started.elapsed().as_secs() / 4 + 1;
    assert!((25..=most).contains(&allowed), "{allowed} tries, not {most}");
}
