//! Files of PyTorch: those that it writes are read to the byte, all others give typed errors,
//! never a panic, much memory or a long wait.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "helpers of tests")]

mod broken_archives;
mod names;
mod others;
mod pickles;
mod program;
mod real;
mod storages;
mod zip;

use std::path::Path;

use calico_formats::{FormatError, TensorFile};

use program::{PLAIN, Program};
use zip::Zip;

/// The storage of [`PLAIN`].
const FLOATS: [u8; 16] = [7; 16];

fn open(bytes: Vec<u8>) -> Result<TensorFile, FormatError> {
    TensorFile::from_bytes(Path::new("model.pt"), bytes)
}

/// A pickle with the storage of [`PLAIN`] beside it.
fn open_pickle(pickle: &[u8]) -> Result<TensorFile, FormatError> {
    open(Zip::of(pickle, &[("0", &FLOATS)]).finish())
}

fn plain() -> Vec<u8> {
    Program::of_tensor("x", &PLAIN)
}

/// The message of a file that is refused.
fn refused(result: Result<TensorFile, FormatError>) -> String {
    match result.unwrap_err() {
        error @ FormatError::Refused { .. } => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// The message of a file that contradicts itself.
fn broken(result: Result<TensorFile, FormatError>) -> String {
    match result.unwrap_err() {
        error @ FormatError::Broken { .. } => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// The message of a file that is something else.
fn not_this(result: Result<TensorFile, FormatError>) -> String {
    match result.unwrap_err() {
        error @ FormatError::NotThis { .. } => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Fails unless a message says all of this.
#[track_caller]
fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "`{word}` is missing in: {message}");
    }
}
