//! Building a data set, from readings to files.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod data;
mod files;
mod miniature;
mod oracle;
mod rules;
mod synthetic;
