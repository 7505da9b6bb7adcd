//! Why texts cannot be encoded.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use calico_nn::weights::checkpoint::CheckpointError;

/// Why a BERT cannot be opened or used.
#[derive(Debug, thiserror::Error)]
pub enum BertError {
    /// The folder cannot be used.
    #[error("{0}")]
    Folder(FolderProblems),
    /// A text is longer than any label.
    #[error("a text has {bytes} bytes; expected at most {most}, so shorten it")]
    LongText {
        /// Its length.
        bytes: usize,
        /// The longest that is taken.
        most: usize,
    },
    /// The tokenizer failed on a text.
    #[error("the tokenizer failed: {0}")]
    Tokenize(String),
    /// The arithmetic failed.
    #[error("the text encoder failed")]
    Compute(#[from] candle_core::Error),
}

/// Everything that is wrong with a folder.
#[derive(Debug)]
pub struct FolderProblems {
    /// The folder.
    pub folder: PathBuf,
    /// What is wrong with it, at least one.
    pub problems: Vec<FolderProblem>,
}

impl fmt::Display for FolderProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is not a usable BERT folder ({} problems); download it again or name another one",
            self.folder.display(),
            self.problems.len()
        )?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
            // A list has no chain of sources, so each line carries its own.
            let mut source = problem.source();
            while let Some(error) = source {
                write!(f, ": {error}")?;
                source = error.source();
            }
        }
        Ok(())
    }
}

/// One thing that is wrong with a folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderProblem {
    /// There is no such folder.
    #[error("{0} is not a folder")]
    NotAFolder(PathBuf),
    /// A file is not there.
    #[error("{path} is missing; it holds {holds}")]
    Missing {
        /// The file.
        path: PathBuf,
        /// What it is for.
        holds: &'static str,
    },
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// A file does not say what it should.
    #[error("{path}: {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The weights cannot be read, or are not those of the configuration.
    #[error("the weights cannot be used")]
    Weights(#[source] CheckpointError),
}
