//! One thing that is wrong with a folder of adapters.

use calico_nn::weights::checkpoint::StoredType;

use super::{LORA_FILE, OWN_CONFIG_FILE};

/// One thing that is wrong with a folder of adapters.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AdapterProblem {
    /// Half of a pair of files.
    #[error("{present} lies there without {missing}; the two belong together")]
    Alone {
        /// The file that is there.
        present: &'static str,
        /// The file that is not.
        missing: &'static str,
    },
    /// The tensors are in a format that can run code when it is read.
    #[error(
        "adapter_model.bin is a pickle, which is not read; save the adapters again with \
         `safe_serialization=True`, which writes {LORA_FILE}"
    )]
    Pickle,
    /// A file is not what its name says.
    #[error("{file} cannot be read: {reason}")]
    Unreadable {
        /// The file.
        file: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A key of a configuration has a value that is not supported.
    #[error("{file}: {key} is {found}; expected {expected}")]
    Setting {
        /// The file.
        file: &'static str,
        /// The key.
        key: String,
        /// Its value, `missing` if it is not there.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// A tensor that has no place in the model.
    #[error("{file} holds {name}, which has no place in the model; expected {expected}")]
    Unknown {
        /// The file.
        file: &'static str,
        /// The name in the file.
        name: String,
        /// What the file may hold.
        expected: String,
    },
    /// A tensor is not there.
    #[error("{file} lacks {name}")]
    Missing {
        /// The file.
        file: &'static str,
        /// The name in the file.
        name: String,
    },
    /// One of the two matrices of an update is not there.
    #[error("{LORA_FILE} holds {present}, but not its other half {missing}")]
    MissingHalf {
        /// The name that is there.
        present: String,
        /// The name that is not.
        missing: String,
    },
    /// A tensor is there under two names.
    #[error("{LORA_FILE} holds one update under two names, {first} and {second}; remove one")]
    Twice {
        /// One name.
        first: String,
        /// The other.
        second: String,
    },
    /// Several adapters in one file.
    #[error("{LORA_FILE} holds the adapters {}; expected one, save each on its own", .0.join(", "))]
    Several(Vec<String>),
    /// A tensor has another shape than the model and the rank ask for.
    #[error("{name} has the shape {found:?}; expected {expected:?}")]
    Shape {
        /// The name in the file.
        name: String,
        /// What the model and the rank ask for.
        expected: Vec<usize>,
        /// What is there.
        found: Vec<usize>,
    },
    /// A tensor is not stored as f32, bf16 or f16.
    #[error("{name} is stored as {found}; expected F32, BF16 or F16")]
    Type {
        /// The name in the file.
        name: String,
        /// The type that is there.
        found: String,
    },
    /// A tensor holds NaN or infinity.
    #[error("{0} holds NaN or infinity")]
    NotFinite(String),
    /// A merged weight is too large for the type in which it is stored.
    #[error(
        "{name} leaves the range of {stored} when it is merged{}",
        if *.stored == StoredType::F16 { "; store the model as bf16" } else { "" }
    )]
    OutOfRange {
        /// The name in the model.
        name: String,
        /// The type.
        stored: StoredType,
    },
    /// The model was built otherwise than the one the adapters were taken from.
    #[error(
        "they belong to a model whose config.json says {key} = {expected}; this one says {found}"
    )]
    BaseConfig {
        /// The key, dots between its parts.
        key: String,
        /// What the adapters' model says.
        expected: String,
        /// What this model says.
        found: String,
    },
    /// The frozen weights are not those that the adapters were trained with.
    #[error(
        "they were trained with other frozen weights (or the same in another type): the digest in \
         {OWN_CONFIG_FILE} is {expected}, that of this model {found}; with `--any-base` they are \
         used all the same"
    )]
    BaseWeights {
        /// The digest of the adapters' model.
        expected: String,
        /// The digest of this model.
        found: String,
    },
}
