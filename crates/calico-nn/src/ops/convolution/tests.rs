use super::*;
use candle_core::{Device, Var};

fn wave(shape: &[usize], step: f32) -> Tensor {
    let data = (0..shape.iter().product()).map(|i: usize| (i as f32 * step).sin()).collect();
    Tensor::from_vec::<_, f32>(data, shape, &Device::Cpu).unwrap()
}

/// The result, and the gradients of the picture and the kernels.
fn run(
    [x, weight]: [&Tensor; 2],
    form: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
) -> [Tensor; 3] {
    let (x, weight) = (Var::from_tensor(x).unwrap(), Var::from_tensor(weight).unwrap());
    let y = form(&x, &weight).unwrap();
    let loss = (&y * wave(y.dims(), 0.71)).unwrap().sum_all().unwrap();
    let gradients = loss.backward().unwrap();
    [y.detach(), gradients.get(&x).unwrap().clone(), gradients.get(&weight).unwrap().clone()]
}

#[test]
fn results_and_gradients_equal_those_of_the_direct_convolution() {
    // Kernels of one, odd and even sides; pictures smaller than their margin; several samples.
    let cases = [
        ([2, 3, 7, 5], [4, 3, 3, 3], 1),
        ([1, 2, 4, 6], [3, 2, 1, 1], 0),
        ([3, 2, 5, 5], [2, 2, 3, 3], 0),
        ([1, 2, 5, 4], [2, 2, 2, 2], 1),
        ([2, 1, 1, 2], [2, 1, 5, 5], 3),
    ];
    for (x, weight, padding) in cases {
        let args = [&wave(&x, 0.37), &wave(&weight, 0.53)];
        let got = run(args, |x, weight| convolution(x, weight, padding));
        let want = run(args, |x, weight| x.conv2d(weight, padding, 1, 1, 1));
        for (got, want) in got.iter().zip(&want) {
            assert_eq!(got.dims(), want.dims());
            let worst = (got - want).unwrap().abs().unwrap().max_all().unwrap();
            assert!(worst.to_scalar::<f32>().unwrap() < 2e-5, "{x:?} {weight:?}: {worst}");
        }
    }
}

#[test]
fn two_runs_give_the_same_bits() {
    let args = [&wave(&[2, 16, 40, 33], 0.37), &wave(&[24, 16, 3, 3], 0.53)];
    let once = || run(args, |x, weight| convolution(x, weight, 1));
    for (first, second) in once().iter().zip(&once()) {
        let bits = |x: &Tensor| {
            let values = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            values.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        assert!(bits(first) == bits(second));
    }
}

#[test]
fn kernels_that_do_not_fit_are_errors() {
    let x = wave(&[1, 2, 3, 3], 0.3);
    for weight in [[4, 3, 3, 3], [4, 2, 3, 2], [4, 2, 4, 4]] {
        let error = convolution(&x, &wave(&weight, 0.3), 0).unwrap_err().to_string();
        assert!(error.contains("does not go with"), "{error}");
    }
}

#[test]
fn what_does_not_learn_gets_no_gradient() {
    let (x, weight) = (wave(&[1, 2, 4, 4], 0.3), wave(&[3, 2, 3, 3], 0.4));
    let learning = Var::from_tensor(&weight).unwrap();
    let gradients = convolution(&x, &learning, 1).unwrap().backward().unwrap();
    assert!(gradients.get(&x).is_none());
    assert!(gradients.get(&learning).is_some());
}
