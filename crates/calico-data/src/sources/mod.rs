//! The sources of MixedParts on disk, and a user's own data.
//!
//! Every reader yields the same plain values: [`SourceImage`]s with decoded and joined masks,
//! and the [`Problem`](crate::Problem)s that it met on the way.
//!
//! ```text
//! listing: COCO-style JSON, streamed ──► read: what all sources share ──► Reading
//!                          PacoLvis, PartImageNet, Ade20kPart234, OwnData ──┘ by their rules
//! ```

mod ade20k_part_234;
mod annotation_mask;
mod image_path;
mod joined_objects;
mod label_picture;
mod listing;
mod notes;
mod own;
mod paco_lvis;
mod part_imagenet;
mod picture;
mod read;
mod reading;
mod screen;
mod skip;
mod source_image;
mod source_rules;
mod split_file;
mod watch;

pub use ade20k_part_234::Ade20kPart234;
pub(crate) use image_path::{check as check_image_path, stem as image_stem};
pub use listing::{CocoAnnotation, CocoCategory, CocoImage, CocoListing};
pub(crate) use listing::{GuardedReader, RecordLimit};
pub use own::OwnData;
pub use paco_lvis::PacoLvis;
pub use part_imagenet::{PartImageNet, PartImageNetRelease};
pub use picture::sha256;
pub use reading::Reading;
pub use source_image::{SourceImage, SourceObject, SourcePart};
pub use watch::Watch;
