//! The framing of `TFRecord` files: length, data, and a checksum of each.
//!
//! A record is the length of its data as a little-endian `u64`, the masked CRC-32C of these eight
//! bytes, the data, and the masked CRC-32C of the data, both little-endian `u32`
//! (`tensorflow/core/lib/io/record_writer.h`).

/// A record around its data.
pub(super) fn framed(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(data.len() + 16);
    record.extend_from_slice(&length);
    record.extend_from_slice(&masked_checksum(&length).to_le_bytes());
    record.extend_from_slice(data);
    record.extend_from_slice(&masked_checksum(data).to_le_bytes());
    record
}

/// A CRC-32C turned by 15 bits, plus a constant: data that holds its own checksum has a bad one.
fn masked_checksum(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // RFC 3720 (iSCSI), appendix B.4, and the check value of the catalogue of CRCs.
        let rising: Vec<u8> = (0..32).collect();
        for (data, checksum) in [
            (&[0; 32][..], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (&rising, 0x46dd_794e),
            (b"123456789", 0xe306_9283),
        ] {
            assert_eq!(crc32c::crc32c(data), checksum, "{data:?}");
        }
    }

    #[test]
    fn an_empty_record_has_the_known_sixteen_bytes() {
        // CRC-32C of eight zeros is 0x8c28b28a: turned 0x6515_1851 + 0xa282_ead8 = 0x0798_0329.
        // That of nothing is 0.
        let expected = [0, 0, 0, 0, 0, 0, 0, 0, 0x29, 0x03, 0x98, 0x07, 0xd8, 0xea, 0x82, 0xa2];
        assert_eq!(framed(&[]), expected);
    }
}
