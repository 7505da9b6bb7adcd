//! Every operation and loss, with the gradients of all its arguments, against PyTorch
//! (`tools/goldens/operations.py`).

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic fails the test")]

use std::collections::HashMap;
use std::path::Path;

use calico_nn::ops::{self, Attention, Bias};
use calico_nn::{interpolate, losses};
use candle_core::{D, Device, Result, Tensor, Var};

/// Allowed error, as a share of the largest value.
const TOLERANCE: f32 = 1e-5;

const SCALE: f64 = 0.5;
const EPS: f64 = 1e-5;

struct Case {
    name: &'static str,
    tensors: HashMap<String, Tensor>,
}

impl Case {
    fn open(name: &'static str) -> Self {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../goldens/operations"));
        let path = folder.join(format!("{name}.safetensors"));
        let tensors = candle_core::safetensors::load(path, &Device::Cpu);
        Self { name, tensors: tensors.expect("the golden file can be read") }
    }

    fn tensor(&self, name: &str) -> &Tensor {
        self.tensors.get(name).unwrap_or_else(|| panic!("{} has no {name}", self.name))
    }

    /// The integers of `in.<name>`.
    fn integers(&self, name: &str) -> Vec<i64> {
        self.tensor(&format!("in.{name}")).to_vec1().unwrap()
    }

    /// Runs `form` on the arguments that learn, and compares its result and their gradients.
    fn check<const N: usize>(
        &self,
        learning: [&str; N],
        form: impl Fn([&Tensor; N]) -> Result<Tensor>,
    ) {
        let vars = learning.map(|name| Var::from_tensor(self.tensor(&format!("in.{name}"))));
        let vars = vars.map(Result::unwrap);
        let y = form(vars.each_ref().map(Var::as_tensor)).unwrap();
        self.close("y", &y);
        let loss = (y * self.tensor("in.grad")).unwrap().sum_all().unwrap();
        let gradients = loss.backward().unwrap();
        let recorded = self.tensors.keys().filter(|name| name.starts_with("out.grad.")).count();
        assert_eq!(recorded, N, "{}: gradients that are recorded", self.name);
        for (name, var) in learning.iter().zip(&vars) {
            let gradient = gradients.get(var);
            self.close(&format!("grad.{name}"), gradient.expect("an argument that learns"));
        }
    }

    fn close(&self, stage: &str, got: &Tensor) {
        let want = self.tensor(&format!("out.{stage}"));
        let name = self.name;
        assert_eq!(got.dims(), want.dims(), "{name}, {stage}");
        let values = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let (got, want) = (values(got), values(want));
        let largest = want.iter().fold(f32::MIN_POSITIVE, |a, b| a.max(b.abs()));
        let errors = got.iter().zip(&want).map(|(got, want)| (got - want).abs());
        // NaN is the worst.
        let worst = errors.fold(0f32, |a, b| if a.is_nan() || a > b { a } else { b });
        let close = worst <= TOLERANCE * largest;
        assert!(close, "{name}, {stage}: the error is {worst:e}, the largest value {largest:e}");
    }
}

fn attention([q, k, v]: [&Tensor; 3], bias: Bias<'_>) -> Result<Tensor> {
    ops::attention(&Attention { q, k, v, scale: SCALE, bias })
}

#[test]
fn attention_without_bias_equals_pytorch() {
    Case::open("attention").check(["q", "k", "v"], |args| attention(args, Bias::None));
}

#[test]
fn causal_attention_of_fewer_queries_than_keys_equals_pytorch() {
    Case::open("attention_causal").check(["q", "k", "v"], |args| attention(args, Bias::Causal));
}

#[test]
fn attention_with_a_full_bias_equals_pytorch() {
    Case::open("attention_full")
        .check(["q", "k", "v", "bias"], |[q, k, v, bias]| attention([q, k, v], Bias::Full(bias)));
}

#[test]
fn attention_with_a_full_bias_that_does_not_learn_equals_pytorch() {
    let mut case = Case::open("attention_full");
    case.tensors.remove("out.grad.bias");
    let bias = case.tensor("in.bias").clone();
    case.check(["q", "k", "v"], |args| attention(args, Bias::Full(&bias)));
}

#[test]
fn attention_of_grouped_heads_equals_pytorch() {
    Case::open("attention_grouped").check(["q", "k", "v"], |args| attention(args, Bias::Causal));
}

#[test]
fn attention_of_packed_sequences_equals_pytorch_on_each() {
    let case = Case::open("attention_packed");
    let lengths: Vec<usize> = case.integers("lengths").into_iter().map(|l| l as usize).collect();
    case.check(["q", "k", "v"], |args| attention(args, Bias::Packed(&lengths)));
}

#[test]
fn attention_with_a_decomposed_bias_equals_pytorch() {
    let learning = ["q", "k", "v", "rows", "columns"];
    Case::open("attention_decomposed").check(learning, |[q, k, v, rows, columns]| {
        attention([q, k, v], Bias::Decomposed { rows, columns })
    });
}

#[test]
fn attention_with_tables_of_distances_equals_pytorch() {
    let learning = ["q", "k", "v", "rows", "columns"];
    Case::open("attention_relative").check(learning, |[q, k, v, rows, columns]| {
        attention([q, k, v], Bias::Relative { rows, columns })
    });
}

#[test]
fn linear_layers_equal_pytorch() {
    Case::open("linear")
        .check(["x", "weight", "bias"], |[x, weight, bias]| ops::linear(x, weight, Some(bias)));
}

#[test]
fn norms_equal_pytorch() {
    Case::open("layer_norm")
        .check(["x", "weight", "bias"], |[x, weight, bias]| ops::layer_norm(x, weight, bias, EPS));
    Case::open("rms_norm").check(["x", "weight"], |[x, weight]| ops::rms_norm(x, weight, EPS));
}

#[test]
fn softmax_and_activations_equal_pytorch() {
    Case::open("softmax").check(["x"], |[x]| ops::softmax(x));
    Case::open("gelu").check(["x"], |[x]| ops::gelu(x));
    Case::open("swiglu").check(["gate", "up"], |[gate, up]| ops::swiglu(gate, up));
    Case::open("swiglu").check(["gate", "up"], |[gate, up]| {
        ops::swiglu_packed(&Tensor::cat(&[gate, up], D::Minus1)?)
    });
}

#[test]
fn rotations_equal_pytorch() {
    let case = Case::open("rotary");
    let (cos, sin) = (case.tensor("in.cos"), case.tensor("in.sin"));
    let to_f32 = |x: &Tensor| x.to_dtype(candle_core::DType::F32).unwrap();
    let (cos, sin) = (to_f32(cos), to_f32(sin));
    case.check(["x"], |[x]| ops::rotary(x, &cos, &sin));
}

#[test]
fn embeddings_equal_pytorch() {
    let case = Case::open("embedding");
    let ids: Vec<u32> = case.integers("ids").into_iter().map(|id| id as u32).collect();
    case.check(["table"], |[table]| ops::embedding(table, &ids));
}

#[test]
fn convolutions_equal_pytorch() {
    Case::open("convolution").check(["x", "weight"], |[x, weight]| ops::convolution(x, weight, 1));
}

#[test]
fn bilinear_resizing_equals_pytorch() {
    for name in ["bilinear_up", "bilinear_down", "bilinear_mixed"] {
        let case = Case::open(name);
        let (_, _, height, width) = case.tensor("out.y").dims4().unwrap();
        case.check(["x"], |[x]| interpolate::bilinear(x, height, width));
    }
}

#[test]
fn cross_entropies_equal_pytorch() {
    let case = Case::open("cross_entropy");
    // Negative numbers stand for rows without a target.
    let targets: Vec<_> =
        case.integers("targets").into_iter().map(|class| u32::try_from(class).ok()).collect();
    // A golden file has no scalars, only vectors of one value.
    case.check(["logits"], |[logits]| losses::cross_entropy(logits, &targets)?.unsqueeze(0));
    let case = Case::open("soft_cross_entropy");
    let targets = case.tensor("in.targets");
    case.check(["logits"], |[logits]| losses::soft_cross_entropy(logits, targets)?.unsqueeze(0));
}

#[test]
fn losses_of_masks_equal_pytorch() {
    type Loss = fn(&Tensor, &Tensor) -> Result<Tensor>;
    let losses: [(&str, Loss); 4] = [
        ("binary_cross_entropy", losses::binary_cross_entropy),
        ("focal", |x, t| losses::focal(x, t, 0.25, 2.0)),
        ("focal_plain", |x, t| losses::focal(x, t, -1.0, 1.5)),
        ("dice", losses::dice),
    ];
    for (name, loss) in losses {
        let case = Case::open(name);
        let targets = case.tensor("in.targets");
        case.check(["logits"], |[logits]| loss(logits, targets));
    }
}
