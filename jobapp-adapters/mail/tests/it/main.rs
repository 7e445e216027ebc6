//! The folder mailer, the records in files and the mailer to a host keep what every one of them promises.

mod host;
mod smtp;
mod smtp_tls;

use std::sync::Arc;

use jobapp_contracts::mail::{Post, Records};
use jobapp_kernel::{FixedClock, Timestamp};
use jobapp_mail::{Brand, FileSentRecords, FolderMailer, Templates};

async fn records() -> Records {
    let folder = tempfile::tempdir().unwrap();
    let records = FileSentRecords::open(folder.path(), Arc::new(FixedClock::at(Timestamp::EPOCH))).unwrap();
    Records::of_one_process(Arc::new(records)).keeping(folder)
}

async fn post() -> Post {
    let folder = tempfile::tempdir().unwrap();
    let brand = Brand { name: "JobApp".into(), link: "https://app.example.org".into() };
    let sender = "JobApp <no-reply@jobapp.example>".parse().unwrap();
    let mailer = FolderMailer::open(folder.path(), Arc::new(Templates::new(brand)), sender).unwrap();
    let mailbox = mailer.mailbox();
    Post {
        mailer: Arc::new(mailer),
        arrived: Arc::new(move || {
            let mailbox = mailbox.clone();
            Box::pin(async move {
                let mails = mailbox.list(None, None, 100).await.unwrap().mails;
                mails.into_iter().rev().map(|mail| (mail.to, mail.template.parse().unwrap())).collect()
            })
        }),
        replaces: true,
        keep: Arc::new(folder),
    }
}

jobapp_contracts::sent_records!(records());
jobapp_contracts::mailer!(post());
