//! Pickles, of which only those instructions and globals are known that weights are made of.

mod cursor;
mod dtype;
mod global;
mod machine;
mod opcode;
mod problem;
mod rebuild;
mod value;

pub(super) use dtype::Dtype;
pub(super) use problem::Problem;
pub(super) use value::{Kind, Pickle, Storage, Tensor, Value};
