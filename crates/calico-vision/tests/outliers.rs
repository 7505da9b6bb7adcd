//! Towers in 8 bits at the width of the real models, with channels that stand out as they do in
//! trained transformers.
//!
//! Behind the norms of every block, one channel in 97 is a hundred times as large, and the weights
//! that it meets are a hundredth: what the tower computes stays the same, but the products see
//! outliers on both sides.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use calico_kernels::Kernels;
use calico_nn::Weights;
use calico_nn::quantized::{Matrix, MatrixFormat, QuantizedMatrix};
use calico_nn::weights::{TensorSpec, WeightSource};
use calico_testkit::{Synthetic, relative_error};
use calico_vision::dinov2::{DinoConfig, DinoV2, FeedForwardKind, InputSize};
use calico_vision::eva_clip::{EvaClip, EvaConfig};
use calico_vision::qformer::{QFormer, QFormerConfig};
use calico_vision::sam::{ImageEncoder, ImageEncoderConfig, SamConfig};
use candle_core::{Device, Error, Result, Tensor};

#[allow(dead_code, reason = "other tests use the rest")]
mod tiny;

const EVERY: usize = 97;
const TIMES: f32 = 100.0;

/// Tensors of one value per channel that make channels stand out.
const NORMS: [&str; 4] = ["norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"];
/// Matrices that meet those channels.
const BEHIND: [&str; 6] = [
    "attn.qkv.weight",
    "mlp.fc1.weight",
    "mlp.lin1.weight",
    "mlp.w12.weight",
    // Of the Q-Former, whose input is made to stand out.
    "crossattention.self.key.weight",
    "crossattention.self.value.weight",
];

struct Planted {
    has_outliers: bool,
    format: Option<MatrixFormat>,
    changed: AtomicUsize,
}

impl Planted {
    fn values(&self, spec: &TensorSpec) -> Vec<f32> {
        let mut values = Synthetic::values(&spec.name, &spec.shape);
        let is_one_of = |names: &[&str]| names.iter().any(|name| spec.name.ends_with(name));
        let factor = match () {
            () if !self.has_outliers => return values,
            () if is_one_of(&NORMS) => TIMES,
            () if is_one_of(&BEHIND) => TIMES.recip(),
            () => return values,
        };
        self.changed.fetch_add(1, Ordering::Relaxed);
        stand_out(&mut values, spec.shape[spec.shape.len() - 1], factor);
        values
    }
}

/// Multiplies one channel in [`EVERY`] by a factor.
fn stand_out(values: &mut [f32], width: usize, factor: f32) {
    for row in values.chunks_mut(width) {
        row.iter_mut().step_by(EVERY).for_each(|value| *value *= factor);
    }
}

impl WeightSource for Planted {
    fn tensor(&self, spec: &TensorSpec) -> Result<Tensor> {
        Tensor::from_vec(self.values(spec), spec.shape.clone(), &Device::Cpu)
    }

    fn matrix(&self, spec: &TensorSpec) -> Result<Matrix> {
        let Some(format) = self.format else { return self.tensor(spec).map(Matrix::Plain) };
        let shape = [spec.shape[0], spec.shape[1]];
        let matrix = QuantizedMatrix::quantize(Kernels::detect(), format, shape, self.values(spec));
        Ok(Matrix::Quantized(Arc::new(matrix.map_err(Error::wrap)?)))
    }
}

fn input(name: &str, shape: &[usize]) -> Tensor {
    Tensor::from_vec(Synthetic::values(name, shape), shape, &Device::Cpu).unwrap()
}

fn cosine(a: &Tensor, b: &Tensor) -> f64 {
    let [a, b] = [a, b].map(|it| it.flatten_all().unwrap().to_vec1::<f32>().unwrap());
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}

/// Compares a tower in 8 bits with itself in f32.
fn check(name: &str, changes: usize, tower: impl Fn(&Weights, bool) -> Result<Tensor>) {
    let run = |has_outliers, format| {
        let source = Arc::new(Planted { has_outliers, format, changed: AtomicUsize::new(0) });
        let weights = Weights::new(Arc::clone(&source) as _).pp(name);
        let output = tower(&weights, has_outliers).unwrap();
        let expected = if has_outliers { changes } else { 0 };
        assert_eq!(source.changed.load(Ordering::Relaxed), expected, "{name}: changed tensors");
        output
    };
    let exact = run(true, None);
    assert!(relative_error(&exact, &run(false, None)) < 1e-2, "{name}: not the same function");
    let cosine = cosine(&run(true, Some(MatrixFormat::Q8)), &exact);
    println!("{name}: cosine {cosine:.6}");
    assert!(cosine >= 0.999, "{name}: cosine {cosine}");
}

fn eva(depth: usize) {
    let config = EvaConfig {
        image_size: 224,
        width: 1408,
        num_heads: 16,
        depth,
        mlp_hidden: 6144,
        ..tiny::eva()
    };
    let pixels = input("pixels", &[1, 3, 224, 224]);
    check("eva", 6 * depth, |weights, _| EvaClip::load(&config, weights)?.forward(&pixels));
}

fn dino(depth: usize, side: usize) {
    let config = DinoConfig {
        input_size: InputSize::Square(side),
        width: 1536,
        num_heads: 24,
        depth,
        ffn: FeedForwardKind::SwiGlu { hidden: 4096 },
        stored_grid: 37,
        ..tiny::dino()
    };
    let pixels = input("pixels", &[1, 3, side, side]);
    check("dino", 6 * depth, |weights, _| DinoV2::load(&config, weights)?.forward(&pixels));
}

fn sam(depth: usize, global_blocks: Vec<usize>, image_size: usize) {
    let tiny = tiny::sam();
    let config = SamConfig {
        image_size,
        width: 256,
        encoder: ImageEncoderConfig {
            width: 1280,
            num_heads: 16,
            depth,
            mlp_hidden: 5120,
            window_size: 14,
            global_blocks,
            ..tiny.encoder
        },
        ..tiny
    };
    let pixels = input("pixels", &[1, 3, image_size, image_size]);
    check("sam.encoder", 6 * depth, |weights, _| {
        ImageEncoder::load(&config, weights)?.forward(&pixels)
    });
}

fn qformer(depth: usize) {
    let config = QFormerConfig {
        width: 768,
        num_heads: 12,
        depth,
        ffn_hidden: 3072,
        num_queries: 32,
        encoder_width: 1408,
        ..tiny::qformer()
    };
    // Two matrices in every other layer.
    check("qformer", depth, |weights, has_outliers| {
        let mut image = Synthetic::values("image", &[257, 1408]);
        if has_outliers {
            stand_out(&mut image, 1408, TIMES);
        }
        let image = Tensor::from_vec(image, (1, 257, 1408), &Device::Cpu)?;
        let qformer = QFormer::load(&config, weights)?;
        qformer.forward(&input("queries", &[1, 32, 768]), &qformer.keys_values(&image)?)
    });
}

#[test]
fn eva_keeps_its_direction() {
    eva(2);
}

#[test]
fn dino_keeps_its_direction() {
    dino(2, 112);
}

#[test]
fn sam_keeps_its_direction() {
    sam(2, vec![1], 256);
}

#[test]
fn the_qformer_keeps_its_direction() {
    qformer(2);
}

/// Run by hand with `cargo test --release -p calico-vision --test outliers -- --ignored --nocapture
/// --test-threads 1`; it needs 9 GB.
#[test]
#[ignore = "takes minutes"]
fn whole_towers_keep_their_direction() {
    eva(39);
    dino(40, 224);
    sam(32, vec![7, 15, 23, 31], 1024);
    qformer(12);
}
