//! Models of others become models of ours, to the bit, or are refused with everything that is
//! wrong.
//!
//! The files in `tests/models` were written by other programs (`tools/fixtures/import_models.py`)
//! with synthetic weights, so that every value is known without a file of expectations.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod blocks;
mod damaged;
mod desk;
mod exports;
mod layouts;
mod peft;
mod refusals;
mod refused_files;
mod same_bits;
