//! What a segmenter is given.

use std::ops::ControlFlow;
use std::path::Path;

use calico_image::{DecodeOptions, Frame};
use calico_language::Sampling;
use calico_result::{Answer, Segment, Task};

use crate::error::{ModelError, SegmentError, Stage};

/// A photograph and the name it has in the result.
#[derive(Debug, Clone)]
pub struct Photograph {
    /// Base name of its file.
    pub name: String,
    /// The upright pixels.
    pub frame: Frame,
}

impl Photograph {
    /// Decodes an image file; [`CalicoConfig::decode_options`] says how a model wants it.
    ///
    /// [`CalicoConfig::decode_options`]: crate::CalicoConfig::decode_options
    pub fn open(path: &Path, options: &DecodeOptions) -> Result<Self, SegmentError> {
        let frame = calico_image::open(path, options)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Self { name, frame })
    }
}

/// What is asked of the photographs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Question {
    /// One of the three built-in questions.
    Task(Task),
    /// The three built-in questions, one after the other.
    AllTasks,
    /// A question in the user's words, with or without `<image>` placeholders.
    Prompt(String),
    /// A sentence to ground instead of an answer to generate, with
    /// `<p> … </p> [SEG] (IMAGE1)` tags.
    Answer(String),
}

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SegmentOptions {
    /// Longest answer, in tokens. The context may end an answer earlier.
    pub max_new_tokens: usize,
    /// How tokens are chosen.
    pub sampling: Sampling,
}

impl Default for SegmentOptions {
    fn default() -> Self {
        Self { max_new_tokens: 512, sampling: Sampling::default() }
    }
}

/// Sees the work while it is done. Every method does nothing by default.
pub trait Observer {
    /// Whether anybody still waits for the answer; if not, the work ends with
    /// [`SegmentError::Stopped`]. Asked before every encoder of an image, every answer, every
    /// layer that reads its prompt, every token, the masks of every image, and each of them.
    fn goes_on(&mut self) -> bool {
        true
    }
    /// Image `image` (from 1) is known from an earlier question, and is not encoded again.
    fn known(&mut self, image: usize) {
        let _ = image;
    }
    /// A prompt of so many positions is about to be read.
    fn prompt(&mut self, positions: usize) {
        let _ = positions;
    }
    /// A mask was drawn: its segment, whose number, role and parent are not known yet.
    fn mask(&mut self, segment: &Segment) {
        let _ = segment;
    }
    /// An answer is complete.
    fn answered(&mut self, answer: &Answer) {
        let _ = answer;
    }

    /// A stage begins; the one before it has ended.
    fn stage(&mut self, stage: Stage) {
        let _ = stage;
    }

    /// What was found out about image `image` (from 1) could not be kept for later.
    fn not_kept(&mut self, image: usize, error: &ModelError) {
        let _ = (image, error);
    }

    /// Whether [`Observer::text`] is worth the making of the text after every token.
    fn listens(&self) -> bool {
        true
    }

    /// The answer grew: its text so far, with tags. Returning `Break` ends it here.
    fn text(&mut self, so_far: &str) -> ControlFlow<()> {
        let _ = so_far;
        ControlFlow::Continue(())
    }
}

/// Sees nothing.
impl Observer for () {
    fn listens(&self) -> bool {
        false
    }
}
