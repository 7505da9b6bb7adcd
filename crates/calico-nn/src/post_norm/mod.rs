//! The parts of BERT's layer (arXiv 1810.04805), the normalisation after each residual.
//!
//! The text encoder joins attention and feed-forward part directly; the Q-Former puts a look at
//! the image between them. So the parts are shared, and each network joins them itself.

mod attention;
mod feed_forward;

pub use attention::{KeysValues, PostNormAttention};
pub use feed_forward::PostNormFeedForward;
