//! Where a training gets the features of images from.
//!
//! ```text
//! sample ──► PictureBatch: look into the folder, decode what is missing
//!                 │
//!                 ▼
//! FeatureStore: frozen encoders one picture at a time, trained ones all at once ──► ImageFeatures
//! ```
//!
//! What a frozen encoder says of a picture never changes. So it runs without gradients, and if
//! the recipe names a folder its output is kept there. It sees one picture at a time, so that
//! its output does not depend on the pictures that happen to share a batch; and training reads
//! the values as they are kept, rounded, also the first time. Hence a run that finds features
//! equals the run that left them, bit for bit, on the same kind of device.
//!
//! A kept file is named after everything that its values depend on: the weights and the
//! configuration of the encoder, the bytes of the picture, the stored type. Nothing has to be
//! removed when any of them changes, and many trainings may share a folder.

mod feature_file;
mod feature_folder;
mod feature_store;
mod picture_batch;
mod prepared_picture;
mod tower;
mod weights_digest;

pub(crate) use feature_store::FeatureStore;
pub(crate) use picture_batch::PictureBatch;
pub(crate) use prepared_picture::PreparedPicture;
pub(crate) use tower::Tower;

#[cfg(test)]
mod tests;
