//! The commands: arguments in, library calls, text out.

pub(crate) mod batch;
pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod data;
pub(crate) mod eval;
pub(crate) mod gallery;
pub(crate) mod model;
pub(crate) mod model_adapters;
pub(crate) mod model_estimate;
pub(crate) mod model_export;
pub(crate) mod model_import;
pub(crate) mod model_inspect;
pub(crate) mod model_pull;
pub(crate) mod model_quantize;
pub(crate) mod model_tokenizer;
pub(crate) mod params;
pub(crate) mod segment;
pub(crate) mod serve;
pub(crate) mod train;
