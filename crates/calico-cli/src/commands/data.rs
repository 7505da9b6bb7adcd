//! `calico data`.

mod build;
mod export;
mod import;
mod validate;
mod view;

pub(crate) use build::build;
pub(crate) use export::export;
pub(crate) use import::import;
pub(crate) use validate::validate;
pub(crate) use view::view;
