//! Standard output and standard error, without panics.

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use anyhow::Context as _;

/// Prints text. A reader that has seen enough (`calico … | head`) is no failure.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done.context("cannot print the result"),
    }
}

/// Tells the user something beside the result; nobody may be listening.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether printed text may carry colours.
pub(crate) fn is_colored() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !refused
}

/// A value as JSON, with a line break at its end.
pub(crate) fn json(value: &impl serde::Serialize) -> anyhow::Result<String> {
    let text = serde_json::to_string_pretty(value).context("cannot write the result as JSON")?;
    Ok(text + "\n")
}
