//! Chores of this workspace.
//!
//! `cargo xtask check` runs all that CI runs and that needs only Rust; `cargo xtask tidy` runs its
//! fastest step alone: the rules of the house that no compiler knows.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "chores talk to a person")]

use std::process::ExitCode;

mod check;
mod layers;
mod links;
mod sources;
mod tidy;
mod tree;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.join(" ").as_str() {
        "check" => check::run(),
        "tidy" => tidy::run(),
        _ => Err(anyhow::anyhow!("expected `cargo xtask check` or `cargo xtask tidy`")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
