//! States, keys and notices.

use std::time::Duration;

use jobapp_orders::{PaymentStatus, ProviderError};

use super::*;

#[tokio::test]
async fn a_payment_has_ids_and_secrets_as_the_browser_expects_them() {
    let payments = provider(&MemoryStore::new());
    let intent = payments.create_intent(AMOUNT, &marta(), "k").await.unwrap();
    assert!(intent.id.starts_with("pi_") && intent.id.len() == 27);
    assert!(intent.client_secret.starts_with(&format!("{}_secret_", intent.id)));
    assert_eq!((intent.status, intent.amount), (PaymentStatus::Open, AMOUNT));
    assert!(!format!("{intent:?}").contains(&intent.client_secret), "secrets are not printed");
}

#[tokio::test]
async fn a_key_makes_one_payment_also_when_two_race() {
    let payments = provider(&MemoryStore::new());
    let (customer, other) = (marta(), marta());
    let (first, second) =
        tokio::join!(payments.create_intent(AMOUNT, &customer, "k"), payments.create_intent(AMOUNT, &other, "k"));
    assert_eq!(first.unwrap(), second.unwrap());
    let refused = payments.create_intent(Money::from_cents(1), &customer, "k").await;
    assert!(matches!(refused, Err(ProviderError::Refused { .. })));
    assert_eq!(payments.newest(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn it_takes_up_to_a_million_at_once() {
    let payments = provider(&MemoryStore::new());
    for (cents, is_taken) in [(-1, false), (0, false), (1, true), (99_999_999, true), (100_000_000, false)] {
        let planned = payments.create_intent(Money::from_cents(cents), &marta(), &cents.to_string()).await;
        assert_eq!(planned.is_ok(), is_taken, "{cents}");
        assert!(planned.is_ok() || matches!(planned, Err(ProviderError::Refused { .. })), "{cents}");
    }
}

#[tokio::test]
async fn the_bank_says_no_then_wait_then_yes() {
    let payments = provider(&MemoryStore::new());
    let id = payments.create_intent(AMOUNT, &marta(), "k").await.unwrap().id;
    assert_eq!(payments.decline(&id).await.unwrap().status, PaymentStatus::Open);
    assert_eq!(payments.process(&id).await.unwrap().status, PaymentStatus::Processing);
    assert!(payments.cancel(&id).await.is_err(), "what is on its way is not cancelled");
    assert_eq!(payments.confirm(&id).await.unwrap().status, PaymentStatus::Paid);
    assert_eq!(payments.confirm(&id).await.unwrap().status, PaymentStatus::Paid);
    assert!(payments.decline(&id).await.is_err());
    assert!(payments.cancel(&id).await.is_err());
}

#[tokio::test]
async fn a_cancelled_payment_is_never_paid() {
    let payments = provider(&MemoryStore::new());
    let id = payments.create_intent(AMOUNT, &marta(), "k").await.unwrap().id;
    assert_eq!(payments.cancel(&id).await.unwrap().status, PaymentStatus::Cancelled);
    assert_eq!(payments.cancel(&id).await.unwrap().status, PaymentStatus::Cancelled);
    assert!(payments.confirm(&id).await.is_err());
}

#[tokio::test]
async fn money_goes_back_once_per_key_and_never_twice() {
    let payments = provider(&MemoryStore::new());
    let id = payments.create_intent(AMOUNT, &marta(), "k").await.unwrap().id;
    assert!(payments.refund(&id, "r").await.is_err(), "nothing was paid");
    payments.confirm(&id).await.unwrap();
    for _ in 0..3 {
        assert_eq!(payments.refund(&id, "r").await.unwrap().refunded, AMOUNT);
    }
    assert!(payments.refund(&id, "another").await.is_err());
}

#[tokio::test]
async fn payments_survive_a_restart() {
    let store = MemoryStore::new();
    let id = provider(&store).create_intent(AMOUNT, &marta(), "k").await.unwrap().id;
    let again = provider(&store);
    again.confirm(&id).await.unwrap();
    assert_eq!(again.create_intent(AMOUNT, &marta(), "k").await.unwrap().id, id);
    assert_eq!(provider(&store).intent(&id).await.unwrap().unwrap().status, PaymentStatus::Paid);
}

#[tokio::test]
async fn unknown_payments_are_unknown() {
    let payments = provider(&MemoryStore::new());
    for id in ["", "null", "pi_", "pi_unknown", "pi_../x", "pi_é"] {
        assert!(payments.intent(id).await.unwrap().is_none(), "{id}");
        assert!(matches!(payments.confirm(id).await, Err(ProviderError::Unknown { .. })), "{id}");
    }
}

#[tokio::test]
async fn while_it_is_away_every_call_says_so() {
    let payments = provider(&MemoryStore::new());
    let id = payments.create_intent(AMOUNT, &marta(), "k").await.unwrap().id;
    payments.set_away(true);
    let unavailable = |error| matches!(error, ProviderError::Unavailable { .. });
    assert!(unavailable(payments.create_intent(AMOUNT, &marta(), "k").await.unwrap_err()));
    assert!(unavailable(payments.intent(&id).await.unwrap_err()));
    assert!(unavailable(payments.refund(&id, "r").await.unwrap_err()));
    assert!(unavailable(payments.cancel(&id).await.unwrap_err()));
    payments.set_away(false);
    assert!(payments.intent(&id).await.unwrap().is_some());
}

#[tokio::test]
async fn every_change_is_told_with_a_signature() {
    let payments = provider(&MemoryStore::new());
    let ears = Ears::of(&payments, 0);
    let id = payments.create_intent(AMOUNT, &marta(), "k").await.unwrap().id;
    payments.process(&id).await.unwrap();
    payments.confirm(&id).await.unwrap();
    payments.confirm(&id).await.unwrap();
    assert_eq!(ears.heard(), [id.clone(), id.clone()]);
    payments.notify_again(&id).await;
    assert_eq!(ears.heard().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_notice_that_is_not_taken_comes_again() {
    let payments = provider(&MemoryStore::new());
    let ears = Ears::of(&payments, 2);
    let id = payments.create_intent(AMOUNT, &marta(), "k").await.unwrap().id;
    payments.confirm(&id).await.unwrap();
    assert!(ears.heard().is_empty());
    while ears.heard().is_empty() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(ears.heard(), [id]);
}
