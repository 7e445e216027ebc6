//! Signed addresses of private files, good for some hours.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jobapp_kernel::{Clock, MediaError, Timestamp};
use sha2::Sha256;

/// An address is good for at least so long. A page that shows it is open for a working day; what leaks is soon worth nothing.
const GOOD_FOR: Duration = Duration::from_secs(12 * 3600);

/// Ends are at full hours, so that the same record is shown with the same address for an hour and need not be sent again.
const ROUNDED_TO: i64 = 3600;

/// What the signing key is made for: a signature for anything else is none here.
const PURPOSE: &[u8] = b"jobapp private media 1";

/// Signs addresses of private files, and knows its signatures again.
#[derive(Clone)]
pub struct MediaLinks {
    signs: Hmac<Sha256>,
    /// Also the one that signs.
    verify: Vec<Hmac<Sha256>>,
    clock: Arc<dyn Clock>,
}

impl MediaLinks {
    /// Signs with a key made of the secret `signs`, and takes signatures of `older` ones, too. The secrets must be the same
    /// after a restart, or addresses that were given out end with it.
    pub fn new<'a>(signs: &'a [u8], older: impl IntoIterator<Item = &'a [u8]>, clock: Arc<dyn Clock>) -> Self {
        let signs = key(signs);
        let verify = std::iter::once(signs.clone()).chain(older.into_iter().map(key)).collect();
        Self { signs, verify, clock }
    }

    /// What stands in front of the name of a private file: until when the address is good, and the signature of all of it.
    pub(crate) fn sign(&self, file: &str, shown: &str) -> String {
        let end = self.clock.now().plus(GOOD_FOR).as_millis().div_euclid(1000);
        let until = (end.div_euclid(ROUNDED_TO) + 1) * ROUNDED_TO;
        let signature = mac_of(&self.signs, until, file, shown).finalize().into_bytes();
        format!("{until}-{}", hex::encode(signature))
    }

    /// Whether this is what we put in front of the file, for this shown name, and it is good now.
    pub(crate) fn is_good(&self, link: &str, file: &str, shown: &str) -> bool {
        let Some((until, _)) = parse(link) else { return false };
        let is_open = Timestamp::from_millis(until.saturating_mul(1000)).is_ok_and(|end| self.clock.now() < end);
        is_open && self.was_signed(link, file, shown)
    }

    /// Whether this is what we put in front of the file, for this shown name, however long ago.
    pub(crate) fn was_signed(&self, link: &str, file: &str, shown: &str) -> bool {
        let Some((until, signature)) = parse(link) else { return false };
        self.verify.iter().any(|key| mac_of(key, until, file, shown).verify_slice(&signature).is_ok())
    }
}

/// What is answered to who sends an address of a private file that is not good, or not any more.
pub(crate) fn over() -> MediaError {
    MediaError::refused("This link to a file is not good any more. Choose the file itself.")
}

impl std::fmt::Debug for MediaLinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaLinks").field("keys", &self.verify.len()).finish_non_exhaustive()
    }
}

/// A key for this purpose alone, made of a secret that may have others.
fn key(secret: &[u8]) -> Hmac<Sha256> {
    let mut made = <Hmac<Sha256> as KeyInit>::new_from_slice(secret).expect("HMAC takes keys of any length");
    made.update(PURPOSE);
    <Hmac<Sha256> as KeyInit>::new_from_slice(&made.finalize().into_bytes()).expect("HMAC takes keys of any length")
}

/// A file's own name has no line break, so it is clear where it ends.
fn mac_of(key: &Hmac<Sha256>, until: i64, file: &str, shown: &str) -> Hmac<Sha256> {
    let mut mac = key.clone();
    mac.update(format!("{until}\n{file}\n{shown}").as_bytes());
    mac
}

fn parse(link: &str) -> Option<(i64, Vec<u8>)> {
    let (until, signature) = link.split_once('-')?;
    let is_number = until.bytes().all(|byte| byte.is_ascii_digit());
    Some((until.parse().ok().filter(|_| is_number)?, hex::decode(signature).ok()?))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use jobapp_kernel::FixedClock;

    pub(crate) fn clock() -> Arc<FixedClock> {
        Arc::new(FixedClock::at("2026-11-24T10:20:00Z".parse().unwrap()))
    }

    pub(crate) fn links(secret: &str, older: &[&str], clock: &Arc<FixedClock>) -> MediaLinks {
        let older = older.iter().map(|secret| secret.as_bytes());
        MediaLinks::new(secret.as_bytes(), older, Arc::clone(clock) as Arc<dyn Clock>)
    }

    #[test]
    fn an_address_is_good_for_half_a_day_and_no_longer() {
        let clock = clock();
        let links = links("a", &[], &clock);
        let link = links.sign("f.zip", "work.zip");
        assert!(links.is_good(&link, "f.zip", "work.zip"));
        clock.advance(Duration::from_secs(30 * 60));
        assert_eq!(links.sign("f.zip", "work.zip"), link, "the same for an hour");
        clock.advance(GOOD_FOR - Duration::from_secs(30 * 60));
        assert!(links.is_good(&link, "f.zip", "work.zip"));
        clock.advance(Duration::from_secs(3600));
        assert!(!links.is_good(&link, "f.zip", "work.zip"));
        assert!(links.is_good(&links.sign("f.zip", "work.zip"), "f.zip", "work.zip"));
    }

    #[test]
    fn nothing_of_an_address_can_be_changed() {
        let clock = clock();
        let links = links("a", &[], &clock);
        let link = links.sign("f.zip", "work.zip");
        let (until, signature) = link.split_once('-').unwrap();
        let later = until.parse::<i64>().unwrap() + 3600;
        assert!(!links.is_good(&link, "g.zip", "work.zip"));
        assert!(!links.is_good(&link, "f.zip", "work.exe"));
        assert!(!links.is_good(&link, "f.zip", ""));
        assert!(!links.is_good(&link, "f.zip\nwork.zip", ""));
        for changed in [
            format!("{later}-{signature}"),
            format!("+{until}-{signature}"),
            format!("-{until}-{signature}"),
            format!("{until}-{}", &signature[2..]),
            format!("{until}-{signature}00"),
            format!("{until}-"),
            format!("99999999999999999999-{signature}"),
            format!("9223372036854775807-{signature}"),
            format!("-{signature}"),
            until.to_owned(),
            String::new(),
        ] {
            assert!(!links.is_good(&changed, "f.zip", "work.zip"), "{changed}");
        }
        assert!(!links.is_good(&super::tests::links("b", &[], &clock).sign("f.zip", ""), "f.zip", ""));
    }

    #[test]
    fn addresses_live_on_when_keys_change() {
        let clock = clock();
        let link = links("a", &[], &clock).sign("f.zip", "");
        assert!(links("a", &[], &clock).is_good(&link, "f.zip", ""), "after a restart");
        assert!(links("b", &["a"], &clock).is_good(&link, "f.zip", ""));
        assert!(!links("b", &[], &clock).is_good(&link, "f.zip", ""));
        assert!(!links("b", &["a"], &clock).sign("f.zip", "").eq(&link));
    }

    #[test]
    fn debug_output_shows_no_key() {
        assert_eq!(format!("{:?}", links("hush", &[], &clock())), "MediaLinks { keys: 1, .. }");
    }
}
