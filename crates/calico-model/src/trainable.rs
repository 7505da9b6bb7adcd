//! The one list of what learns: flame marks of the paper's figure.

use crate::CalicoConfig;

/// Modules that are trained whole.
const TRAINED: [&str; 4] = ["cem.", "cams.", "lora.", "sam.decoder."];

/// Whether the tensor `name` is trained; everything else is frozen.
pub fn is_trainable(name: &str, config: &CalicoConfig) -> bool {
    let copied_queries = name.starts_with("cams.") && name.ends_with(".queries");
    TRAINED.iter().any(|prefix| name.starts_with(prefix))
        && (!copied_queries || config.cam.train_queries)
}
