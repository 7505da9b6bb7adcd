//! The face of the crate: published models, and names that no honest file has.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod families;
mod fixture;
mod hostile;
