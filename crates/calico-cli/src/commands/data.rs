//! `calico data`.

mod build;
mod export;
mod import;
mod released;
mod roots;
mod stats;
mod synth;
mod validate;
mod view;

pub(crate) use build::build;
pub(crate) use export::export;
pub(crate) use import::import;
pub(crate) use released::import_released;
pub(crate) use roots::with_roots;
pub(crate) use stats::stats;
pub(crate) use synth::synth;
pub(crate) use validate::validate;
pub(crate) use view::view;
