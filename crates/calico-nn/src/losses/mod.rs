//! What a training minimises, from logits, in f32; the gradients go to the logits alone.
//!
//! On the CPU each loss is one custom operation that keeps, besides its arguments, a few numbers
//! per row or mask; its backward pass takes no memory but that of the gradient. Elsewhere it is
//! composed of candle operations. Logits of any magnitude give finite losses and gradients.
//!
//! The losses of masks are those of LISA and GLaMM (`sigmoid_ce_loss`, `dice_loss`) and the
//! focal loss of `RetinaNet` (arXiv 1708.02002) as DETR's `sigmoid_focal_loss` writes it, each a
//! mean over the pixels of one mask. How masks and images are weighed is the caller's choice.

mod binary_cross_entropy;
mod cross_entropy;
mod dice;
mod focal;
mod masks;
mod pixel_loss;
mod soft_cross_entropy;

pub use binary_cross_entropy::binary_cross_entropy;
pub use cross_entropy::cross_entropy;
pub use dice::dice;
pub use focal::focal;
pub use soft_cross_entropy::soft_cross_entropy;

#[cfg(test)]
mod tests;
