use rayon::prelude::*;

use crate::sizes::{self, PANEL};
use crate::{KernelError, Kernels, activation, simd};

/// Inner values that lie together in a panel.
pub(super) const QUAD: usize = 4;

/// Weights of 8 bits in the layout of the kernels.
#[derive(Debug, Clone, Copy)]
pub struct Q8Weights<'a> {
    outputs: usize,
    inner: usize,
    codes: &'a [u8],
    scales: &'a [f32],
}

impl<'a> Q8Weights<'a> {
    /// Weights that lie in memory already, `[outputs, inner]` before they were packed.
    ///
    /// # Errors
    /// If a size is 0 or too large, or a slice has another length than [`packed_len`] for the codes
    /// and `outputs` for the scales.
    pub fn new(
        outputs: usize,
        inner: usize,
        codes: &'a [u8],
        scales: &'a [f32],
    ) -> Result<Self, KernelError> {
        sizes::length("the slice of codes", codes.len(), packed_len(outputs, inner)?)?;
        sizes::length("the slice of scales", scales.len(), outputs)?;
        Ok(Self { outputs, inner, codes, scales })
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Inner width.
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// The codes in the layout of the kernels.
    pub fn codes(&self) -> &'a [u8] {
        self.codes
    }

    /// One scale per output.
    pub fn scales(&self) -> &'a [f32] {
        self.scales
    }

    /// The values that the codes stand for, code · scale, `[outputs, inner]`.
    pub fn dequantize(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.outputs * self.inner];
        let rows = values.par_chunks_mut(self.inner).zip(self.scales).enumerate();
        rows.for_each(|(output, (row, &scale))| {
            for (i, value) in row.iter_mut().enumerate() {
                *value = f32::from(self.codes[place(self.inner, output, i)] as i8) * scale;
            }
        });
        values
    }
}

/// Weights of 8 bits that own their memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Q8Packed {
    outputs: usize,
    inner: usize,
    codes: Vec<u8>,
    scales: Vec<f32>,
}

impl Q8Packed {
    /// The weights, to be multiplied.
    pub fn view(&self) -> Q8Weights<'_> {
        let Self { outputs, inner, .. } = *self;
        Q8Weights { outputs, inner, codes: &self.codes, scales: &self.scales }
    }

    /// The codes in the layout of the kernels, and one scale per output.
    pub fn into_parts(self) -> (Vec<u8>, Vec<f32>) {
        (self.codes, self.scales)
    }
}

/// Bytes of the packed codes of `[outputs, inner]` weights.
///
/// # Errors
/// If a size is 0 or too large.
pub fn packed_len(outputs: usize, inner: usize) -> Result<usize, KernelError> {
    sizes::shape(outputs, inner)?;
    let most = usize::MAX - PANEL;
    if outputs > most {
        return Err(KernelError::TooLarge { what: "the number of outputs", found: outputs, most });
    }
    let (outputs, inner) = (outputs.next_multiple_of(PANEL), inner.next_multiple_of(QUAD));
    sizes::product("the size of the packed weights", &[outputs, inner])
}

/// Where the code of an output and an inner place lies.
fn place(inner: usize, output: usize, i: usize) -> usize {
    let quads = inner.div_ceil(QUAD);
    ((output / PANEL * quads + i / QUAD) * PANEL + output % PANEL) * QUAD + i % QUAD
}

/// Brings codes `[outputs, inner]` into the layout of the kernels.
///
/// # Errors
/// If a size is 0 or too large, or `codes` has another length.
pub fn pack(codes: &[i8], outputs: usize, inner: usize) -> Result<Vec<u8>, KernelError> {
    let mut packed = vec![0; checked_len("the slice of codes", codes.len(), outputs, inner)?];
    let panel_bytes = inner.div_ceil(QUAD) * QUAD * PANEL;
    let panels = packed.par_chunks_mut(panel_bytes).zip(codes.par_chunks(inner * PANEL));
    panels.for_each(|(panel, rows)| {
        for (o, row) in rows.chunks(inner).enumerate() {
            for (i, &code) in row.iter().enumerate() {
                panel[place(inner, o, i)] = code as u8;
            }
        }
    });
    Ok(packed)
}

/// The codes of packed weights, `[outputs, inner]`: the way back of [`pack`].
pub fn unpack(weights: &Q8Weights<'_>) -> Vec<i8> {
    let inner = weights.inner;
    let mut codes = vec![0; weights.outputs * inner];
    codes.par_chunks_mut(inner).enumerate().for_each(|(output, row)| {
        for (i, code) in row.iter_mut().enumerate() {
            *code = weights.codes[place(inner, output, i)] as i8;
        }
    });
    codes
}

impl Kernels {
    /// Quantises weights `[outputs, inner]`, each output with the scale `peak / 127`, where the
    /// peak is its largest magnitude.
    ///
    /// # Errors
    /// If a size is 0 or too large, `weights` has another length, or a value is not finite.
    pub fn q8_quantize(
        self,
        weights: &[f32],
        outputs: usize,
        inner: usize,
    ) -> Result<Q8Packed, KernelError> {
        checked_len("the slice of weights", weights.len(), outputs, inner)?;
        if let Some(index) = weights.iter().position(|weight| !weight.is_finite()) {
            let value = weights[index];
            return Err(KernelError::Value { index, value, most: f32::MAX });
        }
        let (mut codes, mut scales) = (vec![0_i8; weights.len()], vec![0.0; outputs]);
        let rows = codes.par_chunks_mut(inner).zip(weights.par_chunks(inner)).zip(&mut scales);
        rows.for_each(|((codes, values), scale)| {
            *scale = simd::run(self.level(), activation::Quantize { values, codes });
        });
        Ok(Q8Packed { outputs, inner, codes: pack(&codes, outputs, inner)?, scales })
    }
}

/// The number of packed bytes, if `found` is the number of values.
fn checked_len(
    what: &'static str,
    found: usize,
    outputs: usize,
    inner: usize,
) -> Result<usize, KernelError> {
    let packed = packed_len(outputs, inner)?;
    sizes::length(what, found, outputs * inner)?;
    Ok(packed)
}
