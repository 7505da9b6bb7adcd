//! The sources of MixedParts on disk, and a user's own data.
//!
//! Every reader yields the same plain values: [`SourceImage`]s with decoded and joined masks,
//! and the [`Problem`](crate::Problem)s that it met on the way.

mod reading;
mod source_image;

pub use reading::Reading;
pub use source_image::{SourceImage, SourceObject, SourcePart};
