use std::path::Path;

use calico_eval::{EncoderError, TextEncoder};
use calico_language::SentenceEncoder;

use crate::failure::Failure;

/// A text encoder of files that the user gave.
#[derive(Debug)]
pub(super) struct Encoder(SentenceEncoder);

impl Encoder {
    pub(super) fn open(folder: &Path) -> Result<Self, Failure> {
        Ok(Self(SentenceEncoder::open(folder)?))
    }
}

impl TextEncoder for Encoder {
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError> {
        Ok(self.0.embed(texts)?)
    }
}
