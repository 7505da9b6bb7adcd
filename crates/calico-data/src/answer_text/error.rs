/// Where an answer leaves the grammar; positions are bytes from the start of the answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerTextError {
    /// A tag where only words or `<p>` can stand.
    #[error("found {tag} at byte {at}, expected it behind a phrase: write <p> … </p> before it")]
    Stray {
        /// The tag.
        tag: &'static str,
        /// Where it stands.
        at: usize,
    },
    /// A phrase that does not end.
    #[error("found no </p> for the <p> at byte {at}: every phrase needs one")]
    Open {
        /// Where the phrase begins.
        at: usize,
    },
    /// A tag inside of a phrase.
    #[error("found {tag} at byte {at} inside of a phrase, expected </p> first")]
    Inside {
        /// The tag.
        tag: &'static str,
        /// Where it stands.
        at: usize,
    },
    /// A phrase without words, with blanks that are missing or too many, or with a character that
    /// tags are made of.
    #[error(
        "found a bad phrase at byte {at}, expected words between <p> and </p> with single blanks \
         around them, and without < > [ ]"
    )]
    Phrase {
        /// Where the inside of the phrase begins.
        at: usize,
    },
    /// A phrase without a mask.
    #[error("found no [SEG] behind the phrase that ends at byte {at}: write [SEG] (IMAGE1) there")]
    NoSegment {
        /// Where it was expected.
        at: usize,
    },
    /// A `[SEG]` that names no image.
    #[error("found no image behind the [SEG] that ends at byte {at}: write (IMAGE1), (IMAGE2), …")]
    NoImage {
        /// Where it was expected.
        at: usize,
    },
    /// An image that does not exist.
    #[error("found (IMAGE{found}) at byte {at}, expected 1 to {images}")]
    UnknownImage {
        /// The number as written.
        found: String,
        /// Number of images.
        images: usize,
        /// Where its `[SEG]` ends.
        at: usize,
    },
    /// The same image twice in a group.
    #[error("found (IMAGE{image}) again at byte {at}: name each image once per phrase")]
    Repeated {
        /// The number.
        image: u8,
        /// Where its `[SEG]` ends.
        at: usize,
    },
    /// A blank is missing or too much.
    #[error(
        "found a missing or an extra blank at byte {at}, expected single blanks between words and tags"
    )]
    Blank {
        /// Where it is.
        at: usize,
    },
    /// The placeholder of an image, which belongs into a question.
    #[error("found <image> at byte {at}: it shows a picture in a question, answers have none")]
    Placeholder {
        /// Where it stands.
        at: usize,
    },
}
