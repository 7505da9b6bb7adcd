//! What the machine has and what a model needs.

use anyhow::anyhow;
use calico_model::CalicoConfig;
use calico_model::budget::{Request, modules};
use indicatif::HumanBytes;

use crate::failure::Failure;

/// Bytes of one value in memory: weights are computed with in f32.
pub(crate) const VALUE_BYTES: u64 = 4;

/// Refuses a model whose weights alone exceed the free memory, before the machine suffers.
pub(crate) fn check(config: &CalicoConfig) -> Result<(), Failure> {
    let modules = modules(config, Request::default()).map_err(anyhow::Error::from)?;
    let needed = VALUE_BYTES * modules.iter().map(|module| module.parameters).sum::<u64>();
    match available() {
        Some(free) if needed > free => Err(anyhow!(
            "the model needs {} of memory for its weights in f32, but {} are free; use a machine \
             with more memory or a smaller model",
            HumanBytes(needed),
            HumanBytes(free)
        )
        .into()),
        _ => Ok(()),
    }
}

/// Bytes that can be taken without pushing other programs out, where the system says.
pub(crate) fn available() -> Option<u64> {
    kibibytes("/proc/meminfo", "MemAvailable:")
}

/// The most memory that this process has held so far, in bytes, where the system says.
pub(crate) fn peak() -> Option<u64> {
    kibibytes("/proc/self/status", "VmHWM:")
}

/// The value of `key` in one of Linux's tables, in bytes; other systems have no such file.
fn kibibytes(table: &str, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(table).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let value: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(value * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use calico_model::Preset;

    #[test]
    fn the_tiny_model_fits_into_every_machine() {
        assert!(check(&Preset::Tiny.config().unwrap()).is_ok());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_says_what_is_free_and_what_was_held() {
        assert!(available().is_some_and(|bytes| bytes > 1 << 20));
        assert!(peak().is_some_and(|bytes| bytes > 1 << 20));
    }
}
