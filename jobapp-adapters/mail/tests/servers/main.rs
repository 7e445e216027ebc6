//! Mails to a real mail host.

use std::sync::Arc;

use jobapp_contracts::mail::Post;
use jobapp_mail::{Brand, SmtpConfig, SmtpMailer, Templates};
use jobapp_notifications::Template;
use jobapp_test_servers::{Kind, shared};
use serde_json::Value;

async fn got(url: String) -> Value {
    reqwest::get(url).await.unwrap().error_for_status().unwrap().json().await.unwrap()
}

/// What came from this sender, the oldest first.
async fn from(api: &str, sender: &str) -> Vec<(String, Template)> {
    let found = got(format!("{api}/api/v1/search?limit=500&query=from:{sender}")).await;
    let mut arrived = Vec::new();
    for message in found["messages"].as_array().unwrap().iter().rev() {
        let headers = got(format!("{api}/api/v1/message/{}/headers", message["ID"].as_str().unwrap())).await;
        let template = headers["X-Jobapp-Template"][0].as_str().unwrap().parse().unwrap();
        arrived.push((message["To"][0]["Address"].as_str().unwrap().to_owned(), template));
    }
    arrived
}

async fn post() -> Post {
    let server = shared(Kind::Mailpit).await;
    let api = server.api().unwrap().trim_end_matches('/').to_owned();
    // Tells this test's mails from those of others.
    let sender = format!("{}@jobapp.example", uuid::Uuid::new_v4());
    let brand = Brand { name: "JobApp".into(), link: "https://app.example.org".into() };
    let config = SmtpConfig::from_url(&format!("{}?tls=none", server.url())).unwrap();
    let mailer = SmtpMailer::new(config, Arc::new(Templates::new(brand)), sender.parse().unwrap());
    Post {
        mailer: Arc::new(mailer),
        arrived: Arc::new(move || {
            let (api, sender) = (api.clone(), sender.clone());
            Box::pin(async move { from(&api, &sender).await })
        }),
        replaces: false,
        keep: Arc::new(()),
    }
}

jobapp_contracts::mailer!(post());
