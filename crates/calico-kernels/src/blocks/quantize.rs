//! Numbers become blocks of GGUF.

use half::f16;
use rayon::prelude::*;

use super::format::BlockFormat;
use super::gguf;
use super::parts::Parts;
use super::search::{self, Affine, Sample};
use crate::simd::{self, Job, Simd};
use crate::{KernelError, Kernels};

/// Blocks that one thread quantises at a time.
const BLOCKS_AT_ONCE: usize = 64;

impl Kernels {
    /// Quantises values into blocks of GGUF, in the order of the values.
    ///
    /// Scales and mins are those among several candidates that leave the smallest squared error,
    /// in which large values count more: error² · (1 + |value| / root mean square of the block).
    /// `Q8_0` is to the byte what the package `gguf` makes of the same values.
    /// Every level writes the same bytes.
    ///
    /// # Errors
    /// If blocks do not divide the number of values, or a value is not finite or larger than the
    /// format can hold.
    pub fn quantize(self, format: BlockFormat, values: &[f32]) -> Result<Vec<u8>, KernelError> {
        let (block_values, block_bytes) = (format.block_values(), format.block_bytes());
        let mut gguf = vec![0; format.gguf_len(values.len())?];
        let most = format.largest();
        // What is not a number is not within either.
        let within = |value: &f32| value.abs() <= most;
        if let Some(index) = values.iter().position(|value| !within(value)) {
            return Err(KernelError::Value { index, value: values[index], most });
        }
        let parts = values.par_chunks(block_values * BLOCKS_AT_ONCE);
        let bytes = gguf.par_chunks_mut(block_bytes * BLOCKS_AT_ONCE);
        parts.zip(bytes).for_each(|(values, to)| {
            simd::run(self.level(), Blocks { format, values, to });
        });
        Ok(gguf)
    }
}

/// Some blocks.
struct Blocks<'a> {
    format: BlockFormat,
    values: &'a [f32],
    to: &'a mut [u8],
}

impl Job for Blocks<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let values = self.values.chunks_exact(self.format.block_values());
        for (values, to) in values.zip(self.to.chunks_exact_mut(self.format.block_bytes())) {
            let parts = match self.format {
                BlockFormat::Q4K => with_mins(s, values, 15.0),
                BlockFormat::Q5K => with_mins(s, values, 31.0),
                BlockFormat::Q6K => without_mins(s, values),
                BlockFormat::Q8_0 => of_8(values),
            };
            gguf::write(self.format, &parts, to);
        }
    }
}

/// A superblock with scales and mins of 6 bits, and codes up to `top`.
#[inline(always)]
fn with_mins<S: Simd>(s: S, values: &[f32], top: f32) -> Parts {
    let mut parts = Parts::ZERO;
    let Some(weights) = importance(values) else { return parts };
    let mut fits = [Affine { scale: 0.0, min: 0.0 }; 8];
    let (mut scale, mut min) = (0.0_f32, 0.0_f32);
    for (i, fit) in fits.iter_mut().enumerate() {
        *fit = search::affine(Sample::new(s, values, &weights, i), top);
        (scale, min) = (scale.max(fit.scale), min.max(fit.min));
    }
    let (d, dmin) = (half(scale / 63.0), half(min / 63.0));
    (parts.d, parts.dmin) = (d.to_bits(), dmin.to_bits());
    let (d, dmin) = (d.to_f32(), dmin.to_f32());
    for (i, &fit) in fits.iter().enumerate() {
        let sample = Sample::new(s, values, &weights, i);
        let [scale, min] = search::nearby(sample, [d, dmin], fit, top);
        (parts.scales[i], parts.mins[i]) = (scale, min);
        let fit = Affine { scale: d * f32::from(scale), min: dmin * f32::from(min) };
        let inverse = fit.inverse();
        for (code, &value) in parts.codes[32 * i..].iter_mut().zip(&values[32 * i..][..32]) {
            *code = search::code((value + fit.min) * inverse, (0.0, top)) as u8;
        }
    }
    parts
}

/// A superblock with scales of 8 bits, and codes from -32 to 31, of which 32 more are stored.
#[inline(always)]
fn without_mins<S: Simd>(s: S, values: &[f32]) -> Parts {
    let mut parts = Parts { codes: [32; 256], ..Parts::ZERO };
    let Some(weights) = importance(values) else { return parts };
    let mut scales = [0.0_f32; 16];
    for (i, scale) in scales.iter_mut().enumerate() {
        *scale = search::symmetric(Sample::new(s, values, &weights, i));
    }
    let d = half(scales.iter().fold(0.0_f32, |most, scale| most.max(scale.abs())) / 127.0);
    parts.d = d.to_bits();
    let d = d.to_f32();
    if d == 0.0 {
        return parts;
    }
    for (i, scale) in scales.into_iter().enumerate() {
        let scale = search::code(scale / d, (-127.0, 127.0));
        parts.scales[i] = scale as i8 as u8;
        let inverse = if scale == 0.0 { 0.0 } else { 1.0 / (d * scale) };
        for (code, &value) in parts.codes[16 * i..].iter_mut().zip(&values[16 * i..][..16]) {
            *code = (search::code(value * inverse, (-32.0, 31.0)) + 32.0) as u8;
        }
    }
    parts
}

/// A block with one scale: exactly what the package `gguf` computes, whose codes go with the scale
/// before it is rounded, and halves away from zero.
#[inline(always)]
fn of_8(values: &[f32]) -> Parts {
    let mut parts = Parts::ZERO;
    let peak = values.iter().fold(0.0_f32, |peak, value| peak.max(value.abs()));
    let d = peak / 127.0;
    let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
    parts.d = half(d).to_bits();
    for (code, &value) in parts.codes.iter_mut().zip(values) {
        *code = (value * inverse).round() as i8 as u8;
    }
    parts
}

/// How much an error of each value counts; none if all are zero or too small to have a square.
#[inline(always)]
fn importance(values: &[f32]) -> Option<[f32; 256]> {
    let mut squares = [0.0_f32; 8];
    for values in values.as_chunks::<8>().0 {
        for (square, value) in squares.iter_mut().zip(values) {
            *square += value * value;
        }
    }
    let mean = squares.iter().sum::<f32>() / values.len() as f32;
    if mean < f32::MIN_POSITIVE {
        return None;
    }
    let inverse = 1.0 / mean.sqrt();
    let mut weights = [0.0; 256];
    for (weight, value) in weights.iter_mut().zip(values) {
        *weight = 1.0 + value.abs() * inverse;
    }
    Some(weights)
}

/// The nearest finite number of 16 bits.
fn half(value: f32) -> f16 {
    f16::from_f32(value).min(f16::MAX)
}
