//! The one-pass forms against the composed ones, with their gradients.

use candle_core::{D, Device, Result, Tensor, Var};

use crate::ops::{composed, cpu};

/// Three arguments at most; forms that need fewer ignore the rest.
type Form = fn(&[Tensor]) -> Result<Tensor>;

fn wave(shape: &[usize], step: f32, height: f32) -> Tensor {
    let len = shape.iter().product::<usize>();
    let data = (0..len).map(|i| (i as f32 * step).sin() * height).collect::<Vec<_>>();
    Tensor::from_vec(data, shape, &Device::Cpu).unwrap()
}

fn bits(x: &Tensor) -> Vec<u32> {
    let values = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    values.into_iter().map(f32::to_bits).collect()
}

fn close(name: &str, got: &Tensor, want: &Tensor, tolerance: f32) {
    assert_eq!(got.dims(), want.dims(), "{name}");
    let number = |x: Tensor| x.to_scalar::<f32>().unwrap();
    let worst = number((got - want).unwrap().abs().unwrap().max_all().unwrap());
    let largest = number(want.abs().unwrap().max_all().unwrap()).max(1.0);
    assert!(worst <= tolerance * largest, "{name} differs by {worst} of {largest}");
}

/// The result and the gradients of all arguments.
fn run(form: Form, args: &[Tensor]) -> Vec<Tensor> {
    let vars: Vec<Var> = args.iter().map(|arg| Var::from_tensor(arg).unwrap()).collect();
    let tensors: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
    let y = form(&tensors).unwrap();
    let loss = (&y * wave(y.dims(), 0.71, 1.0)).unwrap().sum_all().unwrap();
    let gradients = loss.backward().unwrap();
    let of_args = vars.iter().map(|var| gradients.get(var).expect("a gradient").clone());
    std::iter::once(y.detach()).chain(of_args).collect()
}

struct Case {
    name: &'static str,
    one_pass: Form,
    composed: Form,
    /// Of the arguments after the first: as the rows, or as long as a row.
    others: &'static [Other],
}

#[derive(Clone, Copy)]
enum Other {
    Rows,
    Vector,
}

fn cases() -> [Case; 6] {
    [
        Case {
            name: "softmax",
            one_pass: |a| cpu::softmax(&a[0]),
            composed: |a| composed::softmax(&a[0]),
            others: &[],
        },
        Case {
            name: "gelu",
            one_pass: |a| cpu::gelu(&a[0]),
            composed: |a| composed::gelu(&a[0]),
            others: &[],
        },
        Case {
            name: "layer norm",
            one_pass: |a| cpu::layer_norm(&a[0], &a[1], &a[2], 1e-5),
            composed: |a| composed::layer_norm(&a[0], &a[1], &a[2], 1e-5),
            others: &[Other::Vector, Other::Vector],
        },
        Case {
            name: "rms norm",
            one_pass: |a| cpu::rms_norm(&a[0], &a[1], 1e-5),
            composed: |a| composed::rms_norm(&a[0], &a[1], 1e-5),
            others: &[Other::Vector],
        },
        Case {
            name: "swiglu",
            one_pass: |a| cpu::swiglu(&a[0], &a[1]),
            composed: |a| composed::swiglu(&a[0], &a[1]),
            others: &[Other::Rows],
        },
        Case {
            name: "packed swiglu",
            one_pass: |a| cpu::swiglu_packed(&a[0]),
            composed: |a| {
                let half = a[0].dim(D::Minus1)? / 2;
                let part = |start| a[0].narrow(D::Minus1, start, half);
                composed::swiglu(&part(0)?, &part(half)?)
            },
            others: &[],
        },
    ]
}

fn arguments(case: &Case, shape: &[usize], height: f32) -> Vec<Tensor> {
    let width = *shape.last().unwrap();
    let mut args = vec![wave(shape, 0.37, height)];
    for (i, other) in case.others.iter().enumerate() {
        let step = 0.53 + 0.2 * i as f32;
        args.push(match other {
            Other::Rows => wave(shape, step, height),
            Other::Vector => wave(&[width], step, 1.0),
        });
    }
    args
}

/// One row, odd rows, and rows for more tasks than there are cores, none of which fits evenly.
const SHAPES: [&[usize]; 4] = [&[1, 6], &[7, 3, 34], &[5, 700, 48], &[3, 20_002]];

#[test]
fn the_one_pass_forms_equal_the_composed_ones_with_all_gradients() {
    for case in cases() {
        for shape in SHAPES {
            let args = arguments(&case, shape, 6.0);
            let (got, want) = (run(case.one_pass, &args), run(case.composed, &args));
            for (i, (got, want)) in got.iter().zip(&want).enumerate() {
                // Sums over thousands of rows or columns add up their rounding.
                close(&format!("{} of {shape:?}, {i}", case.name), got, want, 2e-5);
            }
        }
    }
}

#[test]
fn values_at_the_ends_of_the_exponential_function_are_as_in_the_composed_forms() {
    for case in cases() {
        let args = arguments(&case, &[9, 30], 80.0);
        let (got, want) = (run(case.one_pass, &args), run(case.composed, &args));
        for (i, (got, want)) in got.iter().zip(&want).enumerate() {
            close(&format!("{}, {i}", case.name), got, want, 1e-6);
        }
    }
}

#[test]
fn two_runs_give_the_same_bits() {
    for case in cases() {
        let args = arguments(&case, &[5, 700, 48], 6.0);
        let (first, second) = (run(case.one_pass, &args), run(case.one_pass, &args));
        for (first, second) in first.iter().zip(&second) {
            assert!(bits(first) == bits(second), "{}", case.name);
        }
    }
}

#[test]
fn arguments_that_do_not_learn_get_no_gradient_and_change_none() {
    for case in cases() {
        let args = arguments(&case, &[5, 700, 48], 6.0);
        let all = run(case.one_pass, &args);
        for learning in 0..args.len() {
            let var = Var::from_tensor(&args[learning]).unwrap();
            let mut mixed = args.clone();
            mixed[learning] = var.as_tensor().clone();
            let y = (case.one_pass)(&mixed).unwrap();
            let loss = (&y * wave(y.dims(), 0.71, 1.0)).unwrap().sum_all().unwrap();
            let gradients = loss.backward().unwrap();
            let own = gradients.get(&var).expect("a gradient");
            assert!(bits(own) == bits(&all[1 + learning]), "{}, {learning}", case.name);
            for (i, arg) in mixed.iter().enumerate() {
                assert!(i == learning || gradients.get(arg).is_none(), "{}, {i}", case.name);
            }
        }
    }
}

#[test]
fn rows_of_a_larger_tensor_and_turned_ones_are_read_where_they_lie() {
    for case in cases() {
        let args = arguments(&case, &[6, 8, 10], 3.0);
        let wide = Tensor::cat(&[&args[0], &args[0]], 2).unwrap();
        let turned = args[0].transpose(0, 1).unwrap().contiguous().unwrap();
        for view in [wide.narrow(2, 10, 10).unwrap(), turned.transpose(0, 1).unwrap()] {
            let mut viewed = args.clone();
            viewed[0] = view;
            let (got, want) = ((case.one_pass)(&viewed).unwrap(), (case.one_pass)(&args).unwrap());
            assert!(bits(&got) == bits(&want), "{}", case.name);
        }
    }
}

#[test]
fn nan_is_never_hidden() {
    for case in cases() {
        let mut args = arguments(&case, &[4, 8], 3.0);
        let mut values = args[0].flatten_all().unwrap().to_vec1::<f32>().unwrap();
        values[10] = f32::NAN;
        args[0] = Tensor::from_vec(values, (4, 8), &Device::Cpu).unwrap();
        for part in run(case.one_pass, &args).iter().take(2) {
            assert!(bits(part).iter().any(|bits| f32::from_bits(*bits).is_nan()), "{}", case.name);
        }
    }
}

#[test]
fn arguments_that_do_not_fit_are_errors() {
    let x = wave(&[2, 3], 0.3, 1.0);
    let short = wave(&[2], 0.3, 1.0);
    assert!(cpu::layer_norm(&x, &short, &short, 1e-5).is_err());
    assert!(cpu::rms_norm(&x, &short, 1e-5).is_err());
    assert!(cpu::swiglu(&x, &short).is_err());
    assert!(cpu::swiglu(&x, &x.t().unwrap()).is_err());
    assert!(cpu::swiglu_packed(&x).is_err());
}
