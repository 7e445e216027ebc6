//! The notification service on a bus and a mailer in memory.

mod mails;
