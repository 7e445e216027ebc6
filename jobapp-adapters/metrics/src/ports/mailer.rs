//! Mails, by what they are about and what became of them.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use jobapp_notifications::{Mail, MailError, MailId, Mailer, Template};

use crate::{Counters, Histograms, Label, Metrics, SECONDS};

crate::label! {
    /// What became of a mail.
    pub enum Sent: "outcome" {
        /// It is with whoever delivers it.
        Sent = "sent",
        /// It can never be sent.
        Rejected = "rejected",
        /// It could not be sent now.
        Unavailable = "unavailable",
    }
}

impl Label for Template {
    const NAME: &'static str = "template";
    const ALL: &'static [Self] = &Self::ALL;

    fn text(self) -> &'static str {
        self.name()
    }

    fn place(self) -> usize {
        self as usize
    }
}

struct Watched {
    mailer: Arc<dyn Mailer>,
    mails: Counters<(Template, Sent)>,
    durations: Histograms<()>,
}

impl Metrics {
    /// The same mailer, whose mails are counted.
    pub fn mailer(&self, mailer: Arc<dyn Mailer>) -> Arc<dyn Mailer> {
        Arc::new(Watched {
            mailer,
            mails: self.counters("jobapp_mails_total", "Mails, by what became of each try to send one.", &[]),
            durations: self.histograms("jobapp_mail_duration_seconds", "How long sending a mail took.", &[], SECONDS),
        })
    }
}

#[async_trait]
impl Mailer for Watched {
    async fn send(&self, id: &MailId, mail: &Mail) -> Result<(), MailError> {
        let began = Instant::now();
        let outcome = self.mailer.send(id, mail).await;
        self.durations.one().observe(began.elapsed().as_secs_f64());
        let sent = match &outcome {
            Ok(()) => Sent::Sent,
            Err(MailError::Rejected { .. }) => Sent::Rejected,
            Err(MailError::Unavailable(_)) => Sent::Unavailable,
        };
        self.mails.of((id.template, sent)).inc();
        outcome
    }
}
