//! A model in memory: the files of a model folder as bytes.

use std::borrow::Cow;
use std::path::Path;

use calico_nn::weights::checkpoint::SINGLE_FILE;

use crate::checkpoint::TOKENIZER_FILE;
use crate::config::CONFIG_FILE;
use crate::error::ModelError;
use crate::new_folder::NewFolder;

/// The files of a model folder, for a model that a program brings along or fetched.
#[derive(Debug, Clone)]
pub struct ModelBytes<'a> {
    /// What the model is called in results; in errors it stands for the folder.
    pub name: &'a str,
    /// The text of `config.json`.
    pub config_json: &'a str,
    /// The text of `tokenizer.json`.
    pub tokenizer_json: &'a str,
    /// The content of `model.safetensors`.
    pub weights: Cow<'static, [u8]>,
}

impl ModelBytes<'_> {
    /// Writes the model as a folder, byte for byte. The folder must not exist or be empty; it
    /// appears under its name when it is complete.
    pub fn write(&self, folder: &Path) -> Result<(), ModelError> {
        let new = NewFolder::begin(folder)?;
        new.write(SINGLE_FILE, &self.weights)?;
        new.write(TOKENIZER_FILE, self.tokenizer_json.as_bytes())?;
        new.write(CONFIG_FILE, self.config_json.as_bytes())?;
        new.finish()
    }
}
