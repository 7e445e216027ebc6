//! What becomes of the messages on the two mail queues.

use jobapp_kernel::{Delivery, Subscription};
use jobapp_notifications::{Notifier, Request, mails};
use jobapp_runtime::{Consumer, json_handler};
use jobapp_wire::messages::{AccountMail, OrderMail};
use jobapp_wire::queues;
use sha2::{Digest as _, Sha256};

pub(crate) fn all(notifier: &Notifier) -> Vec<Consumer> {
    vec![accounts(notifier.clone()), orders(notifier.clone())]
}

fn accounts(notifier: Notifier) -> Consumer {
    let handler = json_handler(move |message: AccountMail, delivery: Delivery| {
        let notifier = notifier.clone();
        async move { notifier.notify(&request(&delivery), mails::of_account(&message)).await }
    });
    (Subscription::to(queues::AUTH_EMAIL).commuting(), handler)
}

fn orders(notifier: Notifier) -> Consumer {
    let handler = json_handler(move |message: OrderMail, delivery: Delivery| {
        let notifier = notifier.clone();
        async move { notifier.notify(&request(&delivery), mails::of_order(&message)).await }
    });
    (Subscription::to(queues::ORDER_EMAIL).commuting(), handler)
}

fn request(delivery: &Delivery) -> Request {
    let message = &delivery.message;
    match &message.id {
        Some(id) => Request { message: id.to_string(), at: message.timestamp, certainly_new: false },
        // Bodies hold links that open accounts: they are remembered as a hash, never as they are.
        None => Request {
            message: format!("body {}", hex::encode(Sha256::digest(&message.body))),
            at: message.timestamp,
            certainly_new: delivery.attempt == 0,
        },
    }
}
