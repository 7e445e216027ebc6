//! Two people, one job: drives a running marketplace over HTTP from sign-up to review.
//!
//! ```text
//! cargo run --release                       # in one terminal
//! cargo run --release --example journey     # in another
//! ```
//!
//! It prints each step and stops at the first wrong value. Developer mode must be on: the journey reads the mailbox and
//! confirms the payment on the developer pages. Mails that go to a Mailpit are read there with `--mailpit`. With `--patience 60` every call is repeated, with an idempotency key,
//! until the marketplace answers; then even a restart in between goes unnoticed.
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use jobapp_client::Client;
use serde_json::{Value, json};

/// A picture of four pixels.
const PICTURE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGPgqo0CIgYIBQAXagOFqgsYiQAAAABJRU5ErkJggg==";
/// A file to hand over: a text, declared as one.
const FILE: &str = "data:text/plain;base64,SGVyZSBpcyB5b3VyIGxvZ28uCg==";

/// Facts that travel by events arrive within this time, or within the patience if that is longer: what was under way when the
/// marketplace was killed arrives after it is started again.
const SOON: Duration = Duration::from_secs(5);

/// How a journey is made.
pub struct Options {
    /// Where the marketplace is.
    pub base: String,
    /// How long calls are repeated when there is no answer.
    pub patience: Duration,
    /// Ends of the two names, so that several journeys fit into one marketplace.
    pub suffix: String,
    /// Where the API of a Mailpit is that gets the mails, if they do not stay in the mailbox.
    pub mailpit: Option<String>,
    /// What is told about each step as it begins.
    pub tell: fn(&str),
}

struct Person {
    client: Client,
    mailpit: Option<Client>,
    username: String,
    email: String,
    picture: String,
    buyer_id: String,
}

#[derive(clap::Parser)]
#[command(about = "Drives a running marketplace from sign-up to review")]
struct Arguments {
    /// Where the marketplace is.
    #[arg(default_value = "http://localhost:4000")]
    base: String,
    /// For how many seconds calls are repeated when there is no answer.
    #[arg(long, default_value_t = 0)]
    patience: u64,
    /// Where a Mailpit is that gets the mails, such as http://localhost:8025.
    #[arg(long)]
    mailpit: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = <Arguments as clap::Parser>::parse();
    let seconds = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_secs();
    let options = Options {
        base: arguments.base,
        patience: Duration::from_secs(arguments.patience),
        suffix: format!("{:06}", seconds % 1_000_000),
        mailpit: arguments.mailpit,
        tell: |step| println!("- {step}"),
    };
    travel(&options).await?;
    println!("The journey is complete.");
    Ok(())
}

/// Makes the whole journey.
///
/// # Errors
/// The first wrong value, and what was expected.
pub async fn travel(options: &Options) -> anyhow::Result<()> {
    let visitor = Client::new(&options.base)?.retrying(options.patience);
    let step = options.tell;

    step("Iria and Marta sign up");
    let seller = sign_up(options, "Iria", "Portugal").await?;
    let buyer = sign_up(options, "Marta", "Spain").await?;

    step("both verify their address by the mailed link");
    for person in [&seller, &buyer] {
        verify(person).await?;
    }

    step("Iria becomes a seller");
    let seller_id = become_seller(&seller).await?;

    step("Iria publishes a gig with a picture");
    let gig = publish_gig(&seller, &seller_id, &options.suffix).await?;
    let gig_id = text(&gig, "/id")?;
    let (content_type, bytes) = visitor.file(&text(&gig, "/coverImage")?).await?;
    ensure!(content_type == "image/png" && !bytes.is_empty(), "the cover is {content_type}, {} bytes", bytes.len());
    soon(&seller.client, "the seller's gigs are counted", || async {
        let answer = seller.client.get(&format!("/seller/id/{seller_id}")).await?;
        expect(&answer, "/seller/totalGigs", json!(1))
    })
    .await?;

    step("a visitor's search finds it");
    let words = format!("sketches%20{}", options.suffix);
    soon(&visitor, "the search finds the gig", || async {
        let path = format!("/auth/search/gig/0/10/forward?query={words}&minPrice=10&maxPrice=50&delivery_time=3");
        let answer = visitor.get(&path).await?;
        expect(&answer, "/total", json!(1))?;
        expect(&answer, "/gigs/0/id", json!(gig_id))
    })
    .await?;

    step("they chat: a file, an answer, an offer");
    let offer = chat(&buyer, &seller, &seller_id, &gig_id).await?;

    step("Marta accepts the offer and pays");
    buyer.client.put("/message/offer", json!({ "messageId": offer, "type": "accepted" })).await?;
    let payment = buyer.client.post("/order/create-payment-intent", json!({ "price": 40 })).await?;
    let intent = text(&payment, "/paymentIntentId")?;
    ensure!(
        text(&payment, "/clientSecret")?.starts_with(&format!("{intent}_secret_")),
        "the secret is not the intent's"
    );
    buyer.client.call(reqwest::Method::POST, &format!("/_dev/payments/{intent}/confirm"), Some(json!({}))).await?;

    step("Marta orders");
    let number = format!("JO12345{}", options.suffix);
    order(&buyer, &seller, &seller_id, &gig, &intent, &number).await?;

    step("Iria asks for two more days, Marta agrees");
    extend(&buyer, &seller, &number).await?;

    step("Iria delivers a file");
    let body =
        json!({ "message": "Here it is.", "file": FILE, "fileType": "txt", "fileSize": 24, "fileName": "logo.txt" });
    let answer = seller.client.put(&format!("/order/deliver-order/{number}"), body).await?;
    expect(&answer, "/order/status", json!("Delivered"))?;
    expect(&answer, "/order/deliveredWork/0/fileName", json!("logo.txt"))?;
    let (_, bytes) = buyer.client.file(&text(&answer, "/order/deliveredWork/0/file")?).await?;
    ensure!(bytes == b"Here is your logo.\n", "the delivered file has {} other bytes", bytes.len());

    step("Marta approves");
    approve(&buyer, &seller, &seller_id, &gig_id, &number).await?;

    step("both review");
    review(&buyer, &seller, &seller_id, &gig_id, &number).await?;

    step("every step has been mailed, once, to the right person");
    let expected: [(&Person, &[&str]); 2] = [
        (&seller, &["verifyEmail", "orderPlaced", "orderExtensionApproval"]),
        (&buyer, &["verifyEmail", "offer", "orderReceipt", "orderExtension", "orderDelivered"]),
    ];
    for (person, templates) in expected {
        soon(&person.client, "the mails are there", || async {
            let mut got: Vec<String> =
                mails(person).await?.iter().map(|mail| text(mail, "/template")).collect::<anyhow::Result<_>>()?;
            got.sort();
            let mut wanted: Vec<&str> = templates.to_vec();
            wanted.sort_unstable();
            ensure!(got == wanted, "{} got {got:?}, not {wanted:?}", person.username);
            Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn sign_up(options: &Options, name: &str, country: &str) -> anyhow::Result<Person> {
    let username = format!("{name}{}", options.suffix);
    let email = format!("{}@example.org", username.to_lowercase());
    let client = Client::new(&options.base)?.retrying(options.patience);
    let mailpit = options.mailpit.as_deref().map(Client::new).transpose()?;
    let mailpit = mailpit.map(|client| client.retrying(options.patience));
    let body = json!({
        "username": username, "email": email, "password": "correct horse 7", "country": country,
        "profilePicture": PICTURE, "browserName": "Firefox", "deviceType": "browser",
    });
    let answer = client.post("/auth/signup", body).await?;
    expect(&answer, "/message", json!("User created successfully"))?;
    expect(&answer, "/user/username", json!(username))?;
    expect(&answer, "/user/emailVerified", json!(false))?;
    let picture = text(&answer, "/user/profilePicture")?;
    let current = client.get("/auth/currentuser").await?;
    expect(&current, "/user/email", json!(email))?;
    let profile = client.get("/buyer/username").await?;
    expect(&profile, "/buyer/isSeller", json!(false))?;
    Ok(Person { client, mailpit, username, email, picture, buyer_id: text(&profile, "/buyer/_id")? })
}

async fn verify(person: &Person) -> anyhow::Result<()> {
    let mut token = String::new();
    let deadline = Instant::now() + person.client.patience().max(Duration::from_secs(30));
    while token.is_empty() {
        ensure!(Instant::now() < deadline, "{} got no mail with a verify link", person.username);
        for mail in mails(person).await? {
            let links = mail["links"].as_array().context("a mail without a list of links")?;
            let link = links.iter().filter_map(Value::as_str).find(|link| link.contains("v_token="));
            if let Some(found) = link.and_then(|link| link.split("v_token=").nth(1)) {
                found.clone_into(&mut token);
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let answer = person.client.put("/auth/verify-email", json!({ "token": token })).await?;
    expect(&answer, "/user/emailVerified", json!(true))
}

async fn become_seller(seller: &Person) -> anyhow::Result<String> {
    let body = json!({
        "fullName": "Iria Costa", "email": seller.email, "profilePublicId": "iria", "profilePicture": seller.picture,
        "description": "I draw.", "country": "Portugal", "oneliner": "Sketches that stay",
        "skills": ["Drawing"], "languages": [{ "language": "English", "level": "Fluent" }], "responseTime": 2,
        "experience": [{ "company": "Own studio", "title": "Artist", "startDate": "2020", "endDate": "2024",
            "description": "Logos", "currentlyWorkingHere": false }],
        "education": [{ "country": "Portugal", "university": "Porto", "title": "BA", "major": "Design", "year": "2019" }],
        "socialLinks": [], "certificates": [{ "name": "Type", "from": "Porto", "year": "2019" }],
    });
    let answer = seller.client.post("/seller/create", body).await?;
    expect(&answer, "/seller/username", json!(seller.username))?;
    expect(&answer, "/seller/totalGigs", json!(0))?;
    soon(&seller.client, "the buyer is known as a seller", || async {
        expect(&seller.client.get("/buyer/username").await?, "/buyer/isSeller", json!(true))
    })
    .await?;
    text(&answer, "/seller/_id")
}

async fn publish_gig(seller: &Person, seller_id: &str, suffix: &str) -> anyhow::Result<Value> {
    let body = json!({
        "profilePicture": seller.picture, "sellerId": seller_id, "title": format!("I will make logo sketches {suffix}"),
        "categories": "Graphics & Design", "description": "Three drafts by hand.", "subCategories": ["Logo Design"],
        "tags": ["logo", "sketch"], "price": 20, "coverImage": PICTURE, "expectedDelivery": "3 Days Delivery",
        "basicTitle": "Sketch", "basicDescription": "One sketch",
    });
    let answer = seller.client.post("/gig/create", body).await?;
    expect(&answer, "/gig/sellerId", json!(seller_id))?;
    expect(&answer, "/gig/username", json!(seller.username))?;
    expect(&answer, "/gig/active", json!(true))?;
    let by_id = seller.client.get(&format!("/gig/{}", text(&answer, "/gig/id")?)).await?;
    expect(&by_id, "/gig", answer["gig"].clone())?;
    Ok(answer["gig"].clone())
}

/// A message with a file, an answer with an offer; returns the id of the message with the offer.
async fn chat(buyer: &Person, seller: &Person, seller_id: &str, gig_id: &str) -> anyhow::Result<String> {
    let message = |from: &Person, to: &Person, conversation: &str, body: &str| {
        json!({
            "conversationId": conversation, "hasConversationId": !conversation.is_empty(), "body": body,
            "gigId": gig_id, "sellerId": seller_id, "buyerId": buyer.buyer_id,
            "senderUsername": from.username, "senderPicture": "https://img.example.org/a.png",
            "receiverUsername": to.username, "receiverPicture": "https://img.example.org/b.png",
            "isRead": false, "hasOffer": false,
        })
    };
    let mut first = message(buyer, seller, "", "Could you draw this?");
    first["file"] = json!(FILE);
    first["fileType"] = json!("txt");
    first["fileName"] = json!("idea.txt");
    first["fileSize"] = json!("24 bytes");
    let answer = buyer.client.post("/message", first).await?;
    let conversation = text(&answer, "/conversationId")?;
    let (_, bytes) = seller.client.file(&text(&answer, "/messageData/file")?).await?;
    ensure!(bytes == b"Here is your logo.\n", "the sent file has {} other bytes", bytes.len());
    let mut second = message(seller, buyer, &conversation, "Gladly. Here is my offer.");
    second["hasOffer"] = json!(true);
    second["offer"] = json!({
        "gigTitle": "I will make logo sketches", "price": 40, "description": "Three drafts", "deliveryInDays": 3,
        "oldDeliveryDate": DUE, "newDeliveryDate": DUE, "accepted": false, "cancelled": false,
    });
    let answer = seller.client.post("/message", second).await?;
    expect(&answer, "/conversationId", json!(conversation))?;
    let read = buyer.client.get(&format!("/message/{conversation}")).await?;
    expect(&read, "/messages/0/body", json!("Could you draw this?"))?;
    expect(&read, "/messages/1/offer/price", json!(40.0))?;
    let list = buyer.client.get(&format!("/message/conversations/{}", buyer.username)).await?;
    expect(&list, "/conversations/0/body", json!("Gladly. Here is my offer."))?;
    let offer = text(&read, "/messages/1/_id")?;
    let answer = buyer.client.put("/message/mark-as-read", json!({ "messageId": offer })).await?;
    expect(&answer, "/singleMessage/isRead", json!(true))?;
    Ok(offer)
}

/// When the work is due, as a browser writes it.
const DUE: &str = "Sat Dec 01 2035 09:00:00 GMT+0000 (Coordinated Universal Time)";
/// When the work is due after the extension.
const LATER: &str = "Mon Dec 03 2035 09:00:00 GMT+0000 (Coordinated Universal Time)";

async fn order(
    buyer: &Person,
    seller: &Person,
    seller_id: &str,
    gig: &Value,
    intent: &str,
    number: &str,
) -> anyhow::Result<()> {
    let now = "Tue Nov 24 2026 09:00:00 GMT+0000 (Coordinated Universal Time)";
    let body = json!({
        "offer": { "gigTitle": "I will make logo sketches", "price": 40, "description": "Three drafts",
            "deliveryInDays": 3, "oldDeliveryDate": DUE, "newDeliveryDate": DUE, "accepted": true, "cancelled": false },
        "gigId": gig["id"], "sellerId": seller_id, "sellerUsername": seller.username, "sellerEmail": seller.email,
        "sellerImage": gig["profilePicture"], "gigCoverImage": gig["coverImage"], "gigMainTitle": gig["title"],
        "gigBasicTitle": gig["basicTitle"], "gigBasicDescription": gig["basicDescription"],
        "buyerId": buyer.buyer_id, "buyerUsername": buyer.username, "buyerEmail": buyer.email,
        "buyerImage": "https://img.example.org/a.png", "status": "in progress", "orderId": number,
        "invoiceId": "JI12345678901", "quantity": 1, "price": 40, "requirements": "Blue tones", "paymentIntent": intent,
        "dateOrdered": now, "events": { "placeOrder": now, "requirements": now, "orderStarted": now },
    });
    let answer = buyer.client.post("/order", body).await?;
    for (pointer, value) in [
        ("/order/orderId", json!(number)),
        ("/order/status", json!("in progress")),
        ("/order/serviceFee", json!(4.2)),
        ("/order/sellerUsername", json!(seller.username)),
        ("/order/buyerReview/rating", json!(0)),
    ] {
        expect(&answer, pointer, value)?;
    }
    soon(&seller.client, "the seller's work is counted", || async {
        let answer = seller.client.get(&format!("/seller/id/{seller_id}")).await?;
        expect(&answer, "/seller/ongoingJobs", json!(1))
    })
    .await?;
    notified(seller, "placed an order for your gig.").await
}

async fn extend(buyer: &Person, seller: &Person, number: &str) -> anyhow::Result<()> {
    let ask =
        json!({ "originalDate": "2035-12-01T09:00:00.000Z", "newDate": LATER, "days": 2, "reason": "More drafts" });
    let answer = seller.client.put(&format!("/order/extension/{number}"), ask.clone()).await?;
    expect(&answer, "/order/requestExtension/days", json!(2))?;
    notified(buyer, "requested for an order delivery date extension.").await?;
    let mut agree = ask;
    agree["deliveryDateUpdate"] = json!(LATER);
    let answer = buyer.client.put(&format!("/order/gig/approve/{number}"), agree).await?;
    expect(&answer, "/order/offer/newDeliveryDate", json!("2035-12-03T09:00:00.000Z"))?;
    expect(&answer, "/order/offer/reason", json!("More drafts"))?;
    expect(&answer, "/order/requestExtension/days", json!(0))?;
    notified(seller, "approved your order delivery date extension request.").await
}

async fn approve(buyer: &Person, seller: &Person, seller_id: &str, gig_id: &str, number: &str) -> anyhow::Result<()> {
    notified(buyer, "delivered your order.").await?;
    let body = json!({ "sellerId": seller_id, "buyerId": buyer.buyer_id, "ongoingJobs": -1, "completedJobs": 1,
        "totalEarnings": 1_000_000, "purchasedGigs": gig_id });
    let answer = buyer.client.put(&format!("/order/approve-order/{number}"), body).await?;
    expect(&answer, "/order/status", json!("Completed"))?;
    soon(&seller.client, "the seller is paid what is due, whatever the client says", || async {
        let answer = seller.client.get(&format!("/seller/id/{seller_id}")).await?;
        expect(&answer, "/seller/ongoingJobs", json!(0))?;
        expect(&answer, "/seller/completedJobs", json!(1))?;
        expect(&answer, "/seller/totalEarnings", json!(32.0))
    })
    .await?;
    soon(&buyer.client, "the gig is among the buyer's purchases", || async {
        expect(&buyer.client.get("/buyer/username").await?, "/buyer/purchasedGigs", json!([gig_id]))
    })
    .await?;
    notified(seller, "approved your order delivery.").await
}

async fn review(buyer: &Person, seller: &Person, seller_id: &str, gig_id: &str, number: &str) -> anyhow::Result<()> {
    let body = |kind: &str, person: &Person, reviewer: &str, rating: i64, words: &str| {
        json!({ "gigId": gig_id, "reviewerId": reviewer, "sellerId": seller_id, "reviewerImage": "https://img.example.org/a.png",
            "review": words, "rating": rating, "orderId": number, "reviewType": kind,
            "reviewerUsername": person.username, "country": person.username })
    };
    let answer =
        buyer.client.post("/review", body("buyer-review", buyer, &buyer.buyer_id, 5, "Quick and tidy.")).await?;
    expect(&answer, "/review/rating", json!(5))?;
    expect(&answer, "/review/country", json!("Spain"))?;
    let answer = seller.client.post("/review", body("seller-review", seller, seller_id, 4, "Clear wishes.")).await?;
    expect(&answer, "/review/reviewerUsername", json!(seller.username))?;
    soon(&buyer.client, "the ratings are right everywhere", || async {
        let profile = buyer.client.get(&format!("/seller/id/{seller_id}")).await?;
        let gig = buyer.client.get(&format!("/gig/{gig_id}")).await?;
        for (answer, root) in [(&profile, "/seller"), (&gig, "/gig")] {
            expect(answer, &format!("{root}/ratingsCount"), json!(1))?;
            expect(answer, &format!("{root}/ratingSum"), json!(5))?;
            expect(answer, &format!("{root}/ratingCategories/five"), json!({ "value": 5, "count": 1 }))?;
        }
        let order = seller.client.get(&format!("/order/{number}")).await?;
        expect(&order, "/order/buyerReview/rating", json!(5))?;
        expect(&order, "/order/sellerReview/rating", json!(4))
    })
    .await?;
    notified(seller, "left you a 5 star review").await?;
    notified(buyer, "left you a 4 star review").await?;
    let reviews = seller.client.get(&format!("/review/gig/{gig_id}")).await?;
    ensure!(reviews["reviews"].as_array().is_some_and(|list| list.len() == 2), "the gig has other reviews: {reviews}");
    Ok(())
}

/// What came for somebody: of each mail its template and links.
async fn mails(person: &Person) -> anyhow::Result<Vec<Value>> {
    if let Some(mailpit) = &person.mailpit {
        return mails_at(mailpit, &person.email).await;
    }
    let path = format!("/_dev/mail?to={}", person.email);
    let answer = person.client.call(reqwest::Method::GET, &path, None).await?;
    answer.as_array().cloned().context("the mailbox is no list")
}

async fn mails_at(mailpit: &Client, email: &str) -> anyhow::Result<Vec<Value>> {
    let get = async |path: &str| mailpit.call(reqwest::Method::GET, path, None).await;
    let found = get(&format!("/api/v1/search?limit=200&query=to:{email}")).await?;
    let mut mails = Vec::new();
    for message in found["messages"].as_array().context("a search without messages")? {
        let path = format!("/api/v1/message/{}", text(message, "/ID")?);
        let template = text(&get(&format!("{path}/headers")).await?, "/X-Jobapp-Template/0")?;
        let words = text(&get(&path).await?, "/Text")?;
        let links: Vec<&str> = words.split_whitespace().filter(|word| word.starts_with("http")).collect();
        mails.push(json!({ "template": template, "links": links }));
    }
    Ok(mails)
}

async fn notified(person: &Person, message: &str) -> anyhow::Result<()> {
    soon(&person.client, &format!("{} is told: {message}", person.username), || async {
        let answer = person.client.get(&format!("/order/notification/{}", person.username)).await?;
        let list = answer["notifications"].as_array().context("no list of notifications")?;
        let told = list.iter().filter(|one| one["message"] == message).count();
        ensure!(told == 1, "told {told} times: {message}");
        Ok(())
    })
    .await
}

/// Waits until a check holds, at most as long as facts may travel.
async fn soon<F>(client: &Client, what: &str, check: impl Fn() -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let limit = SOON.max(client.patience());
    let deadline = Instant::now() + limit;
    loop {
        match check().await {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() >= deadline => {
                return Err(error.context(format!("not within {limit:?}: {what}")));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

fn text(answer: &Value, pointer: &str) -> anyhow::Result<String> {
    match answer.pointer(pointer) {
        Some(Value::String(text)) => Ok(text.clone()),
        other => bail!("{pointer} is {other:?}, not a text, in {answer}"),
    }
}

fn expect(answer: &Value, pointer: &str, value: Value) -> anyhow::Result<()> {
    let found = answer.pointer(pointer);
    let same = match (found.and_then(Value::as_f64), value.as_f64()) {
        (Some(found), Some(value)) => (found - value).abs() < 1e-9,
        _ => found == Some(&value),
    };
    ensure!(same, "{pointer} is {}, not {value}", found.map_or_else(|| "missing".to_owned(), ToString::to_string));
    Ok(())
}
