//! Bilinear resizing on the CPU in f32: both axes in one pass, with the gradient.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::axis::Axis;
use crate::ops::cpu::{TASK, Values, by_pieces_of, tensor, values};

/// See [`super::bilinear`].
pub(super) fn bilinear(x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Bilinear { to: [height, width] })
}

struct Bilinear {
    /// Height and width of the result.
    to: [usize; 2],
}

impl CustomOp1 for Bilinear {
    fn name(&self) -> &'static str {
        "bilinear"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(storage, layout)?;
        let (samples, channels, height, width) = layout.shape().dims4()?;
        let [to_height, to_width] = self.to;
        let (rows, columns) = (Axis::new(height, to_height), Axis::new(width, to_width));
        let mut out = vec![0.0; samples * channels * to_height * to_width];
        by_lines(&mut out, to_width, |line, out, between| {
            let (plane, i) = (line / to_height, line % to_height);
            let row = |y: usize| &x[(plane * height + y) * width..][..width];
            between.resize(width, 0.0);
            let (low, high, fraction) = rows.places[i];
            if height == to_height {
                between.copy_from_slice(row(i));
            } else {
                let pairs = row(low).iter().zip(row(high));
                for (out, (low, high)) in between.iter_mut().zip(pairs) {
                    *out = low * (1.0 - fraction) + high * fraction;
                }
            }
            if width == to_width {
                out.copy_from_slice(between);
            } else {
                for (out, &(low, high, fraction)) in out.iter_mut().zip(&columns.places) {
                    *out = between[low] * (1.0 - fraction) + between[high] * fraction;
                }
            }
        });
        Ok((CpuStorage::F32(out), Shape::from((samples, channels, to_height, to_width))))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        if !x.track_op() {
            return Ok(None);
        }
        let (_, _, height, width) = x.dims4()?;
        let [to_height, to_width] = self.to;
        let grad = grad.contiguous()?;
        let grad = Values::of(&grad)?;
        let grad: &[f32] = &grad;
        let takers = Axis::new(height, to_height).transposed(height);
        let columns = Axis::new(width, to_width);
        let mut out = vec![0.0; x.elem_count()];
        by_lines(&mut out, width, |line, out, between| {
            let (plane, y) = (line / height, line % height);
            let row = |i: usize| &grad[(plane * to_height + i) * to_width..][..to_width];
            between.clear();
            between.resize(to_width, 0.0);
            if height == to_height {
                between.copy_from_slice(row(y));
            } else {
                for &(i, share) in &takers[y] {
                    between.iter_mut().zip(row(i)).for_each(|(sum, grad)| *sum += grad * share);
                }
            }
            if width == to_width {
                out.copy_from_slice(between);
            } else {
                for (grad, &(low, high, fraction)) in between.iter().zip(&columns.places) {
                    out[low] += grad * (1.0 - fraction);
                    out[high] += grad * fraction;
                }
            }
        });
        tensor(out, x.shape(), x).map(Some)
    }
}

/// Calls `work(number, line, room)` for every `width` values, on all cores; `room` is a buffer
/// that holds whatever an earlier line left there.
fn by_lines(out: &mut [f32], width: usize, work: impl Fn(usize, &mut [f32], &mut Vec<f32>) + Sync) {
    let width = width.max(1);
    by_pieces_of(
        out,
        width * (TASK / width).max(1),
        #[inline(always)]
        |range, out| {
            let mut room = Vec::new();
            for (i, line) in out.chunks_exact_mut(width).enumerate() {
                work(range.start / width + i, line, &mut room);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::super::composed;
    use super::*;

    fn wave(shape: &[usize], step: f32) -> Tensor {
        let data = (0..shape.iter().product()).map(|i: usize| (i as f32 * step).sin()).collect();
        Tensor::from_vec::<_, f32>(data, shape, &Device::Cpu).unwrap()
    }

    fn values(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    fn run(x: &Tensor, form: impl Fn(&Tensor) -> Result<Tensor>) -> [Vec<f32>; 2] {
        let x = Var::from_tensor(x).unwrap();
        let y = form(&x).unwrap();
        let loss = (&y * wave(y.dims(), 0.71)).unwrap().sum_all().unwrap();
        let gradients = loss.backward().unwrap();
        [values(&y), values(gradients.get(&x).unwrap())]
    }

    /// Up, down, both at once, one axis alone, to and from one pixel, and several tasks.
    const CASES: [([usize; 4], [usize; 2]); 9] = [
        ([2, 3, 5, 7], [10, 14]),
        ([1, 2, 8, 6], [4, 3]),
        ([1, 1, 5, 9], [7, 4]),
        ([1, 2, 5, 9], [5, 13]),
        ([1, 2, 5, 9], [8, 9]),
        ([1, 1, 4, 3], [1, 1]),
        ([1, 1, 1, 1], [3, 4]),
        ([1, 2, 5, 5], [5, 5]),
        ([1, 3, 64, 50], [171, 150]),
    ];

    #[test]
    fn the_one_pass_form_equals_the_composed_one_to_the_bit_and_in_its_gradient() {
        for (shape, [height, width]) in CASES {
            let x = wave(&shape, 0.37);
            let [y, gradient] = run(&x, |x| bilinear(x, height, width));
            let [want, want_gradient] = run(&x, |x| composed(x, height, width));
            assert_eq!(y, want, "{shape:?}");
            for (got, want) in gradient.iter().zip(&want_gradient) {
                assert!((got - want).abs() < 2e-5, "{shape:?}: {got} instead of {want}");
            }
        }
    }

    #[test]
    fn the_gradient_is_the_transpose() {
        // <resized x, y> = <x, transposed y>
        for (shape, [height, width]) in CASES {
            let x = wave(&shape, 0.37);
            let [y, gradient] = run(&x, |x| bilinear(x, height, width));
            let weights = values(&wave(&[shape[0], shape[1], height, width], 0.71));
            let dot = |a: &[f32], b: &[f32]| -> f64 {
                a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
            };
            let (out, back) = (dot(&y, &weights), dot(&values(&x), &gradient));
            assert!((out - back).abs() < 1e-4, "{shape:?}: {out} and {back}");
        }
    }

    #[test]
    fn two_runs_give_the_same_bits_and_what_does_not_learn_gets_no_gradient() {
        let x = wave(&[2, 3, 64, 50], 0.37);
        let once = || run(&x, |x| bilinear(x, 171, 150)).concat();
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        assert!(bits(once()) == bits(once()));
        assert!(!bilinear(&x, 171, 150).unwrap().track_op());
    }
}
