//! People who trade.

use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::bodies;
use super::checks::{at, list, text};
use super::{Answer, Browser, Server, soon};

/// Calls until the answer is no "try again in a moment": a busy machine may take longer than a service waits.
async fn patient<F: Future<Output = Answer>>(call: impl Fn() -> F) -> Answer {
    soon("the service is ready", || async {
        let answer = call().await;
        if answer.status == 503 { Err(answer.to_string()) } else { Ok(answer) }
    })
    .await
}

/// A number nobody else in this run has.
pub fn unique() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A public order number nobody else in this run has.
pub fn order_number() -> String {
    format!("JO{:011}", 10_000_000_000_u64 + u64::from(unique()))
}

/// A signed-in person.
#[derive(Debug, Clone)]
pub struct Person {
    /// The browser with the session.
    pub browser: Browser,
    /// In stored form.
    pub username: String,
    /// In stored form.
    pub email: String,
    /// The account's number.
    pub id: i64,
    /// The id as a buyer.
    pub buyer_id: String,
}

impl Deref for Person {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.browser
    }
}

/// A person who sells.
#[derive(Debug, Clone)]
pub struct Seller {
    /// The person.
    pub person: Person,
    /// The id as a seller.
    pub seller_id: String,
}

impl Deref for Seller {
    type Target = Person;

    fn deref(&self) -> &Person {
        &self.person
    }
}

/// A gig.
#[derive(Debug, Clone)]
pub struct Gig {
    /// Its id.
    pub id: String,
    /// As it was answered.
    pub document: Value,
}

impl Server {
    /// Somebody new, signed up and signed in.
    pub async fn person(&self) -> Person {
        let username = format!("Somebody{}", unique());
        let email = format!("{}@example.org", username.to_lowercase());
        let browser = self.browser();
        let answer = browser.post("/auth/signup", bodies::sign_up(&username, &email)).await;
        let body = answer.says("User created successfully");
        let id = body["user"]["id"].as_i64().unwrap_or_else(|| panic!("{answer}"));
        let profile = patient(|| browser.get("/buyer/username")).await;
        let buyer_id = text(&profile.good(), "/buyer/_id");
        Person { browser, username, email, id, buyer_id }
    }

    /// Somebody new who sells.
    pub async fn seller(&self) -> Seller {
        self.person().await.into_seller().await
    }

    /// Two people and a gig of one of them.
    pub async fn trade(&self) -> Trade {
        let (buyer, seller) = tokio::join!(self.person(), self.seller());
        let gig = seller.gig(20.0).await;
        Trade { buyer, seller, gig }
    }
}

impl Person {
    /// The same person, who sells from now on.
    pub async fn into_seller(self) -> Seller {
        let answer = self.post("/seller/create", bodies::seller(&self.email)).await;
        let seller_id = text(&answer.says("Seller created successfully."), "/seller/_id");
        Seller { person: self, seller_id }
    }

    /// The mails this person got, newest first.
    pub async fn mails(&self) -> Vec<Value> {
        mails(&self.browser, &self.email).await
    }

    /// Waits for the newest mail of a template.
    pub async fn mail(&self, template: &str) -> Value {
        soon(&format!("a mail {template} to {}", self.email), || async {
            let mails = self.mails().await;
            let found = mails.iter().find(|mail| mail["template"] == template).cloned();
            found.ok_or_else(|| format!("{} other mails", mails.len()))
        })
        .await
    }

    /// The token in the newest verify link.
    pub async fn verify_token(&self) -> String {
        token_in(&self.mail("verifyEmail").await, "v_token=")
    }

    /// Makes a payment and confirms it; returns the intent.
    pub async fn pay(&self, price: f64) -> String {
        let intent = self.intend(price).await;
        self.confirm(&intent).await;
        intent
    }

    /// Begins a payment.
    pub async fn intend(&self, price: f64) -> String {
        let answer = self.post("/order/create-payment-intent", json!({ "price": price })).await;
        text(&answer.says("Order intent created successfully."), "/paymentIntentId")
    }

    /// Confirms a payment on the developer page.
    pub async fn confirm(&self, intent: &str) {
        let request = self.request("POST", &format!("/_dev/payments/{intent}/confirm")).json(&json!({}));
        let answer = self.without_cookies().send(request).await;
        assert!(answer.status < 400, "{answer}");
    }

    /// The notifications this person got.
    pub async fn notifications(&self) -> Vec<Value> {
        list(&self.get(&format!("/order/notification/{}", self.username)).await.good(), "/notifications")
    }

    /// Waits for a notification.
    pub async fn told(&self, message: &str) -> Value {
        soon(&format!("{} is told: {message}", self.username), || async {
            let all = self.notifications().await;
            let found = all.iter().find(|one| one["message"] == message).cloned();
            found.ok_or_else(|| format!("told {:?}", all.iter().map(|one| one["message"].clone()).collect::<Vec<_>>()))
        })
        .await
    }
}

impl Seller {
    /// A new gig at this price.
    pub async fn gig(&self, price: f64) -> Gig {
        self.gig_called(&format!("Sketches number{}", unique()), price).await
    }

    /// A new gig with this title.
    pub async fn gig_called(&self, title: &str, price: f64) -> Gig {
        let answer = patient(|| self.post("/gig/create", bodies::gig(&self.seller_id, title, price))).await;
        let document = answer.says("Gig created successfully.")["gig"].clone();
        Gig { id: text(&document, "/id"), document }
    }
}

/// Two people and a gig of one of them.
#[derive(Debug, Clone)]
pub struct Trade {
    /// Who buys.
    pub buyer: Person,
    /// Who sells.
    pub seller: Seller,
    /// What.
    pub gig: Gig,
}

impl Trade {
    /// The same people over new connections.
    pub fn reconnected(mut self) -> Self {
        self.buyer.browser = self.buyer.browser.reconnected();
        self.seller.person.browser = self.seller.person.browser.reconnected();
        self
    }

    /// A message from the buyer to the seller, or the other way round.
    pub fn message(&self, from_buyer: bool, conversation: Option<&str>, words: &str) -> Value {
        let (from, to) = if from_buyer { (&self.buyer, &*self.seller) } else { (&*self.seller, &self.buyer) };
        json!({
            "conversationId": conversation.map_or_else(|| format!("{:015}", unique()), str::to_owned),
            "hasConversationId": conversation.is_some(), "body": words, "gigId": self.gig.id,
            "sellerId": self.seller.seller_id, "buyerId": self.buyer.buyer_id,
            "senderUsername": from.username, "senderPicture": "https://img.example.org/a.png",
            "receiverUsername": to.username, "receiverPicture": "https://img.example.org/b.png",
            "isRead": false, "hasOffer": false,
        })
    }

    /// Sends a message; returns the conversation.
    pub async fn say(&self, from_buyer: bool, conversation: Option<&str>, words: &str) -> String {
        let from = if from_buyer { &self.buyer } else { &*self.seller };
        let answer = from.post("/message", self.message(from_buyer, conversation, words)).await;
        text(&answer.says("Message added"), "/conversationId")
    }

    /// The messages of the two, oldest first.
    pub async fn messages(&self) -> Vec<Value> {
        let path = format!("/message/{}/{}", self.seller.username, self.buyer.username);
        list(&self.buyer.get(&path).await.good(), "/messages")
    }

    /// The seller offers; returns the id of the message.
    pub async fn offer(&self, price: f64) -> String {
        let mut body = self.message(false, None, "Here is my offer.");
        body["hasOffer"] = json!(true);
        body["offer"] = bodies::offer(price);
        self.seller.post("/message", body).await.says("Message added");
        let newest = self.messages().await.pop().unwrap();
        assert_eq!(newest["hasOffer"], true, "{newest}");
        text(&newest, "/_id")
    }

    /// The buyer accepts an offer.
    pub async fn accept(&self, message: &str) {
        let answer = self.buyer.put("/message/offer", json!({ "messageId": message, "type": "accepted" })).await;
        answer.says("Message updated");
    }

    /// `POST /order` of the buyer.
    pub fn order_body(&self, number: &str, intent: &str, price: f64) -> Value {
        let gig = &self.gig.document;
        json!({
            "offer": { "gigTitle": "I will make logo sketches", "price": price, "description": "Three drafts",
                "deliveryInDays": 3, "oldDeliveryDate": bodies::DUE, "newDeliveryDate": bodies::DUE,
                "accepted": true, "cancelled": false },
            "gigId": self.gig.id, "sellerId": self.seller.seller_id, "sellerUsername": self.seller.username,
            "sellerEmail": self.seller.email, "sellerImage": gig["profilePicture"], "gigCoverImage": gig["coverImage"],
            "gigMainTitle": gig["title"], "gigBasicTitle": gig["basicTitle"],
            "gigBasicDescription": gig["basicDescription"], "buyerId": self.buyer.buyer_id,
            "buyerUsername": self.buyer.username, "buyerEmail": self.buyer.email,
            "buyerImage": "https://img.example.org/a.png", "status": "in progress", "orderId": number,
            "invoiceId": "JI12345678901", "quantity": 1, "price": price, "requirements": "Blue tones",
            "paymentIntent": intent, "dateOrdered": bodies::ORDERED,
            "events": { "placeOrder": bodies::ORDERED, "requirements": bodies::ORDERED, "orderStarted": bodies::ORDERED },
        })
    }

    /// Orders with this body.
    pub async fn try_order(&self, body: Value) -> Answer {
        self.buyer.post("/order", body).await
    }

    /// A paid order at the gig's price that has begun; returns its number.
    pub async fn order(&self) -> String {
        let price = self.gig.document["price"].as_f64().unwrap();
        let (number, intent) = (order_number(), self.buyer.pay(price).await);
        self.try_order(self.order_body(&number, &intent, price)).await.says("Order created successfully.");
        soon("the order begins", || async {
            let body = self.seller.get(&format!("/order/seller/{}", self.seller.seller_id)).await.good();
            let orders = list(&body, "/orders");
            orders
                .iter()
                .any(|order| order["orderId"] == number.as_str())
                .then_some(())
                .ok_or_else(|| format!("{body}"))
        })
        .await;
        number
    }

    /// The order, as the buyer sees it.
    pub async fn order_document(&self, number: &str) -> Value {
        self.buyer.get(&format!("/order/{number}")).await.says("Order by order id")["order"].clone()
    }

    /// The seller delivers.
    pub async fn deliver(&self, number: &str) -> Value {
        let answer = self.seller.put(&format!("/order/deliver-order/{number}"), bodies::delivery("Here it is.")).await;
        answer.says("Order delivered successfully.")["order"].clone()
    }

    /// `PUT /order/approve-order/:orderId`.
    pub fn approval(&self) -> Value {
        json!({ "sellerId": self.seller.seller_id, "buyerId": self.buyer.buyer_id, "ongoingJobs": -1,
            "completedJobs": 1, "totalEarnings": 16, "purchasedGigs": self.gig.id })
    }

    /// The buyer approves.
    pub async fn approve(&self, number: &str) -> Value {
        let answer = self.buyer.put(&format!("/order/approve-order/{number}"), self.approval()).await;
        answer.says("Order approved successfully.")["order"].clone()
    }

    /// An order that was delivered and approved.
    pub async fn completed_order(&self) -> String {
        let number = self.order().await;
        self.deliver(&number).await;
        self.approve(&number).await;
        number
    }

    /// `PUT /order/cancel/:orderId`.
    pub fn cancellation(&self, intent: &str) -> Value {
        json!({ "paymentIntentId": intent, "orderData": { "sellerId": self.seller.seller_id,
            "buyerId": self.buyer.buyer_id, "purchasedGigs": self.gig.id } })
    }

    /// `POST /review` of one side.
    pub fn review(&self, by_buyer: bool, number: &str, rating: i64) -> Value {
        let (kind, person, reviewer) = if by_buyer {
            ("buyer-review", &self.buyer, &self.buyer.buyer_id)
        } else {
            ("seller-review", &*self.seller, &self.seller.seller_id)
        };
        json!({
            "gigId": self.gig.id, "reviewerId": reviewer, "sellerId": self.seller.seller_id,
            "reviewerImage": "https://img.example.org/a.png", "review": "Quick and tidy.", "rating": rating,
            "orderId": number, "reviewType": kind, "reviewerUsername": person.username, "country": person.username,
            "createdAt": bodies::ORDERED,
        })
    }

    /// The seller's profile, as the seller sees it.
    pub async fn seller_document(&self) -> Value {
        self.seller.get(&format!("/seller/id/{}", self.seller.seller_id)).await.good()["seller"].clone()
    }

    /// Waits until the seller's profile has a value at a place.
    pub async fn seller_gets(&self, pointer: &str, wanted: Value) {
        soon("the seller's profile follows", || async { at(&self.seller_document().await, pointer, wanted.clone()) })
            .await;
    }
}

/// The mails to an address, newest first.
pub async fn mails(browser: &Browser, email: &str) -> Vec<Value> {
    let answer = browser.send(browser.request("GET", &format!("/_dev/mail?to={email}"))).await;
    assert_eq!(answer.status, 200, "{answer}");
    answer.json().as_array().unwrap().clone()
}

/// What follows a mark in a link of a mail.
pub fn token_in(mail: &Value, mark: &str) -> String {
    let links = list(mail, "/links");
    let link = links.iter().filter_map(Value::as_str).find_map(|link| link.split_once(mark));
    link.unwrap_or_else(|| panic!("no link with {mark} in {mail}")).1.to_owned()
}

/// Signs somebody in with a browser the account is known by.
pub async fn sign_in(server: &Server, username: &str) -> Browser {
    let browser = server.browser();
    let body = json!({ "username": username, "password": bodies::PASSWORD, "browserName": "Firefox",
        "deviceType": "browser" });
    browser.post("/auth/signin", body).await.says("User login successfully");
    browser
}
