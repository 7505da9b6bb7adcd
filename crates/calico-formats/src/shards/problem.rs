use std::fmt::{Display, Formatter};
use std::path::{Path, PathBuf};

use crate::FormatError;
use crate::contents::shown;

/// More than this would scroll the first problem off the screen.
const SHOWN: usize = 20;

/// Why a model cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// A file on which everything depends cannot be read: the only one, or the index.
    #[error(transparent)]
    File(#[from] FormatError),
    /// A folder holds no model.
    #[error(
        "{folder} holds no weights; expected a file of safetensors, PyTorch or GGUF, or an index \
         of several"
    )]
    NoModel {
        /// The folder.
        folder: PathBuf,
    },
    /// A folder holds several models, and none of them has a name that comes first.
    #[error("{folder} holds {}; expected one model: name the file to read", names.join(", "))]
    Several {
        /// The folder.
        folder: PathBuf,
        /// A file of each model.
        names: Vec<String>,
    },
    /// The files of a set are not what they should be; all problems at once.
    #[error("{}", summary(path, problems))]
    Set {
        /// The index, or the file that was found first.
        path: PathBuf,
        /// What is wrong.
        problems: Vec<Problem>,
    },
}

/// What is wrong with a set of files.
#[derive(Debug)]
pub enum Problem {
    /// A file of the set is not there.
    Missing {
        /// Its name.
        file: String,
    },
    /// A file of the set cannot be read.
    Unreadable {
        /// Why.
        error: FormatError,
    },
    /// The index names a file that is not in its folder.
    Outside {
        /// A tensor that should lie there.
        tensor: String,
        /// The file.
        file: String,
    },
    /// The index names no file.
    NoFiles,
    /// The index names a tensor more than once.
    Twice {
        /// Name of the tensor.
        tensor: String,
    },
    /// A tensor is not in the file that the index names.
    Misplaced {
        /// Name of the tensor.
        tensor: String,
        /// The file that the index names.
        expected: String,
        /// The file that holds it, if any does.
        found: Option<String>,
    },
    /// A part of GGUF says that there are more or fewer of them.
    Parts {
        /// The part.
        file: String,
        /// Parts that it says there are.
        announced: usize,
        /// Files that were found.
        found: usize,
    },
    /// There are more files than are ever opened at once.
    TooMany {
        /// How many.
        found: usize,
        /// How many may be.
        most: usize,
    },
    /// The headers of all files together hold more than those of any model.
    TooLarge {
        /// Bytes of headers so far.
        header_bytes: u64,
        /// Tensors so far.
        tensors: usize,
    },
}

impl Display for Problem {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing { file } => {
                write!(f, "`{}` is missing: download it, or copy it along", shown(file))
            }
            Self::Unreadable { error } => {
                write!(f, "{error}")?;
                // What the system says is a cause of its own.
                let cause = std::error::Error::source(error);
                cause.map_or(Ok(()), |cause| write!(f, ": {cause}"))
            }
            Self::Outside { tensor, file } => {
                let (tensor, file) = (shown(tensor), shown(file));
                write!(f, "tensor `{tensor}` should lie in `{file}`, outside of the folder")
            }
            Self::NoFiles => f.write_str("the index names no file"),
            Self::Twice { tensor } => {
                write!(f, "the index names tensor `{}` more than once", shown(tensor))
            }
            Self::Misplaced { tensor, expected, found } => {
                let (tensor, expected) = (shown(tensor), shown(expected));
                match found {
                    Some(found) => write!(f, "tensor `{tensor}` lies in `{}`", shown(found))?,
                    None => write!(f, "tensor `{tensor}` lies in no file")?,
                }
                write!(f, ", expected it in `{expected}`")
            }
            Self::Parts { file, announced, found } => {
                let file = shown(file);
                write!(f, "`{file}` is one of {announced} parts, found {found}")
            }
            Self::TooMany { found, most } => {
                write!(f, "found {found} files, expected at most {most}")
            }
            Self::TooLarge { header_bytes, tensors } => {
                write!(f, "found {tensors} tensors in headers of {header_bytes} bytes, too many")
            }
        }
    }
}

/// All problems in lines of their own, up to a number.
fn summary(path: &Path, problems: &[Problem]) -> String {
    let count = match problems.len() {
        1 => "1 problem".to_owned(),
        count => format!("{count} problems"),
    };
    let mut lines = vec![format!("{} has {count}:", path.display())];
    lines.extend(problems.iter().take(SHOWN).map(ToString::to_string));
    if problems.len() > SHOWN {
        lines.push(format!("… and {} more", problems.len() - SHOWN));
    }
    lines.join("\n  ")
}
