//! Ids, money, time, paging and the ports every part of the marketplace shares.
//!
//! An **aggregate** ([`Aggregate`]) decides, and raises events. A **repository** ([`Repository`]) stores one
//! aggregate, the events it raised and the key of what caused the change in one atomic [`Repository::save`]. A relay
//! reads the events back from the [`Outbox`] and hands them to a [`Publisher`]; consumers ([`Handler`]) turn them into
//! further changes. That is the whole machinery: nothing is lost, and nothing happens twice.
//!
//! Nothing here knows a socket, a file, a clock or a random source: time and ids arrive through [`Clock`] and [`Ids`].
//!
//! ```
//! use jobapp_kernel::{Money, Timestamp};
//!
//! let price = Money::from_decimal(19.99).unwrap();
//! assert_eq!(price.cents(), 1999);
//! assert_eq!(price.permille(55).cents(), 109); // rounded down to the cent
//!
//! let iso: Timestamp = "2026-11-24T10:15:42.000Z".parse().unwrap();
//! let js: Timestamp = "Tue Nov 24 2026 11:15:42 GMT+0100 (Central European Standard Time)".parse().unwrap();
//! assert_eq!(iso, js);
//! ```

mod address;
mod aggregate;
mod cache;
mod checked;
mod decisions;
mod error;
mod file_name;
mod forms;
mod id;
mod inventory;
mod leases;
mod limits;
mod media;
mod messaging;
mod money;
mod namespace;
mod outbox;
mod paging;
mod ports;
mod price;
mod rating;
mod repository;
mod text;
mod time;
mod turns;
mod unicode;

pub use address::{ascii_domain, mail_address};
pub use aggregate::{Aggregate, InvalidState, Key, KeyValue, MAX_KEY_BYTES};
pub use cache::{CacheUnavailable, Looked, SharedCache, Ticket};
pub use checked::id_text;
pub use decisions::{About, Decision, decided};
pub use error::{ErrorKind, Kinded, RepositoryError, error_text};
pub use file_name::{file_label, file_name};
pub use forms::{Forms, read_form};
pub use id::{AccountId, Identifier, InvalidId, ObjectId};
pub use inventory::{Backlog, Inventory, Layout};
pub use leases::Leases;
pub use limits::{Allowance, LimiterUnavailable, Rate, RateLimiter};
pub use media::{ByteSize, Collected, MediaError, MediaSink, MediaStore, Received, StoredMedia, Upload, UploadPurpose};
pub use messaging::{
    Batch, BindError, Burial, DeadLetter, DeadLetterError, DeadLetters, Delivery, Exchange, ExchangeKind, Handler,
    Message, MessageId, Outcome, PublishError, Publisher, Queue, QueueError, QueueLength, Queues, Subscriber,
    Subscription, deliver_each, unreadable,
};
pub use money::{InvalidMoney, Money};
pub use namespace::{InvalidNamespace, Namespace};
pub use outbox::{Outbox, OutboxEntry};
pub use paging::{Bounds, Cursor, Direction, InvalidCursor, Page, PageRequest};
pub use ports::{Clock, FixedClock, Ids, SequenceIds};
pub use price::{InvalidPrice, Price};
pub use rating::{InvalidStars, Ratings, Stars};
pub use repository::{Cause, Change, ChangeKind, Repository, Saved, Sequence, Stored, Version};
pub use text::is_blank;
pub use time::{InvalidTimestamp, Timestamp, with_offset};
pub use turns::{Turn, Turns, in_turn, in_turn_by, turn, turn_by};
pub use unicode::{characters, decimal_digit, folded, folded_key, is_unseen, normalized};
