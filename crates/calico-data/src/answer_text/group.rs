use std::ops::Range;

/// A phrase of an answer, and the images that it has a mask in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerGroup<'a> {
    /// The words between `<p>` and `</p>`, with their article.
    pub phrase: &'a str,
    /// The number in the `(IMAGE1)` of each of its `[SEG]`, in the order of the text.
    pub images: Vec<u8>,
    /// The bytes of the answer from `<p>` to the last `(IMAGE1)`.
    pub place: Range<usize>,
}
