//! People of a marketplace that is measured: each buys and sells.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::load::{Call, Connection};

pub(crate) const API: &str = "/api/gateway/v1";
pub(crate) const PASSWORD: &str = "correct horse 7";
const PICTURE: &str = "https://img.example.org/p/1.png";
const DUE: &str = "Sat Dec 01 2035 09:00:00 GMT+0000 (Coordinated Universal Time)";

/// Somebody with a session, who is a buyer and a seller.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) cookies: String,
    pub(crate) buyer_id: String,
    pub(crate) seller_id: String,
}

/// Waits until it answers at all.
pub(crate) async fn answers(port: u16) -> anyhow::Result<()> {
    let client = jobapp_client::Client::new(&format!("http://localhost:{port}"))?;
    let deadline = Instant::now() + Duration::from_secs(30);
    while let Err(error) = client.call(reqwest::Method::GET, "/readyz", None).await {
        ensure!(Instant::now() < deadline, "no answer in 30 s: {error}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// `POST /auth/signup`.
pub(crate) fn sign_up(name: &str) -> Call {
    let body = json!({
        "username": name, "email": format!("{name}@example.org"), "password": PASSWORD, "country": "Portugal",
        "profilePicture": PICTURE, "browserName": "Firefox", "deviceType": "browser",
    });
    Call::post(format!("{API}/auth/signup"), "", &body)
}

/// Signs so many people up and makes them sellers, a few at a time.
pub(crate) async fn gather(port: u16, people: usize) -> anyhow::Result<Arc<Vec<Person>>> {
    const AT_ONCE: usize = 4;
    let mut joining = tokio::task::JoinSet::new();
    for lane in 0..AT_ONCE {
        joining.spawn(async move {
            let mut connection = Connection::open(port).await?;
            let mut joined = Vec::new();
            for number in (lane..people).step_by(AT_ONCE) {
                joined.push((number, join(&mut connection, &format!("person{number:04}")).await?));
            }
            anyhow::Ok(joined)
        });
    }
    let mut all = Vec::new();
    while let Some(done) = joining.join_next().await {
        all.extend(done??);
    }
    all.sort_by_key(|(number, _)| *number);
    Ok(Arc::new(all.into_iter().map(|(_, person)| person).collect()))
}

async fn join(connection: &mut Connection, name: &str) -> anyhow::Result<Person> {
    let answer = connection.call(sign_up(name)).await?;
    answer.json().with_context(|| format!("{name} could not sign up"))?;
    let cookies = answer.cookies;
    let email = format!("{name}@example.org");
    let profile = connection.call(Call::get(format!("{API}/buyer/username"), &cookies)).await?.json()?;
    let seller = json!({
        "fullName": name, "email": email, "profilePublicId": name, "profilePicture": PICTURE, "description": "I draw.",
        "country": "Portugal", "oneliner": "Sketches", "skills": ["Drawing"],
        "languages": [{ "language": "English", "level": "Fluent" }], "responseTime": 2,
        "experience": [{ "company": "Own", "title": "Artist", "startDate": "2020", "endDate": "2024",
            "description": "Logos", "currentlyWorkingHere": false }],
        "education": [{ "country": "Portugal", "university": "Porto", "title": "BA", "major": "Design", "year": "2019" }],
        "socialLinks": [], "certificates": [],
    });
    let selling = connection.call(Call::post(format!("{API}/seller/create"), &cookies, &seller)).await?.json()?;
    Ok(Person {
        name: text(&selling, "/seller/username")?,
        email,
        buyer_id: text(&profile, "/buyer/_id")?,
        seller_id: text(&selling, "/seller/_id")?,
        cookies,
    })
}

/// `POST /message` from one to the other, who sells; into a new conversation if it has no name yet.
pub(crate) fn message(from: &Person, to: &Person, conversation: &str) -> Call {
    let body = json!({
        "conversationId": conversation, "hasConversationId": !conversation.is_empty(),
        "body": "Could you draw this by Monday?", "gigId": "", "sellerId": to.seller_id, "buyerId": from.buyer_id,
        "senderUsername": from.name, "senderPicture": PICTURE, "receiverUsername": to.name, "receiverPicture": PICTURE,
        "isRead": false, "hasOffer": false,
    });
    Call::post(format!("{API}/message"), &from.cookies, &body)
}

/// `POST /gig/create`.
pub(crate) fn gig(seller: &Person, title: &str) -> Call {
    let body = json!({
        "profilePicture": PICTURE, "sellerId": seller.seller_id, "title": title, "categories": "Graphics & Design",
        "description": "Three drafts by hand, for people who like it so.", "subCategories": ["Logo Design"],
        "tags": ["logo", "sketch"], "price": 20, "coverImage": PICTURE, "expectedDelivery": "3 Days Delivery",
        "basicTitle": "Sketch", "basicDescription": "One sketch",
    });
    Call::post(format!("{API}/gig/create"), &seller.cookies, &body)
}

/// A payment that is made: the id of the intent.
pub(crate) async fn pay(connection: &mut Connection, buyer: &Person) -> anyhow::Result<String> {
    let call = Call::post(format!("{API}/order/create-payment-intent"), &buyer.cookies, &json!({ "price": 20 }));
    let intent = text(&connection.call(call).await?.json()?, "/paymentIntentId")?;
    let confirm = Call::post(format!("/_dev/payments/{intent}/confirm"), &buyer.cookies, &json!({}));
    connection.call(confirm).await?.json().context("the payment could not be confirmed")?;
    Ok(intent)
}

/// `POST /order` of a gig at its price.
pub(crate) fn order(buyer: &Person, seller: &Person, gig: &str, intent: &str, number: &str) -> Call {
    let now = "Tue Nov 24 2026 09:00:00 GMT+0000 (Coordinated Universal Time)";
    let body = json!({
        "offer": { "gigTitle": "Logo sketches", "price": 20, "description": "Three drafts", "deliveryInDays": 3,
            "oldDeliveryDate": DUE, "newDeliveryDate": DUE, "accepted": false, "cancelled": false },
        "gigId": gig, "sellerId": seller.seller_id, "sellerUsername": seller.name, "sellerEmail": seller.email,
        "sellerImage": PICTURE, "gigCoverImage": PICTURE, "gigMainTitle": "Logo sketches", "gigBasicTitle": "Sketch",
        "gigBasicDescription": "One sketch", "buyerId": buyer.buyer_id, "buyerUsername": buyer.name,
        "buyerEmail": buyer.email, "buyerImage": PICTURE, "status": "in progress", "orderId": number,
        "invoiceId": "JI12345678901", "quantity": 1, "price": 20, "requirements": "Blue tones", "paymentIntent": intent,
        "dateOrdered": now, "events": { "placeOrder": now, "requirements": now, "orderStarted": now },
    });
    Call::post(format!("{API}/order"), &buyer.cookies, &body)
}

/// Waits until nothing is under way any more.
pub(crate) async fn settled(port: u16, patience: Duration) -> anyhow::Result<()> {
    let client = jobapp_client::Client::new(&format!("http://localhost:{port}"))?;
    let deadline = Instant::now() + patience;
    loop {
        let status = client.call(reqwest::Method::GET, "/_dev/status", None).await?;
        if status["settled"] == true {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "it did not settle within {patience:?}: {status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn text(answer: &Value, pointer: &str) -> anyhow::Result<String> {
    let found = answer.pointer(pointer).and_then(Value::as_str);
    Ok(found.with_context(|| format!("no {pointer} in {answer}"))?.to_owned())
}
