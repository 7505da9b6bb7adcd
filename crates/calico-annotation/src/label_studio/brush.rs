//! The run-length code of brushes.
//!
//! A stream of bits, the highest of each byte first.
//! Its head is the number of values (32 bits), the bits of a value less one (5), and four widths
//! less one (4 each).
//! Blocks follow: a bit that says whether one value is repeated, which of the widths its length
//! has (2), the length less one in that width, and the value, or as many values as the length
//! says.
//! The values are red, green, blue and alpha of each pixel, row by row.
//! Source: `packages/rle-pack` of thi-ng/umbrella, and `converter/brush.py` of the Label Studio
//! SDK, whose bytes [`encode`] gives.

use calico_image::{Rle, Size};

use crate::window::Window;

/// Values per pixel.
const CHANNELS: u64 = 4;
/// Bits of a value.
const VALUE_BITS: u32 = 8;
/// Bits in which lengths are written, less one.
const WIDTHS: [u32; 4] = [3, 4, 8, 16];

/// The code of a mask: all four values of its pixels are 255, those of the others 0.
pub(super) fn encode(mask: &Rle) -> Vec<u8> {
    let size = mask.size();
    let mut bits = BitWriter::default();
    bits.push((size.pixels() * CHANNELS) as u32, 32);
    bits.push(VALUE_BITS - 1, 5);
    for width in WIDTHS {
        bits.push(width - 1, 4);
    }
    let runs = Window::around(mask).map_or(vec![size.pixels()], |it| it.image_runs(size));
    for (index, run) in runs.into_iter().enumerate() {
        let value = if index % 2 == 1 { 255 } else { 0 };
        let mut rest = run * CHANNELS;
        let narrowest = WIDTHS.iter().position(|width| rest <= 1 << width).unwrap_or(3);
        while rest > 0 {
            let length = rest.min(1 << WIDTHS[narrowest]);
            rest -= length;
            // A run of whole pixels is never a single value, so every block is a repetition.
            bits.push(0b100 | narrowest as u32, 3);
            bits.push((length - 1) as u32, WIDTHS[narrowest]);
            bits.push(value, VALUE_BITS);
        }
    }
    bits.finish()
}

/// The mask of a code: the pixels whose alpha value is not 0.
///
/// It takes memory for the pixels of `size`: check that before.
pub(super) fn decode(bytes: &[u8], size: Size) -> Result<Rle, String> {
    const END: &str = "the brush ends early";
    let mut bits = BitReader { bytes, at: 0 };
    let values = bits.read(32).ok_or(END)?;
    let expected = size.pixels() * CHANNELS;
    if u64::from(values) != expected {
        return Err(format!("the brush has {values} values, expected {expected} for {size}"));
    }
    let value_bits = bits.read(5).ok_or(END)? + 1;
    let mut widths = [0; 4];
    for width in &mut widths {
        *width = bits.read(4).ok_or(END)? + 1;
    }
    let mut window = Window::whole(size);
    let mut at = 0;
    while at < expected {
        let is_repeated = bits.read(1).ok_or(END)? == 1;
        let width = widths[bits.read(2).ok_or(END)? as usize];
        let end = at + u64::from(bits.read(width).ok_or(END)?) + 1;
        if end > expected {
            return Err(format!("the brush has more than {expected} values"));
        }
        if is_repeated {
            if bits.read(value_bits).ok_or(END)? != 0 {
                // The alpha values of this many pixels lie before the two ends.
                window.fill((at / CHANNELS) as usize, (end / CHANNELS) as usize);
            }
        } else {
            for at in at..end {
                let is_alpha = at % CHANNELS == CHANNELS - 1;
                if bits.read(value_bits).ok_or(END)? != 0 && is_alpha {
                    let pixel = (at / CHANNELS) as usize;
                    window.fill(pixel, pixel + 1);
                }
            }
        }
        at = end;
    }
    window.into_mask(size).map_err(|error| error.to_string())
}

#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    /// The bits of the next byte.
    pending: u32,
    count: u32,
}

impl BitWriter {
    /// Adds the lowest `width` bits of a number, the highest of them first.
    fn push(&mut self, number: u32, width: u32) {
        for place in (0..width).rev() {
            self.pending = self.pending << 1 | number >> place & 1;
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(self.pending as u8);
                (self.pending, self.count) = (0, 0);
            }
        }
    }

    /// Fills the last byte up; where there is nothing to fill, the SDK adds a byte.
    fn finish(mut self) -> Vec<u8> {
        self.push(0, 8 - self.count);
        self.bytes
    }
}

struct BitReader<'a> {
    bytes: &'a [u8],
    /// Position in bits.
    at: usize,
}

impl BitReader<'_> {
    /// The next `width` bits as a number, the highest first.
    fn read(&mut self, width: u32) -> Option<u32> {
        let mut number = 0;
        for _ in 0..width {
            let byte = self.bytes.get(self.at / 8)?;
            number = number << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sample;

    #[test]
    fn literal_blocks_and_other_widths_are_read() {
        // Two pixels of 3-bit values 0 0 0 5 and 7 7 7 0, the first as a literal block, the
        // second as a repetition of three and a literal of one, with lengths of 2 bits.
        let mut bits = BitWriter::default();
        bits.push(8, 32);
        bits.push(2, 5);
        for _ in 0..4 {
            bits.push(1, 4);
        }
        for (number, width) in [(0, 1), (0, 2), (3, 2), (0, 3), (0, 3), (0, 3), (5, 3)] {
            bits.push(number, width);
        }
        for (number, width) in [(1, 1), (3, 2), (2, 2), (7, 3), (0, 1), (1, 2), (0, 2), (0, 3)] {
            bits.push(number, width);
        }
        let size = Size::new(1, 2);
        assert_eq!(decode(&bits.finish(), size).unwrap(), sample::mask(size, [0, 0, 1, 1]));
    }

    #[test]
    fn a_code_of_another_size_and_one_with_too_many_values_are_refused() {
        let code = encode(&Rle::empty(Size::new(3, 3)));
        let error = decode(&code, Size::new(3, 4)).unwrap_err();
        assert_eq!(error, "the brush has 36 values, expected 48 for 4x3");
        let mut longer = code.clone();
        longer[..4].copy_from_slice(&32_u32.to_be_bytes());
        let error = decode(&longer, Size::new(2, 4)).unwrap_err();
        assert_eq!(error, "the brush has more than 32 values");
    }

    #[test]
    fn runs_beyond_the_widest_length_are_split() {
        let size = Size::new(400, 300);
        let mask = sample::mask(size, [0, 100, 300, 200]);
        let code = encode(&mask);
        assert!(code.len() < 60);
        assert_eq!(decode(&code, size).unwrap(), mask);
    }

    proptest! {
        #[test]
        fn a_mask_comes_back_from_its_code(mask in sample::masks()) {
            prop_assert_eq!(decode(&encode(&mask), mask.size()).unwrap(), mask);
        }

        #[test]
        fn a_cut_code_is_refused(mask in sample::masks(), share in 0.0..1.0) {
            let code = encode(&mask);
            // The last byte may be filling.
            let kept = ((code.len() - 1) as f64 * share) as usize;
            prop_assert!(decode(&code[..kept], mask.size()).is_err());
        }

        #[test]
        fn whatever_the_bytes_nothing_panics(
            mask in sample::masks(),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut code = encode(&mask);
            let at = at.index(code.len());
            code[at] = byte;
            let _ = decode(&code, mask.size());
        }
    }
}
