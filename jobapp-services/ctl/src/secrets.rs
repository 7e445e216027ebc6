//! The secrets of one marketplace: the keys its tokens are signed with, and how they are changed without signing anybody out.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use jobapp_http::TokenKeys;
use jobapp_kernel::Timestamp;
use jobapp_platform::SealingKey;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// Their file in the data folder.
pub const SECRETS_FILE: &str = "secrets.toml";
/// How long a replaced key goes on verifying at least: longer than any token it signed lives.
pub const SHORTEST_GRACE: Duration = Duration::from_secs(3600);

/// The secrets of one marketplace.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// Sign users' access tokens.
    pub user_tokens: KeyRing,
    /// Sign the gateway's tokens.
    pub gateway_tokens: KeyRing,
    /// Seals messages that wait: links and codes on their way to mailboxes. `None` in a folder that no newer version has started.
    sealing: Option<SecretString>,
}

/// Keys by id: the first signs, all verify.
#[derive(Debug, Clone)]
pub struct KeyRing(Vec<TokenKey>);

/// One key.
#[derive(Debug, Clone)]
pub struct TokenKey {
    /// What tokens name it by.
    pub id: String,
    /// The key.
    pub secret: SecretString,
    /// Until when it verifies; `None` for the one that signs.
    pub verifies_until: Option<Timestamp>,
}

impl KeyRing {
    fn random() -> Self {
        Self(vec![TokenKey { id: "1".to_owned(), secret: random_secret(), verifies_until: None }])
    }

    /// The keys, the one that signs first.
    pub fn keys(&self) -> &[TokenKey] {
        &self.0
    }

    /// What signs and verifies at `now`. A key whose time is over is left out.
    pub fn token_keys(&self, now: Timestamp) -> TokenKeys {
        let good = self.0.iter().filter(|key| key.verifies_until.is_none_or(|until| now < until));
        TokenKeys::ring(good.map(|key| (key.id.clone(), &key.secret)))
    }

    /// The secrets that are good at `now`, the one that signs first.
    pub fn good_at(&self, now: Timestamp) -> impl Iterator<Item = &SecretString> {
        let is_good = move |key: &&TokenKey| key.verifies_until.is_none_or(|until| now < until);
        self.0.iter().filter(is_good).map(|key| &key.secret)
    }

    /// A new key signs from now on; those before verify until `until`, and those whose time is over are forgotten.
    fn rotate(&mut self, now: Timestamp, until: Timestamp) {
        self.0.retain(|key| key.verifies_until.is_none_or(|until| now < until));
        for key in &mut self.0 {
            key.verifies_until.get_or_insert(until);
        }
        let next = self.0.iter().filter_map(|key| key.id.parse::<u64>().ok()).max().unwrap_or(0) + 1;
        self.0.insert(0, TokenKey { id: next.to_string(), secret: random_secret(), verifies_until: None });
    }

    fn check(&self, name: &str) -> anyhow::Result<()> {
        let first = self.0.first().with_context(|| format!("{name} has no key"))?;
        ensure!(first.verifies_until.is_none(), "the first key of {name} must sign, so it has no verifies_until");
        let ids: BTreeSet<&str> = self.0.iter().map(|key| key.id.as_str()).collect();
        ensure!(ids.len() == self.0.len(), "two keys of {name} have the same id");
        let is_empty = |key: &TokenKey| key.id.is_empty() || key.secret.expose_secret().is_empty();
        ensure!(!self.0.iter().any(is_empty), "a key of {name} has no id or no secret");
        Ok(())
    }
}

impl Secrets {
    /// Reads the secrets of the data folder `root`, or makes them on the first start.
    ///
    /// # Errors
    /// When the file cannot be read, written or understood.
    pub fn open(root: &Path) -> anyhow::Result<Self> {
        let mut secrets = match Self::read(root)? {
            Some(secrets) if secrets.sealing.is_some() => return Ok(secrets),
            Some(secrets) => secrets,
            None => Self { user_tokens: KeyRing::random(), gateway_tokens: KeyRing::random(), sealing: None },
        };
        secrets.sealing = Some(random_secret());
        secrets.write(root)?;
        Ok(secrets)
    }

    /// What seals messages that wait; `None` in a folder that no newer version has started.
    ///
    /// # Errors
    /// When the key is none.
    pub fn sealing_key(&self) -> anyhow::Result<Option<SealingKey>> {
        let Some(digits) = &self.sealing else { return Ok(None) };
        let mut key = SealingKey::default();
        hex::decode_to_slice(digits.expose_secret(), &mut key)
            .map_err(|_| anyhow::anyhow!("sealing must be {} hexadecimal digits", 2 * key.len()))?;
        Ok(Some(key))
    }

    /// Makes new keys in the data folder `root`. Those before verify for `grace`, so that nobody is signed out. A marketplace
    /// that runs takes the new ones when it starts again.
    ///
    /// # Errors
    /// When there are no secrets, the grace is too short, or the file cannot be read, written or understood.
    pub fn rotate(root: &Path, now: Timestamp, grace: Duration) -> anyhow::Result<Self> {
        if grace < SHORTEST_GRACE {
            bail!("keys that were replaced must verify for an hour at least, or people are signed out");
        }
        let Some(mut secrets) = Self::read(root)? else {
            bail!("there is no marketplace in {}; name its folder with --data", root.display());
        };
        for ring in [&mut secrets.user_tokens, &mut secrets.gateway_tokens] {
            ring.rotate(now, now.plus(grace));
        }
        secrets.write(root)?;
        Ok(secrets)
    }

    /// Reads the secrets of the data folder `root`; `None` when there are none yet.
    ///
    /// # Errors
    /// When the file cannot be read or understood.
    pub fn read(root: &Path) -> anyhow::Result<Option<Self>> {
        let path = root.join(SECRETS_FILE);
        let shown = path.display();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("{shown} cannot be read")),
        };
        let stored: StoredSecrets = toml::from_str(&text).map_err(|error| {
            // The parser quotes the line it stumbled over: never print that of a file of secrets.
            anyhow::anyhow!("{shown} cannot be understood: {}", error.message())
        })?;
        let secrets = Self::from(stored);
        let checked = secrets.user_tokens.check("user_tokens").and(secrets.gateway_tokens.check("gateway_tokens"));
        checked.and(secrets.sealing_key().map(drop)).with_context(|| format!("{shown} cannot be used"))?;
        Ok(Some(secrets))
    }

    fn write(&self, root: &Path) -> anyhow::Result<()> {
        let path = root.join(SECRETS_FILE);
        let text = toml::to_string(&StoredSecrets::from(self))?;
        write_private(&path, &text).with_context(|| format!("{} cannot be written", path.display()))
    }
}

fn random_secret() -> SecretString {
    hex::encode(rand::random::<[u8; 32]>()).into()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSecrets {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealing: Option<String>,
    user_tokens: StoredRing,
    gateway_tokens: StoredRing,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum StoredRing {
    /// As the first folders have it: one secret, whose key id is `1`.
    One(String),
    Many(Vec<StoredKey>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKey {
    id: String,
    secret: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verifies_until: Option<Timestamp>,
}

impl From<StoredSecrets> for Secrets {
    fn from(stored: StoredSecrets) -> Self {
        Self {
            user_tokens: stored.user_tokens.into(),
            gateway_tokens: stored.gateway_tokens.into(),
            sealing: stored.sealing.map(SecretString::from),
        }
    }
}

impl From<StoredRing> for KeyRing {
    fn from(stored: StoredRing) -> Self {
        let keys = match stored {
            StoredRing::One(secret) => vec![StoredKey { id: "1".to_owned(), secret, verifies_until: None }],
            StoredRing::Many(keys) => keys,
        };
        let key = |StoredKey { id, secret, verifies_until }| TokenKey { id, secret: secret.into(), verifies_until };
        Self(keys.into_iter().map(key).collect())
    }
}

impl From<&Secrets> for StoredSecrets {
    fn from(secrets: &Secrets) -> Self {
        let ring = |ring: &KeyRing| {
            let key = |key: &TokenKey| StoredKey {
                id: key.id.clone(),
                secret: key.secret.expose_secret().to_owned(),
                verifies_until: key.verifies_until,
            };
            StoredRing::Many(ring.0.iter().map(key).collect())
        };
        let sealing = secrets.sealing.as_ref().map(|key| key.expose_secret().to_owned());
        Self { sealing, user_tokens: ring(&secrets.user_tokens), gateway_tokens: ring(&secrets.gateway_tokens) }
    }
}

/// Writes a file that only its owner may read, whole or not at all.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let partial = path.with_extension("partial");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&partial)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&partial, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobapp_http::{UserClaims, UserTokens};

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_795_500_000_000).unwrap().plus(Duration::from_secs(seconds))
    }

    fn tokens(secrets: &Secrets, now: Timestamp) -> UserTokens {
        UserTokens::new(secrets.user_tokens.token_keys(now), 900)
    }

    fn user() -> UserClaims {
        UserClaims { id: 7, email: "a@b.com".into(), username: "Anna".into(), sid: "s".into(), role: None }
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_the_secrets() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        Secrets::open(root.path()).unwrap();
        Secrets::rotate(root.path(), at(0), DAY).unwrap();
        let mode = fs::metadata(root.path().join(SECRETS_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_broken_file_is_not_printed() {
        let root = tempfile::tempdir().unwrap();
        let two = "[[user_tokens]]\nid='1'\nsecret='hush'\n[[user_tokens]]\nid='1'\nsecret='hush'\n";
        for text in [
            "user_tokens = hush",
            "user_tokens = 'hush'",
            "user_tokens = ''\ngateway_tokens = 'hush'",
            "user_tokens = []\ngateway_tokens = 'hush'",
            &format!("gateway_tokens = 'hush'\n{two}"),
        ] {
            fs::write(root.path().join(SECRETS_FILE), text).unwrap();
            let error = format!("{:#}", Secrets::open(root.path()).unwrap_err());
            assert!(error.contains(SECRETS_FILE) && !error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn a_change_of_keys_refuses_nobodys_token_until_the_grace_is_over() {
        let root = tempfile::tempdir().unwrap();
        let before = Secrets::open(root.path()).unwrap();
        let token = tokens(&before, at(0)).issue(&user()).unwrap();
        let after = Secrets::rotate(root.path(), at(0), DAY).unwrap();
        assert_eq!(after.user_tokens.keys().iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), ["2", "1"]);
        let read = Secrets::open(root.path()).unwrap();
        assert!(tokens(&read, at(0)).verify(&token).is_ok());
        let newer = tokens(&read, at(0)).issue(&user()).unwrap();
        assert!(tokens(&before, at(0)).verify(&newer).is_err(), "the new key signs");
        assert!(tokens(&read, at(DAY.as_secs())).verify(&token).is_err(), "the grace is over");
        assert!(tokens(&read, at(DAY.as_secs())).verify(&newer).is_ok());
        let third = Secrets::rotate(root.path(), at(DAY.as_secs()), DAY).unwrap();
        assert_eq!(third.user_tokens.keys().iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), ["3", "2"]);
        assert_ne!(
            third.user_tokens.keys()[0].secret.expose_secret(),
            third.gateway_tokens.keys()[0].secret.expose_secret()
        );
    }

    #[test]
    fn a_folder_with_one_secret_each_goes_on() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(SECRETS_FILE), "user_tokens = 'one'\ngateway_tokens = 'two'\n").unwrap();
        let before = Secrets::open(root.path()).unwrap();
        let token = tokens(&before, at(0)).issue(&user()).unwrap();
        let after = Secrets::rotate(root.path(), at(0), DAY).unwrap();
        assert!(tokens(&after, at(1)).verify(&token).is_ok());
    }

    #[test]
    fn keys_are_changed_only_where_there_are_some_and_with_a_grace() {
        let root = tempfile::tempdir().unwrap();
        assert!(Secrets::rotate(root.path(), at(0), DAY).unwrap_err().to_string().contains("no marketplace"));
        Secrets::open(root.path()).unwrap();
        assert!(Secrets::rotate(root.path(), at(0), Duration::from_secs(60)).is_err());
    }

    #[test]
    fn what_seals_messages_is_made_once_for_older_folders_too_and_outlives_new_keys() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(SECRETS_FILE), "user_tokens = 'one'\ngateway_tokens = 'two'\n").unwrap();
        assert!(Secrets::read(root.path()).unwrap().unwrap().sealing_key().unwrap().is_none());
        let sealing = |secrets: Secrets| secrets.sealing.unwrap().expose_secret().to_owned();
        let made = Secrets::open(root.path()).unwrap();
        assert!(made.sealing_key().unwrap().is_some());
        let made = sealing(made);
        assert_eq!(sealing(Secrets::rotate(root.path(), at(0), DAY).unwrap()), made);
        assert_eq!(sealing(Secrets::open(root.path()).unwrap()), made);
        let short = format!("sealing = 'abc'\n{}", "user_tokens = 'one'\ngateway_tokens = 'two'\n");
        fs::write(root.path().join(SECRETS_FILE), short).unwrap();
        assert!(format!("{:#}", Secrets::open(root.path()).unwrap_err()).contains("64 hexadecimal digits"));
    }
}
