//! Passwords, and which new ones are taken.

use jobapp_kernel::{characters, folded, normalized};

/// The longest password that is hashed or compared, in bytes: more would only cost time. None that is taken is longer.
const MAX_BYTES: usize = 512;
/// The longest text that is looked at, in bytes: one that is typed decomposed is longer than what is hashed.
const MAX_TYPED: usize = 8 * MAX_BYTES;
/// How many characters a new password has at least.
const SHORTEST: usize = 8;
/// How many characters a new password has at most.
const LONGEST: usize = 128;
/// The longest row of neighbours that somebody would try.
const LONGEST_RUN: usize = 64;

/// A password as somebody typed it. What is hashed is its normal form, so that it is the same password on every keyboard
/// (NIST SP 800-63B §3.1.1.2).
#[derive(Clone)]
pub struct Password {
    normal: String,
    /// The text itself where it differs: hashes of before are of that.
    typed: Option<String>,
}

impl Password {
    /// Of a text.
    pub fn new(text: &str) -> Self {
        let text = if text.len() <= MAX_TYPED { text } else { "" };
        let normal = normalized(text);
        let typed = (normal != text).then(|| text.to_owned());
        Self { normal, typed }
    }

    /// What is hashed.
    pub(crate) fn normal(&self) -> &str {
        &self.normal
    }

    /// What a stored hash may be of, the likeliest first. None when it is nobody's: it is empty, or longer than any.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = &str> {
        let all = [Some(self.normal.as_str()), self.typed.as_deref()];
        all.into_iter().flatten().filter(|text| !text.is_empty() && text.len() <= MAX_BYTES)
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[password]")
    }
}

/// A new password nobody should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// It has fewer than eight characters.
    #[error("Password must have at least {SHORTEST} characters.")]
    TooShort,
    /// It has more than 128 characters.
    #[error("Password must have at most {LONGEST} characters.")]
    TooLong,
    /// It is one of those that are tried first.
    #[error("This password is too common. Please choose another one.")]
    TooCommon,
}

/// Checks a new password: 8 to 128 characters, none of those that are tried first. Passwords that exist already, typed
/// to sign in or to be changed, are never judged.
///
/// # Errors
/// [`WeakPassword`] when it is too short, too long or too common.
pub fn check_new(password: &str) -> Result<Password, WeakPassword> {
    if password.len() > MAX_TYPED {
        return Err(WeakPassword::TooLong);
    }
    match characters(password) {
        ..SHORTEST => Err(WeakPassword::TooShort),
        SHORTEST..=LONGEST if is_common(password) => Err(WeakPassword::TooCommon),
        SHORTEST..=LONGEST => Ok(Password::new(password)),
        _ => Err(WeakPassword::TooLong),
    }
}

/// Whether a password is on the list, with or without digits and marks behind it, or is one character or one run of
/// neighbours such as `23456789` throughout. However it is typed.
fn is_common(password: &str) -> bool {
    let lower = folded(password);
    let word = lower.trim_end_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation() || c == ' ');
    COMMON.contains(&lower.as_str()) || COMMON.contains(&word) || is_run(&normalized(password).to_lowercase())
}

fn is_run(text: &str) -> bool {
    let codes: Vec<u32> = text.chars().map(u32::from).collect();
    let steps = |by: i64| codes.windows(2).all(|pair| i64::from(pair[1]) - i64::from(pair[0]) == by);
    codes.len() <= LONGEST_RUN && (steps(0) || steps(1) || steps(-1))
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
        for (weak, why) in [
            ("", WeakPassword::TooShort),
            ("short77", WeakPassword::TooShort),
            ("😀😁😂😃", WeakPassword::TooShort),
            ("e\u{301}e\u{301}e\u{301}e\u{301}", WeakPassword::TooShort),
            (&"x1".repeat(65), WeakPassword::TooLong),
            (&"😀😁".repeat(65), WeakPassword::TooLong),
            (&"\u{fdfa}".repeat(8), WeakPassword::TooLong),
            (&"x1".repeat(50_000), WeakPassword::TooLong),
        ] {
            assert_eq!(check_new(weak).err(), Some(why), "{weak}");
        }
        for weak in [
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
            "ｐａｓｓｗｏｒｄ",
            "ＰＡＳＳＷＯＲＤ１",
            "pass\u{200b}word",
            " password ",
            "        ",
            "😀😀😀😀😀😀😀😀",
        ] {
            assert_eq!(check_new(weak).err(), Some(WeakPassword::TooCommon), "{weak}");
        }
    }

    #[test]
    fn others_are_taken_whatever_they_are_made_of() {
        let (longest, emoji, decomposed) = ("ab".repeat(64), "😀".repeat(65), "e\u{301}a\u{300}".repeat(64));
        for good in [
            "correct horse",
            "pässwörter",
            "x7$kfj2!",
            "        a",
            "密码密码密码密码",
            "😀😁😂😃😄😅😆😎",
            &longest,
            &emoji,
            &decomposed,
        ] {
            assert!(check_new(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_password_is_the_same_on_every_keyboard() {
        let composed = Password::new("p\u{e4}ssw\u{f6}rter");
        let decomposed = Password::new("pa\u{308}sswo\u{308}rter");
        assert_eq!(composed.normal(), decomposed.normal());
        assert_eq!(composed.candidates().collect::<Vec<_>>(), ["p\u{e4}ssw\u{f6}rter"]);
        let both = ["p\u{e4}ssw\u{f6}rter", "pa\u{308}sswo\u{308}rter"];
        assert_eq!(decomposed.candidates().collect::<Vec<_>>(), both, "hashes of before are of what was typed");
        assert_eq!(Password::new("ｃｏｒｒｅｃｔ　ｈｏｒｓｅ").normal(), "correct horse");
    }

    #[test]
    fn what_is_longer_than_any_password_is_compared_with_nothing() {
        assert_eq!(Password::new(&"x".repeat(MAX_TYPED + 1)).candidates().count(), 0);
        assert_eq!(Password::new(&"x".repeat(MAX_BYTES + 1)).candidates().count(), 0);
        assert_eq!(Password::new(&"x".repeat(MAX_BYTES)).candidates().count(), 1);
        assert!(!format!("{:?}", Password::new("correct horse")).contains("horse"));
    }
}
