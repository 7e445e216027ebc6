//! Which types exist for us: by what name endings they go and how they are served.

use jobapp_kernel::UploadPurpose;

/// How files with a name ending are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Served {
    /// The `Content-Type`.
    pub(crate) content_type: &'static str,
    /// Whether a browser may show it in place. Everything that could carry script is a download.
    pub(crate) inline: bool,
}

const fn inline(content_type: &'static str) -> Served {
    Served { content_type, inline: true }
}

const fn download(content_type: &'static str) -> Served {
    Served { content_type, inline: false }
}

/// Name endings with a type of their own; all others are served as unknown bytes.
const SERVED: &[(&str, Served)] = &[
    ("png", inline("image/png")),
    ("jpg", inline("image/jpeg")),
    ("gif", inline("image/gif")),
    ("webp", inline("image/webp")),
    ("avif", inline("image/avif")),
    ("bmp", inline("image/bmp")),
    ("pdf", download("application/pdf")),
    ("zip", download("application/zip")),
    ("mp3", download("audio/mpeg")),
    ("wav", download("audio/wav")),
    ("mp4", download("video/mp4")),
    ("webm", download("video/webm")),
];

/// How a file with this name ending is served.
pub(crate) fn served(extension: &str) -> Served {
    let known = SERVED.iter().find(|(name, _)| *name == extension);
    known.map_or(download("application/octet-stream"), |(_, served)| *served)
}

/// The name ending for a file that begins with these bytes, such as `png`. `None` for a picture that is not one.
///
/// The bytes decide. Only where they tell nothing, as with plain text, does the ending of the declared name or type
/// stand, because clients save downloads under it; it never makes a file one that is shown inline.
pub(crate) fn extension(beginning: &[u8], purpose: &UploadPurpose) -> Option<String> {
    let sniffed = infer::get(beginning).map(|kind| kind.extension());
    match purpose {
        UploadPurpose::Picture => sniffed.filter(|extension| served(extension).inline).map(str::to_owned),
        UploadPurpose::File { file_type, name } => {
            let ending_of_name = name.as_deref().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending);
            let declared = [ending_of_name, file_type.as_deref()].into_iter().flatten().find_map(declared_extension);
            Some(sniffed.map(str::to_owned).or(declared).unwrap_or_else(|| "bin".to_owned()))
        }
    }
}

fn declared_extension(text: &str) -> Option<String> {
    let extension = text.to_ascii_lowercase();
    (is_extension(&extension) && !served(&extension).inline).then_some(extension)
}

/// Whether a text can be the ending of a name of ours.
pub(crate) fn is_extension(text: &str) -> bool {
    (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    fn file(file_type: &str, name: &str) -> UploadPurpose {
        UploadPurpose::File { file_type: Some(file_type.into()), name: Some(name.into()) }
    }

    #[test]
    fn the_bytes_decide_over_what_is_declared() {
        assert_eq!(extension(PNG, &file("zip", "work.zip")).unwrap(), "png");
        assert_eq!(extension(b"PK\x03\x04rest", &file("png", "a.png")).unwrap(), "zip");
    }

    #[test]
    fn a_declared_ending_names_what_the_bytes_do_not_tell() {
        assert_eq!(extension(b"just text", &file("text/plain", "notes.TXT")).unwrap(), "txt");
        assert_eq!(extension(b"just text", &file("zip", "work")).unwrap(), "zip");
        assert_eq!(extension(b"just text", &file("../../etc", "a.b/c")).unwrap(), "bin");
    }

    #[test]
    fn a_declared_ending_never_makes_a_file_inline() {
        assert_eq!(extension(b"just text", &file("image/png", "notes.png")).unwrap(), "bin");
        assert_eq!(extension(b"just text", &file("png", "notes")).unwrap(), "bin");
    }

    #[test]
    fn a_picture_must_be_one() {
        assert_eq!(extension(PNG, &UploadPurpose::Picture).unwrap(), "png");
        for other in [&b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..], b"<html>", b"", b"%PDF-1.7", b"PK\x03\x04"] {
            assert_eq!(extension(other, &UploadPurpose::Picture), None);
        }
    }

    #[test]
    fn what_could_carry_script_is_a_download_of_unknown_bytes() {
        for extension in ["html", "htm", "svg", "xml", "js", "sh", "exe", "bin"] {
            assert_eq!(served(extension), download("application/octet-stream"), "{extension}");
        }
    }
}
