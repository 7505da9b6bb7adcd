use std::path::PathBuf;

/// Why a file of others cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// A file cannot be opened or read.
    #[error("cannot read {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// It is none of the formats that are read, or one that has to be converted first.
    #[error("{path} {found}; expected {expected}")]
    NotThis {
        /// The file.
        path: PathBuf,
        /// What it is, or begins with.
        found: String,
        /// What could be read, or what to do.
        expected: String,
    },
    /// The file contradicts itself or its format.
    #[error("{path}: {place}: {reason}")]
    Broken {
        /// The file.
        path: PathBuf,
        /// Where in it: "header", "pickle at byte 17", "tensor `a.b`".
        place: String,
        /// What was found and what was expected.
        reason: String,
    },
    /// The file asks for something that is never done for a file: to run code, to look at
    /// another file, to take memory without bound.
    #[error("{path}: {place}: {reason}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// Where in it.
        place: String,
        /// What it asks for, and what to do.
        reason: String,
    },
    /// A tensor that is asked for is not in the file.
    #[error("{path} holds no tensor `{name}`")]
    NoTensor {
        /// The file.
        path: PathBuf,
        /// Name of the tensor.
        name: String,
    },
}
