//! Making a model of fewer bits out of a model folder.
//!
//! The matrices of the language model become blocks of GGUF, those of the towers that look at
//! images 8 bits with scales per output and input; everything else is copied as it is: norms, biases,
//! tables of positions and words, and the modules that learn.

mod plan;
mod report;
mod write;

pub use plan::Quantization;
pub use report::{Fallback, FormTotal, QuantizeReport};
pub use write::{Progress, quantize};
