//! Mail templates and where mails go.
//!
//! [`Templates`] puts a [`jobapp_notifications::Mail`] into words: a subject, an HTML part made from MJML and a plain text
//! part of its own. [`FolderMailer`] writes the mails as `.eml` files, which every mail program opens; [`Mailbox`] reads
//! them back and serves them to developers under `/_dev/mail`. [`FileSentRecords`] remembers what was sent. Behind the feature `smtp`,
//! `SmtpMailer` hands mails to a mail host.
//!
//! A mail refers to nothing outside itself but links: no picture, no font, no script, so opening one tells nobody anything.

mod compose;
mod dev_page;
mod folder;
mod groups;
mod mailbox;
mod records;
#[cfg(feature = "smtp")]
mod smtp;
mod templates;
mod write;

pub use compose::{InvalidSender, Sender};
pub use folder::FolderMailer;
pub use mailbox::{Listing, Mailbox, ReceivedMail};
pub use records::FileSentRecords;
#[cfg(feature = "smtp")]
pub use smtp::{SmtpConfig, SmtpConfigError, SmtpMailer};
pub use templates::{Brand, RenderError, Rendered, Templates};
