//! What the program says about itself.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::Path;

use support::calico_in;

fn run(args: &[&str]) -> String {
    calico_in(Path::new("."), args).ok()
}

#[test]
fn help_is_as_reviewed() {
    for command in [
        [].as_slice(),
        &["segment"],
        &["model"],
        &["model", "default"],
        &["model", "init"],
        &["model", "import"],
        &["model", "export"],
        &["model", "info"],
        &["model", "inspect"],
        &["model", "params"],
        &["model", "pull"],
        &["model", "adapters"],
        &["model", "adapters", "export"],
        &["model", "adapters", "apply"],
        &["model", "adapters", "merge"],
        &["data"],
        &["data", "build"],
        &["data", "synth"],
        &["data", "validate"],
        &["data", "stats"],
        &["data", "view"],
        &["data", "export"],
        &["data", "import"],
        &["data", "import-released"],
        &["eval"],
        &["eval", "compose"],
        &["gallery"],
        &["train"],
        &["bench"],
        &["serve"],
        &["completions"],
    ] {
        let name = ["calico"].iter().chain(command).copied().collect::<Vec<_>>().join("_");
        insta::assert_snapshot!(name, run(&[command, &["--help"]].concat()));
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    assert_eq!(run(&["--version"]), format!("calico {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]);
        assert!(script.contains("calico") && script.contains("max-new-tokens"), "{shell}");
    }
    calico_in(Path::new("."), &["completions", "csh"]).refused();
}

#[test]
fn no_command_is_bad_input() {
    let done = calico_in(Path::new("."), &[]);
    assert_eq!((done.code, done.stdout.as_str()), (2, ""));
    assert!(done.stderr.contains("Usage: calico"), "{}", done.stderr);
}
