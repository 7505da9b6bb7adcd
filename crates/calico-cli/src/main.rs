//! The `calico` command: it reads arguments, calls the library, prints, and decides nothing.

mod answers;
mod args;
mod commands;
mod failure;
mod machine;
mod memory;
mod output;
mod progress;
mod stream;
mod watching;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Arguments, Command, DataCommand, EvalCommand, ModelCommand};
use failure::Failure;

#[expect(unsafe_code, reason = "settings of the whole process")]
fn main() -> ExitCode {
    // SAFETY: this is the first thing that the program does, and no other thread runs yet.
    unsafe { calico_nn::process::settle() };
    if let Err(error) = calico_nn::process::settle_level() {
        return Failure::bad_input(error.to_string()).report();
    }
    let done = match Arguments::parse().command {
        Command::Segment(args) => commands::segment::run(&args),
        Command::Model(args) => match args.command {
            ModelCommand::Default(args) => commands::model::default(&args),
            ModelCommand::Init(args) => commands::model::init(&args),
            ModelCommand::Import(args) => commands::model_import::run(&args),
            ModelCommand::Estimate(args) => commands::model_estimate::run(&args),
            ModelCommand::Export(args) => commands::model_export::run(&args),
            ModelCommand::Info(args) => commands::model::info(&args),
            ModelCommand::Inspect(args) => commands::model_inspect::run(&args),
            ModelCommand::Params(args) => commands::params::run(&args),
            ModelCommand::Pull(args) => commands::model_pull::pull(&args),
            ModelCommand::Quantize(args) => commands::model_quantize::run(&args),
            ModelCommand::Adapters(args) => commands::model_adapters::run(&args),
            ModelCommand::Tokenizer(args) => commands::model_tokenizer::tokenizer(&args),
        },
        Command::Data(args) => match args.command {
            DataCommand::Build(args) => commands::data::build(&args),
            DataCommand::Synth(args) => commands::data::synth(&args),
            DataCommand::Validate(args) => commands::data::validate(&args),
            DataCommand::Stats(args) => commands::data::stats(&args),
            DataCommand::View(args) => commands::data::view(&args),
            DataCommand::Export(args) => commands::data::export(&args),
            DataCommand::Import(args) => commands::data::import(&args),
            DataCommand::ImportReleased(args) => commands::data::import_released(&args),
        },
        Command::Train(args) => commands::train::run(&args),
        Command::Eval(args) => match args.command {
            Some(EvalCommand::Compose(args)) => commands::eval::compose(&args),
            None => commands::eval::score(&args.score),
        },
        Command::Gallery(args) => commands::gallery::run(&args),
        Command::Serve(args) => commands::serve::run(&args),
        Command::Bench(args) => commands::bench::run(&args),
        Command::Completions(args) => commands::completions::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
