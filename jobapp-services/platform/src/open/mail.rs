//! Where mails go.

use std::sync::Arc;

use jobapp_kernel::Clock;
use jobapp_mail::{Brand, FileSentRecords, FolderMailer, Mailbox, Templates};
use jobapp_memory::{MemoryMailer, MemorySentRecords};
use jobapp_notifications::{Mailer, SentRecords};

use super::{Address, OpenError};

/// How its addresses look.
const KNOWN: &[&str] = &["memory:", "file:<folder>"];

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
    /// Opens where mails go, at this address. `sender` is who they come from, such as `JobApp <no-reply@jobapp.example>`.
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
                let sender = sender.parse().map_err(OpenError::of)?;
                let templates = Arc::new(Templates::new(brand));
                let mailer = FolderMailer::open(address.path(), templates, sender).map_err(OpenError::of)?;
                let records = FileSentRecords::open(address.path().join("sent"), clock).map_err(OpenError::of)?;
                let mailbox = Some(mailer.mailbox());
                Ok(Self { mailer: Arc::new(mailer), records: Arc::new(records), mailbox })
            }
            _ => Err(OpenError::unknown(address, "a mailbox", KNOWN)),
        }
    }
}
