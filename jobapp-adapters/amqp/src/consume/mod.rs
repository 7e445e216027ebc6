//! Consuming: a channel for each consumer, made again whenever it breaks.

mod attached;
mod feed;
mod settle;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jobapp_kernel::{BindError, Handler, Subscription, error_text};

pub(crate) use self::attached::GivingBack;
use self::feed::{Ended, Feed, Stop};
use crate::link::{Link, Wire};
use crate::publish::Post;
use crate::{AmqpError, QueueType, topology};

/// What every consumer of a bus needs.
pub(crate) struct Consuming {
    pub(crate) link: Arc<Link>,
    pub(crate) post: Post,
    pub(crate) queue_type: QueueType,
    pub(crate) giving_back: GivingBack,
    /// The pauses before a consumer is made again: the first one and the longest one.
    pub(crate) pauses: (Duration, Duration),
}

impl Consuming {
    /// Feeds a handler until `stop` completes, over as many connections as it takes.
    pub(crate) async fn run(
        &self,
        subscription: Subscription,
        handler: Arc<dyn Handler>,
        stop: Pin<Box<dyn Future<Output = ()> + Send>>,
    ) -> Result<(), BindError> {
        let mut stop: Stop = stop.fuse();
        let (mut pause, longest) = self.pauses;
        let queue = subscription.queue.name;
        loop {
            let wire = tokio::select! {
                biased;
                () = &mut stop => return Ok(()),
                wire = self.link.next_wire() => wire.ok_or_else(|| refused(queue, AmqpError::Closed))?,
            };
            // What a consumer of this process left comes first.
            self.giving_back.done().await;
            match self.open(&wire, subscription).await {
                Ok(feed) => {
                    let ended = feed.run(&handler, &mut stop).await;
                    let Ended::Broken { why, after } = ended else { return Ok(()) };
                    tracing::warn!(queue, why, "a consumer is made anew");
                    if after > longest {
                        pause = self.pauses.0;
                    }
                }
                Err(error) if may_pass(&error) => {
                    tracing::warn!(
                        queue,
                        error = error_text(&error),
                        "a consumer could not be made; it is tried again"
                    );
                }
                Err(error) => return Err(error),
            }
            tokio::select! {
                biased;
                () = &mut stop => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(longest);
        }
    }

    async fn open(&self, wire: &Arc<Wire>, subscription: Subscription) -> Result<Feed, BindError> {
        let queue = subscription.queue.name;
        topology::declare(wire, self.queue_type, &[subscription.queue]).await?;
        topology::declare_retries(wire, queue).await.map_err(|error| refused(queue, error))?;
        Feed::open(self.post.clone(), self.giving_back.clone(), Arc::clone(wire), subscription)
            .await
            .map_err(|error| refused(queue, error))
    }
}

fn refused(queue: &str, error: AmqpError) -> BindError {
    BindError { queue: queue.to_owned(), source: Box::new(error) }
}

fn may_pass(error: &BindError) -> bool {
    error.source.downcast_ref::<AmqpError>().is_none_or(AmqpError::may_pass)
}
