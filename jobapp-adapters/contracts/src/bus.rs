//! What every message bus promises.
//!
//! ```ignore
//! mod bus {
//!     jobapp_contracts::bus!(super::a_fresh_bus());      // a future of `jobapp_contracts::bus::Bus`
//! }
//! mod durable_bus {
//!     jobapp_contracts::durable_bus!(super::a_place());  // a future of an `impl jobapp_contracts::bus::Place`
//! }
//! ```

mod consuming;
mod dead_letters;
mod durable;
mod lengths;
mod probe;
mod routing;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{
    DeadLetters, Exchange, ExchangeKind, Message, MessageId, Publisher, Queue, Queues, Subscriber, Subscription,
    Timestamp,
};

pub use consuming::*;
pub use dead_letters::*;
pub use durable::*;
pub use lengths::*;
pub use probe::{Probe, Running, in_time};
pub use routing::*;

/// A message bus under test.
#[derive(Clone)]
pub struct Bus {
    /// Its publishing side.
    pub publisher: Arc<dyn Publisher>,
    /// Its consuming side.
    pub subscriber: Arc<dyn Subscriber>,
    /// Its dead letters.
    pub dead_letters: Arc<dyn DeadLetters>,
    /// How long its queues are.
    pub queues: Arc<dyn Queues>,
    /// The shortest delay of a retry it can keep.
    pub shortest_retry: Duration,
    /// What must live as long as the bus, such as its folder.
    pub keep: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus").finish_non_exhaustive()
    }
}

impl Bus {
    /// A bus that is everything in one.
    pub fn of<B: Publisher + Subscriber + DeadLetters + Queues + 'static>(bus: Arc<B>) -> Self {
        Self {
            publisher: Arc::<B>::clone(&bus),
            subscriber: Arc::<B>::clone(&bus),
            dead_letters: Arc::<B>::clone(&bus),
            queues: bus,
            shortest_retry: Duration::from_millis(40),
            keep: Arc::new(()),
        }
    }

    /// The same bus, with something that must live as long.
    #[must_use]
    pub fn keeping(self, keep: impl Any + Send + Sync) -> Self {
        Self { keep: Arc::new(keep), ..self }
    }

    /// Declares queues.
    async fn declare(&self, queues: &[Queue]) {
        in_time("the queues to be declared", self.subscriber.declare(queues)).await.unwrap();
    }

    /// Publishes messages in one call, each of which is taken.
    async fn publish(&self, messages: &[Message]) {
        let answers = in_time("the messages to be confirmed", self.publisher.publish(messages)).await;
        assert_eq!(answers.len(), messages.len(), "one answer a message");
        for answer in answers {
            answer.unwrap();
        }
    }

    /// Starts a consumer.
    fn consume(&self, subscription: Subscription, probe: &Arc<Probe>) -> Running {
        Running::start(&self.subscriber, subscription, probe)
    }

    /// Fails unless nothing waits in the queue: what is published now is the next to come.
    async fn assert_empty(&self, queue: Queue) {
        let probe = Probe::done();
        let running = self.consume(Subscription::to(queue), &probe);
        self.publish(&[message(queue, "the end")]).await;
        probe.seen(1).await;
        assert_eq!(probe.bodies(), ["the end"], "the queue {} was not empty", queue.name);
        running.stop().await;
    }
}

/// Where a durable bus lives.
#[async_trait]
pub trait Place: Send + Sync {
    /// Opens the bus that lives here. It is closed by [`Place::close`] before it is opened again.
    async fn open(&self) -> Bus;

    /// Closes the bus that is open.
    async fn close(&self);
}

/// A name nobody else uses, so that cases may share a broker.
fn unique(name: &str) -> &'static str {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    // Queues are named by constants in production; here a few names are leaked.
    Box::leak(format!("contract-{name}-{}-{number}", std::process::id()).into_boxed_str())
}

/// A queue of its own exchange.
fn a_queue() -> Queue {
    queue_on(Exchange { name: unique("exchange"), kind: ExchangeKind::Direct }, "a-key")
}

/// A new queue bound to an exchange.
fn queue_on(exchange: Exchange, routing_key: &'static str) -> Queue {
    Queue { name: unique("queue"), exchange, routing_key }
}

/// A message for a queue with an id of its own.
fn message(queue: Queue, body: &str) -> Message {
    Message {
        id: Some(MessageId(unique("message").to_owned())),
        kind: "a-kind".to_owned(),
        exchange: queue.exchange.name.to_owned(),
        routing_key: queue.routing_key.to_owned(),
        timestamp: Timestamp::from_millis(1_795_486_542_123).unwrap(),
        headers: [("x-version".to_owned(), "7".to_owned())].into(),
        body: body.as_bytes().to_vec(),
    }
}

/// Messages `0`, `1`, … for a queue.
fn messages(queue: Queue, count: usize) -> Vec<Message> {
    (0..count).map(|number| message(queue, &number.to_string())).collect()
}

/// The bodies of [`messages`].
fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

/// Makes a test of every promise. The argument is a future of a [`Bus`](crate::bus::Bus), made anew for each of them.
#[macro_export]
macro_rules! bus {
    ($bus:expr) => {
        $crate::bus!(@tests $bus;
            a_message_reaches_the_queues_bound_with_its_key
            a_fanout_reaches_every_bound_queue
            a_message_without_a_queue_is_refused_and_disturbs_no_other
            an_exchange_keeps_its_kind
            declaring_again_changes_nothing
            publishing_nothing_is_fine
            messages_wait_for_their_consumer
            a_message_arrives_as_it_was_published
            a_message_without_an_id_is_never_taken_for_another
            a_message_published_again_after_it_was_handled_is_delivered_again
            concurrent_publishers_keep_their_own_order
            consumers_of_a_queue_share_its_messages
            one_at_a_time_keeps_the_order
            prefetch_bounds_what_is_in_flight
            a_full_batch_does_not_wait
            a_batch_that_does_not_fill_is_handed_over_in_time
            each_message_of_a_batch_has_its_own_outcome
            a_retry_comes_again_later_and_blocks_nobody
            a_retry_that_does_not_count_never_kills_a_message
            a_handler_that_panics_is_called_again
            a_panic_in_a_batch_harms_only_the_message_that_caused_it
            stopping_waits_for_what_is_in_flight
            stopping_hands_over_a_batch_that_is_not_full
            what_a_vanished_consumer_had_is_delivered_again_and_marked
            after_the_last_attempt_a_message_is_a_dead_letter
            a_dead_message_is_not_tried_again
            a_body_that_is_no_text_arrives_unchanged_even_as_a_dead_letter
            dead_letters_are_listed_oldest_first_and_bounded
            a_replayed_dead_letter_begins_anew
            a_discarded_dead_letter_is_gone
            a_dead_letter_that_is_not_there_is_not_found
            several_dead_letters_are_replayed_or_discarded_at_once
            a_queue_that_nobody_declared_has_no_length
            what_waits_is_counted
            consumers_are_counted_or_not_told
            what_waits_for_its_retry_waits
            dead_letters_are_counted
        );
    };
    (@tests $bus:expr; $($promise:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                $crate::bus::$promise(&$bus.await).await;
            }
        )*
    };
}

/// Makes a test of what a bus promises that knows its messages by their ids while they wait. Brokers do not.
#[macro_export]
macro_rules! bus_of_known_messages {
    ($bus:expr) => {
        $crate::bus!(@tests $bus; a_message_published_twice_while_it_waits_is_stored_once);
    };
}

/// Makes a test of what a bus promises that counts how many consumers were lost that had a message. Not every broker does.
#[macro_export]
macro_rules! bus_that_counts_losses {
    ($bus:expr) => {
        $crate::bus!(@tests $bus;
            what_takes_its_consumer_down_every_time_is_given_up
            lost_consumers_use_up_no_attempt
        );
    };
}

/// Makes a test of every promise about closing and opening again. The argument is a future of a [`Place`](crate::bus::Place),
/// made anew for each of them.
#[macro_export]
macro_rules! durable_bus {
    ($place:expr) => {
        $crate::bus!(@tests $place;
            what_was_published_is_there_after_opening_again
            queues_and_bindings_are_there_after_opening_again
            what_was_in_flight_is_delivered_again_and_marked_after_opening_again
            retries_and_their_attempts_are_there_after_opening_again
            dead_letters_are_there_after_opening_again
            what_was_handled_is_gone_after_opening_again
        );
    };
}
