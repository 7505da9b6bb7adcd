//! Ways to bring images into the same language model, to compare what they cost.

use calico_vision::dinov2::InputSize;

use super::{MODULES, Request, flops};
use crate::CalicoConfig;

/// Patches along a side of DINOv2's input: those of EVA-CLIP at 224 pixels, twice as many, and
/// those of its own table of positions.
const DINO_SIDES: [usize; 3] = [16, 32, 37];

/// Systems that project every token of their encoder: a name, and patches along a side.
const PROJECTING: [(&str, usize); 2] = [("as GLaMM", 24), ("as LISA", 16)];

/// A way to bring images into the language model.
#[derive(Debug, Clone, PartialEq)]
pub struct Contender {
    /// What it is called in reports.
    pub name: String,
    /// Whether it has a Q-Former and correspondence modules.
    pub is_calico: bool,
    /// Its modules.
    pub config: CalicoConfig,
}

/// Calico at three sizes of DINOv2's input, and the same language model and mask decoder fed with
/// all tokens of EVA-CLIP, without Q-Former, CEM and CAM: with as many as GLaMM (24 x 24) and LISA
/// (16 x 16) project, and the class token.
pub fn contenders(config: &CalicoConfig) -> Vec<Contender> {
    let at = |side: usize| {
        let pixels = side * config.dino.patch_size;
        let mut own = config.clone();
        own.dino.input_size = InputSize::Square(pixels);
        let name = format!("Calico, DINOv2 at {pixels}");
        Contender { name, is_calico: true, config: own }
    };
    let projecting = |(name, side): (&str, usize)| {
        let mut other = config.clone();
        other.eva.image_size = side * config.eva.patch_size;
        other.qformer.enabled = false;
        other.cem.enabled = false;
        other.cam.enabled = false;
        let name = format!("{name}, {} tokens", other.tokens_per_image());
        Contender { name, is_calico: false, config: other }
    };
    DINO_SIDES.into_iter().map(at).chain(PROJECTING.into_iter().map(projecting)).collect()
}

/// Arithmetic of a request in all modules, 2 per multiply-add.
pub fn total_flops(config: &CalicoConfig, request: Request) -> f64 {
    let cost = flops(config, request);
    MODULES.iter().map(|(prefix, _)| cost.of(prefix)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Preset;

    #[test]
    fn only_a_small_input_of_dinov2_saves_arithmetic_beside_both() {
        let all = contenders(&Preset::Full.config().unwrap());
        let tokens: Vec<_> = all.iter().map(|it| it.config.tokens_per_image()).collect();
        assert_eq!(tokens, [32, 32, 32, 577, 257]);
        let cost = |index: usize| total_flops(&all[index].config, Request::default());
        let saved = |ours: usize, theirs: usize| 1.0 - cost(ours) / cost(theirs);
        let (glamm, lisa) = (3, 4);
        assert!(saved(0, glamm) > 0.35 && saved(0, lisa) > 0.15);
        for larger in [1, 2] {
            assert!(saved(larger, glamm) > 0.15 && saved(larger, lisa) < 0.05);
        }
    }
}
