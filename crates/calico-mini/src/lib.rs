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

use calico_model::checkpoint::TOKENIZER_FILE;
use calico_model::config::CONFIG_FILE;
use calico_model::{ModelBytes, ModelError, NewFolder, Segmenter};
use calico_nn::weights::checkpoint::SINGLE_FILE;
use sha2::{Digest as _, Sha256};

/// What the model is called in results.
pub const NAME: &str = "mini";

/// What the model is, how it was made, how well it answers and what it cannot do, in Markdown.
pub const MODEL_CARD: &str = include_str!("../README.md");

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
    new.finish()
}
