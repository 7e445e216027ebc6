//! Sample users.

use jobapp_kernel::{Change, Upload};

use super::Auth;
use super::sign_up::taken_or;
use crate::account::Registration;
use crate::secret::{random, uuid};
use crate::{Account, AuthError, Device, EmailAddress, Password, Secrets, Username};

/// The most users made at once.
pub const MAX_SEED: usize = 1000;

/// How often another name is tried for one user.
const TRIES: usize = 20;

const NAMES: [&str; 48] = [
    "Adela", "Bruno", "Carla", "Dario", "Elena", "Fabio", "Greta", "Hugo", "Irene", "Jonas", "Katja", "Leo", "Marta",
    "Nico", "Olga", "Pavel", "Quinn", "Rosa", "Stefan", "Tilda", "Umberto", "Vera", "Wanda", "Xenia", "Yusuf", "Zora",
    "Amira", "Boris", "Chidi", "Dunja", "Emil", "Farah", "Goran", "Hanna", "Ivo", "Jelena", "Kofi", "Lena", "Mateo",
    "Nadia", "Oskar", "Petra", "Ravi", "Sofia", "Tomas", "Uma", "Viktor", "Yara",
];

const COUNTRIES: [&str; 8] = ["Portugal", "Kenya", "Norway", "Chile", "Vietnam", "Canada", "Morocco", "New Zealand"];

/// What browsers the existing client tells apart call themselves: sample users are known on all of them, so that nobody
/// needs their mail.
const BROWSERS: [&str; 5] = ["Chrome", "Firefox", "Safari", "Microsoft Edge", "Opera"];

/// How sample users are made.
#[derive(Debug, Clone)]
pub struct Seed {
    /// How many.
    pub count: usize,
    /// What follows the `@` in their addresses.
    pub mail_domain: String,
    /// The password of them all. Not judged.
    pub password: String,
    /// The picture of them all: a base64 data URL or an absolute URL.
    pub picture: String,
}

impl Auth {
    /// Makes users that can be used: with distinct names, verified addresses and one password.
    ///
    /// # Errors
    /// [`AuthError::Count`] for none or too many; what was made before another failure stays.
    pub async fn seed(&self, seed: &Seed) -> Result<Vec<Account>, AuthError> {
        if !(1..=MAX_SEED).contains(&seed.count) {
            return Err(AuthError::Count { limit: MAX_SEED });
        }
        // The same for all: hashing a thousand passwords would take minutes.
        let password_hash = self.hash(&Password::new(&seed.password)).await?;
        let upload = Upload::picture(seed.picture.clone()).with_public_id(uuid(&*self.ports.secrets));
        let picture = self.ports.media.store(upload).await.map_err(AuthError::Picture)?.reference;
        let mut made = Vec::with_capacity(seed.count);
        for _ in 0..seed.count {
            made.push(self.seed_one(seed, &password_hash, &picture).await?);
        }
        Ok(made)
    }

    async fn seed_one(&self, seed: &Seed, password_hash: &str, picture: &str) -> Result<Account, AuthError> {
        let secrets = &*self.ports.secrets;
        for _ in 0..TRIES {
            let name = format!("{}{}", pick(secrets, &NAMES), number(secrets) % 10_000);
            let (username, email) =
                (Username::new(&name)?, EmailAddress::new(&format!("{name}@{}", seed.mail_domain))?);
            if self.is_taken(&username, &email).await? {
                continue;
            }
            let registration = Registration {
                id: self.next_number().await?,
                username,
                email,
                password_hash: password_hash.to_owned(),
                profile_public_id: uuid(secrets),
                profile_picture: picture.to_owned(),
                country: pick(secrets, &COUNTRIES).to_owned(),
                devices: devices(),
            };
            let (account, events) = Account::register(registration, None, self.ports.clock.now());
            match self.ports.accounts.save(Change::insert(account.clone(), events)).await.map_err(taken_or) {
                Ok(_) => return Ok(account),
                Err(AuthError::Taken) => {}
                Err(error) => return Err(error),
            }
        }
        Err(AuthError::Taken)
    }
}

fn devices() -> Vec<Device> {
    let kinds = ["browser", "mobile"];
    let device = |browser: &str, kind: &str| Device { browser: browser.to_owned(), kind: kind.to_owned() };
    BROWSERS.iter().flat_map(|browser| kinds.iter().map(|kind| device(browser, kind))).collect()
}

fn number(secrets: &dyn Secrets) -> usize {
    usize::from(u16::from_le_bytes(random(secrets)))
}

fn pick<'a>(secrets: &dyn Secrets, from: &[&'a str]) -> &'a str {
    from[number(secrets) % from.len()]
}
