/// Whether a JPEG file reaches its end-of-image marker.
///
/// The decoder paints what is missing grey and reports success, so a download that broke off
/// would pass as a picture.
/// This walks over the segments, as their lengths say, and over the coded data between them;
/// an end marker within a segment, as in an embedded thumbnail, does not count.
pub(crate) fn is_complete(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some((marker, after)) = next_marker(rest) {
        rest = match marker {
            END_OF_IMAGE => return true,
            // These stand alone: temporary, restart and start of image.
            0x01 | 0xD0..=0xD8 => after,
            // All others begin a segment with its length, which counts itself.
            _ => match after {
                [high, low, ..] => {
                    let length = usize::from(u16::from_be_bytes([*high, *low]));
                    after.get(length..).unwrap_or_default()
                }
                _ => return false,
            },
        };
    }
    false
}

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
