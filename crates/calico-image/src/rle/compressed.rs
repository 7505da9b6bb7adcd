use super::Rle;
use crate::{ImageError, Size};

impl Rle {
    /// A code from COCO's compressed ASCII form, the inverse of [`compressed`](Self::compressed).
    pub fn from_compressed(size: Size, text: &str) -> Result<Self, ImageError> {
        let bytes = text.as_bytes();
        // Each number has one character that does not announce another.
        let runs = bytes.iter().filter(|&&byte| byte.wrapping_sub(OFFSET) & MORE == 0).count();
        if runs > Self::MAX_RUNS {
            return Err(ImageError::TooManyRuns { found: runs as u64, most: Self::MAX_RUNS });
        }
        let mut counts: Vec<u32> = Vec::with_capacity(runs);
        let mut at = 0;
        while at < bytes.len() {
            let start = at;
            let difference = read_number(bytes, &mut at)?;
            // From the fourth run on, runs are stored as the difference to the one before last.
            let before = if counts.len() > 2 { counts[counts.len() - 2] } else { 0 };
            let count =
                u32::try_from(difference + i64::from(before)).or(Err(ImageError::RunString {
                    at: start,
                    reason: "a run below 0 or above 4294967295",
                }))?;
            counts.push(count);
        }
        Self::from_counts(size, counts)
    }

    /// COCO's compressed ASCII form, to the letter what pycocotools writes (`rleToString`).
    ///
    /// Each number takes 5 bits per character, lowest first, with a bit for "more follow" and
    /// an offset of 48.
    pub fn compressed(&self) -> String {
        let mut text = String::with_capacity(2 * self.counts.len());
        for (index, &count) in self.counts.iter().enumerate() {
            let before = if index > 2 { self.counts[index - 2] } else { 0 };
            let mut rest = i64::from(count) - i64::from(before);
            loop {
                let low = (rest & 0x1f) as u8;
                rest >>= 5;
                // The number is complete once only copies of its sign are left.
                let done = rest == if low & SIGN == 0 { 0 } else { -1 };
                text.push(char::from(OFFSET + if done { low } else { low | MORE }));
                if done {
                    break;
                }
            }
        }
        text
    }
}

/// What is added to 6 bits to make a printable character.
const OFFSET: u8 = 48;
/// The bit that says that the number goes on.
const MORE: u8 = 0x20;
/// The bit of the last character that holds the number's sign.
const SIGN: u8 = 0x10;
/// The most characters a difference of two runs needs: 33 bits in groups of 5.
const LONGEST: usize = 7;

/// Reads one number of a compressed code and moves `at` behind it.
fn read_number(bytes: &[u8], at: &mut usize) -> Result<i64, ImageError> {
    let start = *at;
    let mut number = 0_i64;
    for digit in 0..LONGEST {
        let bad = |reason| ImageError::RunString { at: start + digit, reason };
        let byte = bytes.get(*at).ok_or_else(|| bad("ends within a number"))?;
        let six = byte.wrapping_sub(OFFSET);
        if six > MORE | 0x1f {
            return Err(bad("a character outside of `0` to `o`"));
        }
        *at += 1;
        number |= i64::from(six & 0x1f) << (5 * digit);
        if six & MORE == 0 {
            // The sign is the highest of the bits that were read.
            let unused = 64 - 5 * (digit + 1);
            return Ok(number << unused >> unused);
        }
    }
    Err(ImageError::RunString { at: start, reason: "a number of more than 7 characters" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mask;

    #[test]
    fn broken_strings_are_refused_where_they_break() {
        let size = Size::new(4, 5);
        for (text, position) in [("P", 1), ("4~", 1), ("4/", 1), ("PPPPPPPPP", 0), ("O", 0)] {
            match Rle::from_compressed(size, text) {
                Err(ImageError::RunString { at, .. }) => assert_eq!(at, position, "{text}"),
                other => panic!("{text} gave {other:?}"),
            }
        }
    }

    #[test]
    fn a_mask_without_pixels_survives() {
        let mask = Mask::empty(Size::new(0, 7));
        let rle = Rle::from_mask(&mask);
        assert_eq!(Rle::from_compressed(mask.size(), &rle.compressed()).unwrap(), rle);
        assert_eq!(rle.to_mask().unwrap(), mask);
    }
}
