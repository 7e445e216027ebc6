//! Mails: to whom, how often, and where their links lead.

use serde_json::json;

use crate::harness::bodies;
use crate::harness::checks::{list, text};
use crate::harness::{Person, shared, soon};

/// Where the browser client lives by default.
const CLIENT: &str = "http://localhost:3000";

#[tokio::test]
async fn links_of_accounts_lead_to_pages_of_the_client() {
    let person = shared().person().await;
    person.put("/auth/forgot-password", json!({ "email": person.email })).await.good();
    for (template, page) in [("verifyEmail", "/confirm_email?v_token="), ("forgotPassword", "/reset_password?token=")] {
        let mail = person.mail(template).await;
        let link = text(&mail, "/links/0");
        let token = link.strip_prefix(&format!("{CLIENT}{page}")).unwrap_or_else(|| panic!("{mail}"));
        assert!(token.len() >= 40 && token.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{link}");
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
                let page = format!("{CLIENT}/orders/{number}/activities");
                assert!(list(&mail, "/links").contains(&json!(page)), "{mail}");
            }
            assert!(!text(&mail, "/subject").is_empty() && !text(&mail, "/text").contains("undefined"), "{mail}");
        }
    }
}
