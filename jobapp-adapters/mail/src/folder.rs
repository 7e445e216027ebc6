//! Mails as files in a folder.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jobapp_kernel::mail_address;
use jobapp_notifications::{Mail, MailError, MailId, Mailer};

use crate::Mailbox;
use crate::compose::{Sender, compose, fingerprint};
use crate::groups::Groups;
use crate::templates::Templates;
use crate::write::Folder;

/// Writes every mail as one `.eml` file into a folder, instead of sending it.
///
/// A file's name follows from the mail's id: when a mail was written and could not be recorded as sent, the next attempt
/// replaces the file, so that even then nobody has it twice. The folder belongs to one process.
#[derive(Debug, Clone)]
pub struct FolderMailer {
    folder: Arc<Path>,
    mails: Arc<Groups<(MailId, Mail), Result<(), MailError>>>,
}

impl FolderMailer {
    /// A mailer that writes into `folder`, which is made if need be.
    ///
    /// # Errors
    /// When the folder cannot be made or read, or no thread can be started.
    pub fn open(folder: impl Into<PathBuf>, templates: Arc<Templates>, sender: Sender) -> io::Result<Self> {
        let path = folder.into();
        std::fs::create_dir_all(&path)?;
        let (path, folder) = (Arc::from(path.as_path()), Folder::open(path)?);
        let writing = Writing { folder, templates, sender };
        let mails = Groups::start("jobapp-mail", move |mails| writing.write(mails))?;
        Ok(Self { folder: path, mails: Arc::new(mails) })
    }

    /// Reads what was written.
    pub fn mailbox(&self) -> Mailbox {
        Mailbox::new(&*self.folder)
    }
}

#[async_trait]
impl Mailer for FolderMailer {
    async fn send(&self, id: &MailId, mail: &Mail) -> Result<(), MailError> {
        self.mails.ask((id.clone(), mail.clone())).await.map_err(MailError::unavailable)?
    }
}

/// What the thread has.
struct Writing {
    folder: Folder,
    templates: Arc<Templates>,
    sender: Sender,
}

impl Writing {
    fn write(&self, mails: Vec<(MailId, Mail)>) -> Vec<Result<(), MailError>> {
        let composed = mails.iter().map(|(id, mail)| self.file(id, mail));
        let (mut files, mut answers) = (Vec::new(), Vec::new());
        for file in composed {
            answers.push(file.map(|file| files.push(file)));
        }
        let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
        let written = names.into_iter().zip(self.folder.write(files));
        for (answer, (name, written)) in answers.iter_mut().filter(|answer| answer.is_ok()).zip(written) {
            match written {
                Ok(()) => tracing::info!(mail = name, "wrote a mail"),
                Err(error) => {
                    tracing::warn!(folder = %self.folder.path().display(), mail = name, %error, "a mail could not be written");
                    *answer = Err(MailError::unavailable(error));
                }
            }
        }
        answers
    }

    /// The name and the content of a mail's file.
    fn file(&self, id: &MailId, mail: &Mail) -> Result<(String, Vec<u8>), MailError> {
        let message = compose(&self.templates, &self.sender, id, mail)?;
        let to = mail_address(&mail.to).unwrap_or_else(|| mail.to.clone());
        Ok((format!("{}.eml", file_stem(id, &to)), message.formatted()))
    }
}

/// `<time>-<template>-<receiver>-<fingerprint>`: names sort as the mails do in time.
fn file_stem(id: &MailId, to: &str) -> String {
    let time: String = id.at.to_string().chars().filter(|c| !matches!(c, '-' | ':' | '.')).collect();
    format!("{time}-{}-{}-{}", id.template, safe_address(to), &fingerprint(id)[..16])
}

/// An address as part of a file name. Different addresses may become the same text.
pub(crate) fn safe_address(address: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c.to_ascii_lowercase() } else { '_' };
    let address = address.trim();
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let text: String = local.chars().map(safe).chain("_at_".chars()).chain(domain.chars().map(safe)).collect();
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Brand;
    use jobapp_kernel::Timestamp;
    use jobapp_notifications::Template;
    use std::collections::BTreeMap;
    use std::path::Path;

    fn mailer(folder: &Path) -> FolderMailer {
        let brand = Brand { name: "JobApp".into(), link: "https://app.example.org".into() };
        let sender = "JobApp <no-reply@jobapp.example>".parse().unwrap();
        FolderMailer::open(folder, Arc::new(Templates::new(brand)), sender).unwrap()
    }

    fn id(message: &str) -> MailId {
        let at = Timestamp::from_millis(1_795_515_342_123).unwrap();
        MailId { message: message.into(), template: Template::ResetPasswordSuccess, at }
    }

    fn a_mail(to: &str, username: &str) -> Mail {
        let variables = BTreeMap::from([("username", username.to_owned())]);
        Mail { to: to.into(), template: Template::ResetPasswordSuccess, variables }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_mail_that_is_sent_again_replaces_the_first_one() {
        let folder = tempfile::tempdir().unwrap();
        let mailer = mailer(folder.path());
        for _ in 0..2 {
            mailer.send(&id("accounts/1/2/0#0"), &a_mail("marta@example.org", "Marta")).await.unwrap();
        }
        let [name] = names(folder.path()).try_into().unwrap();
        assert!(name.starts_with("20261124T101542123Z-resetPasswordSuccess-marta_at_example.org-"), "{name}");
        mailer.send(&id("accounts/1/3/0#0"), &a_mail("marta@example.org", "Marta")).await.unwrap();
        assert_eq!(names(folder.path()).len(), 2);
    }

    #[tokio::test]
    async fn the_file_is_a_message_with_two_parts() {
        let folder = tempfile::tempdir().unwrap();
        mailer(folder.path()).send(&id("1"), &a_mail("marta@example.org", "Márta")).await.unwrap();
        let bytes = std::fs::read(folder.path().join(&names(folder.path())[0])).unwrap();
        let message = mail_parser::MessageParser::default().parse(&bytes).unwrap();
        assert_eq!(message.subject(), Some("Your password was changed"));
        assert!(message.body_text(0).unwrap().contains("Hello Márta,"));
        assert!(message.body_html(0).unwrap().contains("Hello Márta,"));
        assert_eq!(message.from().unwrap().first().unwrap().address(), Some("no-reply@jobapp.example"));
        assert!(message.message_id().unwrap().ends_with("@jobapp.example"));
        assert!(bytes.starts_with(b"From: "));
    }

    const OFFER: [(&str, &str); 8] = [
        ("sender", "Éva 设计"),
        ("buyerUsername", "Márta"),
        ("sellerUsername", "Éva 设计"),
        ("title", "Größe ロゴ"),
        ("description", "ü"),
        ("amount", "20"),
        ("deliveryDays", "3"),
        ("offerLink", "https://app.example.org/ü"),
    ];

    #[tokio::test]
    async fn headers_are_ascii_whatever_stands_in_them() {
        let folder = tempfile::tempdir().unwrap();
        let brand = Brand { name: "Jöbäpp".into(), link: "https://app.example.org".into() };
        let sender = "Jöbäpp <no-reply@bücher.example>".parse().unwrap();
        let mailer = FolderMailer::open(folder.path(), Arc::new(Templates::new(brand)), sender).unwrap();
        let variables = OFFER.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        let offer = Mail { to: "x@bücher.com".into(), template: Template::Offer, variables };
        mailer.send(&id("1"), &offer).await.unwrap();
        mailer.send(&id("2"), &a_mail("x@ｂüｃｈｅｒ．ｃｏｍ", "Márta")).await.unwrap();
        let names = names(folder.path());
        assert_eq!(names.len(), 2);
        for name in names {
            let bytes = std::fs::read(folder.path().join(name)).unwrap();
            let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
            let headers = std::str::from_utf8(&bytes[..end]).unwrap();
            assert!(headers.is_ascii(), "{headers}");
            assert!(headers.contains("To: x@xn--bcher-kva.com"), "{headers}");
            let message = mail_parser::MessageParser::default().parse(&bytes).unwrap();
            let from = message.from().unwrap().first().unwrap();
            assert_eq!((from.name(), from.address()), (Some("Jöbäpp"), Some("no-reply@xn--bcher-kva.example")));
        }
        let found = mailer.mailbox().list(Some("X@bücher.com"), None, 10).await.unwrap();
        assert_eq!(found.mails.len(), 2, "found by any way to write the address");
        assert!("x <jörg@example.org>".parse::<Sender>().is_err());
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_rejected_for_good() {
        let folder = tempfile::tempdir().unwrap();
        let mailer = mailer(folder.path());
        for address in ["marta", "@", "a@b, c@d", "marta@example.org\r\nBcc: all@example.org"] {
            let error = mailer.send(&id("1"), &a_mail(address, "Marta")).await.unwrap_err();
            assert!(matches!(error, MailError::Rejected { .. }), "{address}: {error:?}");
        }
        assert!(names(folder.path()).is_empty());
    }

    #[tokio::test]
    async fn file_names_stay_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("mails");
        mailer(&inner).send(&id("../../x"), &a_mail("/etc/passwd@example.org", "Marta")).await.unwrap();
        assert_eq!(names(folder.path()), ["mails"]);
        assert_eq!(names(&inner).len(), 1);
        assert!(safe_address(&"x".repeat(300)).len() <= 80);
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_worth_another_try() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("mails");
        let mailer = mailer(&inner);
        std::fs::remove_dir(&inner).unwrap();
        let error = mailer.send(&id("1"), &a_mail("marta@example.org", "Marta")).await.unwrap_err();
        assert!(matches!(error, MailError::Unavailable(_)));
    }
}
