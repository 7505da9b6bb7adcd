use std::collections::BTreeSet;

use calico_model::correspondence::CemInput;
use calico_model::preprocess::ImageTensors;
use calico_model::{Calico, CalicoConfig};
use candle_core::{Result, Tensor};
use serde_json::{Value, json};

/// An encoder of images: what can be frozen, and kept, on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tower {
    /// EVA-CLIP with `ln_vision`.
    Eva,
    /// DINOv2.
    Dino,
    /// SAM's image encoder.
    Sam,
}

/// A tensor that a tower gives for one picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Output {
    pub(super) name: &'static str,
    /// Without the axis of pictures.
    pub(super) shape: Vec<usize>,
}

impl Tower {
    /// The towers of a model.
    pub(crate) fn of(config: &CalicoConfig) -> Vec<Self> {
        let dino = config.uses_dino().then_some(Self::Dino);
        [Some(Self::Eva), dino, Some(Self::Sam)].into_iter().flatten().collect()
    }

    /// Those of them that hold any of the tensors that learn.
    pub(crate) fn trained<'a>(
        config: &CalicoConfig,
        learning: impl IntoIterator<Item = &'a str>,
    ) -> Vec<Self> {
        let all = Self::of(config);
        let of = |name: &str| all.iter().copied().find(|tower| tower.holds(name));
        let learning: BTreeSet<Self> = learning.into_iter().filter_map(of).collect();
        learning.into_iter().collect()
    }

    /// What it is called in names of tensors.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Eva => "eva",
            Self::Dino => "dino",
            Self::Sam => "sam",
        }
    }

    /// Whether a tensor is one of its weights.
    pub(crate) fn holds(self, tensor: &str) -> bool {
        let prefixes: &[&str] = match self {
            Self::Eva => &["eva.", "ln_vision."],
            Self::Dino => &["dino."],
            Self::Sam => &["sam.encoder."],
        };
        prefixes.iter().any(|prefix| tensor.starts_with(prefix))
    }

    /// Everything of a configuration that its output depends on, the size of its input included.
    pub(super) fn config(self, config: &CalicoConfig) -> Value {
        match self {
            Self::Eva => json!({ "eva": config.eva, "ln_vision": config.ln_vision }),
            Self::Dino => json!(config.dino),
            Self::Sam => {
                let sam = &config.sam;
                json!([sam.image_size, sam.patch_size, sam.width, sam.encoder])
            }
        }
    }

    /// What it gives for one picture.
    pub(super) fn outputs(self, config: &CalicoConfig) -> Vec<Output> {
        let output = |name, shape| Output { name, shape };
        match self {
            Self::Eva => {
                let shape = vec![config.eva.num_tokens(), config.eva.width];
                let raw = reads_raw(config).then(|| output("raw", shape.clone()));
                raw.into_iter().chain([output("normed", shape)]).collect()
            }
            Self::Dino => {
                let dino = &config.dino;
                let kept = if dino.keep_prefix_tokens { dino.num_prefix_tokens() } else { 0 };
                let tokens = kept + dino.grid().iter().product::<usize>();
                vec![output("semantic", vec![tokens, dino.width])]
            }
            Self::Sam => {
                let grid = config.sam.grid();
                vec![output("embedding", vec![config.sam.width, grid, grid])]
            }
        }
    }

    /// How many values it gives for one picture.
    pub(crate) fn values(self, config: &CalicoConfig) -> usize {
        let values = |output: Output| output.shape.iter().product::<usize>();
        self.outputs(config).into_iter().map(values).sum()
    }

    /// What it reads of a picture.
    ///
    /// # Shapes
    /// - returns: `[1, 3, H, W]`
    pub(crate) fn pixels(self, image: &ImageTensors) -> Result<&Tensor> {
        match self {
            Self::Eva => Ok(&image.eva),
            Self::Dino => match &image.dino {
                Some(pixels) => Ok(pixels),
                None => candle_core::bail!("no pixels were prepared for DINOv2"),
            },
            Self::Sam => Ok(&image.sam),
        }
    }

    /// Runs it; the tensors are in the order of [`outputs`](Self::outputs).
    ///
    /// # Shapes
    /// - `pixels`: `[B, 3, H, W]`
    /// - returns: `[B, …]` each
    pub(crate) fn run(self, model: &Calico, pixels: &Tensor) -> Result<Vec<Tensor>> {
        match self {
            Self::Eva => {
                let [raw, normed] = model.global_tokens(pixels)?;
                let raw = reads_raw(model.config()).then_some(raw);
                Ok(raw.into_iter().chain([normed]).collect())
            }
            Self::Dino => match model.semantic_tokens(pixels)? {
                Some(tokens) => Ok(vec![tokens]),
                None => candle_core::bail!("the model has no DINOv2"),
            },
            Self::Sam => Ok(vec![model.encode_for_masks(pixels)?]),
        }
    }
}

/// Whether anything reads the tokens of EVA-CLIP before `ln_vision`.
fn reads_raw(config: &CalicoConfig) -> bool {
    config.uses_dino() && config.cem.input == CemInput::PreLn
}

#[cfg(test)]
mod tests {
    use calico_model::Preset;
    use calico_model::checkpoint::tensor_specs;

    use super::*;

    #[test]
    fn towers_share_no_tensor_and_leave_out_what_reads_them() {
        let config = Preset::Tiny.config().unwrap();
        let specs = tensor_specs(&config).unwrap();
        let owners = |name: &str| Tower::of(&config).iter().filter(|t| t.holds(name)).count();
        for spec in &specs {
            let first = spec.name.split('.').next().unwrap();
            let of_tower = ["eva", "ln_vision", "dino"].contains(&first)
                || spec.name.starts_with("sam.encoder.");
            assert_eq!(owners(&spec.name), usize::from(of_tower), "{}", spec.name);
        }
    }
}
