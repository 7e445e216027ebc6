//! Reading the mails in a folder.

use std::io;
use std::path::PathBuf;

use jobapp_kernel::{Timestamp, mail_address};
use mail_parser::MessageParser;
use serde::Serialize;

use crate::compose::TemplateHeader;
use crate::folder::safe_address;

/// The mails a [`crate::FolderMailer`] wrote.
#[derive(Debug, Clone)]
pub struct Mailbox {
    folder: PathBuf,
}

/// A mail that lies in the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceivedMail {
    /// What [`Mailbox::find`] finds it by. Later mails have larger ids.
    pub id: String,
    /// The receiver's address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The name of its template; empty for a mail of another program.
    pub template: String,
    /// When what it tells of happened.
    pub date: Option<Timestamp>,
    /// The plain text part.
    pub text: String,
    /// The addresses in the plain text, in order, each once. What the mail is about comes first.
    pub links: Vec<String>,
    /// The one-time code, if it brings one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The HTML part.
    #[serde(skip)]
    pub html: String,
}

/// Part of the mails, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The mails.
    pub mails: Vec<ReceivedMail>,
    /// The id to go on behind; `None` when there are no older mails.
    pub next: Option<String>,
}

impl Mailbox {
    /// The mails in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// At most `limit` mails, newest first: those to `to`, if given, and older than the one with the id `before`, if given.
    /// A file that is no mail is left out.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub async fn list(&self, to: Option<&str>, before: Option<&str>, limit: usize) -> io::Result<Listing> {
        let (mailbox, to, before) = (self.clone(), to.map(str::to_owned), before.map(str::to_owned));
        blocking(move || mailbox.list_now(to.as_deref(), before.as_deref(), limit)).await
    }

    /// The mail with this id; `None` when there is none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn find(&self, id: &str) -> io::Result<Option<ReceivedMail>> {
        let (mailbox, id) = (self.clone(), id.to_owned());
        blocking(move || mailbox.read(&id)).await
    }

    fn list_now(&self, to: Option<&str>, before: Option<&str>, limit: usize) -> io::Result<Listing> {
        let form = |address: &str| mail_address(address).unwrap_or_else(|| address.trim().to_lowercase());
        // Files of before are named after the address as it was typed.
        let parts_of_name = to.map(|to| [to, &form(to)].map(|to| format!("-{}-", safe_address(to))));
        let mut ids = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let Some(id) = name.to_str().and_then(|name| name.strip_suffix(".eml")) else { continue };
            let is_older = before.is_none_or(|before| id < before);
            let may_be_to = parts_of_name.as_ref().is_none_or(|parts| parts.iter().any(|part| id.contains(part)));
            if is_id(id) && is_older && may_be_to {
                ids.push(id.to_owned());
            }
        }
        ids.sort_unstable_by(|a, b| b.cmp(a));

        let mut mails = Vec::new();
        for id in ids {
            if mails.len() == limit {
                return Ok(Listing { next: mails.last().map(|mail: &ReceivedMail| mail.id.clone()), mails });
            }
            let is_wanted = |mail: &ReceivedMail| to.is_none_or(|to| form(&mail.to) == form(to));
            mails.extend(self.read(&id)?.filter(is_wanted));
        }
        Ok(Listing { mails, next: None })
    }

    fn read(&self, id: &str) -> io::Result<Option<ReceivedMail>> {
        if !is_id(id) {
            return Ok(None);
        }
        let bytes = match std::fs::read(self.folder.join(format!("{id}.eml"))) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mail = parse(id, &bytes);
        if mail.is_none() {
            tracing::warn!(mail = id, "a file in the mail folder is no mail");
        }
        Ok(mail)
    }
}

async fn blocking<T: Send + 'static>(read: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
}

/// Whether a text can be the name of a mail in the folder, and leads nowhere else.
fn is_id(text: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=200).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(is_safe)
}

fn parse(id: &str, bytes: &[u8]) -> Option<ReceivedMail> {
    let message = MessageParser::default().parse(bytes)?;
    let text = message.body_text(0).unwrap_or_default().replace("\r\n", "\n");
    let template = message.header(TemplateHeader::NAME).and_then(|header| header.as_text()).unwrap_or_default();
    let date = message.date().and_then(|date| Timestamp::from_millis(date.to_timestamp() * 1000).ok());
    Some(ReceivedMail {
        id: id.to_owned(),
        to: message.to()?.first()?.address()?.to_owned(),
        subject: message.subject().unwrap_or_default().to_owned(),
        template: template.trim().to_owned(),
        date,
        links: links(&text),
        code: if template.trim() == "otpEmail" { code(&text) } else { None },
        html: message.body_html(0).unwrap_or_default().into_owned(),
        text,
    })
}

/// The addresses in a text.
pub(crate) fn links(text: &str) -> Vec<String> {
    let mut links: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let Some(start) = word.find("https://").or_else(|| word.find("http://")) else { continue };
        let link = word[start..].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '>', '"', '\'', '”']);
        if !links.iter().any(|known| known == link) {
            links.push(link.to_owned());
        }
    }
    links
}

/// The first line that is nothing but a few digits.
fn code(text: &str) -> Option<String> {
    let is_code = |line: &&str| (4..=10).contains(&line.len()) && line.bytes().all(|byte| byte.is_ascii_digit());
    text.lines().map(str::trim).find(is_code).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Brand, FolderMailer, Templates};
    use jobapp_notifications::{Mail, MailId, Mailer, Template};
    use std::collections::BTreeMap;
    use std::sync::Arc;

    type Draft<'a> = (&'a str, Template, &'a [(&'static str, &'a str)]);

    async fn a_mailbox(folder: &std::path::Path, mails: &[Draft<'_>]) -> Mailbox {
        let brand = Brand { name: "JobApp".into(), link: "https://app.example.org".into() };
        let sender = "JobApp <no-reply@jobapp.example>".parse().unwrap();
        let mailer = FolderMailer::open(folder, Arc::new(Templates::new(brand)), sender).unwrap();
        for (millis, (to, template, variables)) in (1_000..).zip(mails) {
            let variables: BTreeMap<_, _> =
                variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            let at = Timestamp::from_millis(millis).unwrap();
            let id = MailId { message: "1".into(), template: *template, at };
            mailer.send(&id, &Mail { to: (*to).into(), template: *template, variables }).await.unwrap();
        }
        mailer.mailbox()
    }

    const LINK: &str = "https://app.example.org/confirm_email?v_token=0a1b";

    #[tokio::test]
    async fn mails_are_listed_newest_first_and_by_receiver() {
        let folder = tempfile::tempdir().unwrap();
        let mailbox = a_mailbox(
            folder.path(),
            &[
                ("marta@example.org", Template::VerifyEmail, &[("verifyLink", LINK)]),
                ("iria@example.org", Template::VerifyEmail, &[("verifyLink", LINK)]),
                ("marta@example.org", Template::OtpEmail, &[("username", "Marta"), ("otp", "408152")]),
            ],
        )
        .await;
        let all = mailbox.list(None, None, 10).await.unwrap();
        let receivers: Vec<_> = all.mails.iter().map(|mail| mail.to.as_str()).collect();
        assert_eq!(receivers, ["marta@example.org", "iria@example.org", "marta@example.org"]);
        assert_eq!(all.next, None);

        let martas = mailbox.list(Some(" Marta@Example.org"), None, 10).await.unwrap().mails;
        assert_eq!(martas.len(), 2);
        assert_eq!(martas[0].template, "otpEmail");
        assert_eq!(martas[0].code.as_deref(), Some("408152"));
        assert_eq!(martas[1].links, [LINK, "https://app.example.org"]);
        assert_eq!(martas[1].code, None);
        assert!(mailbox.list(Some("marta_at_example.org"), None, 10).await.unwrap().mails.is_empty());
    }

    #[tokio::test]
    async fn pages_follow_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let variables: &[(&'static str, &str)] = &[("username", "Marta")];
        let mails = [("marta@example.org", Template::ResetPasswordSuccess, variables); 5];
        let mailbox = a_mailbox(folder.path(), &mails).await;
        let mut seen = Vec::new();
        let mut before = None;
        loop {
            let listing = mailbox.list(None, before.as_deref(), 2).await.unwrap();
            seen.extend(listing.mails.into_iter().map(|mail| mail.id));
            before = listing.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 5);
        assert!(seen.is_sorted_by(|a, b| a > b));
    }

    #[tokio::test]
    async fn only_mails_of_the_folder_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("mails");
        let mailbox = a_mailbox(&inner, &[("marta@example.org", Template::VerifyEmail, &[("verifyLink", LINK)])]).await;
        std::fs::write(folder.path().join("secret.eml"), "To: a@example.org\r\n\r\nx").unwrap();
        std::fs::write(inner.join("notes.eml"), "").unwrap();
        let id = mailbox.list(None, None, 10).await.unwrap().mails.remove(0).id;
        assert_eq!(mailbox.find(&id).await.unwrap().unwrap().subject, "Please confirm your e-mail address");
        for other in ["", "../secret", "..", "nothing", "notes", "a/b"] {
            assert_eq!(mailbox.find(other).await.unwrap(), None, "{other}");
        }
    }

    #[test]
    fn links_are_found_without_the_marks_behind_them() {
        let text = "See https://a.example/x?y=1#z, (http://b.example) and https://a.example/x?y=1#z. Not ftp://c.";
        assert_eq!(links(text), ["https://a.example/x?y=1#z", "http://b.example"]);
    }
}
