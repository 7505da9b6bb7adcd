//! The built-in model: the preset `mini`, trained on drawn objects, as bytes of the program.
//!
//! ```no_run
//! use calico_model::{Question, SegmentOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let segmenter = calico_mini::segmenter()?;
//! let pictures = [segmenter.photograph("a.png")?, segmenter.photograph("b.png")?];
//! let result =
//!     segmenter.segment(&pictures, &Question::AllTasks, &SegmentOptions::default(), &mut ())?;
//! # Ok(())
//! # }
//! ```
//!
//! It knows drawn objects only, and says so with every answer; [`MODEL_CARD`] has the numbers.

use std::borrow::Cow;
use std::path::Path;

use calico_model::checkpoint::{TOKENIZER_FILE, tensor_specs};
use calico_model::config::CONFIG_FILE;
use calico_model::provenance::{Digests, ModuleOrigin, PROVENANCE_FILE, Provenance};
use calico_model::{CalicoConfig, ModelBytes, ModelError, NewFolder, Segmenter, module_of};
use calico_nn::weights::checkpoint::{Checkpoint, SINGLE_FILE};
use sha2::{Digest as _, Sha256};

/// What the model is called in results.
pub const NAME: &str = "mini";

/// What the model is, how it was made, how well it answers and what it cannot do, in Markdown.
pub const MODEL_CARD: &str = include_str!("../README.md");

/// The licence of the weights, as of all that is in this project.
const LICENCE: &str = env!("CARGO_PKG_LICENSE");

/// Name of the model card in a model folder.
pub const MODEL_CARD_FILE: &str = "README.md";

const CONFIG_JSON: &str = include_str!("../model/config.json");
const TOKENIZER_JSON: &str = include_str!("../model/tokenizer.json");
static WEIGHTS: &[u8] = include_bytes!("../model/model.safetensors");

/// The built-in model, ready to answer. No file is read.
pub fn segmenter() -> Result<Segmenter, ModelError> {
    Segmenter::from_bytes(ModelBytes {
        name: NAME,
        config_json: CONFIG_JSON,
        tokenizer_json: TOKENIZER_JSON,
        weights: Cow::Borrowed(WEIGHTS),
    })
}

/// The name with the beginning of the weights' SHA-256: tells models of several versions of the
/// program apart.
pub fn edition() -> String {
    let digest = Sha256::digest(WEIGHTS);
    let start = digest.iter().take(6).fold(0_u64, |start, byte| start << 8 | u64::from(*byte));
    format!("{NAME}, weights {start:012x}")
}

/// Writes the model as a folder, byte for byte, with its card. The folder must not exist or be
/// empty; it appears under its name when it is complete.
pub fn write(folder: &Path) -> Result<(), ModelError> {
    let new = NewFolder::begin(folder)?;
    new.write(SINGLE_FILE, WEIGHTS)?;
    new.write(TOKENIZER_FILE, TOKENIZER_JSON.as_bytes())?;
    new.write(CONFIG_FILE, CONFIG_JSON.as_bytes())?;
    new.write(MODEL_CARD_FILE, MODEL_CARD.as_bytes())?;
    new.write(PROVENANCE_FILE, provenance()?.to_json().as_bytes())?;
    new.finish()
}

/// Where the weights come from: all of them from this project.
fn provenance() -> Result<Provenance, ModelError> {
    let config = CalicoConfig::from_json(CONFIG_JSON, Path::new(CONFIG_FILE))?;
    let weights = Checkpoint::from_bytes(Path::new(NAME), Cow::Borrowed(WEIGHTS))?;
    let origin = ModuleOrigin {
        source: format!("{NAME}, trained on drawn objects by the authors of Calico"),
        licence: LICENCE.to_owned(),
        family: None,
    };
    let (mut provenance, mut digests) = (Provenance::default(), Digests::default());
    for spec in tensor_specs(&config)? {
        if let Some(tensor) = weights.stored(&spec.name)
            && let Some(bytes) = weights.bytes(&spec.name)
        {
            provenance.add(module_of(&spec.name), origin.clone());
            digests.add(&tensor, bytes);
        }
    }
    Ok(provenance.with_digests(digests))
}
