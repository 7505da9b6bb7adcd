use crate::{BoundingBox, ImageError, Mask, Size};

/// A mask in COCO's run-length code: the lengths of alternating background and foreground
/// runs, down the columns, beginning with background.
///
/// The runs always cover the size exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rle {
    size: Size,
    counts: Vec<u32>,
}

impl Rle {
    /// The code of a mask.
    pub fn from_mask(mask: &Mask) -> Self {
        let size = mask.size();
        let (height, width) = (size.height as usize, size.width as usize);
        let bits = mask.bits();
        let mut counts = Vec::new();
        let (mut value, mut run) = (false, 0_u32);
        for x in 0..width {
            for bit in (0..height).map(|y| bits[y * width + x]) {
                if bit != value {
                    counts.push(run);
                    (value, run) = (bit, 0);
                }
                // A run too long for a count goes on after an empty run of the other value.
                if run == u32::MAX {
                    counts.extend([run, 0]);
                    run = 0;
                }
                run += 1;
            }
        }
        counts.push(run);
        Self { size, counts }
    }

    /// A code from its runs, which must cover `size` exactly.
    pub fn from_counts(size: Size, counts: Vec<u32>) -> Result<Self, ImageError> {
        let mut found = 0_u64;
        for &count in &counts {
            found += u64::from(count);
            if found > size.pixels() {
                break;
            }
        }
        if found == size.pixels() {
            Ok(Self { size, counts })
        } else {
            Err(ImageError::RunLength { size, found })
        }
    }

    /// A code from COCO's compressed ASCII form, the inverse of [`compressed`](Self::compressed).
    pub fn from_compressed(size: Size, text: &str) -> Result<Self, ImageError> {
        let bytes = text.as_bytes();
        let mut counts: Vec<u32> = Vec::new();
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

    /// The mask, or an error if it does not fit into memory.
    pub fn to_mask(&self) -> Result<Mask, ImageError> {
        let size = self.size;
        let (height, width) = (size.height as usize, size.width as usize);
        let mut bits = Vec::new();
        match bits.try_reserve_exact(size.pixels() as usize) {
            Ok(()) => bits.resize(size.pixels() as usize, false),
            Err(_) => return Err(ImageError::OutOfMemory { size }),
        }
        let (mut value, mut position) = (false, 0);
        for &count in &self.counts {
            let end = position + count as usize;
            if value {
                for position in position..end {
                    bits[position % height * width + position / height] = true;
                }
            }
            (value, position) = (!value, end);
        }
        Mask::new(size, bits)
    }

    /// Height and width of the mask.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The run lengths, in pixels: background, foreground, background and so on.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// Number of foreground pixels.
    pub fn area(&self) -> u64 {
        self.counts.iter().skip(1).step_by(2).map(|&count| u64::from(count)).sum()
    }

    /// The smallest rectangle around the foreground, or `None` if there is none; as that of the
    /// mask, without taking memory for its pixels.
    pub fn bounding_box(&self) -> Option<BoundingBox> {
        let height = u64::from(self.size.height);
        let (mut left, mut top, mut right, mut bottom) = (u64::MAX, u64::MAX, 0, 0);
        let mut end = 0;
        for (index, &count) in self.counts.iter().enumerate() {
            let start = end;
            end += u64::from(count);
            if index % 2 == 0 || count == 0 {
                continue;
            }
            let (first, last) = (start / height, (end - 1) / height);
            // A run that goes on in the next column meets the lower edge, and then the upper one.
            let (highest, lowest) =
                if first == last { (start % height, (end - 1) % height) } else { (0, height - 1) };
            (left, right) = (left.min(first), right.max(last));
            (top, bottom) = (top.min(highest), bottom.max(lowest));
        }
        (left <= right).then(|| BoundingBox {
            x: left as u32,
            y: top as u32,
            width: (right - left + 1) as u32,
            height: (bottom - top + 1) as u32,
        })
    }

    /// COCO's compressed ASCII form, to the letter what pycocotools writes (`rleToString`).
    ///
    /// Each number takes 5 bits per character, lowest first, with a bit for "more follow" and
    /// an offset of 48.
    pub fn compressed(&self) -> String {
        let mut text = String::new();
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
        let six = byte.checked_sub(OFFSET).filter(|&six| six < 64);
        let six = six.ok_or_else(|| bad("a character outside of `0` to `o`"))?;
        *at += 1;
        number |= i64::from(six & 0x1f) << (5 * digit);
        if six & MORE == 0 {
            let sign = if six & SIGN == 0 { 0 } else { -1 << (5 * (digit + 1)) };
            return Ok(number | sign);
        }
    }
    Err(ImageError::RunString { at: start, reason: "a number of more than 7 characters" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_go_down_the_columns_and_begin_with_background() {
        let bits = vec![true, false, false, true, true, false];
        let rle = Rle::from_mask(&Mask::new(Size::new(2, 3), bits).unwrap());
        assert_eq!(rle.counts(), [0, 2, 1, 1, 2]);
        assert_eq!(rle.area(), 3);
    }

    #[test]
    fn counts_that_lie_about_the_size_are_refused() {
        let size = Size::new(4, 5);
        for counts in [vec![], vec![19], vec![21], vec![u32::MAX; 9], vec![10, 10, 1]] {
            let error = Rle::from_counts(size, counts).unwrap_err();
            assert!(matches!(error, ImageError::RunLength { .. }));
        }
        assert_eq!(Rle::from_counts(size, vec![0, 20]).unwrap().area(), 20);
    }

    #[test]
    fn a_mask_beyond_all_memory_is_refused() {
        let size = Size::new(u32::MAX, u32::MAX);
        let rle = Rle { size, counts: Vec::new() };
        assert!(matches!(rle.to_mask(), Err(ImageError::OutOfMemory { .. })));
    }

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
