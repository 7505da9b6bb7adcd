use clap::CommandFactory as _;

use crate::args::{Arguments, CompletionsArgs};
use crate::failure::Failure;
use crate::stream;

/// Prints a completion script.
pub(crate) fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "calico", &mut script);
    Ok(stream::print(&String::from_utf8_lossy(&script))?)
}
