use calico_data::DataError;
use calico_image::{ImageError, Size};
use calico_result::ResultError;

/// What can be wrong with a scene.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SynthError {
    /// A picture of this size is not drawn.
    #[error("found a picture size of {size}, expected {least} to {most} pixels a side")]
    Size {
        /// The size asked for.
        size: Size,
        /// The shortest side.
        least: u32,
        /// The longest side.
        most: u32,
    },
    /// An object's transform maps its square onto a line, a point, or nothing finite.
    #[error("found a transform that flattens object {object}, expected one with an inverse")]
    Flat {
        /// Position of the object in its scene, counted from 0.
        object: usize,
    },
    /// A part is drawn but has no paint.
    #[error("found no paint for part `{part}` of object {object}: give each part one")]
    Unpainted {
        /// Position of the object in its scene, counted from 0.
        object: usize,
        /// The part's label.
        part: &'static str,
    },
    /// What is asked for cannot be drawn.
    #[error("found a {what} of {found}, expected {expected}")]
    Option {
        /// What of the options.
        what: &'static str,
        /// Its value.
        found: String,
        /// The values that can be drawn.
        expected: String,
    },
    /// No choice of objects gives what a case asks for.
    #[error(
        "found no objects for a case of {kind} in {tries} choices, expected some that give \
         something to ask: take another seed"
    )]
    NoObjects {
        /// The kind of case.
        kind: &'static str,
        /// Choices of objects.
        tries: u32,
    },
    /// Objects were chosen, but no drawing of them gives a fair question.
    #[error(
        "found no fair question in {tries} drawings for a case of {kind}, expected one: take \
         another seed"
    )]
    NoGroup {
        /// The kind of case.
        kind: &'static str,
        /// Groups that were drawn.
        tries: u32,
    },
    /// A picture or a file cannot be encoded.
    #[error("cannot encode: {0}")]
    Encode(String),
    /// The tables cannot be written.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] ResultError),
    /// Pixels or masks do not fit together.
    #[error(transparent)]
    Image(#[from] ImageError),
}
