//! Attention over keys and values that are kept in 16 bits.

use calico_kernels::attention::{HalfRows, Rows};
use candle_core::{Device, Error, Result, Tensor};
use half::f16;
use half::slice::HalfFloatSliceExt as _;
use rayon::prelude::*;

use super::cpu::Values;
use super::{Attention, Bias, attention};
use crate::process::kernels;

/// Bytes of a number.
const BYTES: usize = 2;

/// From so many queries on, attention in f32 is faster, though all keys become f32 before it.
const SEVERAL: usize = 4;

/// The keys or the values of several heads in 16 bits (IEEE), to which positions can be added.
///
/// Magnitudes beyond 65,504, which the type cannot hold, become 65,504.
#[derive(Debug, Default)]
pub struct HalfHeads {
    /// Per sample and head the rows of all positions, little-endian.
    heads: Vec<Vec<u8>>,
    /// Samples, heads, and the width of a head.
    sizes: [usize; 3],
}

impl HalfHeads {
    /// Adds positions.
    ///
    /// # Shapes
    /// - `x`: `[B, N, T, K]`, f32 on the CPU
    ///
    /// # Errors
    /// If samples, heads or widths are not those of the positions before.
    pub fn append(&mut self, x: &Tensor) -> Result<()> {
        let (batch, heads, tokens, width) = x.dims4()?;
        let sizes = [batch, heads, width];
        if self.heads.is_empty() {
            self.heads = vec![Vec::new(); batch * heads];
            self.sizes = sizes;
        }
        if self.sizes != sizes {
            let found = x.dims();
            candle_core::bail!("positions {found:?} behind those of {:?}", self.sizes);
        }
        let x = x.contiguous()?;
        let x = Values::of(&x)?;
        let rows = x.par_chunks((tokens * width).max(1));
        self.heads.par_iter_mut().zip(rows).for_each(|(head, rows)| {
            let most = f16::MAX.to_f32();
            let rows: Vec<f32> = rows.iter().map(|value| value.clamp(-most, most)).collect();
            let mut halves = vec![f16::ZERO; rows.len()];
            halves.convert_from_f32_slice(&rows);
            let bits: &[u16] = halves.reinterpret_cast();
            head.extend(bits.iter().flat_map(|bits| bits.to_le_bytes()));
        });
        Ok(())
    }

    /// Forgets all positions from `len` on.
    pub fn truncate(&mut self, len: usize) {
        let [_, _, width] = self.sizes;
        for head in &mut self.heads {
            head.truncate(BYTES * width * len);
        }
    }

    /// Positions held.
    pub fn len(&self) -> usize {
        let [_, _, width] = self.sizes;
        self.heads.first().map_or(0, |head| head.len() / (BYTES * width.max(1)))
    }

    /// Whether no position is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All positions in f32, `[B, N, S, K]`.
    fn to_tensor(&self) -> Result<Tensor> {
        let ([batch, heads, width], len) = (self.sizes, self.len());
        let mut values = vec![0.0; batch * heads * len * width];
        let rows = values.par_chunks_mut((len * width).max(1));
        self.heads.par_iter().zip(rows).for_each(|(head, rows)| {
            let halves = head.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes));
            halves.collect::<Vec<f16>>().convert_to_f32_slice(rows);
        });
        Tensor::from_vec(values, (batch, heads, len, width), &Device::Cpu)
    }
}

/// Causal attention `softmax(scale · q kᵀ) v` of the last positions, whose keys and values were
/// added already. Nothing receives a gradient.
///
/// # Shapes
/// - `q`: `[B, N, T, K]`, as is the result; the heads of keys and values divide `N`
///
/// # Errors
/// If sizes do not fit together, or `q` is not f32 on the CPU.
pub fn half_attention(q: &Tensor, [k, v]: [&HalfHeads; 2], scale: f64) -> Result<Tensor> {
    let (batch, heads, queries, width) = q.dims4()?;
    let [samples, kv_heads, kv_width] = k.sizes;
    let fits = v.sizes == k.sizes && [samples, kv_width] == [batch, width] && kv_heads > 0;
    if !fits || heads % kv_heads != 0 {
        let (q, sizes) = (q.dims(), k.sizes);
        candle_core::bail!("attention: queries {q:?} for samples, heads and width {sizes:?}");
    }
    if queries >= SEVERAL {
        let (k, v) = (k.to_tensor()?, v.to_tensor()?);
        return attention(&Attention { q, k: &k, v: &v, scale, bias: Bias::Causal });
    }
    let q = q.contiguous()?;
    let values = Values::of(&q)?;
    let mut out = vec![0.0; values.len()];
    let per_head = (queries * width).max(1);
    let tasks = out.par_chunks_mut(per_head).zip(values.par_chunks(per_head)).enumerate();
    tasks
        .try_for_each(|(index, (out, q))| {
            let (sample, head) = (index / heads, index % heads);
            let kv = sample * kv_heads + head / (heads / kv_heads);
            let q = Rows::new(q, [queries, width], width)?;
            let k = HalfRows::new(&k.heads[kv], width)?;
            let operands = [k, HalfRows::new(&v.heads[kv], width)?];
            kernels().attention_of_half(q, operands, scale as f32, out)
        })
        .map_err(Error::wrap)?;
    Tensor::from_vec(out, (batch, heads, queries, width), &Device::Cpu)
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;

    fn wave(shape: [usize; 4], step: f32) -> Tensor {
        let values = (0..shape.iter().product()).map(|i| (i as f32 * step).sin()).collect();
        Tensor::from_vec(values, shape.to_vec(), &Device::Cpu).unwrap()
    }

    #[test]
    fn what_is_kept_in_16_bits_is_attended_to_as_its_numbers_are() {
        let (k, v) = (wave([2, 2, 9, 20], 0.37), wave([2, 2, 9, 20], 0.71));
        let rounded = |x: &Tensor| x.to_dtype(DType::F16).unwrap().to_dtype(DType::F32).unwrap();
        let [mut keys, mut values] = [HalfHeads::default(), HalfHeads::default()];
        for (start, count) in [(0, 5), (5, 1), (6, 3)] {
            keys.append(&k.narrow(2, start, count).unwrap()).unwrap();
            values.append(&v.narrow(2, start, count).unwrap()).unwrap();
        }
        assert_eq!(keys.len(), 9);
        for queries in [1, 3, 6] {
            let q = wave([2, 4, queries, 20], 0.53);
            let got = half_attention(&q, [&keys, &values], 0.3).unwrap();
            let (k, v) = (rounded(&k), rounded(&v));
            let call = Attention { q: &q, k: &k, v: &v, scale: 0.3, bias: Bias::Causal };
            let want = attention(&call).unwrap();
            let flat = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            for (got, want) in flat(&got).iter().zip(flat(&want)) {
                assert!((got - want).abs() < 1e-5, "{queries}: {got} {want}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_large_values_stay_finite() {
        let mut heads = HalfHeads::default();
        heads.append(&(wave([1, 2, 3, 4], 0.1) * 1e9).unwrap()).unwrap();
        let all = heads.to_tensor().unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(all.iter().all(|value| value.is_finite()));
        assert!(heads.append(&wave([1, 2, 3, 5], 0.1)).is_err());
        for q in [wave([1, 3, 1, 4], 0.1), wave([2, 2, 1, 4], 0.1), wave([1, 2, 1, 5], 0.1)] {
            assert!(half_attention(&q, [&heads, &heads], 1.0).is_err());
        }
        assert!(
            half_attention(&wave([1, 2, 1, 4], 0.1), [&heads, &HalfHeads::default()], 1.0).is_err()
        );
    }
}
