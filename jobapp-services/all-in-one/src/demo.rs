//! Fills a marketplace with people, gigs, orders, reviews and chats, through the same door everybody uses.

mod people;
mod picture;

use std::fs;
use std::future::Future;
use std::io::ErrorKind;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use jobapp_client::{CallError, Client};
use jobapp_ctl::write_private;
use jobapp_gateway_service::DemoPeople;
use rand::distr::{Alphanumeric, SampleString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Folder;
use people::{ANSWERS, BUYERS, Gig, QUESTIONS, SELLERS, Seller, VERDICTS};

/// The password of everybody in a demo that only this machine can reach.
const KNOWN_PASSWORD: &str = "demo marketplace";
/// Where a folder keeps what its demo's password is.
const FILE: &str = "demo.toml";

/// The demo of a folder: its people are always the same, their password may be a random one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Demo {
    password: String,
    /// Whether everything of it is there.
    complete: bool,
}

impl Demo {
    /// The demo of a data folder, if one was ever begun there.
    ///
    /// # Errors
    /// When the file that says so cannot be read.
    pub(crate) fn open(folder: &Folder) -> anyhow::Result<Option<Self>> {
        Self::read(folder.path())
    }

    /// As [`Demo::open`], of a folder that is held already.
    ///
    /// # Errors
    /// When the file that says so cannot be read.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Option<Self>> {
        let path = root.join(FILE);
        let unreadable = || format!("the file {} of the demo cannot be read", path.display());
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(toml::from_str(&text).with_context(unreadable)?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(unreadable),
        }
    }

    fn write(&self, folder: &Folder) -> anyhow::Result<()> {
        let path = folder.within(FILE);
        let unwritable = || format!("the file {} of the demo cannot be written", path.display());
        write_private(&path, &toml::to_string(self).with_context(unwritable)?).with_context(unwritable)
    }

    /// Whether anybody who knows the program knows the password.
    pub(crate) fn has_known_password(&self) -> bool {
        self.password == KNOWN_PASSWORD
    }

    /// Sees to it that the demo is there; `known` is what was there before. Returns whether it is new. Where others may reach
    /// its accounts, their password is a random one.
    ///
    /// # Errors
    /// When the marketplace does not answer or refuses something.
    pub(crate) async fn fill(
        known: Option<Self>,
        base: &str,
        folder: &Folder,
        is_exposed: bool,
        confirm: &Confirm,
    ) -> anyhow::Result<(Self, bool)> {
        let mut demo = match known {
            Some(demo) if demo.complete => return Ok((demo, false)),
            Some(demo) => demo,
            None => Self { password: KNOWN_PASSWORD.to_owned(), complete: false },
        };
        // Folders that were filled before there was the file, or whose filling was cut off.
        let is_new = !is_filled(base, &demo.password).await?;
        if is_new {
            if is_exposed {
                demo.password = Alphanumeric.sample_string(&mut rand::rng(), 16);
            }
            // Before the first account: whatever happens, the password is not lost.
            demo.write(folder)?;
            fill(base, &demo.password, confirm).await?;
        }
        demo.complete = true;
        demo.write(folder)?;
        Ok((demo, is_new))
    }

    /// Everybody in it.
    pub(crate) fn people(&self) -> DemoPeople {
        DemoPeople {
            sellers: SELLERS.iter().map(|seller| seller.username.to_owned()).collect(),
            buyers: BUYERS.iter().map(|(name, _)| (*name).to_owned()).collect(),
            password: self.password.clone(),
        }
    }

    /// Whether everything of it is there.
    pub(crate) const fn is_complete(&self) -> bool {
        self.complete
    }

    /// What whoever started it is told. `base` is where the developer pages are.
    pub(crate) fn introduction(&self, is_new: bool, base: Option<&str>) -> String {
        let DemoPeople { sellers, buyers, password } = self.people();
        let mut text = format!(
            "The demo is {}. Its people sell ({}) or buy ({}); the password of all is \"{password}\".",
            if is_new { "filled in" } else { "there already" },
            sellers.join(", "),
            buyers.join(", "),
        );
        let mails = base.map_or_else(
            || "a file in the folder \"mail\" of the data folder".to_owned(),
            |base| format!("{base}/_dev/mail"),
        );
        text.push_str(&format!(
            "\nA sign-in from a new browser, or from a shell, asks for a code. It is mailed: {mails}"
        ));
        text
    }
}

/// Where somebody's mails go.
fn address(name: &str) -> String {
    format!("{}@demo.example.com", name.to_lowercase())
}

/// Confirms a payment as its payer would.
pub type Confirm = Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>> + Send + Sync>;

struct Member {
    client: Client,
    username: String,
    picture: String,
    buyer_id: String,
}

struct Shop {
    member: Member,
    seller_id: String,
    gigs: Vec<(Value, &'static Gig)>,
}

/// Fills the marketplace at `base`, which must be empty of these people.
///
/// # Errors
/// The first call that was refused.
async fn fill(base: &str, password: &str, confirm: &Confirm) -> anyhow::Result<()> {
    let orders = SELLERS.len() * 2;
    let gigs: usize = SELLERS.iter().map(|seller| seller.gigs.len()).sum();
    let steps = SELLERS.len() + gigs + BUYERS.len() + orders;
    let progress = ProgressBar::new(u64::try_from(steps).unwrap_or_default());
    progress.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")?);

    let mut shops = Vec::new();
    for (index, seller) in SELLERS.iter().enumerate() {
        progress.set_message(format!("{} opens a shop", seller.full_name));
        shops.push(
            open_shop(base, password, seller, index, &progress).await.with_context(|| seller.username.to_owned())?,
        );
    }
    let mut buyers = Vec::new();
    for (index, (name, country)) in BUYERS.iter().enumerate() {
        progress.set_message(format!("{name} signs up"));
        buyers.push(sign_up(base, password, name, country, 100 + index).await?);
        progress.inc(1);
    }
    for number in 0..orders {
        let shop = &shops[number % shops.len()];
        let buyer = &buyers[(number * 5 + 1) % buyers.len()];
        let (gig, offered) = &shop.gigs[number / shops.len() % shop.gigs.len()];
        progress.set_message(format!("{} orders: {}", buyer.username, offered.title));
        deal(buyer, shop, gig, offered, number, confirm).await?;
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(())
}

async fn sign_up(base: &str, password: &str, name: &str, country: &str, picture: usize) -> anyhow::Result<Member> {
    let client = Client::new(base)?;
    let body = json!({
        "username": name, "email": address(name), "password": password,
        "country": country, "profilePicture": picture::portrait(picture)?, "browserName": "Firefox", "deviceType": "browser",
    });
    let answer = client.post("/auth/signup", body).await?;
    let picture = text(&answer, "/user/profilePicture")?;
    let profile = client.get("/buyer/username").await?;
    let buyer_id = text(&profile, "/buyer/_id")?;
    Ok(Member { client, username: name.to_owned(), picture, buyer_id })
}

async fn open_shop(
    base: &str,
    password: &str,
    seller: &'static Seller,
    index: usize,
    progress: &ProgressBar,
) -> anyhow::Result<Shop> {
    let member = sign_up(base, password, seller.username, seller.country, index).await?;
    let body = json!({
        "fullName": seller.full_name, "email": address(seller.username),
        "profilePublicId": seller.username, "profilePicture": member.picture,
        "description": seller.description, "country": seller.country, "oneliner": seller.oneliner, "skills": seller.skills,
        "languages": [{ "language": "English", "level": "Fluent" }, { "language": seller.country, "level": "Native" }],
        "responseTime": 1 + index % 5,
        "experience": [{ "company": "Self-employed", "title": seller.skills[0], "startDate": "2018", "endDate": "Present",
            "description": seller.oneliner, "currentlyWorkingHere": true }],
        "education": [{ "country": seller.country, "university": "State University", "title": "BA", "major": seller.skills[0],
            "year": "2017" }],
        "socialLinks": [], "certificates": [],
    });
    let answer = member.client.post("/seller/create", body).await?;
    let seller_id = text(&answer, "/seller/_id")?;
    progress.inc(1);
    let mut gigs = Vec::new();
    for (number, gig) in seller.gigs.iter().enumerate() {
        let body = json!({
            "profilePicture": member.picture, "sellerId": seller_id, "title": gig.title,
            "categories": gig.category, "description": gig.description, "subCategories": [gig.sub_category],
            "tags": gig.tags, "price": gig.price, "coverImage": picture::cover(index * 7 + number * 3)?,
            "expectedDelivery": format!("{} {} Delivery", gig.days, if gig.days == 1 { "Day" } else { "Days" }),
            "basicTitle": gig.sub_category, "basicDescription": gig.description,
        });
        let answer = member.client.post("/gig/create", body).await?;
        gigs.push((answer["gig"].clone(), gig));
        progress.inc(1);
    }
    Ok(Shop { member, seller_id, gigs })
}

/// A question, an answer, an order and, mostly, what follows it.
async fn deal(
    buyer: &Member,
    shop: &Shop,
    gig: &Value,
    offered: &Gig,
    number: usize,
    confirm: &Confirm,
) -> anyhow::Result<()> {
    let seller = &shop.member;
    let question = message(buyer, seller, buyer, shop, gig, QUESTIONS[number % QUESTIONS.len()]);
    let answer = buyer.client.post("/message", question).await?;
    let mut reply = message(seller, buyer, buyer, shop, gig, ANSWERS[number % ANSWERS.len()]);
    reply["conversationId"] = answer["conversationId"].clone();
    reply["hasConversationId"] = json!(true);
    seller.client.post("/message", reply).await?;

    let intent = buyer.client.post("/order/create-payment-intent", json!({ "price": offered.price })).await?;
    let intent = text(&intent, "/paymentIntentId")?;
    confirm(intent.clone()).await?;
    let order = format!("JO{:011}", 20_260_000_000_u64 + u64::try_from(number).unwrap_or_default());
    buyer.client.post("/order", order_body(buyer, shop, gig, offered, &intent, &order)).await?;
    // One in four is still being worked on, one in eight waits for approval.
    if number % 4 == 3 {
        return Ok(());
    }
    let delivery = json!({ "message": "All done. I hope you like it.", "file": "", "fileType": "", "fileSize": 0, "fileName": "" });
    seller.client.put(&format!("/order/deliver-order/{order}"), delivery).await?;
    if number % 8 == 2 {
        return Ok(());
    }
    buyer.client.put(&format!("/order/approve-order/{order}"), json!({})).await?;
    let (stars, words) = VERDICTS[number % VERDICTS.len()];
    let about_seller = review(buyer, &buyer.buyer_id, shop, gig, &order, "buyer-review", stars, words);
    buyer.client.post("/review", about_seller).await?;
    if number.is_multiple_of(2) {
        let about_buyer =
            review(seller, &shop.seller_id, shop, gig, &order, "seller-review", 5, "Clear wishes, kind words.");
        seller.client.post("/review", about_buyer).await?;
    }
    Ok(())
}

fn message(from: &Member, to: &Member, buyer: &Member, shop: &Shop, gig: &Value, words: &str) -> Value {
    json!({
        "conversationId": "", "hasConversationId": false, "body": words, "gigId": gig["id"], "sellerId": shop.seller_id,
        "buyerId": buyer.buyer_id, "senderUsername": from.username, "senderPicture": from.picture,
        "receiverUsername": to.username, "receiverPicture": to.picture, "isRead": false, "hasOffer": false,
    })
}

fn order_body(buyer: &Member, shop: &Shop, gig: &Value, offered: &Gig, intent: &str, order: &str) -> Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let at = |days: u32| {
        let due = now + std::time::Duration::from_secs(u64::from(days) * 86_400);
        jobapp_kernel::Timestamp::EPOCH.plus(due).to_string()
    };
    json!({
        "offer": { "gigTitle": offered.title, "price": offered.price, "description": offered.description,
            "deliveryInDays": offered.days, "oldDeliveryDate": at(offered.days), "newDeliveryDate": at(offered.days),
            "accepted": true, "cancelled": false },
        "gigId": gig["id"], "sellerId": shop.seller_id, "sellerUsername": shop.member.username, "sellerEmail": gig["email"],
        "sellerImage": gig["profilePicture"], "gigCoverImage": gig["coverImage"], "gigMainTitle": gig["title"],
        "gigBasicTitle": gig["basicTitle"], "gigBasicDescription": gig["basicDescription"],
        "buyerId": buyer.buyer_id, "buyerUsername": buyer.username,
        "buyerEmail": address(&buyer.username), "buyerImage": buyer.picture,
        "status": "in progress", "orderId": order, "invoiceId": order.replace("JO", "JI"), "quantity": 1,
        "price": offered.price, "requirements": "As discussed in the chat.", "paymentIntent": intent, "dateOrdered": at(0),
        "events": { "placeOrder": at(0), "requirements": at(0), "orderStarted": at(0) },
    })
}

#[expect(clippy::too_many_arguments, reason = "the wire's body has as many fields")]
fn review(
    author: &Member,
    author_id: &str,
    shop: &Shop,
    gig: &Value,
    order: &str,
    kind: &str,
    stars: u8,
    words: &str,
) -> Value {
    json!({
        "gigId": gig["id"], "reviewerId": author_id, "sellerId": shop.seller_id, "reviewerImage": author.picture,
        "review": words, "rating": stars, "orderId": order, "reviewType": kind, "reviewerUsername": author.username,
        "country": author.username,
    })
}

fn text(answer: &Value, pointer: &str) -> anyhow::Result<String> {
    let found = answer.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).with_context(|| format!("{pointer} is missing in {answer}"))
}

/// Whether the demo is there already: its first seller can sign in.
///
/// # Errors
/// When the marketplace does not answer.
async fn is_filled(base: &str, password: &str) -> anyhow::Result<bool> {
    let client = Client::new(base)?;
    let body = json!({ "username": SELLERS[0].username, "password": password, "browserName": "Firefox", "deviceType": "browser" });
    match client.post("/auth/signin", body).await {
        Ok(_) => Ok(true),
        Err(CallError::Refused { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
