//! `calico eval`.

mod baselines;
mod compose;
mod encoder;
mod exam;
mod predict;
mod score;

pub(crate) use compose::{compose, folder_and_name};
pub(crate) use exam::{Examinee, Watcher};
pub(crate) use score::score;
