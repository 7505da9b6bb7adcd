//! The layout of the kernels: blocks of sixteen outputs together.

use rayon::prelude::*;

use super::format::BlockFormat;
use super::parts::Parts;
use super::weights::BlockWeights;
use super::{gguf, kernel};
use crate::sizes::PANEL;
use crate::{KernelError, sizes};

/// Brings weights `[outputs, inner]` from the bits of GGUF into the layout of the kernels.
///
/// # Errors
/// If a size is 0 or too large, blocks do not divide the inner width, or `gguf` has another length.
pub fn repack(
    format: BlockFormat,
    outputs: usize,
    inner: usize,
    gguf: &[u8],
) -> Result<Vec<u8>, KernelError> {
    let mut packed = vec![0; format.packed_len(outputs, inner)?];
    let row = format.gguf_len(inner)?;
    let expected = sizes::product("the size of the weights", &[outputs, row])?;
    sizes::length("the slice of blocks", gguf.len(), expected)?;
    let panel = format.blocks(inner)? * format.panel_block_bytes();
    packed.par_chunks_mut(panel).zip(gguf.par_chunks(row * PANEL)).for_each(|(panel, rows)| {
        let blocks = panel.chunks_exact_mut(format.panel_block_bytes());
        for (index, block) in blocks.enumerate() {
            for (o, row) in rows.chunks_exact(row).enumerate() {
                let from = &row[index * format.block_bytes()..][..format.block_bytes()];
                write(format, &gguf::read(format, from), Output(o), block);
            }
        }
    });
    Ok(packed)
}

/// The bits of GGUF of weights, `[outputs, inner]`: the way back of [`repack`].
pub fn unpack(weights: &BlockWeights<'_>) -> Vec<u8> {
    let format = weights.format();
    let (bytes, panel_bytes) = (format.block_bytes(), format.panel_block_bytes());
    let blocks = weights.inner() / format.block_values();
    let mut gguf = vec![0; weights.outputs() * blocks * bytes];
    let rows = gguf.par_chunks_exact_mut(blocks * bytes).enumerate();
    rows.for_each(|(output, row)| {
        let panel = &weights.bytes()[output / PANEL * blocks * panel_bytes..];
        for (to, block) in row.chunks_exact_mut(bytes).zip(panel.chunks_exact(panel_bytes)) {
            gguf::write(format, &read(format, Output(output % PANEL), block), to);
        }
    });
    gguf
}

/// Where things of one output lie in a block of a panel.
#[derive(Debug, Clone, Copy)]
struct Output(usize);

impl Output {
    /// One of the numbers of 16 bits, or a code of `Q8_0` or a pair of scales: `[..][16][width]`.
    fn at(self, field: usize, index: usize, width: usize) -> usize {
        field + (index / width * PANEL + self.0) * width + index % width
    }

    /// Byte and shift of the lower four bits of a code, with so many lines for 32 values.
    fn low(self, i: usize, lines: usize) -> (usize, usize) {
        let (unit, pair, quad) = (i / 32, i / 8 % 4, i / 4 % 2);
        (self.line((unit + 1) * lines - 4 + pair, i), quad * 4)
    }

    /// Byte and shift of the upper bit of a code of `Q5_K`.
    fn fifth(self, i: usize) -> (usize, usize) {
        (self.line(i / 32 * kernel::LINES_5, i), i / 4 % 8)
    }

    /// Byte and shift of the upper two bits of a code of `Q6_K`.
    fn sixth(self, i: usize) -> (usize, usize) {
        (self.line(i / 32 * kernel::LINES_6 + i / 16 % 2, i), i / 4 % 4 * 2)
    }

    /// The byte of an inner value in a line of 64 bytes.
    fn line(self, line: usize, i: usize) -> usize {
        self.at(kernel::CODES, line * 4 + i % 4, 4)
    }
}

/// Adds the block of one output to a block of a panel that is zero there.
fn write(format: BlockFormat, parts: &Parts, output: Output, block: &mut [u8]) {
    for (i, byte) in parts.d.to_le_bytes().into_iter().enumerate() {
        block[output.at(kernel::D, i, 2)] = byte;
    }
    if format == BlockFormat::Q8_0 {
        for (i, &code) in parts.codes[..32].iter().enumerate() {
            block[output.at(kernel::CODES_8, i, 4)] = code;
        }
        return;
    }
    for (i, byte) in parts.dmin.to_le_bytes().into_iter().enumerate() {
        block[output.at(kernel::DMIN, i, 2)] = byte;
    }
    let (scales, mins, lines) = fields(format);
    for (i, &scale) in parts.scales[..scales].iter().enumerate() {
        block[output.at(kernel::SCALES, i, 2)] = scale;
    }
    for (i, &min) in parts.mins[..mins].iter().enumerate() {
        block[output.at(kernel::MINS, i, 2)] = min;
    }
    for (i, &code) in parts.codes.iter().enumerate() {
        let (at, shift) = output.low(i, lines);
        block[at] |= (code & 0x0f) << shift;
        match format {
            BlockFormat::Q5K => {
                let (at, shift) = output.fifth(i);
                block[at] |= (code >> 4 & 1) << shift;
            }
            BlockFormat::Q6K => {
                let (at, shift) = output.sixth(i);
                block[at] |= (code >> 4 & 3) << shift;
            }
            BlockFormat::Q4K | BlockFormat::Q8_0 => {}
        }
    }
}

/// Takes the block of one output out of a block of a panel.
fn read(format: BlockFormat, output: Output, block: &[u8]) -> Parts {
    let mut parts = Parts::ZERO;
    let half = |field| u16::from_le_bytes([0, 1].map(|i| block[output.at(field, i, 2)]));
    parts.d = half(kernel::D);
    if format == BlockFormat::Q8_0 {
        for (i, code) in parts.codes[..32].iter_mut().enumerate() {
            *code = block[output.at(kernel::CODES_8, i, 4)];
        }
        return parts;
    }
    parts.dmin = half(kernel::DMIN);
    let (scales, mins, lines) = fields(format);
    for (i, scale) in parts.scales[..scales].iter_mut().enumerate() {
        *scale = block[output.at(kernel::SCALES, i, 2)];
    }
    for (i, min) in parts.mins[..mins].iter_mut().enumerate() {
        *min = block[output.at(kernel::MINS, i, 2)];
    }
    for (i, code) in parts.codes.iter_mut().enumerate() {
        let (at, shift) = output.low(i, lines);
        *code = block[at] >> shift & 0x0f;
        match format {
            BlockFormat::Q5K => {
                let (at, shift) = output.fifth(i);
                *code |= (block[at] >> shift & 1) << 4;
            }
            BlockFormat::Q6K => {
                let (at, shift) = output.sixth(i);
                *code |= (block[at] >> shift & 3) << 4;
            }
            BlockFormat::Q4K | BlockFormat::Q8_0 => {}
        }
    }
    parts
}

/// The number of scales and of mins of a block, and of lines for 32 codes.
fn fields(format: BlockFormat) -> (usize, usize, usize) {
    match format {
        BlockFormat::Q4K => (8, 8, kernel::LINES_4),
        BlockFormat::Q5K => (8, 8, kernel::LINES_5),
        BlockFormat::Q6K => (16, 0, kernel::LINES_6),
        BlockFormat::Q8_0 => (0, 0, 0),
    }
}
