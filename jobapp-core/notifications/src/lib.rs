//! Which event becomes which mail.
//!
//! A message on one of the two mail queues says what happened; [`mails`] tells which [`Mail`]s that makes and to whom
//! they go. Most make one. A placed order makes two: one tells the seller, the other is the buyer's receipt. A mail nobody
//! can be sent, or that lacks the link it is about, is [`Refused`] with a reason instead of being sent half empty.
//!
//! [`Notifier`] sends them through a [`Mailer`] and remembers each in [`SentRecords`], so that a message that is delivered
//! again mails nobody twice.
//!
//! ```
//! use jobapp_notifications::{Template, mails};
//! use jobapp_wire::messages::AccountMail;
//!
//! let message = AccountMail {
//!     template: "forgotPassword".into(),
//!     receiver_email: Some("marta@example.org".into()),
//!     username: Some("Marta".into()),
//!     reset_link: Some("https://app.example.org/reset_password?token=0a1b".into()),
//!     ..AccountMail::default()
//! };
//! let mail = mails::of_account(&message).remove(0)?;
//! assert_eq!(mail.template, Template::ForgotPassword);
//! assert_eq!(mail.to, "marta@example.org");
//! assert_eq!(mail.variables["username"], "Marta");
//! # Ok::<(), jobapp_notifications::Refused>(())
//! ```

pub mod mails;
mod notifier;
mod ports;
mod template;

pub use mails::{Mail, Refused};
pub use notifier::{Notifier, NotifyError, Request, SENDING_TAKES};
pub use ports::{Claim, ClaimToken, MailError, MailId, Mailer, SentRecords, SentRecordsError};
pub use template::{Template, UnknownTemplate};
