//! The program `jobapp-notification`.

use std::process::ExitCode;
use std::sync::Arc;

use jobapp_notification_service::NotificationService;
use jobapp_platform::config::{MailSettings, Places, Reader};
use jobapp_platform::program::{Host, Opened, Program, Standing, run};
use jobapp_platform::{Address, Mail, WaitError};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run::<Notification>()
}

struct Notification {
    mail: MailSettings,
    records: Address,
}

impl Program for Notification {
    const SERVICE: &'static str = "notification";
    const ABOUT: &'static str = "Mails";
    const PORT: u16 = 4002;
    const SERVES_USERS: bool = false;

    fn read(reader: &mut Reader) -> Option<Self> {
        let (mail, records) = (MailSettings::read(reader), Places::of(reader, &Places::SENT_RECORDS));
        Some(Self { mail: mail?, records: records? })
    }

    fn stands_on(&self) -> Vec<Standing> {
        vec![Standing::mail(&self.mail), Standing::records(&self.records)]
    }

    async fn open(self, host: &Host) -> Result<Opened, WaitError> {
        let clock = &host.shared().clock;
        let records = || async { Mail::records(&self.records, Arc::clone(clock)) };
        let records = host.until_there("the records of sent mails", records).await?;
        let mail = || async { Mail::of(&self.mail, host.base().links_lead_to(), Arc::clone(&records)) };
        let mail = host.until_there("the mailbox", mail).await?;
        let shared = host.shared();
        let mailer = shared.metrics.mailer(shared.traces.mailer(Arc::clone(&mail.mailer)));
        let service = NotificationService::new(mailer, Arc::clone(&mail.records));
        Ok(Opened::new(service).with_pages(host.for_developers(mail.pages())))
    }
}
