//! A made-up town that used the existing system for years: its databases, with broken rows among them, and what has to become of
//! each row.

use std::collections::{BTreeMap, BTreeSet};

use jobapp_import::{Kind, OldRow};
use serde_json::{Value, json};

/// How much of everything there is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub people: usize,
    pub messages: usize,
    pub orders: usize,
}

/// Whether a character that only MySQL stores may be in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nul {
    Anywhere,
    InMySql,
}

/// What its databases have.
#[derive(Debug, Clone)]
pub struct Town {
    pub rows: BTreeMap<Kind, Vec<OldRow>>,
    /// The ids of the rows that cannot be taken.
    pub refused: BTreeMap<Kind, BTreeSet<String>>,
    nul: Nul,
}

/// The passwords of the town. Person `i` has the one of this remainder.
pub const PASSWORDS: [&str; 4] = ["abcd", "sunny-4711", "Ünïcode!", "p q r s"];

/// The second of the first id.
const BEGAN: usize = 0x6600_0000;

pub fn oid(kind: Kind, number: usize) -> String {
    let place = Kind::ALL.iter().position(|one| *one == kind).unwrap();
    format!("{:08x}{place:04x}{number:012x}", BEGAN + number)
}

/// `Paaab`, in the form in which names are stored.
pub fn name(person: usize) -> String {
    let letter = |place: u32| char::from(b'a' + u8::try_from(person / 26_usize.pow(place) % 26).unwrap());
    format!("P{}", [3, 2, 1, 0].map(letter).iter().collect::<String>())
}

pub fn email(person: usize) -> String {
    format!("{}@example.org", name(person).to_lowercase())
}

pub fn password(person: usize) -> &'static str {
    PASSWORDS[person % PASSWORDS.len()]
}

/// Every fifth person sells.
pub const fn sells(person: usize) -> bool {
    person.is_multiple_of(5)
}

/// When something happened: the seconds since the town began.
pub fn when(second: usize) -> String {
    let millis = i64::try_from((BEGAN + second) * 1000 + 123).unwrap();
    jobapp_kernel::Timestamp::from_millis(millis).unwrap().to_string()
}

pub fn picture(what: &str, number: usize) -> String {
    format!("https://res.cloudinary.com/town/image/upload/v1/{what}-{number}.png")
}

impl Town {
    pub fn of(size: Size, nul: Nul) -> Self {
        let hashes = PASSWORDS.map(|password| bcrypt::hash(password, 4).unwrap());
        let mut town = Self { rows: BTreeMap::new(), refused: BTreeMap::new(), nul };
        let people = town.people(size.people, &hashes);
        let sellers = town.sellers(size.people, &people);
        town.gigs(&sellers);
        let pairs = town.conversations(size, &people, &sellers);
        town.messages(size.messages, &pairs);
        let orders = town.orders(size, &people, &sellers);
        town.about(&orders);
        town
    }

    /// Adds a row; `taken` says what has to become of it.
    fn add(&mut self, kind: Kind, id: String, fields: Value, taken: bool) {
        let Value::Object(fields) = fields else { panic!("a row is an object") };
        if !taken {
            self.refused.entry(kind).or_default().insert(id.clone());
        }
        self.rows.entry(kind).or_default().push(OldRow { id, fields });
    }

    /// Accounts and buyers; returns who has to be here.
    fn people(&mut self, people: usize, hashes: &[String]) -> Vec<bool> {
        let mut good = vec![false; people + 1];
        for person in 1..=people {
            let mut account = json!({
                "id": person, "username": name(person), "password": hashes[person % hashes.len()], "email": email(person),
                "country": "Portugal", "profilePublicId": format!("public-{person}"), "profilePicture": picture("account", person),
                "emailVerificationToken": format!("{person:040x}"), "emailVerified": i32::from(person % 3 != 0),
                "browserName": "Chrome", "deviceType": "browser", "createdAt": when(person), "updatedAt": when(person + 1)
            });
            let broken = person % 97 == 13;
            if broken {
                match person / 97 % 6 {
                    0 => account["email"] = Value::Null,
                    1 => account["email"] = json!("nobody"),
                    2 => account["country"] = json!("Por\0tugal"),
                    3 => account["password"] = json!("hunter22"),
                    // The one before has that name already.
                    4 => account["username"] = json!(name(person - 1).to_uppercase()),
                    _ => account["email"] = json!(email(person - 1).to_uppercase()),
                }
            }
            self.add(Kind::Accounts, person.to_string(), account, !broken);
            let id = oid(Kind::Buyers, person);
            let mut buyer = json!({
                "_id": id, "username": name(person), "email": email(person), "profilePicture": picture("buyer", person),
                "country": "Portugal", "isSeller": sells(person), "purchasedGigs": [], "createdAt": when(person)
            });
            let broken_buyer = person % 101 == 17;
            if broken_buyer {
                match person / 101 % 3 {
                    0 => buyer["username"] = Value::Null,
                    1 => buyer["purchasedGigs"] = json!("all of them"),
                    _ => buyer["isSeller"] = json!("perhaps"),
                }
            }
            good[person] = !broken && !broken_buyer;
            self.add(Kind::Buyers, id, buyer, good[person]);
        }
        good
    }

    /// Returns those who have to be here.
    fn sellers(&mut self, people: usize, good: &[bool]) -> Vec<usize> {
        let mut sellers = Vec::new();
        for person in (1..=people).filter(|person| sells(*person)) {
            let id = oid(Kind::Sellers, person);
            let mut seller = json!({
                "_id": id, "fullName": format!("Person {person}"), "username": name(person), "email": email(person),
                "profilePicture": picture("seller", person), "description": "I draw.", "profilePublicId": format!("public-{person}"),
                "oneliner": "Drawings", "country": "Portugal", "languages": [{"_id": oid(Kind::Sellers, person), "language": "English", "level": "Fluent"}],
                "skills": ["drawing"], "ratingsCount": 1, "ratingSum": 5, "ratingCategories": {"five": {"value": 5, "count": 1}},
                "responseTime": 2, "recentDelivery": null, "experience": [], "education": [], "socialLinks": [], "certificates": [],
                "ongoingJobs": 1, "completedJobs": 2, "cancelledJobs": 0, "totalEarnings": 48.0, "totalGigs": 2, "createdAt": when(person)
            });
            let broken = person % 155 == 0;
            if broken {
                match person / 155 % 3 {
                    0 => seller["fullName"] = Value::Null,
                    1 => seller["languages"] = json!("English"),
                    _ => seller["totalEarnings"] = json!("a lot"),
                }
            }
            self.add(Kind::Sellers, id, seller, good[person] && !broken);
            if good[person] && !broken {
                sellers.push(person);
            }
        }
        sellers
    }

    fn is_refused(&self, kind: Kind, id: &str) -> bool {
        self.refused.get(&kind).is_some_and(|refused| refused.contains(id))
    }

    fn gigs(&mut self, sellers: &[usize]) {
        for (place, seller) in sellers.iter().enumerate() {
            for number in [2 * place + 1, 2 * place + 2] {
                let id = oid(Kind::Gigs, number);
                let mut gig = json!({
                    "_id": id, "sellerId": oid(Kind::Sellers, *seller), "username": name(*seller), "email": email(*seller),
                    "profilePicture": picture("seller", *seller), "title": format!("I will draw whale {number}"), "description": "A whale",
                    "basicTitle": "Basic", "basicDescription": "One", "categories": "Graphics & Design", "subCategories": ["Drawing"],
                    "tags": ["whale"], "active": number % 7 != 0, "expectedDelivery": "3 Days Delivery", "ratingsCount": 1, "ratingSum": 5,
                    "ratingCategories": {"five": {"value": 5, "count": 1}}, "price": 20, "sortId": number / 2,
                    "coverImage": picture("cover", number), "createdAt": when(number)
                });
                let broken = number % 41 == 7;
                if broken {
                    match number / 41 % 4 {
                        0 => gig["price"] = json!(-5),
                        1 => gig["price"] = json!("dear"),
                        2 => gig["tags"] = json!([]),
                        _ => gig["sellerId"] = json!(oid(Kind::Sellers, 999_999_999)),
                    }
                }
                self.add(Kind::Gigs, id, gig, !broken);
            }
        }
    }

    /// Returns the pairs who talk, with the id of what they call their conversation.
    fn conversations(&mut self, size: Size, good: &[bool], sellers: &[usize]) -> Vec<(usize, usize, String)> {
        let wanted = (size.messages / 10).max(1);
        let buyers: Vec<usize> = (1..=size.people).filter(|person| good[*person] && !sells(*person)).collect();
        let mut pairs = Vec::new();
        for number in 1..=wanted {
            let id = oid(Kind::Conversations, number);
            let public = format!("{:015}", 100_000_000_000_000_usize + number);
            // Everybody talks to sellers that nobody with the same remainder talked to before; some begin a second time.
            let buyer = buyers[number % buyers.len()];
            let seller = sellers[(number + number / buyers.len() * 7) % sellers.len()];
            let before = pairs.last().filter(|_| number % 29 == 0);
            let (buyer, seller) = before.map_or((buyer, seller), |(one, other, _)| (*one, *other));
            let is_new = !pairs.iter().any(|(one, other, _)| (*one, *other) == (buyer, seller));
            let mut fields = json!({
                "_id": id, "conversationId": public, "senderUsername": name(buyer), "receiverUsername": name(seller), "__v": 0
            });
            let broken = number % 53 == 11;
            if broken {
                fields["receiverUsername"] = json!("Nobody");
            }
            self.add(Kind::Conversations, id, fields, is_new && !broken);
            // What the two wrote in a second conversation goes into their first.
            if !broken {
                pairs.push((buyer, seller, public));
            }
        }
        pairs
    }

    fn messages(&mut self, messages: usize, pairs: &[(usize, usize, String)]) {
        for number in 1..=messages {
            let (buyer, seller, public) = &pairs[number % pairs.len()];
            let (sender, receiver) =
                if (number / pairs.len()).is_multiple_of(2) { (*buyer, *seller) } else { (*seller, *buyer) };
            let id = oid(Kind::Messages, number);
            let has_offer = sender == *seller && number % 9 == 0;
            let mut fields = json!({
                "_id": id, "conversationId": public, "senderUsername": name(sender), "receiverUsername": name(receiver),
                "senderPicture": picture("buyer", sender), "receiverPicture": picture("buyer", receiver), "body": format!("Message {number}"),
                "file": "", "fileType": "", "fileSize": "", "fileName": "", "gigId": oid(Kind::Gigs, 1), "isRead": number % 2 == 0,
                "buyerId": oid(Kind::Buyers, *buyer), "sellerId": oid(Kind::Sellers, *seller), "hasOffer": has_offer,
                "offer": {"gigTitle": "Whale", "price": if has_offer { 25 } else { 0 }, "description": "", "deliveryInDays": 3,
                    "oldDeliveryDate": "", "newDeliveryDate": "", "accepted": number % 18 == 0, "cancelled": false},
                "createdAt": when(number)
            });
            // Dates are what somebody once wrote there.
            match number % 11 {
                3 => fields["createdAt"] = json!((BEGAN + number) * 1000),
                5 => fields["createdAt"] = json!(when(number).replace('Z', "+00:00")),
                _ => {}
            }
            let broken = number % 211 == 29;
            if broken {
                match number / 211 % 4 {
                    0 => fields["receiverUsername"] = json!("Nobody"),
                    1 => fields["body"] = json!({"gt": ""}),
                    2 if self.nul == Nul::Anywhere => fields["body"] = json!("a\0b"),
                    2 => fields["isRead"] = json!("yes"),
                    _ => fields["senderUsername"] = json!(name(receiver)),
                }
            }
            self.add(Kind::Messages, id, fields, !broken);
        }
    }

    /// Returns the numbers of the orders that have to be here, with their sides and whether they are completed.
    fn orders(&mut self, size: Size, good: &[bool], sellers: &[usize]) -> Vec<(String, usize, usize, bool)> {
        let buyers: Vec<usize> = (1..=size.people).filter(|person| good[*person] && !sells(*person)).collect();
        let mut here = Vec::new();
        for number in 1..=size.orders {
            let (buyer, seller) = (buyers[number * 3 % buyers.len()], sellers[number % sellers.len()]);
            let id = oid(Kind::Orders, number);
            let public = format!("JO{:011}", 10_000_000_000_usize + number);
            let status = ["in progress", "Delivered", "Completed", "Cancelled", "completed"][number % 5];
            let is_completed = status.eq_ignore_ascii_case("completed");
            let is_delivered = is_completed || status == "Delivered";
            let work = json!([{"_id": oid(Kind::Orders, number), "message": "Here", "file": picture("work", number), "fileType": "png",
                "fileSize": "10", "fileName": "whale.png"}]);
            let mut fields = json!({
                "_id": id, "orderId": public, "paymentIntent": format!("pi_{number}"), "status": status,
                "offer": {"gigTitle": "Whale", "price": 20, "description": "A whale", "deliveryInDays": 3, "oldDeliveryDate": when(number + 9),
                    "newDeliveryDate": when(number + 9), "accepted": true, "cancelled": false, "reason": ""},
                "gigId": oid(Kind::Gigs, 1), "sellerId": oid(Kind::Sellers, seller), "sellerUsername": name(seller), "sellerEmail": email(seller),
                "sellerImage": picture("seller", seller), "gigCoverImage": picture("cover", 1), "gigMainTitle": "Whale", "gigBasicTitle": "Basic",
                "gigBasicDescription": "One", "buyerId": oid(Kind::Buyers, buyer), "buyerUsername": name(buyer), "buyerEmail": email(buyer),
                "buyerImage": picture("buyer", buyer), "requirements": "Blue", "quantity": 1, "price": 20, "serviceFee": 3.1,
                "approved": is_completed, "delivered": is_delivered, "cancelled": status == "Cancelled",
                "deliveredWork": if is_delivered { work } else { json!([]) },
                "requestExtension": {"originalDate": "", "newDate": "", "days": 0, "reason": ""}, "dateOrdered": when(number),
                "events": {"placeOrder": when(number), "orderStarted": when(number)}, "buyerReview": {"rating": 0, "review": ""},
                "sellerReview": {"rating": 0, "review": ""}
            });
            if is_completed || status == "Cancelled" {
                fields["approvedAt"] = json!(when(number + 5));
            }
            let broken = number % 47 == 19;
            if broken {
                match number / 47 % 5 {
                    0 => fields["price"] = json!(-20),
                    1 => fields["status"] = json!("paid"),
                    2 => fields["sellerId"] = json!(oid(Kind::Sellers, 999_999_999)),
                    // The one before has it.
                    3 => fields["orderId"] = json!(format!("JO{:011}", 10_000_000_000_usize + number - 1)),
                    _ => fields["offer"] = json!("verbal"),
                }
            }
            self.add(Kind::Orders, id, fields, !broken);
            if !broken {
                here.push((public, buyer, seller, is_completed));
            }
        }
        here
    }

    /// Notifications and reviews.
    fn about(&mut self, orders: &[(String, usize, usize, bool)]) {
        let mut reviews = 0_usize;
        for (place, (order, buyer, seller, is_completed)) in orders.iter().enumerate() {
            let number = place + 1;
            let id = oid(Kind::Notifications, number);
            let broken = number % 61 == 5;
            let named = if broken { "JO00000000000" } else { order };
            let fields = json!({
                "_id": id, "userTo": name(*seller), "senderUsername": name(*buyer), "senderPicture": picture("buyer", *buyer),
                "receiverUsername": name(*seller), "receiverPicture": picture("seller", *seller),
                "message": "placed an order for your gig.", "orderId": named, "isRead": number % 2 == 0, "createdAt": when(number), "__v": 0
            });
            self.add(Kind::Notifications, id, fields, !broken);
            if !is_completed {
                continue;
            }
            for (kind, reviewer, reviewer_id) in [
                ("buyer-review", *buyer, oid(Kind::Buyers, *buyer)),
                ("seller-review", *seller, oid(Kind::Sellers, *seller)),
                // Somebody was quick with the mouse.
                ("buyer-review", *buyer, oid(Kind::Buyers, *buyer)),
            ]
            .into_iter()
            .take(if number % 23 == 3 { 3 } else { 2 })
            {
                let is_second = kind == "buyer-review" && reviews > 0 && self.has_review(order, kind);
                reviews += 1;
                let broken = reviews % 37 == 9;
                let fields = json!({
                    "id": reviews, "gigId": oid(Kind::Gigs, 1), "reviewerId": reviewer_id, "orderId": order,
                    "sellerId": oid(Kind::Sellers, *seller), "review": format!("Review {reviews}"), "reviewerImage": picture("buyer", reviewer),
                    "rating": if broken { 99 } else { 1 + reviews % 5 }, "country": "Portugal", "reviewType": kind,
                    "reviewerUsername": name(reviewer), "createdAt": when(reviews)
                });
                self.add(Kind::Reviews, reviews.to_string(), fields, !broken && !is_second);
            }
        }
    }

    /// Whether a review of this side was written that has to be here.
    fn has_review(&self, order: &str, kind: &str) -> bool {
        let rows = self.rows.get(&Kind::Reviews).map(Vec::as_slice).unwrap_or_default();
        rows.iter().rev().take(3).any(|row| {
            row.fields["orderId"] == order
                && row.fields["reviewType"] == kind
                && !self.is_refused(Kind::Reviews, &row.id)
        })
    }

    /// How many rows of a kind there are, and how many of them cannot be taken.
    pub fn counts(&self, kind: Kind) -> (u64, u64) {
        let rows = self.rows.get(&kind).map_or(0, Vec::len);
        let refused = self.refused.get(&kind).map_or(0, BTreeSet::len);
        (rows as u64, refused as u64)
    }
}
