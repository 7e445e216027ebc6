//! People who use a marketplace.

use anyhow::{Context, ensure};
use jobapp_client::{CallError, Client};
use reqwest::Method;
use serde_json::{Value, json};

pub(crate) const PICTURE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGPgqo0CIgYIBQAXagOFqgsYiQAAAABJRU5ErkJggg==";
pub(crate) const PASSWORD: &str = "correct horse 7";

/// Somebody with a session.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) client: Client,
    pub(crate) name: String,
}

impl Person {
    /// Signs up.
    pub(crate) async fn sign_up(base: &str, name: &str) -> Result<Self, CallError> {
        let client = Client::new(base).unwrap();
        client.post("/auth/signup", sign_up_body(name)).await?;
        Ok(Self { client, name: name.to_owned() })
    }

    /// Signs in, with the browser of the sign-up.
    pub(crate) async fn sign_in(base: &str, name: &str) -> Result<Self, CallError> {
        let client = Client::new(base).unwrap();
        let body = json!({ "username": name, "password": PASSWORD, "browserName": "Firefox", "deviceType": "browser" });
        client.post("/auth/signin", body).await?;
        Ok(Self { client, name: name.to_owned() })
    }

    /// Becomes a seller: the id.
    pub(crate) async fn sell(&self) -> anyhow::Result<String> {
        let answer = self.client.post("/seller/create", seller_body()).await?;
        Ok(answer["seller"]["_id"].as_str().context("a seller without an id")?.to_owned())
    }

    /// Publishes a gig: the id.
    pub(crate) async fn publish(&self, seller: &str, title: &str) -> anyhow::Result<String> {
        let answer = self.client.post("/gig/create", gig_body(seller, title)).await?;
        Ok(answer["gig"]["id"].as_str().context("a gig without an id")?.to_owned())
    }

    /// The mails that stay here, by their templates.
    pub(crate) async fn mails(&self) -> anyhow::Result<Vec<String>> {
        let path = format!("/_dev/mail?to={}", mail_address(&self.name));
        let answer = self.client.call(Method::GET, &path, None).await?;
        let mails = answer.as_array().context("the mailbox is no list")?;
        Ok(mails.iter().filter_map(|mail| mail["template"].as_str().map(str::to_owned)).collect())
    }

    /// The buyer that users know of.
    pub(crate) async fn buyer(&self) -> anyhow::Result<Value> {
        let answer = self.client.get("/buyer/username").await?;
        ensure!(answer["buyer"]["username"] == self.name.as_str(), "no buyer: {answer}");
        Ok(answer["buyer"].clone())
    }
}

/// The cookie of a new session, for who is no browser.
pub(crate) async fn session_of(base: &str, name: &str) -> anyhow::Result<String> {
    let body = json!({ "username": name, "password": PASSWORD, "browserName": "Firefox", "deviceType": "browser" });
    let url = format!("{base}{}/auth/signin", Client::API);
    cookie_of(&reqwest::Client::new().post(url).json(&body).send().await?.error_for_status()?)
}

/// The cookie of the session that an answer begins.
pub(crate) fn cookie_of(answer: &reqwest::Response) -> anyhow::Result<String> {
    let cookies = answer.headers().get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
    let session = cookies.filter_map(|cookie| cookie.split(';').next()).find(|cookie| cookie.starts_with("session="));
    Ok(session.context("an answer without a session")?.to_owned())
}

/// What somebody of this name signs up with.
pub(crate) fn sign_up_body(name: &str) -> Value {
    json!({ "username": name, "email": mail_address(name), "password": PASSWORD, "country": "Spain",
        "profilePicture": PICTURE, "browserName": "Firefox", "deviceType": "browser" })
}

/// What a seller publishes as a gig of this title.
pub(crate) fn gig_body(seller: &str, title: &str) -> Value {
    json!({ "sellerId": seller, "profilePicture": PICTURE, "title": title, "description": "Three drafts.",
        "price": 40, "categories": "Graphics & Design", "subCategories": ["Logo Design"], "tags": ["logo"],
        "coverImage": PICTURE, "expectedDelivery": "3 Days Delivery", "basicTitle": "One logo",
        "basicDescription": "One draft" })
}

/// What somebody becomes a seller with.
pub(crate) fn seller_body() -> Value {
    json!({ "fullName": "Iria Costa", "profilePicture": PICTURE, "description": "I draw.", "country": "Spain",
            "oneliner": "Logos by hand", "skills": ["Drawing"], "languages": [{ "language": "English", "level": "Fluent" }],
            "responseTime": 2, "experience": [{ "company": "Own studio" }], "education": [{ "university": "Porto" }] })
}

/// The address of somebody of this name.
pub(crate) fn mail_address(name: &str) -> String {
    format!("{}@example.org", name.to_lowercase())
}

/// Finds a gig by a word.
pub(crate) async fn search(client: &Client, word: &str) -> anyhow::Result<u64> {
    let answer = client.get(&format!("/auth/search/gig/0/10/forward?query={word}")).await?;
    answer["total"].as_u64().context("a search without a total")
}
