//! The names files have on disk and in addresses.

use jobapp_kernel::UploadPurpose;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::types;

/// What the names of files begin with that are read with a signed address only.
const PRIVATE: &str = "private-";

/// What stays as it is in a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A name nobody can guess, for what is kept for this purpose. It is also what a record keeps of it: where it is read is said when it is
/// shown.
pub(crate) fn for_purpose(purpose: &UploadPurpose, extension: &str) -> String {
    match purpose {
        UploadPurpose::Picture => public(extension),
        UploadPurpose::File { .. } => private(extension),
    }
}

/// A name nobody can guess, for a picture that everybody may see.
pub(crate) fn public(extension: &str) -> String {
    format!("{:032x}.{extension}", rand::random::<u128>())
}

/// A name nobody can guess, for a file that not everybody may see.
pub(crate) fn private(extension: &str) -> String {
    private_of(&public(extension))
}

/// The private name of what had this public one.
pub(crate) fn private_of(public: &str) -> String {
    format!("{PRIVATE}{public}")
}

/// The ending of a public name that we gave: 32 hexadecimal digits, a dot and the ending. Nothing else is ever looked for.
pub(crate) fn extension_of_public(name: &str) -> Option<&str> {
    let (random, extension) = name.split_once('.')?;
    let is_random = random.len() == 32 && random.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (is_random && types::is_extension(extension)).then_some(extension)
}

/// The ending of a private name that we gave.
pub(crate) fn extension_of_private(name: &str) -> Option<&str> {
    extension_of_public(name.strip_prefix(PRIVATE)?)
}

/// The public name at the end of an address, such as earlier versions gave to every file.
pub(crate) fn public_of_address(address: &str) -> Option<&str> {
    let (before, name) = address.rsplit_once('/')?;
    let is_ours = before.ends_with("/media") && extension_of_public(name).is_some();
    is_ours.then_some(name)
}

/// Where a private file is read: below `/media/`, with the name it is saved under, if it has one.
pub(crate) fn signed_path(link: &str, shown: &str, file: &str) -> String {
    if shown.is_empty() {
        return format!("/media/{link}/{file}");
    }
    format!("/media/{link}/{}/{file}", utf8_percent_encode(shown, SEGMENT))
}

/// What stands in the address of a private file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SignedParts<'a> {
    pub(crate) link: &'a str,
    pub(crate) shown: String,
    pub(crate) file: &'a str,
}

/// The parts of an address as [`signed_path`] makes it, at whatever host; `None` for any other.
pub(crate) fn signed_parts(address: &str) -> Option<SignedParts<'_>> {
    let path = address.split(['?', '#']).next()?;
    let (_, below) = path.rsplit_once("/media/")?;
    let (link, rest) = below.split_once('/')?;
    let (shown, file) = rest.rsplit_once('/').unwrap_or(("", rest));
    extension_of_private(file)?;
    let shown = percent_decode_str(shown).decode_utf8().ok()?.into_owned();
    Some(SignedParts { link, shown, file })
}

/// The `Content-Disposition` of a file that is shown in place or saved, under a name if it has one (RFC 6266, RFC 8187).
pub(crate) fn disposition(inline: bool, shown: &str) -> String {
    let kind = if inline { "inline" } else { "attachment" };
    if shown.is_empty() {
        return kind.to_owned();
    }
    // For the few readers that know no other form: what could be taken for more than a letter is left out.
    let plain: String = shown
        .chars()
        .map(|c| if c == ' ' || c.is_ascii_graphic() && !"\"\\%;".contains(c) { c } else { '_' })
        .collect();
    let encoded = utf8_percent_encode(shown, SEGMENT);
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "0123456789abcdef0123456789abcdef.zip";

    #[test]
    fn a_private_name_is_no_public_one_and_the_other_way_round() {
        let (public, private) = (public("zip"), private("zip"));
        assert_eq!(extension_of_public(&public), Some("zip"));
        assert_eq!(extension_of_private(&private), Some("zip"));
        assert_eq!((extension_of_public(&private), extension_of_private(&public)), (None, None));
        assert_eq!(private_of(NAME), format!("private-{NAME}"));
    }

    #[test]
    fn the_parts_of_a_signed_address_are_found_again() {
        let file = private_of(NAME);
        for shown in ["", "work.zip", "a b/ä?#%.zip", "\"; x=\".zip"] {
            let address = format!("https://jobapp.example{}", signed_path("1-ab", shown, &file));
            let parts = SignedParts { link: "1-ab", shown: shown.to_owned(), file: &file };
            assert_eq!(signed_parts(&address), Some(parts), "{address}");
            assert!(address.ends_with(".zip"), "{address}");
        }
        for other in [
            format!("https://jobapp.example/media/{NAME}"),
            format!("https://jobapp.example/media/{file}"),
            format!("https://jobapp.example/media/1-ab/{NAME}"),
            "https://jobapp.example/a.zip".to_owned(),
            "no address".to_owned(),
        ] {
            assert_eq!(signed_parts(&other), None, "{other}");
        }
    }

    #[test]
    fn addresses_of_earlier_versions_are_known() {
        assert_eq!(public_of_address(&format!("http://localhost:4000/media/{NAME}")), Some(NAME));
        for other in ["http://localhost/media/a.zip", NAME, &format!("http://localhost/{NAME}"), ""] {
            assert_eq!(public_of_address(other), None, "{other}");
        }
    }

    #[test]
    fn a_name_stays_within_its_place_in_the_header() {
        assert_eq!(disposition(true, ""), "inline");
        assert_eq!(
            disposition(false, "naïve draft.pdf"),
            "attachment; filename=\"na_ve draft.pdf\"; filename*=UTF-8''na%C3%AFve%20draft.pdf"
        );
        let evil = disposition(false, "a\"; filename=\"b.exe\r\nx: y%41\\");
        assert_eq!(
            evil,
            "attachment; filename=\"a__ filename=_b.exe__x: y_41_\"; filename*=UTF-8''a%22%3B%20filename%3D%22b.exe%0D%0Ax%3A%20y%2541%5C"
        );
    }
}
