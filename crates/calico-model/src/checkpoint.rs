//! Model folders: `config.json`, `tokenizer.json` and safetensors weights.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use calico_language::{ADDED_TOKENS, SpecialTokens, Tokenizer, TokenizerError, byte_level_json};
use calico_nn::Weights;
use calico_nn::weights::checkpoint::{
    Checkpoint, CheckpointError, CheckpointSource, StoredForm, StoredTensor, StoredType,
    write_stored,
};
use calico_nn::weights::{Random, Recorder, TensorSpec};
use candle_core::Device;
use sha2::{Digest as _, Sha256};

use crate::budget::tensor_bytes;
use crate::config::{CONFIG_FILE, CalicoConfig};
use crate::digest::hex;
use crate::error::{ModelError, SegmentError};
use crate::model::Calico;
use crate::model_bytes::ModelBytes;
use crate::module_of;
use crate::modules::LANGUAGE;
use crate::new_folder::NewFolder;
use crate::provenance::{Digests, ModuleOrigin, PROVENANCE_FILE, Provenance};
use crate::quantize::Quantization;
use crate::segmenter::{Asking, Question, SegmentOptions};

/// Name of the tokenizer in a model folder.
pub const TOKENIZER_FILE: &str = "tokenizer.json";

/// `<unk>`, `<s>`, `</s>` and the 256 bytes.
const BYTE_TOKENS: usize = 259;

/// Folders that are easily taken for a model: a file in them, what they hold, and what to do.
const OTHER_FOLDERS: [(&str, &str, &str); 4] = [
    ("adapter_config.json", "adapters", "put them into a model with `calico model adapters apply`"),
    (
        "calico_adapters.json",
        "adapters",
        "put them into a model with `calico model adapters apply`",
    ),
    ("run.json", "a training", "its result is in the folder model or adapters"),
    ("samples", "a data set", "expected a folder with config.json, tokenizer.json and weights"),
];

/// Largest weight file; larger checkpoints are sharded.
pub const SHARD_BYTES: usize = 5_000_000_000;

/// Bytes that a digest reads of each tensor at its start and in its middle.
const SAMPLE: usize = 2048;

/// A model folder whose configuration and tokenizer are read and whose weights are mapped.
#[derive(Debug)]
pub struct ModelFolder {
    /// The configuration.
    pub config: CalicoConfig,
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// The weight files.
    pub checkpoint: Checkpoint,
    path: PathBuf,
    name: String,
}

impl ModelFolder {
    /// Reads everything but the weights themselves, and compares their names and shapes with
    /// what the configuration asks for.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        if !path.is_dir() {
            return Err(ModelError::NotAFolder(path.to_path_buf()));
        }
        if !path.join(CONFIG_FILE).exists()
            && let Some((_, found, advice)) =
                OTHER_FOLDERS.into_iter().find(|(file, ..)| path.join(file).exists())
        {
            return Err(ModelError::OtherFolder { folder: path.to_path_buf(), found, advice });
        }
        let config = CalicoConfig::open(&path.join(CONFIG_FILE))?;
        let tokenizer = Tokenizer::open(&path.join(TOKENIZER_FILE))?;
        let checkpoint = || Checkpoint::open(path);
        let absolute = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let name = absolute.file_name();
        let name = name.map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned());
        Self::checked((path, name), config, tokenizer, checkpoint)
    }

    /// As [`ModelFolder::open`], of files that are already in memory; in errors, the name of the
    /// model stands for the folder.
    pub(crate) fn from_bytes(bytes: ModelBytes<'_>) -> Result<Self, ModelError> {
        let path = Path::new(bytes.name);
        let config = CalicoConfig::from_json(bytes.config_json, &path.join(CONFIG_FILE))?;
        let file = path.join(TOKENIZER_FILE);
        let tokenizer = Tokenizer::parse(bytes.tokenizer_json.as_bytes(), &file)?;
        let checkpoint = || Checkpoint::from_bytes(path, bytes.weights);
        Self::checked((path, bytes.name.to_owned()), config, tokenizer, checkpoint)
    }

    /// The parts, if they fit each other.
    fn checked(
        (path, name): (&Path, String),
        config: CalicoConfig,
        tokenizer: Tokenizer,
        checkpoint: impl FnOnce() -> Result<Checkpoint, CheckpointError>,
    ) -> Result<Self, ModelError> {
        let (ids, rows) = (tokenizer.vocab_size(), config.llm.vocab_size);
        if ids > rows {
            return Err(ModelError::Vocabulary { highest: ids.saturating_sub(1), rows });
        }
        let checkpoint = checkpoint()?;
        checkpoint.verify(&tensor_specs(&config)?)?;
        Ok(Self { config, tokenizer, checkpoint, path: path.to_path_buf(), name })
    }

    /// The name of the folder.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A digest of names, shapes, types and values of the tensors that are chosen, 64 hexadecimal
    /// digits.
    ///
    /// Of each tensor it reads four kilobytes: a model of tens of gigabytes takes a moment, and a
    /// model that was trained differently differs nearly everywhere.
    pub fn weights_digest(&self, is_chosen: impl Fn(&str) -> bool) -> String {
        let mut hash = Sha256::new();
        for name in self.checkpoint.names().filter(|name| is_chosen(name)) {
            let Some(bytes) = self.checkpoint.bytes(name) else { continue };
            hash.update(match self.checkpoint.stored(name) {
                Some(tensor) => format!("{name} {:?} {:?}\n", tensor.shape, tensor.stored),
                None => format!("{name} {} bytes\n", bytes.len()),
            });
            let middle = (bytes.len() / 2).max(SAMPLE.min(bytes.len()));
            for start in [0, middle] {
                hash.update(&bytes[start..bytes.len().min(start + SAMPLE)]);
            }
        }
        hex(&hash.finalize())
    }

    /// SHA-256 over the configuration, the tokenizer and samples of all weights: tells models
    /// apart that have the same name.
    pub fn digest(&self) -> Result<String, ModelError> {
        let unreadable = |path: &Path| {
            let path = path.to_path_buf();
            |source| ModelError::Io { action: "read", path, source }
        };
        let mut hash = Sha256::new();
        for name in [CONFIG_FILE, TOKENIZER_FILE] {
            let path = self.path.join(name);
            let bytes = std::fs::read(&path).map_err(unreadable(&path))?;
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
        hash.update(self.weights_digest(|_| true));
        Ok(hex(&hash.finalize()))
    }

    /// In which forms the tensors are stored, with the number of values of each.
    pub fn forms(&self) -> Result<BTreeMap<StoredForm, u64>, ModelError> {
        let mut forms = BTreeMap::new();
        for spec in tensor_specs(&self.config)? {
            if let Some(form) = self.checkpoint.form(&spec) {
                *forms.entry(form).or_default() += spec.len() as u64;
            }
        }
        Ok(forms)
    }

    /// Bytes of memory that the weights take while the model answers, pages of files that are read
    /// in place included.
    pub fn weight_bytes(&self) -> Result<u64, ModelError> {
        let of_spec = |spec: &TensorSpec| match self.checkpoint.form(spec) {
            Some(StoredForm::Quantized(format)) => tensor_bytes(spec, Some(format)),
            _ => tensor_bytes(spec, None),
        };
        Ok(tensor_specs(&self.config)?.iter().map(of_spec).sum())
    }

    /// The formats of the first matrices in fewer bits: of the language model, and of the towers.
    pub fn quantization(&self) -> Result<Quantization, ModelError> {
        let mut found = Quantization::default();
        for spec in tensor_specs(&self.config)? {
            if let Some(StoredForm::Quantized(format)) = self.checkpoint.form(&spec) {
                let of_llm = module_of(&spec.name) == LANGUAGE;
                let place = if of_llm { &mut found.llm } else { &mut found.vision };
                place.get_or_insert(format);
            }
        }
        Ok(found)
    }

    /// Refuses a model whose matrices are there in fewer bits, for work that needs their values.
    ///
    /// # Errors
    /// If there is such a matrix.
    pub fn check_unquantized(&self) -> Result<(), ModelError> {
        match self.checkpoint.first_quantized() {
            Some(tensor) => {
                let (folder, tensor) = (self.path.clone(), tensor.to_owned());
                Err(ModelError::Quantized { folder, tensor })
            }
            None => Ok(()),
        }
    }

    /// Checks everything about a question that can be checked without photographs and weights.
    pub fn check(
        &self,
        images: usize,
        question: &Question,
        options: &SegmentOptions,
    ) -> Result<(), SegmentError> {
        Asking { config: &self.config, tokenizer: &self.tokenizer }.check(images, question, options)
    }

    /// Reads the weights; the tokenizer comes back with the model.
    pub fn load(self, device: &Device) -> Result<(Calico, Tokenizer), ModelError> {
        let source = CheckpointSource::new(self.checkpoint, device.clone());
        let weights = Weights::new(Arc::clone(&source) as _);
        let model = Calico::load(&self.config, self.tokenizer.special(), &weights, device)?;
        source.finish()?;
        Ok((model, self.tokenizer))
    }
}

/// Every tensor of a model, in the order in which its modules ask for them.
pub fn tensor_specs(config: &CalicoConfig) -> Result<Vec<TensorSpec>, candle_core::Error> {
    Ok(recorded(config)?.specs())
}

/// What a model asks for when it is loaded.
pub(crate) fn recorded(config: &CalicoConfig) -> Result<Arc<Recorder>, candle_core::Error> {
    let recorder = Arc::new(Recorder::default());
    let weights = Weights::new(Arc::clone(&recorder) as _);
    // The ids of tokens play no part in what a model holds.
    let none = SpecialTokens {
        bos: 0,
        eos: 0,
        image_start: 0,
        image_end: 0,
        seg: 0,
        phrase_start: 0,
        phrase_end: 0,
    };
    Calico::load(config, none, &weights, &Device::Cpu)?;
    Ok(recorder)
}

/// Writes a model folder with untrained weights drawn from `seed` and a byte-level tokenizer.
///
/// One tensor is in memory at a time; `on_tensor` sees each before it is written, and may stop
/// the work. The folder must not exist or be empty; it appears under its name when it is complete.
pub fn init(
    folder: &Path,
    config: &CalicoConfig,
    seed: u64,
    stored: StoredType,
    on_tensor: impl Fn(&StoredTensor) -> ControlFlow<()>,
) -> Result<(), ModelError> {
    let (rows, least) = (config.llm.vocab_size, BYTE_TOKENS + ADDED_TOKENS.len());
    if rows < least {
        return Err(ModelError::SmallVocabulary { rows, least });
    }
    let new = NewFolder::begin(folder)?;
    let random = Random::new(seed, Device::Cpu);
    let specs = tensor_specs(config)?;
    let named: BTreeMap<&str, &TensorSpec> =
        specs.iter().map(|spec| (spec.name.as_str(), spec)).collect();
    let tensors: Vec<StoredTensor> =
        specs.iter().map(|spec| StoredTensor::of(spec, stored)).collect();
    let digests = RefCell::new(Digests::default());
    write_stored(&new.path(), &tensors, SHARD_BYTES, |tensor| {
        if on_tensor(tensor).is_break() {
            return Err(ModelError::Stopped);
        }
        let values = named.get(tensor.name.as_str()).map(|spec| random.values(spec));
        let bytes = stored.encode(&values.unwrap_or_default());
        digests.borrow_mut().add(tensor, &bytes);
        Ok(Cow::Owned(bytes))
    })?;
    new.write(TOKENIZER_FILE, untrained_tokenizer_json(config).as_bytes())?;
    write_config(&new, config)?;
    let mut provenance = Provenance::default();
    for tensor in &tensors {
        provenance.add(module_of(&tensor.name), ModuleOrigin::untrained(seed));
    }
    let provenance = provenance.with_digests(digests.into_inner());
    new.write(PROVENANCE_FILE, provenance.to_json().as_bytes())?;
    new.finish()
}

/// Writes `config.json`.
pub fn write_config(new: &NewFolder, config: &CalicoConfig) -> Result<(), ModelError> {
    let json = config.to_json().map_err(|error| ModelError::Io {
        action: "write",
        path: CONFIG_FILE.into(),
        source: error.into(),
    })?;
    new.write(CONFIG_FILE, json.as_bytes())
}

/// The tokenizer of a model without a trained one: bytes, and fillers up to its vocabulary.
pub fn untrained_tokenizer(config: &CalicoConfig) -> Result<Tokenizer, TokenizerError> {
    Tokenizer::parse(untrained_tokenizer_json(config).as_bytes(), Path::new(TOKENIZER_FILE))
}

/// The `tokenizer.json` of [`untrained_tokenizer`].
pub fn untrained_tokenizer_json(config: &CalicoConfig) -> String {
    format!("{}\n", byte_level_json(config.llm.vocab_size.saturating_sub(ADDED_TOKENS.len())))
}
