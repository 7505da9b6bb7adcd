//! What makes a configuration describe a model.

use super::CalicoConfig;

/// Larger widths, depths and tables are mistakes: products of four stay below 2^64.
const LARGEST: usize = 1 << 16;
/// Larger images are mistakes: tables of positions are resized at load.
const LARGEST_GRID: usize = 256;

/// Everything that is wrong with `config`.
pub(super) fn problems(config: &CalicoConfig) -> Vec<String> {
    let mut problems = Problems::default();
    if config.model_type != super::MODEL_TYPE {
        problems.add(format!("model_type is {:?}; expected \"calico\"", config.model_type));
    }
    sizes(config, &mut problems);
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
    let dimensions = [
        ("eva.width", eva.width),
        ("eva.num_heads", eva.num_heads),
        ("eva.depth", eva.depth),
        ("eva.mlp_hidden", eva.mlp_hidden),
        ("eva.patch_size", eva.patch_size),
        ("qformer.width", qformer.width),
        ("qformer.num_heads", qformer.num_heads),
        ("qformer.depth", qformer.depth),
        ("qformer.ffn_hidden", qformer.ffn_hidden),
        ("qformer.num_queries", qformer.num_queries),
        ("qformer.encoder_width", qformer.encoder_width),
        ("qformer.cross_attention_frequency", qformer.cross_attention_frequency),
        ("dino.width", dino.width),
        ("dino.num_heads", dino.num_heads),
        ("dino.depth", dino.depth),
        ("dino.patch_size", dino.patch_size),
        ("cem.num_heads", cem.num_heads),
        ("llm.width", llm.width),
        ("llm.depth", llm.depth),
        ("llm.num_heads", llm.num_heads),
        ("llm.num_kv_heads", llm.num_kv_heads),
        ("llm.mlp_hidden", llm.mlp_hidden),
        ("lora.rank", lora.as_ref().map_or(1, |lora| lora.rank)),
        ("sam.width", sam.width),
        ("sam.patch_size", sam.patch_size),
        ("sam.encoder.width", sam.encoder.width),
        ("sam.encoder.num_heads", sam.encoder.num_heads),
        ("sam.encoder.depth", sam.encoder.depth),
        ("sam.encoder.mlp_hidden", sam.encoder.mlp_hidden),
        ("sam.encoder.window_size", sam.encoder.window_size),
        ("sam.prompt.mask_channels", sam.prompt.mask_channels),
        ("sam.decoder.depth", sam.decoder.depth),
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
