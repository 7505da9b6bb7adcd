//! Arithmetic per module: matrix products only, 2 per multiply-add.
//!
//! Counted in f64: exact below 2^53, and never an overflow.

use calico_vision::dinov2::FeedForwardKind;

use crate::CalicoConfig;

/// What one request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Photographs.
    pub images: usize,
    /// Positions of the prompt that are text.
    pub text_tokens: usize,
    /// Tokens of the answer.
    pub answer_tokens: usize,
    /// Masks drawn.
    pub masks: usize,
}

impl Default for Request {
    /// A typical question about a pair.
    fn default() -> Self {
        Self { images: 2, text_tokens: 200, answer_tokens: 120, masks: 8 }
    }
}

/// Arithmetic of one request by module, and of its units.
#[derive(Debug, Clone, PartialEq)]
pub struct Flops {
    /// EVA-CLIP, one image.
    pub eva: f64,
    /// DINOv2, one image.
    pub dino: f64,
    /// Extraction module, one image.
    pub cem: f64,
    /// Q-Former keys and values of one image.
    pub qformer_keys_values: f64,
    /// One pass of the Q-Former over one image whose keys and values are known.
    pub qformer_pass: f64,
    /// `f_image`, one image.
    pub f_image: f64,
    /// All adapters without their Q-Former passes.
    pub cams: f64,
    /// Language model: the prompt without its head.
    pub prefill: f64,
    /// Language model: the head at one position.
    pub head: f64,
    /// Language model: all steps of the answer, heads included.
    pub decode: f64,
    /// Low-rank updates, prompt and answer.
    pub lora: f64,
    /// `[SEG]` projection, one mask.
    pub seg_proj: f64,
    /// SAM image encoder, one image.
    pub sam_encoder: f64,
    /// SAM mask decoder, one mask.
    pub sam_decoder: f64,
    request: Request,
    adapters: usize,
}

impl Flops {
    /// Arithmetic of the whole request in the module with this canonical prefix.
    pub fn of(&self, prefix: &str) -> f64 {
        let images = self.request.images as f64;
        let masks = self.request.masks as f64;
        match prefix {
            "eva." => images * self.eva,
            "dino." => images * self.dino,
            "cem." => images * self.cem,
            // The first look, then keys and values once and one pass per adapter.
            "qformer." => {
                let looks = 1.0 + f64::from(u8::from(self.adapters > 0));
                images
                    * (looks * self.qformer_keys_values
                        + (1.0 + self.adapters as f64) * self.qformer_pass)
            }
            "f_image." => images * self.f_image,
            "cams." => self.cams,
            "llm." => self.prefill + self.head + self.decode,
            "lora." => self.lora,
            "seg_proj." => masks * self.seg_proj,
            "sam.encoder." => images * self.sam_encoder,
            "sam.decoder." => masks * self.sam_decoder,
            _ => 0.0,
        }
    }
}

/// Arithmetic of a request, from the configuration.
pub fn flops(config: &CalicoConfig, request: Request) -> Flops {
    let llm = &config.llm;
    let prompt = request.text_tokens + request.images * config.tokens_per_image();
    let kv_width = llm.num_kv_heads * llm.head_width();
    let layer = product(1, llm.width, 2 * llm.width + 2 * kv_width)
        + product(1, llm.width, 3 * llm.mlp_hidden);
    let linears = |tokens: usize| tokens as f64 * llm.depth as f64 * layer;
    let scores = |queries, keys| llm.depth as f64 * attention(queries, keys, llm.width);
    let head = product(1, llm.width, llm.vocab_size);
    let steps =
        (1..=request.answer_tokens).map(|step| linears(1) + scores(1, prompt + step) + head).sum();
    let [queries, query_width] = config.queries();
    let adapters = if config.cam.enabled { config.cam.layers.len() } else { 0 };
    let cam = product(1, llm.width, query_width)
        + product(request.images * queries, query_width, llm.width);
    let lora = config.lora.as_ref().map_or(0.0, |lora| {
        let positions = prompt + request.answer_tokens;
        llm.depth as f64
            * (product(positions, lora.rank, 2 * llm.width)
                + product(positions, lora.rank, llm.width + kv_width))
    });
    let (qformer_keys_values, qformer_pass) =
        if config.qformer.enabled { qformer(config) } else { (0.0, 0.0) };
    Flops {
        eva: vit(&Vit {
            patches: config.eva.num_tokens() - 1,
            prefix: 1,
            width: config.eva.width,
            mlp: 2 * config.eva.mlp_hidden,
            depth: config.eva.depth,
            patch: config.eva.patch_size,
        }),
        dino: if config.uses_dino() { dino(config) } else { 0.0 },
        cem: if config.uses_dino() { cem(config) } else { 0.0 },
        qformer_keys_values,
        qformer_pass,
        f_image: product(queries, query_width, llm.width),
        cams: adapters as f64 * cam,
        prefill: linears(prompt) + scores(prompt, prompt),
        head,
        decode: steps,
        lora,
        seg_proj: product(1, llm.width, llm.width) + product(1, llm.width, config.sam.width),
        sam_encoder: sam_encoder(config),
        sam_decoder: sam_decoder(config),
        request,
        adapters,
    }
}

/// `[rows, inner] x [inner, columns]`.
fn product(rows: usize, inner: usize, columns: usize) -> f64 {
    2.0 * rows as f64 * inner as f64 * columns as f64
}

/// Scores and mixing of attention with `width` channels in all heads together.
fn attention(queries: usize, keys: usize, width: usize) -> f64 {
    2.0 * product(queries, keys, width)
}

struct Vit {
    /// Tokens of patches.
    patches: usize,
    /// Tokens of no place.
    prefix: usize,
    width: usize,
    /// Sum of the output widths of the feed-forward linears on the inner width `width`.
    mlp: usize,
    depth: usize,
    patch: usize,
}

fn vit(vit: &Vit) -> f64 {
    let &Vit { patches, prefix, width, mlp, depth, patch } = vit;
    let tokens = patches + prefix;
    let block = product(tokens, width, 4 * width + mlp) + attention(tokens, tokens, width);
    depth as f64 * block + product(patches, 3 * patch * patch, width)
}

fn dino(config: &CalicoConfig) -> f64 {
    let dino = &config.dino;
    let mlp = match dino.ffn {
        FeedForwardKind::Gelu { hidden } => 2 * hidden,
        FeedForwardKind::SwiGlu { hidden } => 3 * hidden,
    };
    let (patches, prefix) = (dino.grid().iter().product(), dino.num_prefix_tokens());
    let depth = dino.layer.rem_euclid(dino.depth.max(1) as i64) as usize + 1;
    vit(&Vit { patches, prefix, width: dino.width, mlp, depth, patch: dino.patch_size })
}

fn cem(config: &CalicoConfig) -> f64 {
    let (width, tokens) = (config.eva.width, config.eva.num_tokens());
    let patches = config.dino.grid().iter().product();
    let own = if config.cem.out_proj { 2 * width } else { width };
    product(tokens, width, own)
        + product(patches, config.dino.width, 2 * width)
        + attention(tokens, patches, width)
}

/// Keys and values of one image, and one pass.
fn qformer(config: &CalicoConfig) -> (f64, f64) {
    let q = &config.qformer;
    let tokens = config.eva.num_tokens();
    let looking = (0..q.depth).filter(|&layer| q.looks_at_image(layer)).count() as f64;
    let keys_values = looking * product(tokens, q.encoder_width, 2 * q.width);
    let layer = product(q.num_queries, q.width, 4 * q.width + 2 * q.ffn_hidden)
        + attention(q.num_queries, q.num_queries, q.width);
    let cross =
        product(q.num_queries, q.width, 2 * q.width) + attention(q.num_queries, tokens, q.width);
    (keys_values, q.depth as f64 * layer + looking * cross)
}

fn sam_encoder(config: &CalicoConfig) -> f64 {
    let (sam, encoder) = (&config.sam, &config.sam.encoder);
    let (grid, width) = (sam.grid(), encoder.width);
    let cells = grid * grid;
    // Attention over `count` squares of `side` by `side` cells, relative positions included.
    let attend = |count: usize, side: usize| {
        let cells = side * side;
        count as f64
            * (product(cells, width, 4 * width)
                + attention(cells, cells, width)
                + product(cells, width, 2 * side))
    };
    let windows = grid.div_ceil(encoder.window_size.max(1)).pow(2);
    let mlp = product(cells, width, 2 * encoder.mlp_hidden);
    let blocks: f64 = (0..encoder.depth)
        .map(|block| {
            let global = encoder.global_blocks.contains(&block);
            mlp + if global { attend(1, grid) } else { attend(windows, encoder.window_size) }
        })
        .sum();
    blocks
        + product(cells, 3 * sam.patch_size * sam.patch_size, width)
        + product(cells, width, sam.width)
        + product(cells, 9 * sam.width, sam.width)
}

fn sam_decoder(config: &CalicoConfig) -> f64 {
    let (sam, decoder) = (&config.sam, &config.sam.decoder);
    let (width, cells) = (sam.width, sam.grid() * sam.grid());
    let tokens = 2 + decoder.num_mask_tokens;
    // One direction between tokens and image: a pair of projections on each side.
    let cross = product(tokens + cells, width, 2 * decoder.cross_width)
        + attention(tokens, cells, decoder.cross_width);
    let layer = product(tokens, width, 4 * width)
        + attention(tokens, tokens, width)
        + product(tokens, width, 2 * decoder.mlp_hidden)
        + 2.0 * cross;
    let upscaling = product(cells, width, width) + product(4 * cells, width / 4, width / 2);
    let hypernetworks = decoder.num_mask_tokens as f64
        * (product(1, width, 2 * width + width / 8) + product(16 * cells, width / 8, 1));
    decoder.depth as f64 * layer + cross + upscaling + hypernetworks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Preset;

    fn within_one_percent(name: &str, got: f64, wanted: f64) {
        assert!((got / wanted - 1.0).abs() < 0.01, "{name}: {got} for {wanted}");
    }

    #[test]
    fn the_full_model_takes_the_arithmetic_of_its_design() {
        let mut config = Preset::Full.config().unwrap();
        let at = |config: &CalicoConfig| flops(config, Request::default());
        let full = at(&config);
        within_one_percent("EVA", full.eva, 520.7e9);
        within_one_percent("Q-Former", full.qformer_pass + full.qformer_keys_values, 12.75e9);
        within_one_percent("Q-Former K/V", full.qformer_keys_values, 6.67e9);
        within_one_percent("DINOv2 224", full.dino, 608e9);
        within_one_percent("CEM 224", full.cem, 4.6e9);
        within_one_percent("SAM encoder", full.sam_encoder, 5961e9);
        // The design counts the head at all 264 positions of the prompt.
        within_one_percent("prefill", full.prefill + 264.0 * full.head, 3.53e12);
        within_one_percent("projection", full.seg_proj, 36e6);
        within_one_percent("mask decoder", full.sam_decoder, 3.6e9);
        let one = Request { answer_tokens: 1, text_tokens: 1, images: 0, masks: 0 };
        within_one_percent("decode", flops(&config, one).decode, 13.2e9);
        config.dino.input_size = calico_vision::dinov2::InputSize::Square(518);
        within_one_percent("DINOv2 518", at(&config).dino, 3578e9);
        within_one_percent("CEM 518", at(&config).cem, 15.9e9);
    }
}
