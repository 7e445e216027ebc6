//! Two trades, somebody who has to do with neither, and somebody who runs the marketplace.

use serde_json::{Value, json};

use crate::harness::bodies::{self, PASSWORD};
use crate::harness::checks::{list, text};
use crate::harness::people::order_number;
use crate::harness::{Browser, Person, Seller, Server, Trade};

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// No session.
    Nobody,
    /// Signed in, sells, and has nothing to do with it.
    Outsider,
    /// Signed in with the role.
    Operator,
    /// The buyer of one's own trade.
    Buyer,
    /// Its seller.
    Seller,
}

impl Caller {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 5] = [Self::Nobody, Self::Outsider, Self::Operator, Self::Buyer, Self::Seller];
}

/// What routes are about: the things of one trade, or none that exist.
pub struct Things {
    pub buyer: String,
    pub buyer_email: String,
    pub buyer_number: i64,
    pub buyer_id: String,
    pub seller: String,
    pub seller_email: String,
    pub seller_id: String,
    pub gig: String,
    /// A gig to delete.
    pub spare_gig: String,
    pub conversation: String,
    /// From the seller to the buyer, unread.
    pub message: String,
    /// Of the seller to the buyer, open.
    pub offer: String,
    /// An order that has begun.
    pub order: String,
    /// Another, to cancel.
    pub spare_order: String,
    /// The seller's.
    pub notification: String,
    /// Another session of the buyer's.
    pub session: String,
    /// `POST /order` with a payment of the buyer's.
    pub new_order: Value,
    /// The name of a picture.
    pub file: String,
    /// The name of a file that was sent.
    pub sent: String,
    /// What makes it readable: shown to the two.
    pub link: String,
}

impl Things {
    async fn of(server: &Server, trade: &Trade) -> Self {
        let (order, spare_order) = (trade.order().await, trade.order().await);
        let spare_gig = trade.seller.gig(30.0).await.id;
        let conversation = trade.say(false, None, "Hello").await;
        let message = text(trade.messages().await.last().unwrap(), "/_id");
        let offer = trade.offer(40.0).await;
        let notification = text(&trade.seller.told("placed an order for your gig.").await, "/_id");
        server.browser().post("/auth/signin", credentials(&trade.buyer.username)).await.says("User login successfully");
        let sessions = list(&trade.buyer.get("/auth/sessions").await.good(), "/sessions");
        let session = text(sessions.iter().find(|one| one["current"] == false).unwrap(), "/sid");
        let intent = trade.buyer.pay(20.0).await;
        let cover = text(&trade.gig.document, "/coverImage");
        let mut with_file = trade.message(true, None, "See this");
        with_file["file"] = json!(bodies::FILE);
        let sent = text(&trade.buyer.post("/message", with_file).await.good(), "/messageData/file");
        let [link, sent] = [4, 5].map(|at| sent.split('/').nth(at).unwrap().to_owned());
        Self {
            buyer: trade.buyer.username.clone(),
            buyer_email: trade.buyer.email.clone(),
            buyer_number: trade.buyer.id,
            buyer_id: trade.buyer.buyer_id.clone(),
            seller: trade.seller.username.clone(),
            seller_email: trade.seller.email.clone(),
            seller_id: trade.seller.seller_id.clone(),
            gig: trade.gig.id.clone(),
            spare_gig,
            conversation,
            message,
            offer,
            order,
            spare_order,
            notification,
            session,
            new_order: trade.order_body(&order_number(), &intent, 20.0),
            file: cover.rsplit('/').next().unwrap().to_owned(),
            sent,
            link,
        }
    }

    /// Well-formed names of nothing.
    fn unknown() -> Self {
        let id = "aaaaaaaaaaaaaaaaaaaaaaaa".to_owned();
        let number = "JO99999999999".to_owned();
        let mut things = Self {
            buyer: "Nobody98".to_owned(),
            buyer_email: "nobody98@example.org".to_owned(),
            buyer_number: 999_999,
            buyer_id: id.clone(),
            seller: "Nobody99".to_owned(),
            seller_email: "nobody99@example.org".to_owned(),
            seller_id: id.clone(),
            gig: id.clone(),
            spare_gig: id.clone(),
            conversation: "999999999999999".to_owned(),
            message: id.clone(),
            offer: id.clone(),
            order: number.clone(),
            spare_order: number,
            notification: id,
            session: "nothing".to_owned(),
            new_order: Value::Null,
            file: "nothing.png".to_owned(),
            sent: "nothing.txt".to_owned(),
            link: "nothing".to_owned(),
        };
        things.new_order = things.order_body();
        things
    }

    fn order_body(&self) -> Value {
        let mut offer = bodies::offer(20.0);
        offer["accepted"] = json!(true);
        json!({
            "offer": offer, "gigId": self.gig, "sellerId": self.seller_id, "sellerUsername": self.seller,
            "sellerEmail": self.seller_email, "sellerImage": bodies::PORTRAIT, "gigCoverImage": bodies::PORTRAIT,
            "gigMainTitle": "Logos", "gigBasicTitle": "Sketch", "gigBasicDescription": "One sketch",
            "buyerId": self.buyer_id, "buyerUsername": self.buyer, "buyerEmail": self.buyer_email,
            "buyerImage": bodies::PORTRAIT, "status": "in progress", "orderId": order_number(),
            "invoiceId": "JI12345678901", "quantity": 1, "price": 20, "requirements": "Blue tones",
            "paymentIntent": "pi_nothing", "dateOrdered": bodies::ORDERED,
            "events": { "placeOrder": bodies::ORDERED, "requirements": bodies::ORDERED, "orderStarted": bodies::ORDERED },
        })
    }

    /// A message that is signed by the buyer.
    pub fn words_of_the_buyer(&self) -> Value {
        json!({
            "conversationId": self.conversation, "hasConversationId": true, "body": "Hello", "gigId": self.gig,
            "sellerId": self.seller_id, "buyerId": self.buyer_id, "senderUsername": self.buyer,
            "senderPicture": bodies::PORTRAIT, "receiverUsername": self.seller, "receiverPicture": bodies::PORTRAIT,
            "isRead": false, "hasOffer": false,
        })
    }

    /// The buyer's review of the order.
    pub fn review_of_the_buyer(&self) -> Value {
        json!({
            "gigId": self.gig, "reviewerId": self.buyer_id, "sellerId": self.seller_id,
            "reviewerImage": bodies::PORTRAIT, "review": "Quick and tidy.", "rating": 5, "orderId": self.order,
            "reviewType": "buyer-review", "reviewerUsername": self.buyer, "country": "Portugal",
            "createdAt": bodies::ORDERED,
        })
    }
}

/// Right ones, from the device of the sign-up.
pub fn credentials(username: &str) -> Value {
    json!({ "username": username, "password": PASSWORD, "browserName": "Firefox", "deviceType": "browser" })
}

/// A marketplace and everybody in it.
pub struct World {
    nobody: Browser,
    outsider: Seller,
    operator: Person,
    trade: Trade,
    /// Of the buyer and the seller.
    pub own: Things,
    /// Of two others.
    pub others: Things,
    /// Of nobody.
    pub unknown: Things,
    _server: Server,
    _folder: tempfile::TempDir,
}

impl World {
    /// A new one.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path(), &[]);
        let mut operator = server.person().await;
        assert!(server.stop().success());
        Server::make_operator(folder.path(), &operator.username);

        let server = Server::start(folder.path(), &[]);
        operator.browser = server.browser();
        operator.post("/auth/signin", credentials(&operator.username)).await.says("User login successfully");
        let (trade, other, outsider) = (server.trade().await, server.trade().await, server.seller().await);
        let (own, others) = (Things::of(&server, &trade).await, Things::of(&server, &other).await);
        Self {
            nobody: server.browser(),
            outsider,
            operator,
            trade,
            own,
            others,
            unknown: Things::unknown(),
            _server: server,
            _folder: folder,
        }
    }

    /// The browser of a caller, with cookies that the call cannot change for the next one.
    pub fn browser(&self, caller: Caller) -> Browser {
        match caller {
            Caller::Nobody => self.nobody.without_cookies(),
            Caller::Outsider => self.outsider.copy(),
            Caller::Operator => self.operator.copy(),
            Caller::Buyer => self.trade.buyer.copy(),
            Caller::Seller => self.trade.seller.copy(),
        }
    }
}
