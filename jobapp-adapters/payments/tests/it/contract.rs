//! The fake provider keeps what every provider promises.

use jobapp_contracts::payments::{Act, Till};

use super::*;

/// What a payer or a bank does; that it works is part of the promise.
fn act<F, R>(provider: &FakePayments, act: F) -> Act
where
    F: Fn(FakePayments, String) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let provider = provider.clone();
    Arc::new(move |id| Box::pin(act(provider.clone(), id)))
}

async fn till() -> Till {
    let provider = provider(&MemoryStore::new());
    let listening = provider.clone();
    Till {
        pay: act(&provider, async |provider, id| drop(provider.confirm(&id).await.unwrap())),
        decline: act(&provider, async |provider, id| drop(provider.decline(&id).await.unwrap())),
        process: act(&provider, async |provider, id| drop(provider.process(&id).await.unwrap())),
        notify_again: act(&provider, async |provider, id| provider.notify_again(&id).await),
        listen: Arc::new(move |webhook| listening.set_webhook(webhook)),
        provider: Arc::new(provider),
        keep: Arc::new(()),
    }
}

jobapp_contracts::payments!(till());
