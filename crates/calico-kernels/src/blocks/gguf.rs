//! The bits of GGUF, as ggml-quants of llama.cpp defines them.

use half::f16;
use rayon::prelude::*;

use super::format::BlockFormat;
use super::parts::Parts;
use crate::{KernelError, sizes};

/// Takes a block of GGUF apart.
pub(super) fn read(format: BlockFormat, block: &[u8]) -> Parts {
    let mut parts = Parts::ZERO;
    match format {
        BlockFormat::Q4K => {
            read_scales(block, &mut parts);
            read_nibbles(&block[16..144], &mut parts.codes);
        }
        BlockFormat::Q5K => {
            read_scales(block, &mut parts);
            read_nibbles(&block[48..176], &mut parts.codes);
            for (i, code) in parts.codes.iter_mut().enumerate() {
                *code |= (block[16 + i % 32] >> (i / 32) & 1) << 4;
            }
        }
        BlockFormat::Q6K => {
            for (i, code) in parts.codes.iter_mut().enumerate() {
                let (low, high) = six_bits(i);
                *code = (block[low.0] >> low.1 & 0x0f) | ((block[high.0] >> high.1 & 3) << 4);
            }
            parts.scales.copy_from_slice(&block[192..208]);
            parts.d = u16::from_le_bytes([block[208], block[209]]);
        }
        BlockFormat::Q8_0 => {
            parts.d = u16::from_le_bytes([block[0], block[1]]);
            parts.codes[..32].copy_from_slice(&block[2..34]);
        }
    }
    parts
}

/// Puts a block of GGUF together: the way back of [`read`].
pub(super) fn write(format: BlockFormat, parts: &Parts, block: &mut [u8]) {
    block.fill(0);
    match format {
        BlockFormat::Q4K => {
            write_scales(parts, block);
            write_nibbles(&parts.codes, &mut block[16..144]);
        }
        BlockFormat::Q5K => {
            write_scales(parts, block);
            write_nibbles(&parts.codes, &mut block[48..176]);
            for (i, code) in parts.codes.iter().enumerate() {
                block[16 + i % 32] |= (code >> 4 & 1) << (i / 32);
            }
        }
        BlockFormat::Q6K => {
            for (i, code) in parts.codes.iter().enumerate() {
                let (low, high) = six_bits(i);
                block[low.0] |= (code & 0x0f) << low.1;
                block[high.0] |= (code >> 4 & 3) << high.1;
            }
            block[192..208].copy_from_slice(&parts.scales);
            block[208..210].copy_from_slice(&parts.d.to_le_bytes());
        }
        BlockFormat::Q8_0 => {
            block[..2].copy_from_slice(&parts.d.to_le_bytes());
            block[2..34].copy_from_slice(&parts.codes[..32]);
        }
    }
}

/// `d`, `dmin`, and eight scales and mins of 6 bits in 12 bytes: the first four of each in the
/// lower bits of a byte, the others in halves of bytes and the upper bits that are left.
fn read_scales(block: &[u8], parts: &mut Parts) {
    parts.d = u16::from_le_bytes([block[0], block[1]]);
    parts.dmin = u16::from_le_bytes([block[2], block[3]]);
    let packed = &block[4..16];
    for i in 0..4 {
        let (scale, min, rest) = (packed[i], packed[i + 4], packed[i + 8]);
        parts.scales[i] = scale & 63;
        parts.mins[i] = min & 63;
        parts.scales[i + 4] = (rest & 0x0f) | (scale >> 6 << 4);
        parts.mins[i + 4] = (rest >> 4) | (min >> 6 << 4);
    }
}

fn write_scales(parts: &Parts, block: &mut [u8]) {
    block[..2].copy_from_slice(&parts.d.to_le_bytes());
    block[2..4].copy_from_slice(&parts.dmin.to_le_bytes());
    let packed = &mut block[4..16];
    for i in 0..4 {
        let (scale, min) = (parts.scales[i + 4], parts.mins[i + 4]);
        packed[i] = parts.scales[i] & 63 | scale >> 4 << 6;
        packed[i + 4] = parts.mins[i] & 63 | min >> 4 << 6;
        packed[i + 8] = scale & 0x0f | min << 4;
    }
}

/// Codes of 4 bits: for each 64 values 32 bytes, the first half of them in the lower bits.
fn read_nibbles(bytes: &[u8], codes: &mut [u8; 256]) {
    for (bytes, codes) in bytes.chunks_exact(32).zip(codes.chunks_exact_mut(64)) {
        let (low, high) = codes.split_at_mut(32);
        for ((byte, low), high) in bytes.iter().zip(low).zip(high) {
            (*low, *high) = (byte & 0x0f, byte >> 4);
        }
    }
}

fn write_nibbles(codes: &[u8; 256], bytes: &mut [u8]) {
    for (bytes, codes) in bytes.chunks_exact_mut(32).zip(codes.chunks_exact(64)) {
        let (low, high) = codes.split_at(32);
        for ((byte, low), high) in bytes.iter_mut().zip(low).zip(high) {
            *byte = low & 0x0f | high << 4;
        }
    }
}

/// Where a code of 6 bits lies: byte and shift of its lower four bits, and of its upper two.
fn six_bits(i: usize) -> ((usize, usize), (usize, usize)) {
    // For each 128 values 64 bytes of lower and 32 bytes of upper bits.
    let (half, i) = (i / 128, i % 128);
    ((half * 64 + i % 64, i / 64 * 4), (128 + half * 32 + i % 32, i / 32 * 2))
}

/// The values of blocks of GGUF, to the bit those of the package `gguf`.
///
/// # Errors
/// If the bytes are not a whole number of blocks.
pub fn dequantize(format: BlockFormat, gguf: &[u8]) -> Result<Vec<f32>, KernelError> {
    let (bytes, values) = (format.block_bytes(), format.block_values());
    let blocks = gguf.len() / bytes;
    sizes::length("the slice of blocks", gguf.len(), blocks * bytes)?;
    let mut all = vec![0.0; sizes::product("the number of values", &[blocks, values])?];
    let work = all.par_chunks_exact_mut(values).zip(gguf.par_chunks_exact(bytes));
    work.for_each(|(values, block)| write_values(format, &read(format, block), values));
    Ok(all)
}

/// The values of one block.
fn write_values(format: BlockFormat, parts: &Parts, values: &mut [f32]) {
    let (d, dmin) = (f16::from_bits(parts.d).to_f32(), f16::from_bits(parts.dmin).to_f32());
    for (i, value) in values.iter_mut().enumerate() {
        let code = parts.codes[i];
        *value = match format {
            BlockFormat::Q4K | BlockFormat::Q5K => {
                let (scale, min) = (f32::from(parts.scales[i / 32]), f32::from(parts.mins[i / 32]));
                (d * scale) * f32::from(code) - dmin * min
            }
            BlockFormat::Q6K => {
                let scale = f32::from(parts.scales[i / 16] as i8);
                (d * scale) * (f32::from(code) - 32.0)
            }
            BlockFormat::Q8_0 => f32::from(code as i8) * d,
        };
    }
}
