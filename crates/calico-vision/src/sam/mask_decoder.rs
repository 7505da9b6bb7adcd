//! SAM's mask decoder: prompts and an image embedding to masks.
//!
//! ```text
//! [iou, mask × 4, prompt] ── two-way ──┬── mask tokens ── hypernetworks ──┐
//! embedding + dense prompt ─ two-way ──│── upscaling ───────────────────(dot)── mask logits
//!                                      └── iou token ─── head ── predicted IoU
//! ```
//!
//! The first of the four masks is the one for a single answer
//! (`segment_anything/modeling/mask_decoder.py`).
//!
//! Axes: `M` masks asked for, `g g` cells of the image embedding, `C` width.

use calico_nn::Weights;
use calico_nn::weights::Init;
use candle_core::{D, IndexOp as _, Result, Tensor};

use super::relu_mlp::ReluMlp;
use super::upscaling::Upscaling;
use super::{Prompts, SamConfig, Streams, TwoWayTransformer};

/// Masks decoded at once; each needs about 30 MiB at full size.
const MASKS_AT_ONCE: usize = 8;

/// SAM's mask decoder.
#[derive(Debug, Clone)]
pub struct MaskDecoder {
    /// `[1, C]`
    iou_token: Tensor,
    /// `[masks per prompt, C]`
    mask_tokens: Tensor,
    transformer: TwoWayTransformer,
    upscaling: Upscaling,
    hypernetworks: Vec<ReluMlp>,
    iou_head: ReluMlp,
}

/// One mask for each prompt.
#[derive(Debug, Clone)]
pub struct MaskPrediction {
    /// `[M, 4g, 4g]`, positive inside the mask.
    pub logits: Tensor,
    /// `[M]`, the predicted overlap with the true mask; roughly in 0 to 1, but not clamped.
    pub iou: Tensor,
}

impl MaskDecoder {
    /// Reads `iou_token`, `mask_tokens`, `transformer`, `output_upscaling`,
    /// `output_hypernetworks_mlps.{k}` and `iou_prediction_head` below `weights`.
    ///
    /// # Errors
    /// If the heads do not divide a width, there is no mask token, or a tensor is missing.
    pub fn load(config: &SamConfig, weights: &Weights) -> Result<Self> {
        let &SamConfig { width, ref decoder, .. } = config;
        let (iou_hidden, masks) = (decoder.iou_hidden, decoder.num_mask_tokens);
        if masks == 0 {
            candle_core::bail!("the mask decoder needs a mask token");
        }
        let layers = ["layers.0", "layers.1", "layers.2"];
        let hyper = weights.pp("output_hypernetworks_mlps");
        let hyper_widths = [width, width, width, width / 8];
        let load_hyper = |k: usize| ReluMlp::load(hyper_widths, &layers, &hyper.pp(k));
        let iou_widths = [width, iou_hidden, iou_hidden, masks];
        let iou_head = weights.pp("iou_prediction_head");
        let token = Init::std(1.0);
        Ok(Self {
            iou_token: weights.get(&[1, width], "iou_token.weight", token)?,
            mask_tokens: weights.get(&[masks, width], "mask_tokens.weight", token)?,
            transformer: TwoWayTransformer::load(config, &weights.pp("transformer"))?,
            upscaling: Upscaling::load(config, &weights.pp("output_upscaling"))?,
            hypernetworks: (0..masks).map(load_hyper).collect::<Result<_>>()?,
            iou_head: ReluMlp::load(iou_widths, &layers, &iou_head)?,
        })
    }

    /// One mask for each prompt.
    ///
    /// # Shapes
    /// - `embedding`: `[C, g, g]`, of one image
    /// - `positions`: `[C, g, g]`, from the prompt encoder
    /// - `prompts`: of `M` masks, possibly none
    pub fn forward(
        &self,
        embedding: &Tensor,
        positions: &Tensor,
        prompts: &Prompts,
    ) -> Result<MaskPrediction> {
        let total = prompts.sparse.dim(0)?;
        let (mut logits, mut iou) = (Vec::new(), Vec::new());
        for start in (0..total).step_by(MASKS_AT_ONCE) {
            let sparse = prompts.sparse.narrow(0, start, MASKS_AT_ONCE.min(total - start))?;
            let group = Prompts { sparse, dense: prompts.dense.clone() };
            let (masks, scores) = self.forward_all(embedding, positions, &group)?;
            logits.push(masks.i((.., 0))?); // [m, 4g, 4g]
            iou.push(scores.i((.., 0))?); // [m]
        }
        if total == 0 {
            let (_, height, width) = embedding.dims3()?;
            let none =
                |shape: &[usize]| Tensor::zeros(shape, embedding.dtype(), embedding.device());
            return Ok(MaskPrediction {
                logits: none(&[0, 4 * height, 4 * width])?,
                iou: none(&[0])?,
            });
        }
        Ok(MaskPrediction { logits: Tensor::cat(&logits, 0)?, iou: Tensor::cat(&iou, 0)? })
    }

    /// As [`MaskDecoder::forward`], each prompt on an image of its own and all at once: for
    /// training, where many small calls would take longer than their arithmetic.
    ///
    /// # Shapes
    /// - `embeddings`: `[M, C, g, g]`
    /// - `positions`: `[C, g, g]`
    pub fn forward_each(
        &self,
        embeddings: &Tensor,
        positions: &Tensor,
        prompts: &Prompts,
    ) -> Result<MaskPrediction> {
        let (masks, scores) = self.forward_all(embeddings, positions, prompts)?;
        Ok(MaskPrediction { logits: masks.i((.., 0))?, iou: scores.i((.., 0))? })
    }

    /// All masks of each prompt, for all prompts at once, and their predicted overlaps.
    ///
    /// # Shapes
    /// - `embedding`: `[C, g, g]`, or `[M, C, g, g]` if each prompt has an image of its own
    /// - `positions`: `[C, g, g]`
    /// - returns: `[M, 4, 4g, 4g]` and `[M, 4]`
    pub fn forward_all(
        &self,
        embedding: &Tensor,
        positions: &Tensor,
        prompts: &Prompts,
    ) -> Result<(Tensor, Tensor)> {
        let (_, height, width) = positions.dims3()?;
        let start = self.start(embedding, prompts)?;
        let image = flatten_cells(positions)?.unsqueeze(0)?; // [1, P, C]
        let positions = Streams { tokens: start.tokens.clone(), image };
        let end = self.transformer.forward(start, &positions)?;
        let canvas = self.upscale(&end, [height, width])?; // [M, 4g, 4g, C / 8]
        let masks = self.draw(&end, &canvas)?; // [M, 4, 4g, 4g]
        let scores = self.iou_head.forward(&end.tokens.i((.., 0))?)?; // [M, 4]
        Ok((masks, scores))
    }

    /// What enters the two-way transformer.
    ///
    /// # Shapes
    /// - `embedding`: `[C, g, g]`, or `[M, C, g, g]`
    /// - returns: `[M, T, C]` and `[M, P, C]`
    pub fn start(&self, embedding: &Tensor, prompts: &Prompts) -> Result<Streams> {
        let (masks, _, width) = prompts.sparse.dims3()?;
        let own = Tensor::cat(&[&self.iou_token, &self.mask_tokens], 0)?; // [5, C]
        let own = own.broadcast_left(masks)?; // [M, 5, C]
        let image = flatten_cells(&embedding.broadcast_add(&prompts.dense)?)?; // [(M,) P, C]
        let image = image.broadcast_as((masks, image.dim(D::Minus2)?, width))?; // [M, P, C]
        Ok(Streams {
            tokens: Tensor::cat(&[&own, &prompts.sparse], 1)?, // [M, T, C]
            image: image.contiguous()?,
        })
    }

    /// The transformer between tokens and image.
    pub fn transformer(&self) -> &TwoWayTransformer {
        &self.transformer
    }

    /// The enlarged image, as the transformer left it, on which masks are drawn.
    ///
    /// # Shapes
    /// - returns: `[M, 4h, 4w, C / 8]`
    pub fn upscale(&self, end: &Streams, [height, width]: [usize; 2]) -> Result<Tensor> {
        let (masks, _, channels) = end.image.dims3()?;
        let map = end.image.reshape((masks, height, width, channels))?; // [M, h, w, C]
        self.upscaling.forward(&map) // [M, 4h, 4w, C / 8]
    }

    /// The product of every cell with the vector that each hypernetwork makes of its token.
    ///
    /// # Shapes
    /// - `canvas`: `[M, 4g, 4g, C / 8]`
    /// - returns: `[M, 4, 4g, 4g]`
    fn draw(&self, end: &Streams, canvas: &Tensor) -> Result<Tensor> {
        let (masks, height, width, _) = canvas.dims4()?;
        let tokens = self.hypernetworks.iter().zip(1..); // the first token is that of the IoU
        let vectors = tokens.map(|(network, t)| network.forward(&end.tokens.i((.., t))?));
        let vectors = Tensor::stack(&vectors.collect::<Result<Vec<_>>>()?, 1)?; // [M, 4, C / 8]
        let cells = canvas.flatten(1, 2)?.transpose(1, 2)?; // [M, C / 8, 4g 4g]
        vectors.matmul(&cells)?.reshape((masks, (), height, width))
    }
}

/// `[…, C, h, w]` to `[…, h w, C]`.
fn flatten_cells(map: &Tensor) -> Result<Tensor> {
    map.flatten_from(D::Minus2)?.t()?.contiguous()
}
