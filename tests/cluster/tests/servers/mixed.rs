//! Programs like those of the existing system beside ours: on one broker, and behind either gateway. They run on node, with the libraries
//! that system uses.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::LazyLock;

use anyhow::ensure;
use jobapp_cluster::Plan;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::agent::{folder, install};
use crate::foreign::Broker;
use crate::journey::{Options, travel};
use crate::people::{PASSWORD, Person, mail_address};
use crate::world::{PATIENCE, cluster, until};

/// Installs the libraries once.
static INSTALLED: LazyLock<Result<(), String>> = LazyLock::new(|| install("foreign", "amqplib"));

/// A program of `tests/foreign`; killed when dropped.
struct Program {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(script: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        if let Err(problem) = &*INSTALLED {
            panic!("{problem}");
        }
        let mut command = Command::new("node");
        command.arg(script).args(arguments).envs(settings.iter().copied()).current_dir(folder("foreign"));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("node can be run");
        let stdin = child.stdin.take().expect("piped");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, stdin, lines }
    }

    async fn say(&mut self, line: &Value) {
        self.stdin.write_all(format!("{line}\n").as_bytes()).await.expect("the program runs");
    }

    /// The next line it prints.
    async fn line(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.expect("it prints something in time");
        serde_json::from_str(&line.unwrap().expect("the program has ended")).expect("it prints JSON")
    }

    /// Tells it that nothing more comes, and waits until it has ended well.
    async fn ends(self) {
        let Self { mut child, stdin, .. } = self;
        drop(stdin);
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await.expect("it ends in time").unwrap();
        assert!(ended.success(), "{ended}");
    }
}

/// Queues as the existing system declares them.
fn shared_broker() -> Plan {
    let settings = [("JOBAPP_AMQP_QUEUE_TYPE", "classic"), ("JOBAPP_SEED_ROUTES", "true")];
    let settings = settings.map(|(name, value)| (None, name, value.to_owned()));
    Plan { settings: settings.into(), ..Plan::default() }
}

/// What a reader of the existing system finds in each message: the exchange, what tells its kind, and its fields. A field is a text, unless
/// it says what else; a date is what JavaScript's `Date` reads.
const MESSAGES: [(&str, &str, &str); 20] = [
    ("jobber-buyer-update", "auth", "username email profilePicture country createdAt:date"),
    ("jobber-buyer-update", "purchased-gigs", "buyerId purchasedGigs"),
    ("jobber-buyer-update", "cancel-order", "buyerId purchasedGigs"),
    ("jobber-seller-update", "create-order", "sellerId ongoingJobs:number"),
    (
        "jobber-seller-update",
        "approve-order",
        "sellerId buyerId ongoingJobs:number completedJobs:number totalEarnings:number recentDelivery:date",
    ),
    ("jobber-seller-update", "cancel-order", "sellerId"),
    ("jobber-seller-update", "update-gig-count", "gigSellerId count:number"),
    ("jobber-review", "buyer-review", "gigId sellerId reviewerId orderId review rating:number createdAt:date"),
    ("jobber-review", "seller-review", "gigId sellerId reviewerId orderId review rating:number createdAt:date"),
    ("jobber-update-gig", "updateGig", "gigReview:json"),
    ("jobber-gig", "getSellers", "count"),
    ("jobber-seed-gig", "receiveSellers", "count sellers:list"),
    ("jobber-email-notification", "verifyEmail", "receiverEmail verifyLink"),
    ("jobber-email-notification", "forgotPassword", "receiverEmail username resetLink"),
    ("jobber-email-notification", "otpEmail", "receiverEmail username otp"),
    (
        "jobber-order-notification",
        "orderPlaced",
        "orderId invoiceId orderDue:date amount buyerUsername sellerUsername title description serviceFee total orderUrl",
    ),
    ("jobber-order-notification", "orderDelivered", "orderId buyerUsername sellerUsername title description orderUrl"),
    (
        "jobber-order-notification",
        "orderExtension",
        "buyerUsername sellerUsername originalDate:date newDate:date reason orderUrl",
    ),
    (
        "jobber-order-notification",
        "orderExtensionApproval",
        "subject header type message buyerUsername sellerUsername orderUrl",
    ),
    ("jobber-order-notification", "offer", "sender amount buyerUsername sellerUsername title description deliveryDays"),
];

/// What of a message its reader would not find as he expects it.
fn missing(body: &Value, fields: &str) -> Vec<String> {
    let is_there = |field: &&str| {
        let (name, kind) = field.split_once(':').unwrap_or((field, "text"));
        let value = &body[name];
        match kind {
            "number" => value.is_number(),
            "list" => value.is_array(),
            "date" => value.is_number() || value.as_str().is_some_and(|text| text.len() >= 20),
            "json" => value.as_str().is_some_and(|text| serde_json::from_str::<Value>(text).is_ok()),
            _ => value.is_string(),
        }
    };
    fields.split(' ').filter(|field| !is_there(field)).map(str::to_owned).collect()
}

/// Every kind of message, as a program of the existing system reads it.
#[tokio::test(flavor = "multi_thread")]
async fn existing_programs_understand_what_ours_publish() {
    let world = cluster(shared_broker()).await;
    let mut listener = Program::start("broker.mjs", &["listen", world.servers().rabbitmq.url()], &[]);
    assert_eq!(listener.line().await["ready"], true);
    let (base, suffix) = (world.url().to_owned(), "000001".to_owned());
    let options = Options { base, patience: PATIENCE, suffix, mailpit: None, tell: |_| {} };
    travel(&options).await.unwrap();

    // What the journey does not pass by.
    let iria = Person::sign_up(world.url(), "Iria").await.unwrap();
    until(async || iria.buyer().await).await;
    iria.client.put("/auth/forgot-password", json!({ "email": mail_address("Iria") })).await.unwrap();
    let elsewhere = jobapp_client::Client::new(world.url()).unwrap();
    let body = json!({ "username": "Iria", "password": PASSWORD, "browserName": "Opera", "deviceType": "mobile" });
    elsewhere.post("/auth/signin", body).await.unwrap();
    iria.sell().await.unwrap();
    iria.client.put("/gig/seed/1", json!({})).await.unwrap();

    let mut expected: BTreeSet<(&str, &str)> = MESSAGES.iter().map(|(exchange, kind, _)| (*exchange, *kind)).collect();
    // Those of orders that are cancelled are like those of orders that are placed; the journey's is not cancelled.
    expected.retain(|(_, kind)| *kind != "cancel-order");
    while !expected.is_empty() {
        let heard = listener.line().await;
        let (exchange, body) = (heard["exchange"].as_str().unwrap(), &heard["body"]);
        let kind = body["template"].as_str().or(body["type"].as_str()).unwrap();
        let known = MESSAGES.iter().find(|(of, name, _)| *of == exchange && *name == kind);
        let Some((exchange, kind, fields)) = known else { continue };
        assert_eq!(missing(body, fields), Vec::<String>::new(), "{exchange} {kind}: {body}");
        expected.remove(&(*exchange, *kind));
    }
}

/// An existing program takes the place of one of ours: it consumes the queue that ours has declared.
#[tokio::test(flavor = "multi_thread")]
async fn an_existing_program_takes_the_place_of_one_of_ours_and_ours_of_it() {
    let world = cluster(shared_broker()).await;
    let ours = world.of("notification").next().unwrap();
    assert!(ours.stop().unwrap());
    let theirs = ["consume", world.servers().rabbitmq.url(), "auth-email-queue"];
    let mut mails = Program::start("broker.mjs", &theirs, &[]);
    assert_eq!(mails.line().await["ready"], true);
    let marta = Person::sign_up(world.url(), "Marta").await.unwrap();
    let mail = mails.line().await;
    assert_eq!(mail["body"]["template"], "verifyEmail");
    assert_eq!(mail["body"]["receiverEmail"], mail_address("Marta"));
    mails.ends().await;
    ours.start().unwrap();
    ours.ready().await.unwrap();
    let iria = Person::sign_up(world.url(), "Iria").await.unwrap();
    until(async || {
        let (of_marta, of_iria) = (marta.mails().await?, iria.mails().await?);
        ensure!(of_marta.is_empty() && of_iria == ["verifyEmail"], "{of_marta:?} {of_iria:?}");
        Ok(())
    })
    .await;
}

const SECRETS: [(&str, &str); 2] = [("JWT_TOKEN", "the users' secret, short"), ("GATEWAY_JWT_TOKEN", "the gateway's")];

/// A marketplace whose secrets are those of an existing one.
fn with_existing_secrets() -> Plan {
    let settings = SECRETS.into_iter().chain([("JOBAPP_COMPAT", "reference")]);
    Plan { settings: settings.map(|(name, value)| (None, name, value.to_owned())).collect(), ..Plan::default() }
}

/// Our services believe the existing gateway, and the users it speaks for; each of its tokens opens the service it names.
#[tokio::test(flavor = "multi_thread")]
async fn our_services_work_behind_the_existing_gateway() {
    let world = cluster(with_existing_secrets()).await;
    let mut gateway = Program::start("services.mjs", &["call"], &SECRETS);
    let base = |service| world.of(service).next().unwrap().url().to_owned();
    let body = json!({ "username": "Marta", "email": mail_address("Marta"), "password": PASSWORD, "country": "Portugal",
        "profilePicture": crate::people::PICTURE, "browserName": "Firefox", "deviceType": "browser" });
    let url = format!("{}/api/v1/auth/signup", base("auth"));
    gateway.say(&json!({ "url": url, "method": "POST", "service": "auth", "body": body })).await;
    let signed_up = gateway.line().await;
    assert_eq!(signed_up["status"], 201, "{signed_up}");
    let user = json!({ "id": signed_up["body"]["user"]["id"], "email": mail_address("Marta"), "username": "Marta" });

    let url = format!("{}/api/v1/buyer/username", base("users"));
    let question =
        |service: &str, user: &Value| json!({ "url": url, "method": "GET", "service": service, "user": user });
    loop {
        gateway.say(&question("buyer", &user)).await;
        let answer = gateway.line().await;
        // The news of her has to arrive.
        if answer["body"]["buyer"]["username"] == "Marta" {
            break;
        }
        assert!(answer["status"] == 200 || answer["status"] == 404, "{answer}");
    }
    for (service, user) in [("gig", &user), ("buyer", &Value::Null)] {
        gateway.say(&question(service, user)).await;
        assert_eq!(gateway.line().await["status"], 401, "{service} {user}");
    }
    gateway.ends().await;
}

/// An existing service believes our gateway: its token names the service as it expects, and the user's is signed as it expects.
#[tokio::test(flavor = "multi_thread")]
async fn an_existing_service_works_behind_our_gateway() {
    let mut service = Program::start("services.mjs", &["serve"], &SECRETS);
    let port = service.line().await["port"].clone();
    let mut plan = with_existing_secrets();
    plan.settings.push((Some("gateway"), "REVIEW_BASE_URL", format!("http://127.0.0.1:{port}")));
    let world = cluster(plan).await;
    let marta = Person::sign_up(world.url(), "Marta").await.unwrap();
    let answer = marta.client.get("/review/gig/66f0c0ffee00000000009001").await.unwrap();
    assert_eq!(answer["reviews"][0]["review"], "From an existing service.", "{answer}");
    loop {
        // It is also asked what it offers, by nobody in particular.
        let heard = service.line().await;
        if heard["path"] == "/api/v1/review/gig/66f0c0ffee00000000009001" {
            assert_eq!(heard.get("refused"), None, "{heard}");
            assert_eq!(heard["gateway"], "review");
            assert_eq!(heard["user"]["username"], "Marta");
            break;
        }
    }
    let nobody = jobapp_client::Client::new(world.url()).unwrap();
    let refused = nobody.get("/review/gig/66f0c0ffee00000000009001").await.unwrap_err();
    assert_eq!(refused.status(), Some(StatusCode::UNAUTHORIZED));
}

/// What they publish has no ids, dates of JavaScript and numbers that are texts.
#[tokio::test(flavor = "multi_thread")]
async fn what_existing_programs_publish_is_understood() {
    let world = cluster(shared_broker()).await;
    let mut producer = Program::start("broker.mjs", &["publish", world.servers().rabbitmq.url()], &[]);
    let iria = Person::sign_up(world.url(), "Iria").await.unwrap();
    until(async || iria.buyer().await).await;
    let seller = iria.sell().await.unwrap();

    let buyer = json!({ "type": "auth", "username": "Foreign", "email": "foreign@example.org", "country": "Portugal",
        "profilePicture": "https://img.example.org/p/1.png", "createdAt": 1_795_488_054_644_i64 });
    producer.say(&json!({ "exchange": "jobber-buyer-update", "key": "user-buyer", "body": buyer })).await;
    until(async || {
        let found = iria.client.get("/buyer/Foreign").await?;
        ensure!(found["buyer"]["username"] == "Foreign", "{found}");
        Ok(())
    })
    .await;

    let work = [
        json!({ "type": "create-order", "sellerId": seller, "ongoingJobs": 1 }),
        json!({ "type": "create-order", "sellerId": seller, "ongoingJobs": "1" }),
        json!({ "type": "approve-order", "sellerId": seller, "buyerId": "66f0c0ffee0000000000b001", "ongoingJobs": -1,
            "completedJobs": 1, "totalEarnings": 32,
            "recentDelivery": "Tue Nov 24 2026 10:15:42 GMT+0000 (Coordinated Universal Time)" }),
        json!({ "type": "update-gig-count", "gigSellerId": seller, "count": 1 }),
    ];
    for message in work {
        producer.say(&json!({ "exchange": "jobber-seller-update", "key": "user-seller", "body": message })).await;
    }
    until(async || {
        let found = iria.client.get(&format!("/seller/id/{seller}")).await?;
        let found = &found["seller"];
        let counted = (&found["ongoingJobs"], &found["completedJobs"], &found["totalEarnings"], &found["totalGigs"]);
        ensure!(counted == (&json!(1), &json!(1), &json!(32), &json!(1)), "{counted:?}");
        let delivered = found["recentDelivery"].as_str().unwrap_or_default();
        ensure!(delivered.starts_with("2026-11-24T10:15:42"), "{delivered}");
        Ok(())
    })
    .await;

    let gig = until(async || iria.publish(&seller, "I will do logos").await).await;
    let review = json!({ "type": "buyer-review", "gigId": gig, "reviewerId": "66f0c0ffee0000000000b001", "sellerId": seller,
        "orderId": "JO12345678901", "review": "Quick.", "rating": "5",
        "createdAt": "Tue Nov 24 2026 10:15:42 GMT+0000 (Coordinated Universal Time)" });
    let rating = json!({ "type": "updateGig", "gigReview": review.to_string() });
    producer.say(&json!({ "exchange": "jobber-update-gig", "key": "update-gig", "body": rating })).await;
    until(async || {
        let found = iria.client.get(&format!("/gig/{gig}")).await?;
        ensure!(found["gig"]["ratingSum"] == 5, "{found}");
        Ok(())
    })
    .await;

    let mail = json!({ "template": "verifyEmail", "receiverEmail": mail_address("Foreign"),
        "verifyLink": "http://localhost:3000/confirm_email?v_token=abc" });
    producer.say(&json!({ "exchange": "jobber-email-notification", "key": "auth-email", "body": mail })).await;
    let foreign = Person { name: "Foreign".to_owned(), ..iria.clone() };
    until(async || {
        let mails = foreign.mails().await?;
        ensure!(mails == ["verifyEmail"], "{mails:?}");
        Ok(())
    })
    .await;
    producer.ends().await;
    let broker = Broker::of(&world);
    for queue in ["user-buyer-queue", "user-seller-queue", "auth-email-queue", "gig-update-queue"] {
        assert_eq!(broker.waiting(&format!("{queue}.dead")).await.unwrap(), Vec::<Value>::new(), "{queue}");
    }
}
