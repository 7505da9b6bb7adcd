//! What answers.

use std::fmt::Debug;

use calico_image::DecodeOptions;
use calico_model::{Observer, Photograph, Question, SegmentError, SegmentOptions, Segmenter};
use calico_result::{Model, Segmentation};

/// What answers questions about photographs: a [`Segmenter`], or something else in tests.
pub trait Engine: Debug + Send + Sync + 'static {
    /// What it is called.
    fn identity(&self) -> &Model;

    /// What everybody should know about its answers.
    fn notice(&self) -> Option<&str>;

    /// How it wants pictures decoded.
    fn decode_options(&self) -> DecodeOptions;

    /// Bytes that it keeps in memory of earlier questions.
    fn cached_bytes(&self) -> usize {
        0
    }

    /// Checks everything about a question that can be checked before pictures are decoded.
    fn check(
        &self,
        images: usize,
        question: &Question,
        options: &SegmentOptions,
    ) -> Result<(), SegmentError>;

    /// Answers a question.
    fn segment(
        &self,
        photographs: &[Photograph],
        question: &Question,
        options: &SegmentOptions,
        observer: &mut dyn Observer,
    ) -> Result<Segmentation, SegmentError>;
}

impl Engine for Segmenter {
    fn identity(&self) -> &Model {
        self.identity()
    }

    fn notice(&self) -> Option<&str> {
        self.config().notice.as_deref()
    }

    fn decode_options(&self) -> DecodeOptions {
        self.config().decode_options()
    }

    fn cached_bytes(&self) -> usize {
        self.cached_bytes()
    }

    fn check(
        &self,
        images: usize,
        question: &Question,
        options: &SegmentOptions,
    ) -> Result<(), SegmentError> {
        self.check(images, question, options)
    }

    fn segment(
        &self,
        photographs: &[Photograph],
        question: &Question,
        options: &SegmentOptions,
        observer: &mut dyn Observer,
    ) -> Result<Segmentation, SegmentError> {
        self.segment(photographs, question, options, observer)
    }
}
