//! Which new passwords are taken.

/// The longest password that is looked at, in bytes: hashing more would only cost time. Longer than any that is taken.
pub(crate) const MAX_BYTES: usize = 512;

/// A new password nobody should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid password")]
pub struct WeakPassword;

/// Checks a new password: 8 to 128 characters, none of those that are tried first. Passwords that exist already, typed
/// to sign in or to be changed, are never judged.
///
/// # Errors
/// [`WeakPassword`] when it is too short, too long or too common.
pub fn check_new(password: &str) -> Result<(), WeakPassword> {
    let length = password.encode_utf16().count();
    if !(8..=128).contains(&length) || password.len() > MAX_BYTES || is_common(password) {
        return Err(WeakPassword);
    }
    Ok(())
}

/// Whether a password is on the list, with or without digits and marks behind it, or is one character or one run of
/// neighbours such as `23456789` throughout.
fn is_common(password: &str) -> bool {
    let lower = password.to_lowercase();
    let word = lower.trim_end_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation());
    COMMON.contains(&lower.as_str()) || COMMON.contains(&word) || is_run(&lower)
}

fn is_run(text: &str) -> bool {
    let codes: Vec<u32> = text.chars().map(u32::from).collect();
    let steps = |by: i64| codes.windows(2).all(|pair| i64::from(pair[1]) - i64::from(pair[0]) == by);
    steps(0) || steps(1) || steps(-1)
}

/// Passwords, and words that are passwords with a few digits behind them, that are tried first everywhere.
const COMMON: [&str; 126] = [
    "1234567890",
    "12341234",
    "12121212",
    "123123123",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "1qaz2wsx",
    "11223344",
    "112233445566",
    "123qweasd",
    "123321123",
    "147258369",
    "159753",
    "741852963",
    "789456123",
    "87654321",
    "987654321",
    "0987654321",
    "abc",
    "abcd",
    "abc123abc",
    "abcdefgh",
    "access",
    "admin",
    "administrator",
    "amanda",
    "andrea",
    "anthony",
    "arsenal",
    "asdfasdf",
    "asdfgh",
    "asdfghjk",
    "asdfghjkl",
    "asdf",
    "azerty",
    "azertyuiop",
    "babygirl",
    "barcelona",
    "baseball",
    "basketball",
    "batman",
    "blink",
    "butterfly",
    "changeme",
    "charlie",
    "cheese",
    "chelsea",
    "chocolate",
    "computer",
    "cookie",
    "corvette",
    "daniel",
    "default",
    "diamond",
    "dragon",
    "elephant",
    "ferrari",
    "flower",
    "football",
    "freedom",
    "friends",
    "ginger",
    "guest",
    "hannah",
    "hello",
    "hellohello",
    "hunter",
    "iloveu",
    "iloveyou",
    "internet",
    "jennifer",
    "jessica",
    "jobapp",
    "jordan",
    "letmein",
    "letmeinnow",
    "liverpool",
    "login",
    "lovely",
    "loveme",
    "maggie",
    "master",
    "matrix",
    "michael",
    "michelle",
    "monkey",
    "mustang",
    "nicole",
    "p@ssw0rd",
    "p@ssword",
    "pa55word",
    "pass",
    "passpass",
    "passw0rd",
    "password",
    "passwordpassword",
    "pepper",
    "pokemon",
    "princess",
    "q1w2e3r4",
    "q1w2e3r4t5",
    "qazwsx",
    "qazwsxedc",
    "qwer",
    "qwert",
    "qwerty",
    "qwertyui",
    "qwertyuiop",
    "qweasdzxc",
    "root",
    "samsung",
    "secret",
    "shadow",
    "soccer",
    "starwars",
    "sunshine",
    "superman",
    "test",
    "testtest",
    "trustno",
    "welcome",
    "whatever",
    "winter",
    "summer",
    "zaq12wsx",
    "zxcvbnm",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_short_and_long_passwords_are_refused() {
        let too_long = "x1".repeat(65);
        for weak in [
            "",
            "short77",
            "password",
            "Password1",
            "PASSWORD123!",
            "12345678",
            "987654321",
            "aaaaaaaa",
            "abcdefgh",
            "qwerty123",
            "iloveyou!",
            "letmein2024",
            "P@ssw0rd",
            "1q2w3e4r",
            "admin12345",
            too_long.as_str(),
        ] {
            assert_eq!(check_new(weak), Err(WeakPassword), "{weak}");
        }
    }

    #[test]
    fn others_are_taken_whatever_they_are_made_of() {
        let longest = "ab".repeat(64);
        for good in ["correct horse", "pässwörter", "x7$kfj2!", "        a", "密码密码密码密码", longest.as_str()]
        {
            assert_eq!(check_new(good), Ok(()), "{good}");
        }
    }
}
