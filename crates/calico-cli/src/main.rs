//! The `calico` command.
fn main() {}
