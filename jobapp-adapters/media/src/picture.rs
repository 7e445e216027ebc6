//! What the headers of a picture say of it. Nothing is decoded beyond them: a few bytes can hold pixels without end.

use std::io::{BufRead, Seek};

use jobapp_kernel::{MediaError, UploadPurpose};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::limits::MediaLimits;
use crate::types;

/// The name ending of bytes of which nothing is known.
const UNKNOWN: &str = "bin";

/// The name ending under which content is stored: a picture must be one that can be shown; a file that looks like one and cannot is stored
/// as unknown bytes, which nobody is shown in place.
pub(crate) fn judged<R: BufRead + Seek>(
    extension: String,
    purpose: &UploadPurpose,
    content: R,
    limits: &MediaLimits,
) -> Result<String, MediaError> {
    // What nobody is shown in place is not looked into.
    let is_file = matches!(purpose, UploadPurpose::File { .. });
    if is_file && !types::served(&extension).inline {
        return Ok(extension);
    }
    match check(&extension, content, limits) {
        Ok(()) => Ok(extension),
        Err(_) if is_file => Ok(UNKNOWN.to_owned()),
        Err(refused) => Err(refused),
    }
}

/// Checks a picture of the type with this name ending, from where `content` stands.
///
/// Its headers must be whole up to where its pixels begin, and tell sides that browsers can show. What comes after is not
/// judged: browsers show the part of a picture that they have, and ignore what follows it.
pub(crate) fn check<R: BufRead + Seek>(extension: &str, content: R, limits: &MediaLimits) -> Result<(), MediaError> {
    let (width, height) = sides(extension, content)
        .ok_or_else(|| MediaError::refused("The picture is damaged: it cannot be read. Choose another one."))?;
    if width == 0 || height == 0 {
        return Err(MediaError::refused("The picture has no size. Choose another one."));
    }
    let pixels = u64::from(width) * u64::from(height);
    if width.max(height) > limits.side || pixels > limits.pixels {
        return Err(MediaError::refused(format!(
            "The picture is too large: it has {width} by {height} pixels. Choose one of at most {} on a side and {} million in all.",
            limits.side,
            limits.pixels / 1_000_000
        )));
    }
    Ok(())
}

/// What a picture that is none is answered.
pub(crate) fn none() -> MediaError {
    MediaError::refused("This is no picture that can be shown. Choose a PNG, JPEG, GIF, WebP, AVIF or BMP file.")
}

/// Width and height by the headers; `None` when they cannot be read.
fn sides<R: BufRead + Seek>(extension: &str, content: R) -> Option<(u32, u32)> {
    match extension {
        "png" => png::Decoder::new(content).read_info().ok().map(|reader| reader.info().size()),
        "jpg" => jpeg(content),
        "gif" => gif(content),
        "webp" => image_webp::WebPDecoder::new(content).ok().map(|decoder| decoder.dimensions()),
        "bmp" => bmp(content),
        _ => {
            let size = imagesize::reader_size(content).ok()?;
            Some((size.width.try_into().ok()?, size.height.try_into().ok()?))
        }
    }
}

fn jpeg<R: BufRead + Seek>(content: R) -> Option<(u32, u32)> {
    // Whatever the sides are: they are judged later.
    let options = DecoderOptions::default().set_max_width(usize::MAX).set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(content, options);
    decoder.decode_headers().ok()?;
    let (width, height) = decoder.dimensions()?;
    Some((width.try_into().ok()?, height.try_into().ok()?))
}

fn gif<R: BufRead + Seek>(content: R) -> Option<(u32, u32)> {
    let mut decoder = gif::Decoder::new(content).ok()?;
    let (width, height) = (u32::from(decoder.width()), u32::from(decoder.height()));
    let frame = decoder.next_frame_info().ok()??;
    if width == 0 || height == 0 {
        return Some((width, height));
    }
    // A frame may reach beyond the picture, and is decoded as a whole.
    let reaches = |offset: u16, side: u16| u32::from(offset) + u32::from(side);
    Some((width.max(reaches(frame.left, frame.width)), height.max(reaches(frame.top, frame.height))))
}

/// The header is the same since 1990; only its size tells which fields follow the sides.
fn bmp<R: BufRead>(mut content: R) -> Option<(u32, u32)> {
    const HEADER_SIZES: [u32; 5] = [40, 52, 56, 108, 124];
    let mut header = [0; 26];
    content.read_exact(&mut header).ok()?;
    let field = |at: usize| Some(u32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?));
    if !HEADER_SIZES.contains(&field(14)?) {
        return None;
    }
    // A height below zero says that the rows begin at the top.
    let height = field(22)?.cast_signed().unsigned_abs();
    Some((field(18)?, height))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::types;
    use jobapp_kernel::UploadPurpose;

    /// A PNG of these sides with hardly any pixels.
    pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
        for (name, data) in [(b"IHDR", &header[..]), (b"IDAT", b"\x78\x9c\x63\0\0\0\x01\0\x01"), (b"IEND", b"")] {
            let named = [&name[..], data].concat();
            bytes.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
            bytes.extend(&named);
            bytes.extend(crc(&named).to_be_bytes());
        }
        bytes
    }

    /// The check sum of a PNG's chunk.
    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
        })
    }

    fn jpeg(width: u16, height: u16) -> Vec<u8> {
        let frame = [&[8][..], &height.to_be_bytes(), &width.to_be_bytes(), &[1, 1, 0x11, 0]].concat();
        let mut bytes = b"\xFF\xD8".to_vec();
        let segments = [(0xE0, &b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"[..]), (0xC0, &frame), (0xDA, &[1, 1, 0, 0, 63, 0])];
        for (marker, data) in segments {
            bytes.extend([0xFF, marker]);
            bytes.extend(u16::try_from(data.len() + 2).unwrap().to_be_bytes());
            bytes.extend(data);
        }
        bytes
    }

    fn gif(width: u16, height: u16, frame: (u16, u16)) -> Vec<u8> {
        let mut bytes = b"GIF89a".to_vec();
        bytes.extend([width.to_le_bytes(), height.to_le_bytes()].concat());
        bytes.extend([0x80, 0, 0, 0, 0, 0, 255, 255, 255]);
        bytes.push(0x2C);
        bytes.extend([[0; 2], [0; 2], frame.0.to_le_bytes(), frame.1.to_le_bytes()].concat());
        bytes.extend([0, 2, 2, 0x44, 0x01, 0, 0x3B]);
        bytes
    }

    /// A lossless WebP.
    fn webp(width: u32, height: u32) -> Vec<u8> {
        let sides = (width - 1) | (height - 1) << 14;
        let data = [&[0x2F][..], &sides.to_le_bytes(), &[0; 3]].concat();
        let length = u32::try_from(data.len()).unwrap();
        let all = (length + 12).to_le_bytes();
        [&b"RIFF"[..], &all, b"WEBPVP8L", &length.to_le_bytes(), &data].concat()
    }

    fn bmp(width: i32, height: i32) -> Vec<u8> {
        let mut bytes = b"BM".to_vec();
        bytes.extend([0; 12]);
        bytes.extend(40_u32.to_le_bytes());
        bytes.extend([width.to_le_bytes(), height.to_le_bytes()].concat());
        bytes.extend([0; 40]);
        bytes
    }

    fn avif(width: u32, height: u32) -> Vec<u8> {
        let boxed = |name: &[u8; 4], data: &[u8]| {
            [&u32::try_from(data.len() + 8).unwrap().to_be_bytes()[..], name, data].concat()
        };
        let sides = boxed(b"ispe", &[&[0; 4][..], &width.to_be_bytes(), &height.to_be_bytes()].concat());
        let properties = boxed(b"iprp", &boxed(b"ipco", &sides));
        [boxed(b"ftyp", b"avif\0\0\0\0avifmif1"), boxed(b"meta", &[&[0; 4][..], &properties].concat())].concat()
    }

    fn judged(bytes: &[u8]) -> Result<(), String> {
        let extension = types::extension(bytes, &UploadPurpose::Picture).ok_or_else(|| none().to_string())?;
        let judged = check(&extension, Cursor::new(bytes), &MediaLimits::default());
        judged.map_err(|error| error.to_string())
    }

    #[test]
    fn pictures_of_every_kind_are_taken() {
        for bytes in [
            png(1, 1),
            png(8064, 6048),
            jpeg(8192, 6144),
            gif(400, 300, (400, 300)),
            webp(10_000, 6_500),
            bmp(20, 10),
            bmp(20, -10),
            avif(640, 480),
        ] {
            assert_eq!(judged(&bytes), Ok(()), "{:?}", &bytes[..12]);
        }
    }

    #[test]
    fn what_follows_a_picture_or_is_missing_at_its_end_is_not_judged() {
        let mut long = png(4, 4);
        long.extend(b"<script>alert(1)</script>");
        assert_eq!(judged(&long), Ok(()));
        let whole = png(4, 4);
        assert_eq!(judged(&whole[..whole.len() - 12]), Ok(()));
    }

    #[test]
    fn a_beginning_like_that_of_a_picture_is_none() {
        for whole in [png(4, 4), jpeg(4, 4), gif(4, 4, (4, 4)), webp(4, 4), bmp(4, 4), avif(4, 4)] {
            let judgements: Vec<bool> = (0..whole.len()).map(|length| judged(&whole[..length]).is_ok()).collect();
            let first_good = judgements.iter().position(|good| *good).unwrap_or(whole.len());
            assert!(first_good >= 24, "{first_good} bytes were enough of {:?}", &whole[..12]);
            assert!(judgements[first_good..].iter().all(|good| *good));
        }
        for bytes in [
            &b"\x89PNG\r\n\x1a\n"[..],
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and so on, but no header of any picture",
            b"\xFF\xD8\xFF",
            b"\xFF\xD8\xFF\xE0 this is a text and no picture at all",
            b"GIF89a",
            b"GIF89a<script>alert(document.domain)</script>",
            b"RIFF\x10\0\0\0WEBP",
            b"BMW builds cars, and this is a text about them, no picture.",
            b"hello",
            b"",
        ] {
            assert!(judged(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_changed_header_is_none() {
        let mut bytes = png(4, 4);
        bytes[19] = 5;
        assert!(judged(&bytes).is_err(), "its check sum is another one");
    }

    #[test]
    fn a_picture_without_a_side_is_refused() {
        for bytes in [
            png(0, 0),
            png(0, 5),
            png(5, 0),
            jpeg(0, 5),
            jpeg(5, 0),
            gif(0, 0, (1, 1)),
            bmp(0, 5),
            bmp(5, 0),
            avif(0, 0),
        ] {
            assert!(judged(&bytes).is_err(), "{:?}", &bytes[..30]);
        }
    }

    #[test]
    fn a_picture_without_end_is_refused_and_the_text_says_what_is_taken() {
        let text = judged(&png(50_000, 50_000)).unwrap_err();
        assert_eq!(
            text,
            "The picture is too large: it has 50000 by 50000 pixels. Choose one of at most 10000 on a side and 65 million in all."
        );
        for bytes in [
            png(u32::MAX >> 1, 1),
            png(10_001, 1),
            png(1, 10_001),
            png(9_000, 9_000),
            jpeg(65_535, 65_535),
            gif(65_535, 65_535, (1, 1)),
            gif(10, 10, (65_535, 65_535)),
            webp(16_384, 16_384),
            bmp(i32::MAX, 1),
            bmp(1, i32::MIN),
            bmp(-1, 1),
            avif(100_000, 100_000),
        ] {
            assert!(judged(&bytes).is_err(), "{:?}", &bytes[..30]);
        }
    }
}
