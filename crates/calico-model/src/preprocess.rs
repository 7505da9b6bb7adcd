//! From a decoded photograph to what each encoder reads: the one pixel path of training,
//! evaluation and serving.

use calico_image::{Filter, Frame, ImageError, Letterbox, Size, resize};
use candle_core::{Device, Tensor};

/// Mean and deviation of EVA-CLIP's pixels, in 0..1.
const CLIP: [[f32; 3]; 2] =
    [[0.481_454_66, 0.457_827_5, 0.408_210_73], [0.268_629_55, 0.261_302_6, 0.275_777_1]];
/// Mean and deviation of DINOv2's pixels, in 0..1.
const IMAGENET: [[f32; 3]; 2] = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]];
/// Mean and deviation of SAM's pixels, in 0..255.
const SAM: [[f32; 3]; 2] = [[123.675, 116.28, 103.53], [58.395, 57.12, 57.375]];

/// Sides of the encoders' inputs, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputSizes {
    /// EVA-CLIP, both sides.
    pub eva: usize,
    /// DINOv2, both sides; `None` when it is not used.
    pub dino: Option<[usize; 2]>,
    /// SAM, the longest side.
    pub sam: usize,
}

/// One photograph as the encoders read it.
#[derive(Debug, Clone)]
pub struct ImageTensors {
    /// `[1, 3, e, e]`: squashed, bicubic.
    pub eva: Tensor,
    /// `[1, 3, d, d]`: squashed, bicubic.
    pub dino: Option<Tensor>,
    /// `[1, 3, s, s]`: longest side to `s`, bilinear, padded right and bottom with zeros after
    /// normalisation, so the padding equals the mean colour.
    pub sam: Tensor,
    /// How the original lies in SAM's square.
    pub letterbox: Letterbox,
}

/// Why a photograph cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PreprocessError {
    /// Resizing failed.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A tensor could not be made.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

impl ImageTensors {
    /// Prepares one photograph.
    pub fn new(frame: &Frame, sizes: InputSizes, device: &Device) -> Result<Self, PreprocessError> {
        let squashed = |[height, width]: [usize; 2], statistics| {
            let resized = resize(frame, size(height, width), Filter::Bicubic)?;
            Ok::<_, PreprocessError>(normalised(&resized, 1.0 / 255.0, statistics, device)?)
        };
        let letterbox = Letterbox::new(frame.size(), sizes.sam as u32);
        let resized = resize(frame, letterbox.resized, Filter::Bilinear)?;
        let Size { height, width } = letterbox.resized;
        let sam = normalised(&resized, 1.0, SAM, device)?
            .pad_with_zeros(2, 0, sizes.sam - height as usize)?
            .pad_with_zeros(3, 0, sizes.sam - width as usize)?;
        Ok(Self {
            eva: squashed([sizes.eva, sizes.eva], CLIP)?,
            dino: sizes.dino.map(|sides| squashed(sides, IMAGENET)).transpose()?,
            sam,
            letterbox,
        })
    }
}

fn size(height: usize, width: usize) -> Size {
    Size::new(height as u32, width as u32)
}

/// `(scale · pixel - mean) / deviation` as `[1, 3, H, W]`.
fn normalised(
    frame: &Frame,
    scale: f32,
    [mean, deviation]: [[f32; 3]; 2],
    device: &Device,
) -> candle_core::Result<Tensor> {
    let Size { height, width } = frame.size();
    let pixels = frame.pixels();
    let mut planes = Vec::with_capacity(pixels.len());
    for (channel, (mean, deviation)) in mean.into_iter().zip(deviation).enumerate() {
        let samples = pixels.iter().skip(channel).step_by(3);
        planes.extend(samples.map(|&value| (f32::from(value) * scale - mean) / deviation));
    }
    Tensor::from_vec(planes, (1, 3, height as usize, width as usize), device)
}
