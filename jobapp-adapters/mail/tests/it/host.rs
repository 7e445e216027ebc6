//! A mail host that does what a test wants.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use jobapp_mail::{Brand, SmtpConfig, SmtpMailer, Templates};
use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// What the host heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    /// On which connection, from 0 on.
    pub(crate) connection: usize,
    /// Whether nobody read along.
    pub(crate) encrypted: bool,
    /// The line; `hello` before anything is said, and `.` for a whole text.
    pub(crate) line: String,
}

/// What it does then.
#[derive(Debug, Clone)]
pub(crate) enum Does {
    /// Says this. A line end is added.
    Says(&'static str),
    /// Says this after that time, whoever still listens.
    SaysLate(&'static str, Duration),
    /// Says this, and goodbye a little later, unasked.
    SaysAndLeavesLater(&'static str, &'static str),
    /// Nothing, for ever.
    Nothing,
    /// Hangs up.
    Leaves,
}

/// What it does, where it does not do what hosts do.
type Manners = Arc<dyn Fn(&Heard) -> Option<Does> + Send + Sync>;

/// A mail host.
pub(crate) struct Host {
    port: u16,
    heard: Arc<Mutex<Vec<Heard>>>,
    texts: Arc<Mutex<Vec<String>>>,
    certificate: tempfile::NamedTempFile,
}

impl Host {
    /// One that does what hosts do.
    pub(crate) async fn polite() -> Self {
        Self::with(|_| None).await
    }

    /// One with these manners.
    pub(crate) async fn with(manners: impl Fn(&Heard) -> Option<Does> + Send + Sync + 'static) -> Self {
        Self::start(Arc::new(manners), false).await
    }

    /// One that encrypts from the first byte on.
    pub(crate) async fn encrypted() -> Self {
        Self::start(Arc::new(|_| None), true).await
    }

    async fn start(manners: Manners, implicit: bool) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let mut certificate = tempfile::NamedTempFile::new().unwrap();
        certificate.write_all(made.cert.pem().as_bytes()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = Self {
            port: listener.local_addr().unwrap().port(),
            heard: Arc::default(),
            texts: Arc::default(),
            certificate,
        };
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let (heard, texts) = (Arc::clone(&host.heard), Arc::clone(&host.texts));
        tokio::spawn(async move {
            for connection in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                let session = Session {
                    connection,
                    manners: Arc::clone(&manners),
                    heard: Arc::clone(&heard),
                    texts: Arc::clone(&texts),
                    encrypted: false,
                };
                tokio::spawn(session.serve(stream, acceptor.clone(), implicit));
            }
        });
        host
    }

    /// Every line it heard.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().clone()
    }

    /// The texts it took.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.texts.lock().clone()
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.heard().iter().map(|heard| heard.connection + 1).max().unwrap_or_default()
    }

    /// Whether it heard a line that begins so.
    pub(crate) fn heard_a(&self, beginning: &str) -> bool {
        self.heard().iter().any(|heard| heard.line.starts_with(beginning))
    }

    /// Its address. `rest` is what else it says, behind the port.
    pub(crate) fn url(&self, scheme: &str, rest: &str) -> String {
        format!("{scheme}localhost:{}{rest}", self.port)
    }

    /// The end of an address of a client that trusts it.
    pub(crate) fn trusted(&self) -> String {
        format!("?ca={}", self.certificate.path().display())
    }

    /// Who sends mails to it, unencrypted, and waits this long.
    pub(crate) fn mailer(&self, patience: Duration) -> SmtpMailer {
        let mut config = SmtpConfig::from_url(&self.url("smtp://", "?tls=none")).unwrap();
        config.patience = patience;
        mailer(config)
    }
}

/// Who sends mails with these settings.
pub(crate) fn mailer(config: SmtpConfig) -> SmtpMailer {
    let brand = Brand { name: "JobApp".into(), link: "https://app.example.org".into() };
    let sender = "JobApp <no-reply@jobapp.example>".parse().unwrap();
    SmtpMailer::new(config, Arc::new(Templates::new(brand)), sender)
}

struct Session {
    connection: usize,
    manners: Manners,
    heard: Arc<Mutex<Vec<Heard>>>,
    texts: Arc<Mutex<Vec<String>>>,
    encrypted: bool,
}

impl Session {
    async fn serve(mut self, stream: TcpStream, tls: TlsAcceptor, implicit: bool) {
        if !implicit {
            let Some(stream) = self.talk(stream, true).await else { return };
            self.encrypted = true;
            // Who does not trust it goes away.
            let Ok(stream) = tls.accept(stream).await else { return };
            self.talk(stream, false).await;
        } else if let Ok(stream) = tls.accept(stream).await {
            self.encrypted = true;
            self.talk(stream, true).await;
        }
    }

    /// Talks until the connection ends, or is to be encrypted.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, greets: bool) -> Option<S> {
        let mut stream = BufReader::new(stream);
        if greets {
            self.answer(&mut stream, "hello".to_owned()).await?;
        }
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let line = line.trim_end().to_owned();
            let said = self.answer(&mut stream, line.clone()).await?;
            if line == "STARTTLS" && said.starts_with("220") {
                return Some(stream.into_inner());
            }
            if said.starts_with("354") {
                let mut text = String::new();
                while !text.ends_with("\r\n.\r\n") {
                    if stream.read_line(&mut text).await.ok()? == 0 {
                        return None;
                    }
                }
                if self.answer(&mut stream, ".".to_owned()).await?.starts_with('2') {
                    self.texts.lock().push(text);
                }
            }
            if line == "QUIT" {
                return None;
            }
        }
    }

    /// Answers, and says with what; `None` when it hung up.
    async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut BufReader<S>,
        line: String,
    ) -> Option<&'static str> {
        let heard = Heard { connection: self.connection, encrypted: self.encrypted, line };
        self.heard.lock().push(heard.clone());
        let does = (self.manners)(&heard).unwrap_or_else(|| Does::Says(usual(&heard)));
        let (words, after) = match does {
            Does::Says(words) | Does::SaysAndLeavesLater(words, _) => (words, Duration::ZERO),
            Does::SaysLate(words, after) => (words, after),
            Does::Nothing => std::future::pending().await,
            Does::Leaves => return None,
        };
        tokio::time::sleep(after).await;
        stream.write_all(format!("{words}\r\n").as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
        match does {
            Does::SaysAndLeavesLater(_, goodbye) => {
                if words.starts_with('2') && heard.line == "." {
                    self.texts.lock().push(String::new());
                }
                stream.write_all(format!("{goodbye}\r\n").as_bytes()).await.ok()?;
                None
            }
            _ => Some(words),
        }
    }
}

fn usual(heard: &Heard) -> &'static str {
    match heard.line.split(' ').next().unwrap_or_default() {
        "hello" => "220 host.test",
        "EHLO" if heard.encrypted => "250-host.test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN",
        "EHLO" => "250-host.test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 STARTTLS",
        "STARTTLS" => "220 go on",
        "AUTH" => "235 welcome",
        "DATA" => "354 go on",
        "QUIT" => "221 goodbye",
        _ => "250 fine",
    }
}
