//! Pulls every file of a model and prints the folder, for `tools/roundtrip/hub_cache.py`:
//! `cargo run -p calico-hub --example pull -- ORG/NAME`. Heeds the variables of the hub.
#![expect(clippy::print_stdout, reason = "a program whose purpose is to print")]
#![expect(clippy::print_stderr, reason = "warnings are no part of what it prints")]

use std::error::Error;
use std::sync::atomic::AtomicBool;

use calico_hub::{Choice, Hub, PullObserver, Settings, Source};

/// Tells what is not as it should be.
struct Told;

impl PullObserver for Told {
    fn warns(&mut self, warning: &str) {
        eprintln!("{warning}");
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let source: Source = std::env::args().nth(1).ok_or("expected ORG/NAME")?.parse()?;
    let settings = Settings::from_environment(|name| std::env::var_os(name))?;
    let choice = Choice::Matching(vec!["*".into()]);
    let pulled = Hub::new(settings).pull(&source, &choice, &mut Told, &AtomicBool::new(false))?;
    for file in &pulled.files {
        let origin = if file.is_new { "downloaded" } else { "cached" };
        println!("{origin} {} {}", file.sha256, file.name);
    }
    println!("{}", pulled.snapshot.display());
    Ok(())
}
