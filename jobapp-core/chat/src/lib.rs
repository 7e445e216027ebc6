//! Conversations, messages and offers.
//!
//! Two users have one [`Conversation`], whoever wrote first and whatever they talk about. Each [`ChatMessage`] in it has
//! its place: places are given out one after the other, so everybody sees the same order. A message may carry an
//! [`Offer`], which the receiver accepts and either side takes back.
//!
//! One message is one save. The conversation's summary of its newest message follows from the message's event:
//! [`Chat::summarise`] takes it over, however often and in whatever order it is told.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use jobapp_chat::{Chat, ChatError, NewMessage};
//! use jobapp_kernel::{Collected, FixedClock, MediaError, MediaSink, MediaStore, SequenceIds, StoredMedia, Timestamp, Upload};
//! use jobapp_directory::{CardUpdate, Directory};
//!
//! /// Takes no files.
//! struct NoFiles;
//! #[async_trait::async_trait]
//! impl MediaStore for NoFiles {
//!     async fn store(&self, _: Upload) -> Result<StoredMedia, MediaError> {
//!         Err(MediaError::unavailable("there is no place for files"))
//!     }
//!
//!     async fn begin(self: Arc<Self>) -> Result<Box<dyn MediaSink>, MediaError> {
//!         Ok(Collected::begin(self))
//!     }
//! }
//!
//! let store = jobapp_memory::MemoryStore::new();
//! let chat = Chat {
//!     conversations: store.repository(),
//!     messages: store.repository(),
//!     gigs: store.repository(),
//!     deleted_gigs: store.repository(),
//!     directory: Directory::new(store.repository()),
//!     media: Arc::new(NoFiles),
//!     clock: Arc::new(FixedClock::at(Timestamp::EPOCH)),
//!     ids: Arc::new(SequenceIds::default()),
//! };
//!
//! // Events of the users service tell who is who.
//! let (buyer_id, seller_id) = ("66f0c0ffee0000000000b001", "66f0c0ffee0000000000a001");
//! let card = |email: &str, picture: &str| (email.to_owned(), picture.to_owned(), "Portugal".to_owned());
//! let (email, picture, country) = card("marta@example.org", "https://img.example.org/1.png");
//! chat.directory.apply("Marta", CardUpdate::Buyer { buyer_id: buyer_id.parse()?, email, picture, country }, 1).await?;
//! let (email, picture, country) = card("iria@example.org", "https://img.example.org/2.png");
//! let (full_name, oneliner) = ("Iria I.".to_owned(), "I draw".to_owned());
//! let seller_id_of_iria = seller_id.parse()?;
//! let seller = CardUpdate::Seller { seller_id: seller_id_of_iria, email, picture, country, full_name, oneliner };
//! chat.directory.apply("Iria", seller, 1).await?;
//!
//! let hello = NewMessage {
//!     sender: "Marta".into(),
//!     receiver: "Iria".into(),
//!     seller_id: seller_id.into(),
//!     buyer_id: buyer_id.into(),
//!     body: "Hello!".into(),
//!     ..NewMessage::default()
//! };
//! let message = chat.send(hello.clone(), None).await?;
//! chat.summarise(&message).await?;
//! assert_eq!(chat.messages_between("Iria", "Marta").await?.len(), 1);
//! assert_eq!(chat.conversations_of("Iria").await?[0].newest().unwrap().body, "Hello!");
//!
//! // Nobody talks to a stranger's account.
//! let to_nobody = NewMessage { receiver: "Nobody".into(), ..hello };
//! assert!(matches!(chat.send(to_nobody, None).await, Err(ChatError::UnknownReceiver)));
//! # Ok(()) }
//! ```

mod conversation;
mod error;
mod gigs;
mod message;
mod offer;
mod offering;
mod reading;
mod service;
mod writing;

pub use conversation::{Conversation, ConversationId, ConversationState, ConversationV1, Pair, Summary};
pub use error::ChatError;
pub use gigs::{DeletedGig, DeletedGigState, GigId, GigSeller, GigSellerState};
pub use message::{Attachment, ChatMessage, Content, MessageEvent, MessageState, MessageV1, Participant, Place};
pub use offer::{InvalidOffer, Offer, OfferState, OfferTerms};
pub use reading::{MAX_CONVERSATIONS, MAX_MESSAGES};
pub use service::Chat;
pub use writing::{Checked, NewFile, NewMessage};
