//! What is scored beside a model, to tell how much of its score needs no understanding.
//!
//! | Baseline | Knows | Does not know |
//! | --- | --- | --- |
//! | `text_only` | the sub-task | the pictures |
//! | `partner_replaced` | the first picture | the second, which is that of another sample |
//! | `nearest_colour` | the true masks, and the mean colour in them | everything else |
//!
//! All are scored by the scorer of the model, on the same samples, in the same run.

mod baseline;
mod basis;
mod comparison;
mod nearest_colour;
mod partner_replaced;
mod region_colours;
mod text_only;

pub use baseline::{Baseline, BaselineName};
pub use basis::Basis;
pub use comparison::{Comparison, Margin};
pub use nearest_colour::nearest_colour;
pub use partner_replaced::{PARTNER_SEED, PartnerReplaced};
pub use text_only::{FixedAnswers, text_only};
