//! Mails. Nothing of whom they go to, or of what they say.

use std::sync::Arc;

use async_trait::async_trait;
use jobapp_notifications::{Mail, MailError, MailId, Mailer};
use opentelemetry::trace::SpanKind;

use crate::Traces;
use crate::traces::child;

struct Watched(Arc<dyn Mailer>);

impl Traces {
    /// The same mailer, whose mails are spans of the traces they belong to.
    pub fn mailer(&self, mailer: Arc<dyn Mailer>) -> Arc<dyn Mailer> {
        if self.is_on() { Arc::new(Watched(mailer)) } else { mailer }
    }
}

#[async_trait]
impl Mailer for Watched {
    async fn send(&self, id: &MailId, mail: &Mail) -> Result<(), MailError> {
        let template = mail.template.name();
        let Some(span) = child(SpanKind::Client, || ["mail ", template].concat().into()) else {
            return self.0.send(id, mail).await;
        };
        span.says("jobapp.mail.template", template);
        let outcome = span.within(self.0.send(id, mail)).await;
        match &outcome {
            Ok(()) => {}
            Err(MailError::Rejected { .. }) => span.failed("rejected"),
            Err(MailError::Unavailable(_)) => span.failed("unavailable"),
        }
        outcome
    }
}
