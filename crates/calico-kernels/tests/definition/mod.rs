//! Products of block formats as they are documented, one number after the other, with a reader of
//! GGUF's bits of its own.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use calico_kernels::blocks::BlockFormat;
use half::f16;

/// A block: one scale, one min and codes for each sub-block.
struct Block {
    d: f32,
    dmin: f32,
    sub_blocks: Vec<(i64, i64, Vec<i64>)>,
}

/// Where the numbers of 16 bits of a block lie.
pub(crate) fn halves(format: BlockFormat) -> &'static [usize] {
    match format {
        BlockFormat::Q4K | BlockFormat::Q5K => &[0, 2],
        BlockFormat::Q6K => &[208],
        BlockFormat::Q8_0 => &[0],
    }
}

fn half(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

fn bit(bytes: &[u8], at: usize, bits: u32) -> i64 {
    i64::from(bytes[at / 8] >> (at % 8)) & ((1 << bits) - 1)
}

fn read(format: BlockFormat, block: &[u8]) -> Block {
    let with_mins = |low: &[u8], high: &[u8]| {
        // Bits of the twelve bytes: 6-bit scales and mins 0..4 first, then the rest in pieces.
        let packed = &block[4..16];
        let sub_blocks = (0..8).map(|s| {
            let (scale, min) = if s < 4 {
                (bit(packed, 8 * s, 6), bit(packed, 8 * (s + 4), 6))
            } else {
                let piece = |byte: usize| bit(packed, 8 * byte + 6, 2) << 4;
                let rest = 8 * (s + 4);
                (bit(packed, rest, 4) + piece(s - 4), bit(packed, rest + 4, 4) + piece(s))
            };
            let codes = (0..32).map(|i| {
                let nibble = bit(low, 8 * (s / 2 * 32 + i) + s % 2 * 4, 4);
                nibble + if high.is_empty() { 0 } else { 16 * bit(high, 8 * i + s, 1) }
            });
            (scale, min, codes.collect())
        });
        Block { d: half(block, 0), dmin: half(block, 2), sub_blocks: sub_blocks.collect() }
    };
    match format {
        BlockFormat::Q4K => with_mins(&block[16..], &[]),
        BlockFormat::Q5K => with_mins(&block[48..], &block[16..48]),
        BlockFormat::Q6K => {
            let (low, high, scales) = (&block[..128], &block[128..192], &block[192..208]);
            let sub_blocks = (0..16).map(|s| {
                let codes = (16 * s..16 * s + 16).map(|i| {
                    // Four runs of 32 values in each half of the block.
                    let (half, run, i) = (i / 128, i % 128 / 32, i % 32);
                    let nibble = 8 * (half * 64 + run % 2 * 32 + i) + run / 2 * 4;
                    bit(low, nibble, 4) + 16 * bit(high, 8 * (half * 32 + i) + 2 * run, 2)
                });
                (i64::from(scales[s] as i8), 0, codes.collect())
            });
            Block { d: half(block, 208), dmin: 0.0, sub_blocks: sub_blocks.collect() }
        }
        BlockFormat::Q8_0 => {
            let codes = block[2..].iter().map(|&code| i64::from(code as i8)).collect();
            Block { d: half(block, 0), dmin: 0.0, sub_blocks: vec![(1, 0, codes)] }
        }
    }
}

/// Codes and scales of the activations of a row.
fn quantize(x: &[f32]) -> (Vec<i64>, Vec<f32>) {
    let (mut codes, mut scales) = (Vec::new(), Vec::new());
    for x in x.chunks(256) {
        let peak = x.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
        let inverse = if peak == 0.0 { 0.0 } else { 127.0 / peak };
        codes.extend(x.iter().map(|x| (x * inverse).round_ties_even() as i64));
        scales.push(if peak == 0.0 { 0.0 } else { peak / 127.0 });
    }
    (codes, scales)
}

/// `y` of `[outputs, inner]` weights in the bits of GGUF.
pub(crate) fn by_definition(
    format: BlockFormat,
    gguf: &[u8],
    inner: usize,
    x: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let float = |sum: i64| i32::try_from(sum).unwrap() as f32;
    let blocks: Vec<Block> =
        gguf.chunks(format.block_bytes()).map(|block| read(format, block)).collect();
    let mut all = Vec::new();
    for row in x.chunks(inner) {
        let (x, scales) = quantize(row);
        for (o, blocks) in blocks.chunks(inner / format.block_values()).enumerate() {
            let (mut y, mut place) = (0.0_f32, 0);
            for block in blocks {
                let dx = scales[place / 256];
                let (mut isum, mut msum, mut ssum) = (0, 0, 0);
                for (scale, min, codes) in &block.sub_blocks {
                    let x = &x[place..][..codes.len()];
                    isum += scale * codes.iter().zip(x).map(|(code, x)| code * x).sum::<i64>();
                    msum += min * x.iter().sum::<i64>();
                    ssum += scale * x.iter().sum::<i64>();
                    place += codes.len();
                }
                y += match format {
                    BlockFormat::Q4K | BlockFormat::Q5K => {
                        (block.d * dx) * float(isum) - (block.dmin * dx) * float(msum)
                    }
                    BlockFormat::Q6K => (block.d * dx) * float(isum - 32 * ssum),
                    BlockFormat::Q8_0 => (block.d * dx) * float(isum),
                };
            }
            all.push(bias.map_or(y, |bias| y + bias[o]));
        }
    }
    all
}
