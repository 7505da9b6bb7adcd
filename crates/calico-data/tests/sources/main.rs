//! The readers of the three sources, on the miniature sources and on broken ones.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod broken;
mod expected;
mod hostile;
mod layouts;
mod links;
mod pictures;
mod sound;
mod tree;
