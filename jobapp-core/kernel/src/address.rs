//! Mail addresses and domains in the one form that is compared, stored and sent to.

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::normalized;

/// The longest local part, in bytes (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL: usize = 64;
/// The longest address, in bytes (RFC 5321 §4.5.3.1.3).
const MAX_ADDRESS: usize = 254;

/// The ASCII form of a domain (UTS 46): `bücher.com`, in full width or composed in whatever way, is `xn--bcher-kva.com`.
/// `None` when it can be no domain.
pub fn ascii_domain(domain: &str) -> Option<String> {
    // Hyphens in the third and fourth place belong to no language, but to domains that exist.
    let ascii =
        Uts46::new().to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify);
    ascii.ok().map(std::borrow::Cow::into_owned)
}

/// A mail address in the form it is stored, compared and sent to: in lower case and in ASCII throughout, so that every mail
/// server takes it. `None` when the text is no such address. Blanks around it are forgiven.
///
/// ```
/// # use jobapp_kernel::mail_address;
/// assert_eq!(mail_address(" Marta@BÜCHER.com").as_deref(), Some("marta@xn--bcher-kva.com"));
/// assert_eq!(mail_address("marta@xn--bcher-kva.com"), mail_address("ｍａｒｔａ＠ｂüｃｈｅｒ．ｃｏｍ"));
/// assert_eq!(mail_address("jörg@example.org"), None, "only some mail servers take this");
/// ```
pub fn mail_address(text: &str) -> Option<String> {
    let text = normalized(text);
    let (local, domain) = text.trim().rsplit_once('@')?;
    let is_local = local.len() <= MAX_LOCAL
        && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_character));
    if !is_local {
        return None;
    }
    let address = format!("{}@{}", local.to_ascii_lowercase(), ascii_domain(domain)?);
    (address.len() <= MAX_ADDRESS).then_some(address)
}

/// RFC 5322 §3.2.3.
fn is_atom_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_form_however_its_domain_is_written() {
        for typed in [
            "x@bücher.com",
            "x@BÜCHER.COM",
            "x@bu\u{308}cher.com",
            "X@xn--bcher-kva.com",
            "x@XN--BCHER-KVA.com",
            "x@ｂüｃｈｅｒ．ｃｏｍ",
            "x@bücher。com",
            "ｘ＠bücher.com",
            "\tx@bücher.com ",
            "x@bü\u{ad}cher.com",
        ] {
            assert_eq!(mail_address(typed).as_deref(), Some("x@xn--bcher-kva.com"), "{typed:?}");
        }
        assert_eq!(mail_address("First.Last+tag@r3---x.example").as_deref(), Some("first.last+tag@r3---x.example"));
        assert_ne!(mail_address("x@straße.de"), mail_address("x@strasse.de"), "two domains since IDNA 2008");
    }

    #[test]
    fn what_no_mail_server_takes_is_no_address() {
        let (long_local, long_label) = (format!("{}@b.com", "a".repeat(65)), format!("a@{}.com", "b".repeat(64)));
        let long = format!("a@{}com", "bcd.".repeat(64));
        for bad in [
            "",
            "@",
            "a@",
            "@b.com",
            "plain",
            "a b@c.com",
            "a@b c.com",
            "a@b..com",
            "a@-b.com",
            "a@b-.com",
            "a.@b.com",
            ".a@b.com",
            "a..b@c.com",
            "a@b@c.com",
            "\"a\"@b.com",
            "a@b_c.com",
            "a@[127.0.0.1]",
            "a\r\nBcc: x@b.com",
            "a@b.com\r\nBcc: x@b.com",
            "jörg@b.com",
            "a\u{200b}@b.com",
            "a@xn--a.com",
            "a@b.com.",
            "a@b.com,c@d.com",
            "a@b\u{2100}.com",
            "a@b／c.com",
            &long_local,
            &long_label,
            &long,
        ] {
            assert_eq!(mail_address(bad), None, "{bad:?}");
        }
    }
}
