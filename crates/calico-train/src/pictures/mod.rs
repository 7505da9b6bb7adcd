//! Single pictures of a split with their regions, in random order, epoch after epoch.

mod picture_order;
mod refusal;
mod split_images;

pub(crate) use picture_order::PictureOrder;
pub(crate) use refusal::Refusal;
pub(crate) use split_images::SplitImages;
