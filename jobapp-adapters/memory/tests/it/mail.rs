//! The memory mailer and sent records keep what every one of them promises.

use std::sync::Arc;

use jobapp_contracts::mail::{Post, Records};
use jobapp_memory::{MemoryMailer, MemorySentRecords};

async fn records() -> Records {
    Records::of_one_process(Arc::new(MemorySentRecords::default()))
}

async fn post() -> Post {
    let mailer = Arc::new(MemoryMailer::default());
    let sent = Arc::clone(&mailer);
    Post {
        mailer,
        arrived: Arc::new(move || {
            let mails = sent.sent().into_iter().map(|sent| (sent.mail.to, sent.mail.template)).collect();
            Box::pin(async move { mails })
        }),
        replaces: false,
        keep: Arc::new(()),
    }
}

jobapp_contracts::sent_records!(records());
jobapp_contracts::mailer!(post());
