/// What is wrong with the arguments of a kernel.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum KernelError {
    /// A slice has another length than the shape asks for.
    #[error("{what} has {found} elements, {expected} were expected for this shape")]
    Length {
        /// Which argument.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length that fits.
        expected: usize,
    },
    /// Two arguments disagree about the inner width.
    #[error("the rows are {found} wide and the weights {expected}, quantise rows of that width")]
    Inner {
        /// Width of the rows.
        found: usize,
        /// Width of the weights.
        expected: usize,
    },
    /// A width that blocks do not divide.
    #[error(
        "{format} takes blocks of {block} values, and {found} is no multiple of it: choose another format"
    )]
    Blocks {
        /// Name of the format.
        format: &'static str,
        /// The number of values.
        found: usize,
        /// Values of a block.
        block: usize,
    },
    /// Nothing to multiply.
    #[error("{what} is 0, at least 1 was expected")]
    Empty {
        /// Which size.
        what: &'static str,
    },
    /// A size for which sums could overflow, or which no memory can hold.
    #[error("{what} is {found}, at most {most} can be computed with")]
    TooLarge {
        /// Which size.
        what: &'static str,
        /// What was found.
        found: usize,
        /// The largest that is accepted.
        most: usize,
    },
    /// A weight that no format can hold.
    #[error(
        "value {index} is {value}, finite magnitudes up to {most} were expected: keep this tensor unquantised"
    )]
    Value {
        /// Place of the value.
        index: usize,
        /// The value.
        value: f32,
        /// The largest magnitude that the format holds.
        most: f32,
    },
}
