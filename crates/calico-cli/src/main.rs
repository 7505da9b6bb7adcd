//! The `calico` command: it reads arguments, calls the library, prints, and decides nothing.

mod answers;
mod args;
mod commands;
mod failure;
mod memory;
mod output;
mod progress;
mod stream;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Arguments, Command, ModelCommand};

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Segment(args) => commands::segment::run(&args),
        Command::Model(args) => match args.command {
            ModelCommand::Init(args) => commands::model::init(&args),
            ModelCommand::Info(args) => commands::model::info(&args),
            ModelCommand::Params(args) => commands::params::run(&args),
        },
        Command::Bench(args) => commands::bench::run(&args),
        Command::Completions(args) => commands::completions::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
