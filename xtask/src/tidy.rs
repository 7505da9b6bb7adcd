//! The rules of the house that no compiler knows; all violations are listed together.

use std::fmt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::tree::Tree;
use crate::{layers, links, sources};

/// One violation: where, what, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    text: String,
}

impl Finding {
    /// Lines count from one.
    pub(crate) fn new(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

pub(crate) fn run() -> Result<()> {
    let metadata = cargo_metadata()?;
    let root =
        metadata["workspace_root"].as_str().context("cargo metadata names no workspace root")?;
    let tree = Tree::read(Path::new(root))?;

    let mut findings = layers::check(&layers::packages(&metadata, root), &tree);
    findings.extend(links::check(&tree));
    findings.extend(sources::check(&tree));
    findings.sort();

    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        1 => bail!("1 thing is untidy"),
        count => bail!("{count} things are untidy"),
    }
}

fn cargo_metadata() -> Result<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("cargo does not start")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo metadata: {complaint}");
    serde_json::from_slice(&output.stdout).context("cargo metadata is not JSON")
}
