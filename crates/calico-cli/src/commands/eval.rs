//! `calico eval`.

mod compose;
mod encoder;
mod exam;
mod score;

pub(crate) use compose::{compose, folder_and_name};
pub(crate) use score::score;
