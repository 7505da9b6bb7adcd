//! What a model costs: parameters, bytes and arithmetic per module, from its configuration alone.

mod contenders;
mod estimate;
mod flops;

pub use contenders::{Contender, contenders, total_flops};
pub(crate) use estimate::tensor_bytes;
pub use estimate::{Estimate, Machine, StageEstimate, estimate, language_bytes, weight_bytes};
pub use flops::{Flops, Request, flops};

use calico_nn::weights::TensorSpec;
use calico_vision::sam::PROMPT_ENCODER_BUFFERS;

use crate::CalicoConfig;
use crate::checkpoint::tensor_specs;
use crate::trainable::is_trainable;

/// Modules in the order of the data flow: canonical prefix and what it is.
pub const MODULES: [(&str, &str); 14] = [
    ("eva.", "EVA-CLIP"),
    ("ln_vision.", "ln_vision"),
    ("qformer.", "Q-Former"),
    ("query_tokens", "query tokens"),
    ("f_image.", "f_image"),
    ("dino.", "DINOv2"),
    ("cem.", "CEM"),
    ("cams.", "CAM"),
    ("llm.", "LLaMA"),
    ("lora.", "LoRA"),
    ("seg_proj.", "[SEG] projection"),
    ("sam.encoder.", "SAM encoder"),
    ("sam.prompt.", "SAM prompt encoder"),
    ("sam.decoder.", "SAM mask decoder"),
];

/// One module.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleBudget {
    /// What it is.
    pub name: &'static str,
    /// Canonical prefix of its tensors.
    pub prefix: &'static str,
    /// Number of tensors, buffers included.
    pub tensors: usize,
    /// Number of parameters; buffers, which no training moves, are not counted.
    pub parameters: u64,
    /// Parameters that are trained.
    pub trainable: u64,
    /// Arithmetic of one request, 2 per multiply-add.
    pub flops: f64,
}

/// All modules of a model, without empty ones.
pub fn modules(
    config: &CalicoConfig,
    request: Request,
) -> Result<Vec<ModuleBudget>, candle_core::Error> {
    let specs = tensor_specs(config)?;
    let flops = flops(config, request);
    let budgets = MODULES.into_iter().map(|(prefix, name)| {
        let own = || specs.iter().filter(|spec| spec.name.starts_with(prefix));
        let parameters = || own().filter(|spec| !is_buffer(&spec.name));
        let sum = |count: u64, len: usize| count + len as u64;
        ModuleBudget {
            name,
            prefix,
            tensors: own().count(),
            parameters: parameters().map(TensorSpec::len).fold(0, sum),
            trainable: parameters()
                .filter(|spec| is_trainable(&spec.name, config))
                .map(TensorSpec::len)
                .fold(0, sum),
            flops: flops.of(prefix),
        }
    });
    Ok(budgets.filter(|module| module.tensors > 0).collect())
}

/// Whether a tensor is drawn once and never trained by anyone.
fn is_buffer(name: &str) -> bool {
    PROMPT_ENCODER_BUFFERS.iter().any(|buffer| name.ends_with(buffer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Preset;

    fn full() -> Vec<ModuleBudget> {
        modules(&Preset::Full.config().unwrap(), Request::default()).unwrap()
    }

    #[test]
    fn the_full_model_has_the_published_parameters() {
        let all: u64 = full().iter().map(|module| module.parameters).sum();
        let trained: u64 = full().iter().map(|module| module.trainable).sum();
        assert_eq!((all, trained), (9_653_172_912, 29_141_220));
    }

    #[test]
    fn every_module_of_the_full_model_has_its_published_size() {
        let wanted = [
            ("eva.", 511, 985_894_528),
            ("ln_vision.", 2, 2_816),
            ("qformer.", 254, 105_137_664),
            ("query_tokens", 1, 24_576),
            ("f_image.", 2, 3_149_824),
            ("dino.", 568, 1_136_486_912),
            ("cem.", 8, 8_295_936),
            ("cams.", 8, 12_592_640),
            ("llm.", 291, 6_738_472_960),
            ("lora.", 128, 4_194_304),
            ("seg_proj.", 4, 17_830_144),
            ("sam.encoder.", 457, 637_026_048),
            ("sam.prompt.", 17, 6_220),
            ("sam.decoder.", 120, 4_058_340),
        ];
        let found: Vec<_> = full().iter().map(|m| (m.prefix, m.tensors, m.parameters)).collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn the_tiny_model_has_the_sizes_of_its_design() {
        let tiny = modules(&Preset::Tiny.config().unwrap(), Request::default()).unwrap();
        let wanted = [
            ("eva.", 250_396),
            ("ln_vision.", 128),
            ("qformer.", 98_016),
            ("query_tokens", 240),
            ("f_image.", 3_136),
            ("dino.", 114_768),
            ("cem.", 14_592),
            ("cams.", 12_512),
            ("llm.", 262_208),
            ("lora.", 3_072),
            ("seg_proj.", 6_240),
            ("sam.encoder.", 89_120),
            ("sam.prompt.", 1_068),
            ("sam.decoder.", 40_608),
        ];
        let found: Vec<_> = tiny.iter().map(|m| (m.prefix, m.parameters)).collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn every_tensor_belongs_to_exactly_one_module() {
        let config = Preset::Tiny.config().unwrap();
        for spec in tensor_specs(&config).unwrap() {
            let owners = MODULES.iter().filter(|(prefix, _)| spec.name.starts_with(prefix));
            assert_eq!(owners.count(), 1, "{}", spec.name);
        }
    }
}
