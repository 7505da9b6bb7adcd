use candle_core::{Device, Result, Tensor, Var};

use super::masks::Masks;
use super::*;

fn wave(shape: &[usize], step: f32, height: f32) -> Tensor {
    let len = shape.iter().product::<usize>();
    let data = (0..len).map(|i| (i as f32 * step).sin() * height).collect::<Vec<_>>();
    Tensor::from_vec(data, shape, &Device::Cpu).unwrap()
}

/// Masks of zeros and ones.
fn mask(shape: &[usize], step: f32) -> Tensor {
    let wave = wave(shape, step, 1.0);
    wave.gt(0.2).unwrap().to_dtype(candle_core::DType::F32).unwrap()
}

fn values(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

/// The loss, and the gradient of its weighted sum.
fn run(logits: &Tensor, loss: impl Fn(&Tensor) -> Result<Tensor>) -> [Vec<f32>; 2] {
    let logits = Var::from_tensor(logits).unwrap();
    let loss = loss(&logits).unwrap();
    let weights = wave(loss.dims(), 0.9, 1.0).affine(1.0, 1.5).unwrap();
    let gradients = (&loss * weights).unwrap().sum_all().unwrap().backward().unwrap();
    [values(&loss), values(gradients.get(&logits).expect("a gradient"))]
}

/// Within 1e-5 of the largest value.
fn close(name: &str, got: &[Vec<f32>; 2], want: &[Vec<f32>; 2]) {
    for (got, want) in got.iter().zip(want) {
        assert_eq!(got.len(), want.len(), "{name}");
        let largest = want.iter().fold(1e-20f32, |a, b| a.max(b.abs()));
        for (got, want) in got.iter().zip(want) {
            let error = (got - want).abs();
            assert!(error <= 1e-5 * largest, "{name}: {got} instead of {want}, of {largest}");
        }
    }
}

type MaskLoss = fn(&Tensor, &Tensor) -> Result<Tensor>;

/// The fused and the composed form of every loss of masks.
fn mask_losses() -> [(&'static str, MaskLoss, MaskLoss); 6] {
    fn of(x: &Tensor, t: &Tensor) -> Result<Masks> {
        Masks::of("test", x, t)
    }
    [
        ("bce", binary_cross_entropy, |x, t| binary_cross_entropy::composed(&of(x, t)?)),
        ("dice", dice, |x, t| dice::composed(&of(x, t)?)),
        (
            "focal",
            |x, t| focal(x, t, 0.25, 2.0),
            |x, t| focal::composed(&of(x, t)?, [0.25, 0.75], 2.0),
        ),
        (
            "focal without weights",
            |x, t| focal(x, t, -1.0, 2.0),
            |x, t| focal::composed(&of(x, t)?, [1.0, 1.0], 2.0),
        ),
        (
            "focal 1.5",
            |x, t| focal(x, t, 0.25, 1.5),
            |x, t| focal::composed(&of(x, t)?, [0.25, 0.75], 1.5),
        ),
        (
            "focal 0.5",
            |x, t| focal(x, t, 0.6, 0.5),
            |x, t| focal::composed(&of(x, t)?, [0.6, 0.4], 0.5),
        ),
    ]
}

#[test]
fn the_losses_of_masks_give_the_known_values() {
    let x = Tensor::new(&[[0.5f32, -1.0, 2.0, 0.0]], &Device::Cpu).unwrap();
    let t = Tensor::new(&[[1f32, 0.0, 1.0, 0.0]], &Device::Cpu).unwrap();
    let near = |loss: Result<Tensor>, want: f32| {
        let got = values(&loss.unwrap());
        assert!(got.len() == 1 && (got[0] - want).abs() < 1e-6, "{got:?} instead of {want}");
    };
    near(binary_cross_entropy(&x, &t), 0.401_854);
    near(focal(&x, &t, 0.25, 2.0), 0.041_076);
    near(dice(&x, &t), 0.296_192);
    near(focal(&x, &t, 0.5, 0.0), 0.401_854 / 2.0);
}

#[test]
fn the_fused_losses_of_masks_equal_the_composed_ones_with_their_gradients() {
    // One pixel, odd sizes, masks of several tasks, tasks of several masks.
    for shape in [&[1, 1][..], &[3, 7, 5], &[3, 150, 171], &[60, 30, 31]] {
        let (x, t) = (wave(shape, 0.37, 6.0), mask(shape, 0.23));
        for (name, fused, composed) in mask_losses() {
            let name = format!("{name} of {shape:?}");
            close(&name, &run(&x, |x| fused(x, &t)), &run(&x, |x| composed(x, &t)));
        }
    }
}

#[test]
fn logits_of_any_size_give_finite_losses_and_gradients() {
    let x = Tensor::new(&[[1e4f32, -1e4, 1e4, -1e4, 0.0, 80.0, -80.0, 90.0]], &Device::Cpu);
    let x = x.unwrap();
    let t = Tensor::new(&[[1f32, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0]], &Device::Cpu).unwrap();
    for (name, fused, composed) in mask_losses() {
        let got = run(&x, |x| fused(x, &t));
        assert!(got.iter().flatten().all(|value| value.is_finite()), "{name}: {got:?}");
        if name != "focal 0.5" {
            close(name, &got, &run(&x, |x| composed(x, &t)));
        }
    }
    let [loss, gradient] = run(&x, |x| binary_cross_entropy(x, &t));
    assert!((loss[0] - (2e4 + 80.0 + 90.0 + 2f32.ln()) / 8.0).abs() < 1e-2, "{loss:?}");
    assert_eq!(gradient[..2], [0.0, 0.0]);
    let rows = Tensor::new(&[[1e4f32, -1e4, 0.0], [-1e4, 1e4, 1e4]], &Device::Cpu).unwrap();
    let got = run(&rows, |x| cross_entropy(x, &[Some(1), Some(2)]));
    assert!((got[0][0] - 1e4 - 0.5 * 2f32.ln()).abs() < 1e-2, "{got:?}");
    let got = run(&rows, |x| soft_cross_entropy(x, &rows.ones_like()?.affine(1.0 / 3.0, 0.0)?));
    assert!(got.iter().flatten().all(|value| value.is_finite()), "{got:?}");
}

#[test]
fn nan_is_never_hidden() {
    let x = Tensor::new(&[[f32::NAN, 1.0]], &Device::Cpu).unwrap();
    let t = Tensor::new(&[[1f32, 0.0]], &Device::Cpu).unwrap();
    for (name, fused, _) in mask_losses() {
        let [loss, gradient] = run(&x, |x| fused(x, &t));
        assert!(loss[0].is_nan() && gradient[0].is_nan(), "{name}");
    }
    let [loss, gradient] = run(&x, |x| cross_entropy(x, &[Some(0)]));
    assert!(loss[0].is_nan() && gradient[0].is_nan());
    let [loss, gradient] = run(&x, |x| soft_cross_entropy(x, &t));
    assert!(loss[0].is_nan() && gradient[0].is_nan());
}

#[test]
fn cross_entropy_equals_the_composed_form_over_the_rows_that_have_a_target() {
    // Long rows, several tasks of short ones, odd sizes.
    for (rows, classes) in [(5, 20_001), (3001, 17), (3, 1)] {
        let x = wave(&[rows, classes], 0.37, 6.0);
        let targets: Vec<Option<u32>> =
            (0..rows).map(|i| (i % 3 != 1).then_some((i * 7919 % classes) as u32)).collect();
        let got = run(&x, |x| cross_entropy(x, &targets));
        let want = run(&x, |x| super::cross_entropy::composed(x, &targets));
        close(&format!("{rows} rows of {classes}"), &got, &want);
        let without = &got[1][classes..2 * classes];
        assert!(without.iter().all(|value| *value == 0.0), "row 1 has no target");
    }
}

#[test]
fn soft_cross_entropy_equals_the_composed_form_and_that_of_single_classes() {
    let (rows, classes) = (2001, 19);
    let x = wave(&[rows, classes], 0.37, 6.0);
    let shares = mask(&[rows, classes], 0.23);
    let total = shares.sum_keepdim(1).unwrap().maximum(1.0).unwrap();
    let chosen = wave(&[rows, 1], 0.61, 1.0).gt(-0.5).unwrap();
    let chosen = chosen.to_dtype(candle_core::DType::F32).unwrap();
    let shares = shares.broadcast_div(&total).unwrap().broadcast_mul(&chosen).unwrap();
    let got = run(&x, |x| soft_cross_entropy(x, &shares));
    close("shares", &got, &run(&x, |x| super::soft_cross_entropy::composed(x, &shares)));

    let targets: Vec<Option<u32>> =
        (0..rows as u32).map(|i| (i % 4 > 0).then_some(i % 19)).collect();
    let mut single = vec![0f32; rows * classes];
    for (i, target) in targets.iter().enumerate() {
        if let Some(target) = target {
            single[i * classes + *target as usize] = 1.0;
        }
    }
    let single = Tensor::from_vec(single, (rows, classes), &Device::Cpu).unwrap();
    let got = run(&x, |x| soft_cross_entropy(x, &single));
    close("single", &got, &run(&x, |x| cross_entropy(x, &targets)));
}

#[test]
fn nothing_to_learn_from_gives_zero_and_zero_gradients() {
    let x = wave(&[3, 4], 0.37, 6.0);
    let zeros = x.zeros_like().unwrap();
    let runs = [
        run(&x, |x| cross_entropy(x, &[None; 3])),
        run(&x, |x| super::cross_entropy::composed(x, &[None; 3])),
        run(&x, |x| soft_cross_entropy(x, &zeros)),
        run(&x, |x| super::soft_cross_entropy::composed(x, &zeros)),
    ];
    for [loss, gradient] in runs {
        assert_eq!(loss, [0.0]);
        assert!(gradient.iter().all(|value| *value == 0.0), "{gradient:?}");
    }
}

#[test]
fn targets_never_get_gradients() {
    let x = Var::from_tensor(&wave(&[2, 6], 0.37, 2.0)).unwrap();
    let t = Var::from_tensor(&mask(&[2, 6], 0.23)).unwrap();
    let losses: [MaskLoss; 4] =
        [binary_cross_entropy, dice, |x, t| focal(x, t, 0.25, 2.0), soft_cross_entropy];
    for loss in losses {
        let gradients = loss(&x, &t).unwrap().sum_all().unwrap().backward().unwrap();
        assert!(gradients.get(&x).is_some() && gradients.get(&t).is_none());
    }
}

#[test]
fn two_runs_give_the_same_bits() {
    let (x, t) = (wave(&[5, 150, 171], 0.37, 6.0), mask(&[5, 150, 171], 0.23));
    let bits = |[loss, gradient]: [Vec<f32>; 2]| {
        loss.into_iter().chain(gradient).map(f32::to_bits).collect::<Vec<_>>()
    };
    for (name, fused, _) in mask_losses() {
        let once = || bits(run(&x, |x| fused(x, &t)));
        assert!(once() == once(), "{name}");
    }
    let rows = x.reshape((750, 171)).unwrap();
    let targets: Vec<_> = (0..750u32).map(|i| Some(i % 171)).collect();
    let once = || bits(run(&rows, |x| cross_entropy(x, &targets)));
    assert!(once() == once());
}

#[test]
fn arguments_that_do_not_fit_are_errors() {
    let (x, other) = (wave(&[2, 3], 0.3, 1.0), mask(&[3, 2], 0.3));
    for (name, fused, _) in mask_losses() {
        assert!(fused(&x, &other).is_err(), "{name}");
        let (empty, none) = (wave(&[2, 0], 0.3, 1.0), wave(&[0, 3], 0.3, 1.0));
        assert!(fused(&empty, &empty).is_err(), "{name}");
        assert_eq!(fused(&none, &none).unwrap().dims(), [0], "{name}");
    }
    assert!(soft_cross_entropy(&x, &other).is_err());
    assert!(cross_entropy(&x, &[Some(1)]).is_err());
    let error = cross_entropy(&x, &[Some(1), Some(3)]).unwrap_err().to_string();
    assert!(error.contains("3 classes, found target 3"), "{error}");
    for (alpha, gamma) in [(0.25, -1.0), (0.25, f64::NAN), (f64::INFINITY, 2.0)] {
        assert!(focal(&x, &x, alpha, gamma).is_err());
    }
}
