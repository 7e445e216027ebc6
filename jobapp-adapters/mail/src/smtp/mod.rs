//! Mails by SMTP.
//!
//! - `config`: where the mail host is;
//! - `dialogue`: what is said on a connection to hand over one mail, and what each answer means;
//! - `postmen`: the connections, and who has one.

mod config;
mod dialogue;
mod postmen;

use std::sync::Arc;

use async_trait::async_trait;
use jobapp_notifications::{Mail, MailError, MailId, Mailer};

pub use self::config::{SmtpConfig, SmtpConfigError};
use self::dialogue::Letter;
use self::postmen::Postmen;
use crate::compose::{Sender, compose};
use crate::templates::Templates;

/// Hands mails to a mail host.
///
/// A mail is sent once the host has answered its end with yes, and not before. What the host says no to for good is
/// [`MailError::Rejected`], if it says so of the receiver or of the mail: a host that does not know us, or wants a password, is in the way of every
/// mail, and they wait until somebody has seen to it. A mail whose answer was lost may have been sent; it is sent again with the same
/// Message-ID, by which mail programs and hosts tell that they know it.
///
/// Connections are used for many mails. Each mail is handed over by a task of its own, that goes on when the caller does not wait: nobody ever finds
/// a connection on which something is half said.
#[derive(Clone)]
pub struct SmtpMailer {
    templates: Arc<Templates>,
    sender: Sender,
    postmen: Arc<Postmen>,
}

impl SmtpMailer {
    /// A mailer to this host. It is not connected to before there is a mail.
    pub fn new(config: SmtpConfig, templates: Arc<Templates>, sender: Sender) -> Self {
        let postmen = Arc::new(Postmen::new(config, sender.domain()));
        Self { templates, sender, postmen }
    }

    /// Looks whether the host is there and knows us. Sends nothing.
    ///
    /// # Errors
    /// Why it could take no mail now.
    pub async fn look(config: &SmtpConfig, sender: &Sender) -> Result<(), MailError> {
        dialogue::Connection::open(config, sender.domain()).await?.close().await;
        Ok(())
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, id: &MailId, mail: &Mail) -> Result<(), MailError> {
        let (templates, sender, mail_id, content) =
            (Arc::clone(&self.templates), self.sender.clone(), id.clone(), mail.clone());
        let composing = tokio::task::spawn_blocking(move || compose(&templates, &sender, &mail_id, &content));
        let message = composing.await.map_err(MailError::unavailable)??;
        let sent = Arc::clone(&self.postmen).send(Letter::of(&message)).await;
        match &sent {
            Ok(()) => tracing::info!(message = id.message, template = %mail.template, "sent a mail"),
            Err(error) => {
                let error = jobapp_kernel::error_text(error);
                tracing::warn!(message = id.message, template = %mail.template, error, "a mail was not sent");
            }
        }
        sent
    }
}
