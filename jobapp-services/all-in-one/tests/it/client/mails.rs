//! Mails: to whom, how often, and where their links lead.

use serde_json::json;

use crate::harness::bodies;
use crate::harness::checks::{list, text};
use crate::harness::{Person, Server, shared, soon};

/// Checks that the links in the mails to a new user begin with this address.
async fn links_lead_to(server: &Server, place: &str) {
    let person = server.person().await;
    person.put("/auth/forgot-password", json!({ "email": person.email })).await.good();
    for (template, page) in [("verifyEmail", "/confirm_email?v_token="), ("forgotPassword", "/reset_password?token=")] {
        let mail = person.mail(template).await;
        let link = text(&mail, "/links/0");
        let token = link.strip_prefix(&format!("{place}{page}")).unwrap_or_else(|| panic!("{mail}"));
        assert!(token.len() >= 40 && token.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{link}");
    }
}

#[tokio::test]
async fn links_of_accounts_lead_to_pages_of_the_client() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--client-url", "https://app.example.org/"]);
    links_lead_to(&server, "https://app.example.org").await;
}

#[tokio::test]
async fn without_a_client_every_link_leads_to_a_page_of_the_server_itself() {
    links_lead_to(shared(), &shared().base).await;
    let trade = shared().trade().await;
    trade.offer(40.0).await;
    trade.order().await;
    trade.buyer.put("/auth/forgot-password", json!({ "email": trade.buyer.email })).await.good();
    let unknown_device = json!({ "username": trade.buyer.username, "password": bodies::PASSWORD,
        "browserName": "Opera", "deviceType": "mobile" });
    trade.buyer.without_cookies().post("/auth/signin", unknown_device).await.says("OTP code sent");
    for (person, templates) in [
        (&trade.buyer, &["verifyEmail", "forgotPassword", "otpEmail", "offer", "orderReceipt"][..]),
        (&*trade.seller, &["orderPlaced"]),
    ] {
        for template in templates {
            let mail = person.mail(template).await;
            for link in list(&mail, "/links") {
                let link = link.as_str().unwrap();
                assert!(link.starts_with(&shared().base), "{template}: {link}");
                let page = person.send(person.request("GET", link).header("accept", "text/html")).await;
                assert_eq!(page.status, 200, "{template}: {link}: {page}");
            }
        }
    }
}

#[tokio::test]
async fn mails_call_people_by_their_names_as_they_are_written() {
    let trade = shared().trade().await;
    trade.offer(40.0).await;
    let number = trade.order().await;
    trade.seller.put(&format!("/order/extension/{number}"), bodies::extension(2, "Rain")).await.good();
    trade.buyer.put(&format!("/order/gig/approve/{number}"), bodies::extension_answer(2, "Rain")).await.good();
    trade.deliver(&number).await;
    let (buyer, seller) = (&trade.buyer, &*trade.seller);
    for (person, template, names) in [
        (buyer, "offer", [&buyer.username, &seller.username]),
        (buyer, "orderReceipt", [&buyer.username; 2]),
        (buyer, "orderExtension", [&buyer.username, &seller.username]),
        (buyer, "orderDelivered", [&buyer.username, &seller.username]),
        (seller, "orderPlaced", [&buyer.username, &seller.username]),
        (seller, "orderExtensionApproval", [&buyer.username, &seller.username]),
    ] {
        let mail = person.mail(template).await;
        let words = format!("{}\n{}", text(&mail, "/subject"), text(&mail, "/text"));
        for name in names {
            assert!(words.contains(name.as_str()), "{template} names {name}: {words}");
            // Links keep names as paths are compared, and addresses are in small letters.
            let in_words = words.split_whitespace().filter(|word| !word.contains('/') && !word.contains('@'));
            assert!(in_words.clone().all(|word| !word.contains(&name.to_lowercase())), "{template}: {words}");
        }
    }
}

async fn templates(person: &Person) -> Vec<String> {
    let mut templates: Vec<String> = person.mails().await.iter().map(|mail| text(mail, "/template")).collect();
    templates.sort();
    templates
}

#[tokio::test]
async fn every_step_of_an_order_is_mailed_once_to_the_other_side_with_a_link_to_it() {
    let trade = shared().trade().await;
    trade.offer(40.0).await;
    let number = trade.order().await;
    let extension = format!("/order/extension/{number}");
    trade.seller.put(&extension, bodies::extension(2, "Rain")).await.good();
    trade.buyer.put(&format!("/order/gig/approve/{number}"), bodies::extension_answer(2, "Rain")).await.good();
    trade.deliver(&number).await;
    trade.approve(&number).await;
    let buyers = ["offer", "orderDelivered", "orderExtension", "orderReceipt", "verifyEmail"];
    let sellers = ["orderExtensionApproval", "orderPlaced", "verifyEmail"];
    for (person, wanted) in [(&trade.buyer, &buyers[..]), (&trade.seller.person, &sellers)] {
        soon(&format!("the mails to {}", person.username), || async {
            let got = templates(person).await;
            if got == wanted { Ok(()) } else { Err(format!("{got:?}")) }
        })
        .await;
        for mail in person.mails().await {
            let template = text(&mail, "/template");
            if template.starts_with("order") {
                let page = format!("{}/orders/{number}/activities", shared().base);
                assert!(list(&mail, "/links").contains(&json!(page)), "{mail}");
            }
            assert!(!text(&mail, "/subject").is_empty() && !text(&mail, "/text").contains("undefined"), "{mail}");
        }
    }
}
