//! Mail templates and where mails go.
//!
//! [`Templates`] puts a [`jobapp_notifications::Mail`] into words: a subject, an HTML part made from MJML and a plain text
//! part of its own. [`FolderMailer`] writes the mails as `.eml` files, which every mail program opens; [`Mailbox`] reads
//! them back and serves them to developers under `/_dev/mail`. [`FileSentRecords`] remembers what was sent.
//!
//! A mail refers to nothing outside itself but links: no picture, no font, no script, so opening one tells nobody anything.

mod compose;
mod dev_page;
mod folder;
mod mailbox;
mod records;
mod templates;
mod write;

pub use compose::{InvalidSender, Sender};
pub use folder::FolderMailer;
pub use mailbox::{Listing, Mailbox, ReceivedMail};
pub use records::FileSentRecords;
pub use templates::{Brand, RenderError, Rendered, Templates};
