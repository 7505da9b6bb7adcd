//! The maps that are part of the program.

use super::NameMap;

/// Names and texts. A map may use others of this list.
pub(super) const TEXTS: &[(&str, &str)] = &[
    ("blip2-opt-t5-transformers", include_str!("../../maps/blip2-opt-t5-transformers.toml")),
    ("blip2-transformers", include_str!("../../maps/blip2-transformers.toml")),
    ("blip2-vicuna-transformers", include_str!("../../maps/blip2-vicuna-transformers.toml")),
    ("buffers", include_str!("../../maps/buffers.toml")),
    ("calico", include_str!("../../maps/calico.toml")),
    ("calico-released", include_str!("../../maps/calico-released.toml")),
    ("cheetah", include_str!("../../maps/cheetah.toml")),
    ("dinov2", include_str!("../../maps/dinov2.toml")),
    ("dinov2-timm", include_str!("../../maps/dinov2-timm.toml")),
    ("dinov2-training", include_str!("../../maps/dinov2-training.toml")),
    ("dinov2-transformers", include_str!("../../maps/dinov2-transformers.toml")),
    ("eva", include_str!("../../maps/eva.toml")),
    ("glamm", include_str!("../../maps/glamm.toml")),
    ("lavis", include_str!("../../maps/lavis.toml")),
    ("lisa", include_str!("../../maps/lisa.toml")),
    ("llama", include_str!("../../maps/llama.toml")),
    ("llama-gguf", include_str!("../../maps/llama-gguf.toml")),
    ("llama-meta", include_str!("../../maps/llama-meta.toml")),
    ("sam", include_str!("../../maps/sam.toml")),
    ("sam-transformers", include_str!("../../maps/sam-transformers.toml")),
];

impl NameMap {
    /// All maps that are part of the program. Those that recognise nothing serve others.
    pub fn built_in() -> Vec<Self> {
        // A test reads each of them, so that none can be missing here.
        TEXTS.iter().filter_map(|(name, text)| Self::parse(name, text).ok()).collect()
    }

    /// The text of a built-in map, to be read or to begin one's own with.
    pub fn built_in_text(name: &str) -> Option<&'static str> {
        TEXTS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }
}
