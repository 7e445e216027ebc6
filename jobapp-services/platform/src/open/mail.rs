//! Where mails go.

use std::sync::Arc;

use axum::Router;
use jobapp_kernel::Clock;
use jobapp_mail::{Brand, FileSentRecords, FolderMailer, Mailbox, Sender, Templates};
#[cfg(feature = "smtp")]
use jobapp_mail::{SmtpConfig, SmtpMailer};
use jobapp_memory::{MemoryMailer, MemorySentRecords};
use jobapp_notifications::{Mailer, SentRecords};

use super::{Address, OpenError};
use crate::config::MailSettings;

/// How its addresses look.
const KNOWN: &[&str] = &[
    "memory:",
    "file:<folder>",
    #[cfg(feature = "smtp")]
    "smtp://<user>:<password>@<host>",
    #[cfg(feature = "smtp")]
    "smtps://<user>:<password>@<host>",
];

/// How addresses look of where it is remembered which mails were sent.
const KNOWN_RECORDS: &[&str] = &[
    "memory:",
    "file:<folder>",
    #[cfg(feature = "redis")]
    "redis://<user>:<password>@<host>",
    #[cfg(feature = "redis")]
    "rediss://<user>:<password>@<host>",
];

/// Sends mails and remembers which were sent. A clone is another handle.
#[derive(Clone)]
pub struct Mail {
    /// Sends them.
    pub mailer: Arc<dyn Mailer>,
    /// Remembers which were sent.
    pub records: Arc<dyn SentRecords>,
    /// Where they are read, if they stay here.
    pub mailbox: Option<Mailbox>,
}

impl Mail {
    /// Opens where mails go, at this address. `sender` is who they come from, such as `JobApp <no-reply@jobapp.example>`. Which of them were
    /// sent is remembered beside them, as far as they stay here.
    ///
    /// # Errors
    /// [`OpenError`] when that cannot be done, or nothing here opens such an address.
    pub fn open(address: &Address, brand: Brand, sender: &str, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        match address.scheme() {
            "memory" => Ok(Self {
                mailer: Arc::new(MemoryMailer::default()),
                records: Arc::new(MemorySentRecords::default()),
                mailbox: None,
            }),
            "file" => {
                let records = FileSentRecords::open(address.path().join("sent"), clock).map_err(OpenError::of)?;
                Self::recorded(address, brand, sender, Arc::new(records))
            }
            #[cfg(feature = "smtp")]
            "smtp" | "smtps" => Err(OpenError::of(format!(
                "{}: mails go to a mail host, so it must be said where it is remembered which were sent",
                address.setting()
            ))),
            _ => Err(OpenError::unknown(address, "a mailbox", KNOWN)),
        }
    }

    /// As these settings say. The mails lead to `link`; `records` remembers which were sent.
    ///
    /// # Errors
    /// As [`Mail::open`].
    pub fn of(settings: &MailSettings, link: String, records: Arc<dyn SentRecords>) -> Result<Self, OpenError> {
        let brand = Brand { name: settings.marketplace.clone(), link };
        Self::recorded(&settings.address, brand, &settings.sender, records)
    }

    /// The same, where it is remembered elsewhere which were sent: of several processes that share `records` each mail is sent by one.
    ///
    /// # Errors
    /// As [`Mail::open`].
    pub fn recorded(
        address: &Address,
        brand: Brand,
        sender: &str,
        records: Arc<dyn SentRecords>,
    ) -> Result<Self, OpenError> {
        match address.scheme() {
            "memory" => Ok(Self { mailer: Arc::new(MemoryMailer::default()), records, mailbox: None }),
            "file" => {
                let sender = sender.parse().map_err(OpenError::of)?;
                let templates = Arc::new(Templates::new(brand));
                let mailer = FolderMailer::open(address.path(), templates, sender).map_err(OpenError::of)?;
                let mailbox = Some(mailer.mailbox());
                Ok(Self { mailer: Arc::new(mailer), records, mailbox })
            }
            #[cfg(feature = "smtp")]
            "smtp" | "smtps" => {
                let sender = sender.parse().map_err(OpenError::of)?;
                let config = host(address)?;
                let mailer = SmtpMailer::new(config, Arc::new(Templates::new(brand)), sender);
                Ok(Self { mailer: Arc::new(mailer), records, mailbox: None })
            }
            _ => Err(OpenError::unknown(address, "a mailbox", KNOWN)),
        }
    }

    /// The pages on which developers read mails, where these stay here.
    pub fn pages(&self) -> Router {
        self.mailbox.clone().map(Mailbox::router).unwrap_or_default()
    }

    /// Looks whether mails could go to this address from `sender`, and sends none.
    ///
    /// # Errors
    /// As [`Mail::open`]; [`OpenError::away`] when a mail host takes none now.
    pub async fn look(address: &Address, sender: &str) -> Result<(), OpenError> {
        let sender = sender.parse::<Sender>().map_err(OpenError::of)?;
        match address.scheme() {
            "memory" => Ok(()),
            "file" if !address.path().exists() || address.path().is_dir() => Ok(()),
            "file" => Err(OpenError::of(format!("{} is no folder", address.path().display()))),
            #[cfg(feature = "smtp")]
            "smtp" | "smtps" => SmtpMailer::look(&host(address)?, &sender).await.map_err(OpenError::away),
            _ => {
                let _ = sender;
                Err(OpenError::unknown(address, "a mailbox", KNOWN))
            }
        }
    }

    /// Opens the records of sent mails at this address.
    ///
    /// # Errors
    /// [`OpenError`] when that cannot be done, or nothing here opens such an address.
    pub fn records(address: &Address, clock: Arc<dyn Clock>) -> Result<Arc<dyn SentRecords>, OpenError> {
        match address.scheme() {
            "memory" => Ok(Arc::new(MemorySentRecords::default())),
            "file" => Ok(Arc::new(FileSentRecords::open(address.path(), clock).map_err(OpenError::of)?)),
            #[cfg(feature = "redis")]
            "redis" | "rediss" => Ok(Arc::new(super::peers::open_redis(address)?.sent_records())),
            _ => Err(OpenError::unknown(address, "records of sent mails", KNOWN_RECORDS)),
        }
    }
}

#[cfg(feature = "smtp")]
fn host(address: &Address) -> Result<SmtpConfig, OpenError> {
    SmtpConfig::from_url(&address.url()).map_err(|error| OpenError::of(format!("{}: {error}", address.setting())))
}

#[cfg(all(test, feature = "smtp", feature = "redis"))]
mod tests {
    use super::*;
    use jobapp_runtime::SystemClock;

    fn brand() -> Brand {
        Brand { name: "JobApp".into(), link: "https://app.example.org".into() }
    }

    const SENDER: &str = "JobApp <no-reply@jobapp.example>";

    #[tokio::test]
    async fn mails_to_a_host_need_to_be_remembered_somewhere() {
        let (host, clock) = (Address::parse("JOBAPP_MAIL", "smtp://me:hush@mail.test"), Arc::new(SystemClock));
        let error = Mail::open(&host, brand(), SENDER, clock.clone()).err().unwrap();
        assert!(error.to_string().starts_with("JOBAPP_MAIL: ") && !error.may_pass());
        let records = Mail::records(&Address::parse("REDIS_HOST", "redis://redis.test"), clock).unwrap();
        assert!(Mail::recorded(&host, brand(), SENDER, records).unwrap().mailbox.is_none());
    }

    #[tokio::test]
    async fn what_is_wrong_with_an_address_is_told_with_its_setting_and_without_its_password() {
        let records = || Arc::new(MemorySentRecords::default());
        for (setting, error) in [
            (
                "JOBAPP_MAIL",
                Mail::recorded(
                    &Address::parse("JOBAPP_MAIL", "smtp://me:hush@m.test?tls=none"),
                    brand(),
                    SENDER,
                    records(),
                )
                .err(),
            ),
            (
                "JOBAPP_SENT",
                Mail::records(&Address::parse("JOBAPP_SENT", "redis://:hush@r.test?x=y"), Arc::new(SystemClock)).err(),
            ),
        ] {
            let error = error.unwrap().to_string();
            assert!(error.starts_with(setting) && !error.contains("hush"), "{error}");
        }
    }
}
