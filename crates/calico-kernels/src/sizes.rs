//! Checks of the sizes that callers bring.

use crate::KernelError;

/// Outputs that lie side by side in a panel of weights.
pub(crate) const PANEL: usize = 16;

/// The largest inner width. With magnitudes up to 128 and 127, sums of 2¹⁷ products stay below
/// 2³¹.
pub(crate) const MAX_INNER: usize = 1 << 17;

/// The product of sizes, or an error if no memory could hold that much.
pub(crate) fn product(what: &'static str, sizes: &[usize]) -> Result<usize, KernelError> {
    let most = isize::MAX as usize / size_of::<f32>();
    let total = sizes.iter().try_fold(1_usize, |total, &size| total.checked_mul(size));
    match total {
        Some(total) if total <= most => Ok(total),
        _ => Err(KernelError::TooLarge { what, found: total.unwrap_or(usize::MAX), most }),
    }
}

/// Refuses a slice of the wrong length.
pub(crate) fn length(what: &'static str, found: usize, expected: usize) -> Result<(), KernelError> {
    if found == expected { Ok(()) } else { Err(KernelError::Length { what, found, expected }) }
}

/// Refuses a shape without outputs or values, and one too wide for exact sums.
pub(crate) fn shape(outputs: usize, inner: usize) -> Result<(), KernelError> {
    if outputs == 0 {
        return Err(KernelError::Empty { what: "the number of outputs" });
    }
    width(inner)
}

/// Refuses an inner width of 0, and one too wide for exact sums.
pub(crate) fn width(inner: usize) -> Result<(), KernelError> {
    match inner {
        0 => Err(KernelError::Empty { what: "the inner width" }),
        1..=MAX_INNER => Ok(()),
        _ => Err(KernelError::TooLarge { what: "the inner width", found: inner, most: MAX_INNER }),
    }
}
