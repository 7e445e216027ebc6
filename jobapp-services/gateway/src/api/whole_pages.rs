//! Whole pages in one answer: the parts are fetched at once, and what could not be had is named.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use jobapp_http::{ApiError, Caller};
use serde_json::{Map, Value, json};

use super::needs::Needs;
use crate::calls::answers::Key;
use crate::calls::reading::{read_bytes, read_json, unreadable};
use crate::calls::segment::segment;
use crate::calls::upstreams::{Call, Passed};
use crate::identity::tokens::Signed;
use crate::table::matching::Match;
use crate::table::route::{Kept, Page, Target};

/// Answers a page.
pub(crate) async fn answer(
    needs: &Needs,
    page: Page,
    found: &Match,
    signed: &Signed,
    passed: &Passed,
) -> Result<Response, ApiError> {
    let fetch = Fetch { needs, signed, passed };
    match page {
        Page::Home => home(&fetch).await,
        Page::Gig => gig(&fetch, found.parameter("gigId")).await,
        Page::Order => order(&fetch, found.parameter("orderId")).await,
    }
}

/// The page after signing in.
async fn home(fetch: &Fetch<'_>) -> Result<Response, ApiError> {
    let name = segment(fetch.signed.caller.username());
    let (category, top) = (format!("/category/{name}"), format!("/top/{name}"));
    let selling = format!("/username/{name}");
    let (user, buyer, seller, sellers, in_category, on_top) = futures::join!(
        fetch.part(Target::Auth, "/currentuser", "user", None),
        fetch.part(Target::Buyer, "/username", "buyer", None),
        fetch.part(Target::Seller, &selling, "seller", None),
        fetch.part(Target::Seller, "/random/10", "sellers", None),
        fetch.part(Target::Gig, &category, "gigs", None),
        fetch.part(Target::Gig, &top, "gigs", None),
    );
    let mut page = Assembly::new("Home page");
    page.add("user", user)?;
    page.add("buyer", buyer)?;
    page.add("seller", seller)?;
    page.add("sellers", sellers)?;
    page.add("categoryGigs", in_category)?;
    page.add("topGigs", on_top)?;
    page.finish()
}

/// The page of a gig.
async fn gig(fetch: &Fetch<'_>, id: &str) -> Result<Response, ApiError> {
    let path = segment(id);
    let (one, reviews, similar) = (format!("/{path}"), format!("/gig/{path}"), format!("/similar/{path}"));
    let with_seller = async {
        let gig = fetch.part(Target::Gig, &one, "gig", Some((Kept::Gig, id))).await;
        let seller = match &gig {
            Ok(gig) => fetch.seller(&gig["sellerId"]).await,
            Err(error) => Err(error.clone()),
        };
        (gig, seller)
    };
    let ((gig, seller), reviews, similar) = futures::join!(
        with_seller,
        fetch.part(Target::Review, &reviews, "reviews", None),
        fetch.part(Target::Gig, &similar, "gigs", None),
    );
    let mut page = Assembly::new("Gig page");
    page.add_main("gig", gig)?;
    page.add("seller", seller)?;
    page.add("reviews", reviews)?;
    page.add("similarGigs", similar)?;
    page.finish()
}

/// The page of an order, for its participants.
async fn order(fetch: &Fetch<'_>, id: &str) -> Result<Response, ApiError> {
    let order = fetch.part(Target::Order, &format!("/{}", segment(id)), "order", None).await;
    let mut page = Assembly::new("Order page");
    let about = match &order {
        Ok(order) => order.clone(),
        Err(_) => Value::Null,
    };
    page.add_main("order", order)?;
    if about.is_null() {
        // Who and what it is about stands in the order.
        return page.finish();
    }
    let text = |key: &str| about[key].as_str().unwrap_or_default();
    let (gig_id, buyer_name) = (text("gigId"), text("buyerUsername"));
    let conversation = format!("/conversation/{}/{}", segment(text("sellerUsername")), segment(text("buyerUsername")));
    let (gig_path, buyer_path) = (format!("/{}", segment(gig_id)), format!("/{}", segment(buyer_name)));
    let own = fetch.signed.caller.is(buyer_name);
    let (gig, seller, buyer, conversations) = futures::join!(
        fetch.part(Target::Gig, &gig_path, "gig", Some((Kept::Gig, gig_id))),
        fetch.seller(&about["sellerId"]),
        fetch.part(Target::Buyer, &buyer_path, "buyer", (!own).then_some((Kept::Buyer, buyer_name))),
        fetch.part(Target::Message, &conversation, "conversations", None),
    );
    page.add("gig", gig)?;
    page.add("seller", seller)?;
    page.add("buyer", buyer)?;
    page.add("conversations", conversations)?;
    page.finish()
}

/// Fetches parts for one caller.
struct Fetch<'a> {
    needs: &'a Needs,
    signed: &'a Signed,
    passed: &'a Passed,
}

impl Fetch<'_> {
    /// A part of a page: this key of the answer. It may come from what is kept.
    async fn part(&self, target: Target, path: &str, key: &str, kept: Option<(Kept, &str)>) -> Result<Value, ApiError> {
        let caller: Option<&Caller> = Some(&self.signed.caller);
        let cache = &self.needs.answers;
        let kept = kept.map(|(kind, id)| Key::of(kind, id, caller));
        let call = || Call {
            target,
            method: Method::GET,
            path: path.to_owned(),
            bearer: Some(self.signed.bearer.clone()),
            body: None,
            passed: self.passed.clone(),
        };
        let mut answer = match kept {
            None => good(self.needs.upstreams.call(call()).await?).await?,
            Some(kept) => match cache.get(&kept, caller) {
                Some(answer) => serde_json::from_slice(answer.body()).map_err(|_| unreadable())?,
                None => {
                    let asked = cache.moment();
                    let response = self.needs.upstreams.call(call()).await?;
                    if response.status().is_success() {
                        let body = read_bytes(response).await?;
                        cache.keep(kept, asked, &body, caller);
                        serde_json::from_slice(&body).map_err(|_| unreadable())?
                    } else {
                        good(response).await?
                    }
                }
            },
        };
        Ok(answer.get_mut(key).map_or(Value::Null, Value::take))
    }

    /// A seller, by the id a document has.
    async fn seller(&self, id: &Value) -> Result<Value, ApiError> {
        let id = id.as_str().unwrap_or_default();
        self.part(Target::Seller, &format!("/id/{}", segment(id)), "seller", Some((Kept::Seller, id))).await
    }
}

/// The JSON of a good answer; the error of any other.
async fn good(response: Response) -> Result<Value, ApiError> {
    let status = response.status();
    let answer = read_json(response).await?;
    if status.is_success() {
        return Ok(answer);
    }
    let text = answer.get("message").and_then(Value::as_str).unwrap_or("The request failed.");
    Err(ApiError::new(status, text))
}

/// A page in the making.
struct Assembly {
    body: Map<String, Value>,
    missing: Vec<Value>,
    parts: usize,
}

impl Assembly {
    fn new(message: &str) -> Self {
        let body = Map::from_iter([("message".to_owned(), message.into())]);
        Self { body, missing: Vec::new(), parts: 0 }
    }

    /// Adds a part, or says that it is missing.
    ///
    /// # Errors
    /// When nobody is signed in: then there is no page.
    fn add(&mut self, name: &str, part: Result<Value, ApiError>) -> Result<(), ApiError> {
        self.parts += 1;
        let value = match part {
            Ok(value) => value,
            Err(error) if error.status() == StatusCode::UNAUTHORIZED => return Err(error),
            Err(error) => {
                let status = error.status().as_u16();
                self.missing.push(json!({ "part": name, "statusCode": status, "message": error.message() }));
                Value::Null
            }
        };
        self.body.insert(name.to_owned(), value);
        Ok(())
    }

    /// Adds what the page is about.
    ///
    /// # Errors
    /// When there is no such thing, or it is not the caller's to see.
    fn add_main(&mut self, name: &str, part: Result<Value, ApiError>) -> Result<(), ApiError> {
        match part {
            Err(error) if error.status().is_client_error() => Err(error),
            part => self.add(name, part),
        }
    }

    /// The answer.
    ///
    /// # Errors
    /// 503 when nothing could be had.
    fn finish(mut self) -> Result<Response, ApiError> {
        if self.missing.len() == self.parts {
            return Err(ApiError::unavailable("Nothing of this page is available. Please try again.", 1)
                .at("Gateway: every part is missing"));
        }
        self.body.insert("missing".to_owned(), Value::Array(self.missing));
        Ok(Json(Value::Object(self.body)).into_response())
    }
}
