//! Shared by tests: golden tensors, closeness with a report, synthetic weights.
//!
//! ```no_run
//! use calico_testkit::{Golden, Synthetic, assert_close};
//!
//! let golden = Golden::open("eva/tiny");
//! let weights = Synthetic::weights().pp("eva");
//! # let forward = |pixels: &candle_core::Tensor| pixels.clone();
//! let tokens = forward(&golden.input("pixels"));
//! assert_close("tokens", &tokens, &golden.output("tokens"), 2e-5);
//! ```
//!
//! Everything here panics where a test should fail.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "only tests use this crate, and a panic fails them"
)]

mod close;
mod golden;
mod record;
mod synthetic;

pub use close::{assert_close, relative_error};
pub use golden::Golden;
pub use record::{parameters, record};
pub use synthetic::Synthetic;
