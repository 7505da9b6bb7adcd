//! SAM's prompt encoder, as far as text prompts need it (LISA, arXiv 2308.00692).
//!
//! ```text
//! text embeddings ── as they are ──── sparse ─┐
//! no_mask_embed ──── at every cell ── dense ──┴─ prompts
//! ```
//!
//! A text prompt is one token per mask: no point, box or padding token is added
//! (`segment_anything/modeling/prompt_encoder.py`, with the text branch of LISA and GLaMM).
//!
//! Axes: `M` masks, `g g` cells of the image embedding, `C` width.

use std::f64::consts::TAU;

use calico_nn::Weights;
use calico_nn::weights::Init;
use candle_core::{DType, Device, Result, Tensor};

use super::SamConfig;
use crate::patch_grid;

/// The tensors of the prompt encoder that are fixed when a model is made and never trained.
/// They are in every checkpoint but not among the parameters.
pub const PROMPT_ENCODER_BUFFERS: [&str; 1] = ["pe_layer.positional_encoding_gaussian_matrix"];

/// The prompt encoder, for text prompts.
#[derive(Debug, Clone)]
pub struct PromptEncoder {
    /// `[C, 1, 1]`
    no_mask: Tensor,
    /// `[C, g, g]`
    positions: Tensor,
}

/// What the mask decoder is asked for.
#[derive(Debug, Clone)]
pub struct Prompts {
    /// The tokens of each mask, `[M, 1, C]`.
    pub sparse: Tensor,
    /// Added to the image embedding, `[C, g, g]`.
    pub dense: Tensor,
}

impl PromptEncoder {
    /// Reads `no_mask_embed` and the Gaussian matrix of the positions below `weights`.
    ///
    /// The embeddings of points and the network for mask prompts are asked for too, so that a
    /// checkpoint is always checked as a whole, but not kept.
    ///
    /// # Errors
    /// If the patch size does not divide the image size, the width is odd, or a tensor is
    /// missing.
    pub fn load(config: &SamConfig, weights: &Weights) -> Result<Self> {
        let width = config.width;
        if !width.is_multiple_of(2) {
            candle_core::bail!("positions are pairs of sine and cosine, but the width is {width}");
        }
        let grid = patch_grid::cells(config.image_size, config.patch_size)?;
        let [gaussian] = PROMPT_ENCODER_BUFFERS;
        let gaussian = weights.get(&[2, width / 2], gaussian, Init::std(1.0))?;
        let no_mask = weights.get(&[1, width], "no_mask_embed.weight", Init::std(1.0))?;
        request_unused(config, weights)?;
        Ok(Self {
            no_mask: no_mask.reshape((width, 1, 1))?,
            positions: positions(&gaussian, grid)?,
        })
    }

    /// The prompts for text embeddings.
    ///
    /// # Shapes
    /// - `text`: `[M, C]`, one embedding per mask
    pub fn forward(&self, text: &Tensor) -> Result<Prompts> {
        Ok(Prompts {
            sparse: text.unsqueeze(1)?,                                // [M, 1, C]
            dense: self.no_mask.broadcast_as(self.positions.shape())?, // [C, g, g]
        })
    }

    /// The positions of the cells of the image embedding, `[C, g, g]`.
    pub fn positions(&self) -> &Tensor {
        &self.positions
    }
}

/// Random Fourier features of the cell centres, computed in f32.
///
/// # Shapes
/// - `gaussian`: `[2, C / 2]`, for x and y
/// - returns: `[C, g, g]`
fn positions(gaussian: &Tensor, grid: usize) -> Result<Tensor> {
    let centre = |cell: usize| 2.0 * ((cell as f32 + 0.5) / grid as f32) - 1.0;
    let of_row = |row| (0..grid).flat_map(move |column| [centre(column), centre(row)]);
    let centres: Vec<f32> = (0..grid).flat_map(of_row).collect();
    let centres = Tensor::from_vec(centres, (grid * grid, 2), &Device::Cpu)?;
    let centres = centres.to_device(gaussian.device())?; // [g g, 2] in (-1, 1)
    let angles = (centres.matmul(&gaussian.to_dtype(DType::F32)?)? * TAU)?; // [g g, C / 2]
    let features = Tensor::cat(&[angles.sin()?, angles.cos()?], 1)?; // [g g, C]
    let features = features.to_dtype(gaussian.dtype())?.t()?.contiguous()?; // [C, g g]
    features.reshape(((), grid, grid))
}

/// Asks for what only points, boxes and mask prompts need.
fn request_unused(config: &SamConfig, weights: &Weights) -> Result<()> {
    let (width, channels) = (config.width, config.prompt.mask_channels);
    let request = |shape: &[usize], name: &str| weights.get(shape, name, Init::std(1.0)).map(drop);
    for point in 0..4 {
        request(&[1, width], &format!("point_embeddings.{point}.weight"))?;
    }
    request(&[1, width], "not_a_point_embed.weight")?;
    let masks = weights.pp("mask_downscaling");
    let convolution = |name: usize, shape: [usize; 4]| {
        let [out, inner, height, columns] = shape;
        let init = Init::fan_in(inner * height * columns);
        masks.get(&shape, &format!("{name}.weight"), init)?;
        masks.get(&[out], &format!("{name}.bias"), Init::Zeros).map(drop)
    };
    let norm = |name: usize, channels: usize| {
        masks.get(&[channels], &format!("{name}.weight"), Init::Ones)?;
        masks.get(&[channels], &format!("{name}.bias"), Init::Zeros).map(drop)
    };
    convolution(0, [channels / 4, 1, 2, 2])?;
    norm(1, channels / 4)?;
    convolution(3, [channels, channels / 4, 2, 2])?;
    norm(4, channels)?;
    convolution(6, [width, channels, 1, 1])
}
