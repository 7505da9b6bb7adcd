use std::sync::Arc;

use calico_model::CalicoConfig;
use calico_nn::weights::{Recorder, TensorSpec};
use calico_nn::{Linear, Weights};
use candle_core::{Result, Tensor};

use super::{LabelClasses, LabelKind};
use crate::features::Tower;
use crate::lessons::LABEL_HEADS;

/// For each encoder that learns, a linear layer from its tokens to the classes of each kind.
#[derive(Debug, Clone)]
pub(super) struct LabelHeads(Vec<(Tower, Vec<(LabelKind, Linear)>)>);

impl LabelHeads {
    /// Reads `label_heads.{eva,dino,sam}.{objects,parts}` of the encoders that learn.
    pub(super) fn load(
        config: &CalicoConfig,
        classes: &LabelClasses,
        towers: &[Tower],
        weights: &Weights,
    ) -> Result<Self> {
        let weights = weights.pp(LABEL_HEADS.trim_end_matches('.'));
        let load = |&tower: &Tower| {
            let width = match tower {
                Tower::Eva => config.eva.width,
                Tower::Dino => config.dino.width,
                Tower::Sam => config.sam.width,
            };
            let weights = weights.pp(tower.name());
            let head = |kind: LabelKind| {
                let head = Linear::load(width, classes.len(kind), &weights.pp(kind.name()));
                Ok((kind, head?))
            };
            Ok((tower, classes.kinds().map(head).collect::<Result<_>>()?))
        };
        Ok(Self(towers.iter().map(load).collect::<Result<_>>()?))
    }

    /// The tensors of the heads.
    pub(super) fn specs(
        config: &CalicoConfig,
        classes: &LabelClasses,
        towers: &[Tower],
    ) -> Result<Vec<TensorSpec>> {
        let recorder = Arc::new(Recorder::default());
        Self::load(config, classes, towers, &Weights::new(Arc::clone(&recorder) as _))?;
        Ok(recorder.specs())
    }

    /// The encoders with their heads.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Tower, &[(LabelKind, Linear)])> {
        self.0.iter().map(|(tower, heads)| (*tower, heads.as_slice()))
    }
}

/// The tokens of the patches of pictures, row by row, from what an encoder gave.
///
/// # Shapes
/// - `outputs`: as [`Tower::run`] gives them
/// - returns: `[B, P, D]`
pub(super) fn patch_tokens(
    tower: Tower,
    config: &CalicoConfig,
    outputs: &[Tensor],
) -> Result<Tensor> {
    let Some(output) = outputs.last() else {
        candle_core::bail!("an encoder gave no tokens");
    };
    // Tokens that stand for no patch come first.
    let patches = match tower {
        Tower::Eva => config.eva.grid() * config.eva.grid(),
        Tower::Dino => config.dino.grid().iter().product(),
        Tower::Sam => return output.flatten_from(2)?.transpose(1, 2)?.contiguous(), // [B, g g, C]
    };
    let tokens = output.dim(1)?;
    output.narrow(1, tokens.saturating_sub(patches), patches)?.contiguous() // [B, P, D]
}
