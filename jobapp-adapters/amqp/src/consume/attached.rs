//! The channel of a consumer, and how what it had goes back when the consumer is dropped.

use std::sync::Arc;
use std::time::Duration;

use lapin::Channel;
use lapin::types::ShortString;
use tokio::sync::watch;

use crate::link::Wire;

/// How long another consumer waits for what one that was dropped gives back; without a connection nothing need be given.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many consumers that were dropped still give back what they had.
#[derive(Clone, Default)]
pub(crate) struct GivingBack(Arc<watch::Sender<usize>>);

impl GivingBack {
    /// Waits until nothing is given back any more.
    pub(super) async fn done(&self) {
        // The sender is here, so the channel is open; who waits too long only finds another order.
        drop(tokio::time::timeout(PATIENCE, self.0.subscribe().wait_for(|count| *count == 0)).await);
    }
}

/// A channel with its consumer. When it is dropped, what the consumer had goes back with the channel: so every version of the broker
/// puts it where it was and counts the loss. What is rejected may come last, or not be counted.
pub(super) struct Attached {
    pub(super) wire: Arc<Wire>,
    pub(super) channel: Channel,
    pub(super) tag: ShortString,
    pub(super) giving_back: GivingBack,
}

impl Drop for Attached {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !self.channel.status().connected() {
            return;
        }
        let (wire, channel) = (Arc::clone(&self.wire), self.channel.clone());
        let counted = Counted::new(&self.giving_back);
        runtime.spawn(async move {
            wire.close(&channel).await;
            drop(counted);
        });
    }
}

/// One of those that give back.
struct Counted(GivingBack);

impl Counted {
    fn new(giving_back: &GivingBack) -> Self {
        giving_back.0.send_modify(|count| *count += 1);
        Self(giving_back.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}
