//! What answering a question takes on a machine: memory and time, before anything is loaded.

use calico_nn::quantized::MatrixFormat;
use calico_nn::weights::TensorSpec;
use calico_nn::weights::checkpoint::{FileTensor as _, MatrixPart};
use calico_vision::dinov2::FeedForwardKind;

use super::{Request, flops};
use crate::CalicoConfig;
use crate::checkpoint::recorded;
use crate::quantize::Quantization;

/// Bytes of a value that is computed with.
const VALUE: u64 = 4;
/// The program, and freed memory that it keeps for the next tensor.
const PROGRAM: u64 = 350_000_000;

/// Shares of the machine's best products that were measured on two x86-64 cores.
const SHARE_OF_8_BITS: f64 = 0.57;
const SHARE_OF_F32: f64 = 0.7;
const SHARE_OF_MASKS: f64 = 0.38;
/// The share of the memory's speed at which weights are read for a token.
const SHARE_OF_MEMORY: f64 = 0.7;

/// What a machine can do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    /// Operations per second of a product in f32, 2 per multiply-add.
    pub flops: f64,
    /// Those of a product in 8 bits.
    pub flops_of_8_bits: f64,
    /// Bytes of memory that are read per second.
    pub bytes_per_second: f64,
}

/// What answering a question takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Bytes of the weights, pages of files that are read in place included.
    pub weights: u64,
    /// Bytes that are kept of the images.
    pub images: u64,
    /// Bytes of the keys and values of prompt and answer.
    pub keys_values: u64,
    /// Bytes of the program and of what it keeps for later.
    pub program: u64,
    /// The steps of the work, one after the other.
    pub stages: Vec<StageEstimate>,
}

/// One step of the work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageEstimate {
    /// What it is.
    pub name: &'static str,
    /// Bytes that it needs while it lasts.
    pub bytes: u64,
    /// Seconds for the whole question.
    pub seconds: f64,
}

impl Estimate {
    /// The most memory that is held at once.
    pub fn peak_bytes(&self) -> u64 {
        self.model_bytes() + self.program
    }

    /// As [`Estimate::peak_bytes`], without the program itself.
    pub fn model_bytes(&self) -> u64 {
        let most = self.stages.iter().map(|stage| stage.bytes).max().unwrap_or(0);
        self.weights + self.images + self.keys_values + most
    }

    /// All stages together.
    pub fn seconds(&self) -> f64 {
        self.stages.iter().map(|stage| stage.seconds).sum()
    }
}

/// Bytes of memory that the weights of a configuration take in the given formats.
///
/// # Errors
/// If the modules cannot be built.
pub fn weight_bytes(
    config: &CalicoConfig,
    quantization: Quantization,
) -> Result<u64, candle_core::Error> {
    let recorder = recorded(config)?;
    let matrices = recorder.matrices();
    let bytes = recorder.specs().into_iter().map(|spec| {
        let format = quantization.of(&spec.name).filter(|_| matrices.contains(&spec.name));
        let shape = spec.shape.as_slice().try_into().ok();
        tensor_bytes(&spec, shape.and_then(|shape| format?.fitting(shape)))
    });
    Ok(bytes.sum())
}

/// Bytes of memory that a tensor takes as a matrix in a format, or else in f32.
pub(crate) fn tensor_bytes(spec: &TensorSpec, format: Option<MatrixFormat>) -> u64 {
    let shape = spec.shape.as_slice().try_into().ok();
    let parts = shape.and_then(|shape| MatrixPart::all(&spec.name, shape, format?));
    match parts {
        Some(parts) => parts.iter().map(|part| part.byte_len() as u64).sum(),
        None => VALUE * spec.len() as u64,
    }
}

/// Estimates a question to a model whose weights take `weights` bytes in memory.
///
/// Times are shares of the machine's speed that were measured elsewhere: believe them within a
/// third.
pub fn estimate(
    config: &CalicoConfig,
    quantization: Quantization,
    weights: u64,
    request: Request,
    machine: Machine,
) -> Estimate {
    let cost = flops(config, request);
    let Request { images, text_tokens, answer_tokens, masks } = request;
    let (llm, sam) = (&config.llm, &config.sam);
    let prompt = text_tokens + images * config.tokens_per_image();
    let is_small = quantization.llm.is_some();
    let rate = |is_quantized: bool| {
        if is_quantized {
            SHARE_OF_8_BITS * machine.flops_of_8_bits
        } else {
            SHARE_OF_F32 * machine.flops
        }
    };
    let tower = |flops: f64| images as f64 * flops / rate(quantization.vision.is_some());
    let plain = |flops: f64| images as f64 * flops / rate(false);
    let kv_width = llm.num_kv_heads * llm.head_width();
    let number = if is_small { VALUE / 2 } else { VALUE };
    let positions = (prompt + answer_tokens) as u64;
    let keys_values = positions * 2 * (kv_width * llm.depth) as u64 * number;
    let llm_bytes = language_bytes(config, quantization);
    let decode = answer_tokens as f64 * (llm_bytes + keys_values) as f64
        / (SHARE_OF_MEMORY * machine.bytes_per_second);
    let kept = config.tokens_per_image() * llm.width
        + sam.width * sam.grid().pow(2)
        + config.eva.num_tokens() * kept_width(config);
    let prefill = (cost.prefill + cost.head + cost.cams + cost.lora) / rate(is_small);
    let stages = vec![
        stage("EVA-CLIP", eva_bytes(config), tower(cost.eva)),
        stage("DINOv2", dino_bytes(config), tower(cost.dino)),
        stage("SAM encoder", sam_bytes(config), tower(cost.sam_encoder)),
        stage(
            "Q-Former, CEM",
            0,
            cost.of("qformer.") / rate(quantization.vision.is_some())
                + plain(cost.cem + cost.f_image),
        ),
        stage("prompt", values(prompt, 2 * llm.width + 3 * llm.mlp_hidden), prefill),
        stage("answer", 0, decode),
        stage(
            "masks",
            10 * values(masks, sam.width * sam.grid().pow(2)),
            masks as f64 * (cost.sam_decoder + cost.seg_proj) / (SHARE_OF_MASKS * machine.flops),
        ),
    ];
    Estimate {
        weights,
        images: values(images, kept),
        keys_values,
        program: PROGRAM,
        stages: stages.into_iter().filter(|stage| stage.seconds > 0.0).collect(),
    }
}

/// Values that adapters ask for, of each token of EVA-CLIP.
fn kept_width(config: &CalicoConfig) -> usize {
    if !config.qformer.enabled {
        return config.eva.width;
    }
    if !config.cem.enabled {
        return 0;
    }
    let looking = (0..config.qformer.depth).filter(|&it| config.qformer.looks_at_image(it));
    2 * looking.count() * config.qformer.width
}

fn stage(name: &'static str, bytes: u64, seconds: f64) -> StageEstimate {
    StageEstimate { name, bytes, seconds }
}

/// Bytes of so many rows of values.
fn values(rows: usize, width: usize) -> u64 {
    VALUE * rows as u64 * width as u64
}

/// Bytes of the language model that are read for a token: all but the table of words.
pub fn language_bytes(config: &CalicoConfig, quantization: Quantization) -> u64 {
    let llm = &config.llm;
    let kv_width = llm.num_kv_heads * llm.head_width();
    let sides = [
        (2, [llm.width, llm.width]),
        (2, [kv_width, llm.width]),
        (2, [llm.mlp_hidden, llm.width]),
        (1, [llm.width, llm.mlp_hidden]),
    ];
    let bytes = |shape: [usize; 2]| -> u64 {
        let format = quantization.llm.and_then(|format| format.fitting(shape));
        let codes = format.and_then(|format| format.codes_len(shape).ok());
        codes.map_or(values(shape[0], shape[1]), |bytes| bytes as u64)
    };
    let layer: u64 = sides.into_iter().map(|(count, shape)| count * bytes(shape)).sum();
    llm.depth as u64 * layer + bytes([llm.vocab_size, llm.width])
}

/// A pre-norm block on `tokens` tokens whose feed-forward part holds `hidden` values of each.
fn block_bytes(tokens: usize, width: usize, hidden: usize) -> u64 {
    values(tokens, 2 * width + hidden.max(4 * width))
}

fn eva_bytes(config: &CalicoConfig) -> u64 {
    block_bytes(config.eva.num_tokens(), config.eva.width, 2 * config.eva.mlp_hidden)
}

fn dino_bytes(config: &CalicoConfig) -> u64 {
    if !config.uses_dino() {
        return 0;
    }
    let dino = &config.dino;
    let hidden = match dino.ffn {
        FeedForwardKind::Gelu { hidden } => 2 * hidden,
        FeedForwardKind::SwiGlu { hidden } => 3 * hidden,
    };
    let tokens = dino.grid().iter().product::<usize>() + dino.num_prefix_tokens();
    block_bytes(tokens, dino.width, hidden)
}

fn sam_bytes(config: &CalicoConfig) -> u64 {
    let (encoder, grid) = (&config.sam.encoder, config.sam.grid());
    let padded = grid.next_multiple_of(encoder.window_size.max(1)).pow(2);
    block_bytes(padded, encoder.width, 2 * encoder.mlp_hidden)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Preset;

    const MACHINE: Machine =
        Machine { flops: 212e9, flops_of_8_bits: 798e9, bytes_per_second: 33.3e9 };

    fn full(quantization: Quantization) -> Estimate {
        let config = Preset::Full.config().unwrap();
        let weights = weight_bytes(&config, quantization).unwrap();
        let request = Request { answer_tokens: 64, ..Request::default() };
        estimate(&config, quantization, weights, request, MACHINE)
    }

    #[test]
    fn the_full_model_takes_what_was_measured() {
        let fewer = Quantization { llm: Some(MatrixFormat::Q4K), vision: Some(MatrixFormat::Q8) };
        let small = full(fewer);
        // Two images, 64 tokens, on the machine with these speeds: 8.12 GB.
        let near = |got: f64, want: f64, share: f64| {
            assert!((got / want - 1.0).abs() < share, "{got} for {want}");
        };
        near(small.peak_bytes() as f64, 8.12e9, 0.05);
        let seconds = |name: &str| {
            small.stages.iter().find(|stage| stage.name == name).map_or(0.0, |it| it.seconds)
        };
        for (name, measured) in [
            ("EVA-CLIP", 2.0 * 0.92),
            ("DINOv2", 2.0 * 1.19),
            ("SAM encoder", 2.0 * 12.3),
            ("prompt", 7.3),
            ("answer", 64.0 * 0.147),
            ("masks", 0.36),
        ] {
            near(seconds(name), measured, 0.34);
        }
        let plain = full(Quantization::default());
        assert!(plain.peak_bytes() > 38_000_000_000 && plain.seconds() > 2.0 * small.seconds());
    }

    #[test]
    fn a_matrix_that_does_not_fit_counts_as_what_it_gets() {
        let config = Preset::Tiny.config().unwrap();
        let bytes =
            |llm| weight_bytes(&config, Quantization { llm, ..Quantization::default() }).unwrap();
        assert_eq!(bytes(Some(MatrixFormat::Q4K)), bytes(Some(MatrixFormat::Q8)));
        assert!(bytes(Some(MatrixFormat::Q8)) < bytes(None));
    }

    #[test]
    fn what_a_model_lacks_costs_nothing() {
        let mut config = Preset::Tiny.config().unwrap();
        let none = Quantization::default();
        let weights = weight_bytes(&config, none).unwrap();
        let run =
            |config: &CalicoConfig| estimate(config, none, weights, Request::default(), MACHINE);
        let whole = run(&config);
        config.cem.enabled = false;
        let found = run(&config);
        assert!(found.stages.iter().all(|stage| stage.name != "DINOv2"));
        assert!(found.images < whole.images);
        let no_masks = Request { masks: 0, ..Request::default() };
        let found = estimate(&config, none, weights, no_masks, MACHINE);
        assert!(found.stages.iter().all(|stage| stage.name != "masks"));
    }
}
