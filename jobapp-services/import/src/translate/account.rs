//! `auths`: who somebody is.

use jobapp_auth::{Device, EmailAddress, FormerAccount, OneTimeSecret, Registration, Username};
use jobapp_kernel::{AccountId, MAX_KEY_BYTES, Timestamp};

use crate::OldRow;
use crate::fields::{Fields, Notes, Refusal, Translated, shown};

/// The rounds of a hash that are bearable at a sign-in: above, one of them takes seconds.
const ROUNDS: std::ops::RangeInclusive<u32> = 4..=15;

pub(crate) fn account(row: &OldRow) -> Result<Translated<FormerAccount>, Refusal> {
    let (fields, mut notes) = (Fields::of(&row.fields)?, Notes::default());
    let id = fields.whole("id")?.filter(|id| *id > 0).ok_or_else(|| Refusal::new("id is no positive number"))?;
    let username = username(fields.text("username")?)?;
    let email = email(fields.text("email")?)?;
    // Whatever is there instead of a hash may be a password: it is not told.
    let hash = fields.text("password").ok().filter(|hash| is_hash(hash));
    let password_hash = hash.ok_or_else(|| Refusal::new("password is no bcrypt hash of 4 to 15 rounds"))?.to_owned();
    let updated_at = fields.date("updatedAt")?;
    let created_at = match fields.date("createdAt")?.or(updated_at) {
        Some(at) => at,
        None => {
            notes.add("createdAt and updatedAt are missing: it is as old as can be");
            Timestamp::EPOCH
        }
    };
    let email_verified = fields.flag("emailVerified")?.unwrap_or_default();
    let text = |name| Ok::<_, Refusal>(fields.text_if_any(name)?.map(str::to_owned));
    let registration = Registration {
        id: AccountId(id),
        username,
        email,
        password_hash,
        profile_public_id: fields.words("profilePublicId")?,
        profile_picture: fields.address("profilePicture", &mut notes)?,
        country: fields.words("country")?,
        devices: Vec::from_iter(Device::pair(text("browserName")?, text("deviceType")?)),
    };
    // A link that was followed proves nothing more, and one that nobody was sent is none.
    let verification = text("emailVerificationToken")?.filter(|_| !email_verified).map(OneTimeSecret::new);
    let updated_at = updated_at.unwrap_or(created_at);
    Ok(Translated::new(FormerAccount { registration, email_verified, verification, created_at, updated_at }, notes))
}

fn username(text: &str) -> Result<Username, Refusal> {
    let name = Username::lookup(text);
    if name.as_str().is_empty() || name.as_str().len() > MAX_KEY_BYTES || text.chars().any(char::is_control) {
        return Err(Refusal::new(format!("username is none: {:?}", shown(text))));
    }
    Ok(name)
}

/// In small letters as it was typed: which mail servers take it is another question, and it is somebody's already.
fn email(text: &str) -> Result<EmailAddress, Refusal> {
    let address = EmailAddress::lookup(text);
    let parts = address.as_str().rsplit_once('@');
    let is_one = parts.is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && domain.split('.').all(|label| !label.is_empty())
    });
    let is_plain =
        !address.as_str().chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, ',' | ';' | '<' | '>'));
    if is_one && is_plain && address.as_str().len() <= MAX_KEY_BYTES && address.as_str().matches('@').count() == 1 {
        Ok(address)
    } else {
        Err(Refusal::new(format!("email is no address: {:?}", shown(text))))
    }
}

/// `$2b$10$` and 53 characters of salt and hash.
fn is_hash(text: &str) -> bool {
    let Some(rest) = ["$2a$", "$2b$", "$2y$"].iter().find_map(|version| text.strip_prefix(version)) else {
        return false;
    };
    let Some((rounds, hash)) = rest.split_once('$') else { return false };
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/');
    rounds.len() == 2
        && rounds.parse().is_ok_and(|rounds| ROUNDS.contains(&rounds))
        && hash.len() == 53
        && hash.bytes().all(is_known)
}

#[cfg(test)]
mod tests {
    use jobapp_auth::Account;
    use serde_json::{Value, json};

    use super::*;
    use crate::translate::testing::{at, old_account, row, with};

    #[test]
    fn everything_survives() {
        let taken = account(&old_account(7)).unwrap();
        assert_eq!(taken.notes, Vec::<String>::new());
        let account = Account::taken_over(taken.value).unwrap();
        assert_eq!((account.username().as_str(), account.email().as_str()), ("Marta", "marta@example.org"));
        assert_eq!(account.profile_picture(), "https://res.cloudinary.com/demo/marta.png");
        assert_eq!(account.profile_public_id(), "0b6d6c0e-5a0a-4c6e-9a4e-0a2f6c1d7b11");
        assert_eq!((account.country(), account.is_email_verified()), ("Portugal", true));
        assert_eq!(
            (account.created_at(), account.updated_at()),
            (at("2024-05-01T10:00:00Z"), at("2024-06-01T10:00:00Z"))
        );
        assert!(account.knows(&Device::or_unknown(Some("Chrome".into()), Some("browser".into()))));
        assert_eq!(account.password_hash(), old_account(7).fields["password"]);
    }

    #[test]
    fn a_link_that_was_not_followed_stays_good() {
        let token = "5f2c0b0e9d8a7c6b5a4938271605f4e3d2c1b0a9";
        let waiting = with(old_account(7), &[("emailVerified", json!(0)), ("emailVerificationToken", json!(token))]);
        let account = Account::taken_over(account(&waiting).unwrap().value).unwrap();
        assert!(!account.is_email_verified());
        let verified = account.verify_email(&OneTimeSecret::new(token), at("2026-01-01")).unwrap();
        assert!(verified.unwrap().is_email_verified());
        let followed = with(old_account(7), &[("emailVerificationToken", json!(token))]);
        let account = Account::taken_over(super::account(&followed).unwrap().value).unwrap();
        assert!(account.verify_email(&OneTimeSecret::new(token), at("2026-01-01")).is_err());
    }

    #[test]
    fn names_and_addresses_are_in_the_form_in_which_they_are_looked_up() {
        let typed = with(old_account(7), &[("username", json!("mARTA  dias")), ("email", json!("Marta@Example.ORG"))]);
        let registration = account(&typed).unwrap().value.registration;
        assert_eq!((registration.username.as_str(), registration.email.as_str()), ("Marta Dias", "marta@example.org"));
    }

    #[test]
    fn broken_accounts_are_refused_with_the_reason() {
        let hash = old_account(1).fields["password"].as_str().unwrap().to_owned();
        for (field, value, reason) in [
            ("id", json!(0), "id is no positive number"),
            ("id", json!(null), "id is no positive number"),
            ("id", json!("x"), "id is no number: \"x\""),
            ("username", json!(null), "username is missing"),
            ("username", json!("  "), "username is empty"),
            ("username", json!(7), "username is no text: 7"),
            ("username", json!("a\u{7}b"), "username is none: \"a\\u{7}b\""),
            ("username", json!("x".repeat(200)), "username is none"),
            ("username", json!("Mar\0ta"), "username has the character U+0000"),
            ("email", json!(null), "email is missing"),
            ("email", json!("marta"), "email is no address: \"marta\""),
            ("email", json!("marta@localhost"), "email is no address"),
            ("email", json!("marta@@example.org"), "email is no address"),
            ("email", json!("a b@example.org"), "email is no address"),
            ("email", json!("a@example.org,b@example.org"), "email is no address"),
            ("email", json!("a@example..org"), "email is no address"),
            ("password", json!(null), "password is no bcrypt hash of 4 to 15 rounds"),
            ("password", json!("hunter22"), "password is no bcrypt hash of 4 to 15 rounds"),
            ("password", json!(hash.replace("$10$", "$31$")), "password is no bcrypt hash of 4 to 15 rounds"),
            ("password", json!(format!("{hash}x")), "password is no bcrypt hash of 4 to 15 rounds"),
            ("createdAt", json!("0000-00-00T00:00:00.000Z"), "createdAt is no date"),
            ("emailVerified", json!("perhaps"), "emailVerified is neither yes nor no"),
        ] {
            let refusal = account(&with(old_account(7), &[(field, value.clone())])).unwrap_err().to_string();
            assert!(refusal.starts_with(reason), "{field} {value}: {refusal}");
        }
        assert!(account(&row("7", Value::Object(Default::default()))).is_err());
    }

    #[test]
    fn no_reason_tells_what_stood_in_place_of_a_hash() {
        for password in [json!("hunter22"), json!(["hunter22"])] {
            let refusal = account(&with(old_account(7), &[("password", password)])).unwrap_err();
            assert!(!refusal.to_string().contains("hunter"));
        }
    }

    #[test]
    fn what_does_not_matter_enough_is_noted() {
        let bare = with(
            old_account(7),
            &[
                ("createdAt", json!(null)),
                ("updatedAt", json!(null)),
                ("profilePicture", json!("me.png")),
                ("browserName", json!(null)),
            ],
        );
        let taken = account(&bare).unwrap();
        assert_eq!(taken.notes.len(), 2);
        assert!(taken.value.registration.devices.is_empty() && taken.value.registration.profile_picture.is_empty());
    }
}
