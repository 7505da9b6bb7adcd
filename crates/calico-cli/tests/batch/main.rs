//! `calico segment --batch` as a user meets it.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod input;
mod pairs;
mod runs;
#[path = "../support/mod.rs"]
mod support;
