/// Whether a JPEG file reaches its end-of-image marker.
///
/// The decoder paints what is missing grey and reports success, so a download that broke off
/// would pass as a picture.
/// This walks over the segments, as their lengths say, and over the coded data between them;
/// an end marker within a segment, as in an embedded thumbnail, does not count.
pub(crate) fn is_complete(bytes: &[u8]) -> bool {
    markers(bytes).any(|(marker, _)| marker == END_OF_IMAGE)
}

/// Whether the header is there as a whole: all that stands before the first coded data.
pub(crate) fn has_header(bytes: &[u8]) -> bool {
    markers(bytes)
        .find(|&(marker, _)| marker == START_OF_SCAN || marker == END_OF_IMAGE)
        .is_some_and(|(marker, after)| marker == END_OF_IMAGE || segment(after).is_some())
}

/// How many samples a pixel has: brightness, three colours or four inks.
pub(crate) fn components(bytes: &[u8]) -> Option<u8> {
    let (_, after) = markers(bytes).find(|&(marker, _)| {
        // Between the frame headers stand tables, and one marker is reserved.
        matches!(marker, 0xC0..=0xCF) && ![0xC4, 0xC8, 0xCC].contains(&marker)
    })?;
    // The length, bits per sample, height and width come first.
    after.get(7).copied()
}

/// The markers of a file with what follows each, from segment to segment.
fn markers(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (marker, after) = next_marker(rest)?;
        rest = match marker {
            // These stand alone: temporary, restart, start and end of image.
            0x01 | 0xD0..=END_OF_IMAGE => after,
            _ => segment(after).unwrap_or_default(),
        };
        Some((marker, after))
    })
}

/// What follows a segment, which begins with its length, if it is there as a whole; the length
/// counts itself.
fn segment(bytes: &[u8]) -> Option<&[u8]> {
    let length = u16::from_be_bytes(*bytes.first_chunk()?);
    bytes.get(usize::from(length)..)
}

const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: u8 = 0xD9;

/// The next marker and what follows it. In coded data, the byte 0xFF is followed by 0, and
/// before a marker it may be repeated.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut rest = bytes;
    loop {
        let at = rest.iter().position(|&byte| byte == 0xFF)?;
        rest = rest.get(at + 1..)?;
        match rest.split_first()? {
            (0 | 0xFF, _) => {}
            (&marker, after) => return Some((marker, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A start, one comment of six bytes that holds an end marker, a scan with an escaped 0xFF
    /// and a restart, and the end.
    const FILE: [u8; 26] = [
        0xFF, 0xD8, 0xFF, 0xFE, 0, 6, 0xFF, 0xD9, 1, 2, 0xFF, 0xDA, 0, 3, 9, 7, 0xFF, 0, 8, 0xFF,
        0xD0, 5, 0xFF, 0xFF, 0xD9, 0,
    ];

    #[test]
    fn a_file_is_complete_from_its_end_marker_on() {
        for length in 0..=FILE.len() {
            assert_eq!(is_complete(&FILE[..length]), length >= 25, "{length} bytes");
        }
    }
}
