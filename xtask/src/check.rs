//! All that CI runs and that needs only Rust, cheapest first, up to the first failure.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

/// Lines for the shell. The tests come last, so that their summary closes the output.
const STEPS: &[&str] = &[
    "cargo xtask tidy",
    "cargo fmt --all --check",
    "cargo clippy --workspace --all-targets -- -D warnings",
    "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps",
    "cargo test --workspace",
];

pub(crate) fn run() -> Result<()> {
    for (index, step) in STEPS.iter().enumerate() {
        let count = format!("[{}/{}]", index + 1, STEPS.len());
        println!("{count} {step}");
        let start = Instant::now();
        let status = Command::new("sh").args(["-c", step]).status().context("starting sh")?;
        let seconds = start.elapsed().as_secs_f32();
        ensure!(status.success(), "failed after {seconds:.1} s, repeat it with: {step}");
        if index + 1 < STEPS.len() {
            println!("{count} passed in {seconds:.1} s");
        }
    }
    Ok(())
}
