//! What makes a configuration describe a model.

use calico_vision::dinov2::FeedForwardKind;

use super::CalicoConfig;
use crate::correspondence::QuerySource;

/// Larger widths are mistakes.
const LARGEST: usize = 1 << 16;
/// Deeper networks are mistakes.
const DEEPEST: usize = 1024;
/// Larger tables are mistakes: 2^28 values take a gigabyte, and a file that lies about its
/// dimensions must not make the program take more.
const LARGEST_TABLE: usize = 1 << 28;
/// Larger images are mistakes: tables of positions are resized at load.
const LARGEST_GRID: usize = 256;

/// Everything that is wrong with `config`.
pub(super) fn problems(config: &CalicoConfig) -> Vec<String> {
    let mut problems = Problems::default();
    if config.model_type != super::MODEL_TYPE {
        problems.add(format!("model_type is {:?}; expected \"calico\"", config.model_type));
    }
    if config.notice.as_ref().is_some_and(|notice| notice.trim().is_empty()) {
        problems.add("notice says nothing; leave it out, or write a sentence".into());
    }
    sizes(config, &mut problems);
    if !problems.0.is_empty() {
        // What follows multiplies and divides by these numbers.
        return problems.0;
    }
    tables(config, &mut problems);
    numbers(config, &mut problems);
    heads(config, &mut problems);
    grids(config, &mut problems);
    links(config, &mut problems);
    problems.0
}

#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, problem: String) {
        self.0.push(problem);
    }

    fn require(&mut self, holds: bool, problem: impl FnOnce() -> String) {
        if !holds {
            self.0.push(problem());
        }
    }
}

/// Every dimension lies between 1 and a bound.
fn sizes(config: &CalicoConfig, problems: &mut Problems) {
    let CalicoConfig { eva, qformer, dino, cem, llm, lora, sam, .. } = config;
    let (FeedForwardKind::Gelu { hidden: ffn_hidden }
    | FeedForwardKind::SwiGlu { hidden: ffn_hidden }) = dino.ffn;
    let dimensions = [
        ("eva.width", eva.width),
        ("eva.num_heads", eva.num_heads),
        ("eva.mlp_hidden", eva.mlp_hidden),
        ("eva.patch_size", eva.patch_size),
        ("qformer.width", qformer.width),
        ("qformer.num_heads", qformer.num_heads),
        ("qformer.ffn_hidden", qformer.ffn_hidden),
        ("qformer.num_queries", qformer.num_queries),
        ("qformer.encoder_width", qformer.encoder_width),
        ("qformer.cross_attention_frequency", qformer.cross_attention_frequency),
        ("dino.width", dino.width),
        ("dino.num_heads", dino.num_heads),
        ("dino.patch_size", dino.patch_size),
        ("dino.ffn.hidden", ffn_hidden),
        ("cem.num_heads", cem.num_heads),
        ("llm.width", llm.width),
        ("llm.num_heads", llm.num_heads),
        ("llm.num_kv_heads", llm.num_kv_heads),
        ("llm.mlp_hidden", llm.mlp_hidden),
        ("lora.rank", lora.as_ref().map_or(1, |lora| lora.rank)),
        ("sam.width", sam.width),
        ("sam.patch_size", sam.patch_size),
        ("sam.encoder.width", sam.encoder.width),
        ("sam.encoder.num_heads", sam.encoder.num_heads),
        ("sam.encoder.mlp_hidden", sam.encoder.mlp_hidden),
        ("sam.encoder.window_size", sam.encoder.window_size),
        ("sam.prompt.mask_channels", sam.prompt.mask_channels),
        ("sam.decoder.num_heads", sam.decoder.num_heads),
        ("sam.decoder.cross_width", sam.decoder.cross_width),
        ("sam.decoder.mlp_hidden", sam.decoder.mlp_hidden),
        ("sam.decoder.iou_hidden", sam.decoder.iou_hidden),
        ("sam.decoder.num_mask_tokens", sam.decoder.num_mask_tokens),
    ];
    for (name, value) in dimensions {
        problems.require((1..=LARGEST).contains(&value), || {
            format!("{name} is {value}; expected 1 to {LARGEST}")
        });
    }
    let depths = [
        ("eva.depth", eva.depth),
        ("qformer.depth", qformer.depth),
        ("dino.depth", dino.depth),
        ("llm.depth", llm.depth),
        ("sam.encoder.depth", sam.encoder.depth),
        ("sam.decoder.depth", sam.decoder.depth),
    ];
    for (name, value) in depths {
        problems.require((1..=DEEPEST).contains(&value), || {
            format!("{name} is {value}; expected 1 to {DEEPEST}")
        });
    }
    let rows = [("llm.vocab_size", llm.vocab_size), ("llm.max_positions", llm.max_positions)];
    for (name, value) in rows {
        let largest = LARGEST * 16;
        problems.require((1..=largest).contains(&value), || {
            format!("{name} is {value}; expected 1 to {largest}")
        });
    }
    problems.require(dino.num_register_tokens <= LARGEST, || {
        format!("dino.num_register_tokens is {}; expected 0 to {LARGEST}", dino.num_register_tokens)
    });
}

/// Single tensors stay below a bound.
fn tables(config: &CalicoConfig, problems: &mut Problems) {
    let CalicoConfig { eva, dino, llm, sam, .. } = config;
    let patch = |patch: usize, width: usize| [3, patch, patch, width];
    let square = |grid: usize, width: usize| [1, grid, grid, width];
    let [dino_height, dino_width] = dino.grid();
    let tables = [
        ("eva: patch embedding", patch(eva.patch_size, eva.width)),
        ("eva: positions", square(eva.grid(), eva.width)),
        ("eva: stored positions", square(eva.stored_grid.unwrap_or(1), eva.width)),
        ("eva: attention", [3, eva.width, eva.width, 1]),
        ("dino: patch embedding", patch(dino.patch_size, dino.width)),
        ("dino: positions", [1, dino_height, dino_width, dino.width]),
        ("dino: stored positions", square(dino.stored_grid, dino.width)),
        ("sam: patch embedding", patch(sam.patch_size, sam.encoder.width)),
        ("sam: positions", square(sam.grid(), sam.encoder.width)),
        ("sam: prompt positions", square(sam.grid(), sam.width)),
        ("sam: neck", [1, 9, sam.width, sam.width]),
        ("sam: neck", [1, 1, sam.width, sam.encoder.width]),
        ("llm: embeddings", [1, 1, llm.vocab_size, llm.width]),
    ];
    for (name, sides) in tables {
        let values = sides.into_iter().try_fold(1usize, usize::checked_mul);
        problems.require(values.is_some_and(|values| values <= LARGEST_TABLE), || {
            format!("{name} would hold {sides:?} values; expected at most {LARGEST_TABLE}")
        });
    }
    let window = sam.encoder.window_size;
    problems.require(window <= sam.grid().max(1), || {
        format!("sam.encoder.window_size is {window}, but the grid has {} cells", sam.grid())
    });
    let channels = sam.prompt.mask_channels;
    problems.require(channels.is_multiple_of(4), || {
        format!("sam.prompt.mask_channels is {channels}; expected a multiple of 4")
    });
}

/// Numbers that are not dimensions.
fn numbers(config: &CalicoConfig, problems: &mut Problems) {
    let CalicoConfig { eva, ln_vision, qformer, dino, cem, llm, lora, sam, .. } = config;
    let epsilons = [
        ("eva.ln_eps", eva.ln_eps),
        ("ln_vision.eps", ln_vision.eps),
        ("qformer.ln_eps", qformer.ln_eps),
        ("dino.ln_eps", dino.ln_eps),
        ("cem.ln_eps", cem.ln_eps),
        ("llm.rms_eps", llm.rms_eps),
        ("sam.encoder.ln_eps", sam.encoder.ln_eps),
        ("sam.encoder.neck_ln_eps", sam.encoder.neck_ln_eps),
        ("sam.decoder.ln_eps", sam.decoder.ln_eps),
        ("sam.decoder.final_ln_eps", sam.decoder.final_ln_eps),
        ("sam.decoder.upscaling_ln_eps", sam.decoder.upscaling_ln_eps),
    ];
    for (name, value) in epsilons {
        problems.require((0.0..=1.0).contains(&value), || {
            format!("{name} is {value}; expected 0 to 1")
        });
    }
    problems.require((1.0..=1e12).contains(&llm.rope_theta), || {
        format!("llm.rope_theta is {}; expected 1 to 1e12", llm.rope_theta)
    });
    let alpha = lora.as_ref().map_or(1.0, |lora| lora.alpha);
    problems.require((0.0..=1e6).contains(&alpha), || {
        format!("lora.alpha is {alpha}; expected 0 to 1e6")
    });
}

/// Heads divide widths.
fn heads(config: &CalicoConfig, problems: &mut Problems) {
    let CalicoConfig { eva, qformer, dino, cem, llm, sam, .. } = config;
    let pairs = [
        ("eva", eva.num_heads, eva.width),
        ("qformer", qformer.num_heads, qformer.width),
        ("dino", dino.num_heads, dino.width),
        ("cem", cem.num_heads, eva.width),
        ("sam.encoder", sam.encoder.num_heads, sam.encoder.width),
        ("sam.decoder", sam.decoder.num_heads, sam.width),
        ("sam.decoder, cross_width", sam.decoder.num_heads, sam.decoder.cross_width),
    ];
    for (name, heads, width) in pairs {
        problems.require(heads > 0 && width.is_multiple_of(heads), || {
            format!("{name}: {heads} heads do not divide width {width}")
        });
    }
    problems.require(sam.width.is_multiple_of(8), || {
        format!("sam.width is {}; expected a multiple of 8", sam.width)
    });
    for problem in llm.problems() {
        problems.add(format!("llm: {problem}"));
    }
}

/// Images are whole numbers of patches, and not absurdly many.
fn grids(config: &CalicoConfig, problems: &mut Problems) {
    let CalicoConfig { eva, dino, sam, .. } = config;
    let [dino_height, dino_width] = dino.input_size.height_width();
    let sides = [
        ("eva.image_size", eva.image_size, eva.patch_size),
        ("dino.input_size", dino_height, dino.patch_size),
        ("dino.input_size", dino_width, dino.patch_size),
        ("sam.image_size", sam.image_size, sam.patch_size),
    ];
    for (name, side, patch) in sides {
        let whole = patch > 0 && side > 0 && side.is_multiple_of(patch);
        problems.require(whole && side / patch <= LARGEST_GRID && side <= LARGEST, || {
            format!(
                "{name} is {side}; expected 1 to {LARGEST_GRID} times the patch of {patch} pixels"
            )
        });
    }
    for (name, grid) in
        [("eva.stored_grid", eva.stored_grid.unwrap_or(1)), ("dino.stored_grid", dino.stored_grid)]
    {
        problems.require((1..=LARGEST_GRID).contains(&grid), || {
            format!("{name} is {grid}; expected 1 to {LARGEST_GRID}")
        });
    }
}

/// The modules fit each other.
fn links(config: &CalicoConfig, problems: &mut Problems) {
    let CalicoConfig { eva, qformer, dino, cam, llm, .. } = config;
    problems.require(!qformer.enabled || qformer.encoder_width == eva.width, || {
        format!("qformer.encoder_width is {}, eva.width is {}", qformer.encoder_width, eva.width)
    });
    let copies = cam.query_source == QuerySource::Copy;
    problems.require(copies || !cam.train_queries, || {
        "cam.train_queries needs cam.query_source = copy: shared queries are frozen".into()
    });
    problems.require(qformer.enabled || !copies, || {
        "cam.query_source = copy needs the Q-Former: without it nothing asks".into()
    });
    problems.require(cam.index_base <= 1, || {
        format!("cam.index_base is {}; expected 0 or 1", cam.index_base)
    });
    for &layer in &cam.layers {
        let inside = (cam.index_base..llm.depth.saturating_add(cam.index_base)).contains(&layer);
        problems
            .require(inside, || format!("cam.layers names layer {layer} of {} layers", llm.depth));
    }
    let mut layers = cam.layers.clone();
    layers.sort_unstable();
    layers.dedup();
    problems.require(layers.len() == cam.layers.len(), || "cam.layers names a layer twice".into());
    let blocks = dino.depth as i64;
    problems.require((-blocks..blocks).contains(&dino.layer), || {
        format!("dino.layer is {}; expected {} to {}", dino.layer, -blocks, blocks - 1)
    });
    for &block in &config.sam.encoder.global_blocks {
        problems.require(block < config.sam.encoder.depth, || {
            format!("sam.encoder.global_blocks names block {block}, which does not exist")
        });
    }
}
