//! What the machine has and what a model needs.

use calico_model::budget::{Machine, Request, estimate, modules};
use calico_model::quantize::Quantization;
use calico_model::{CalicoConfig, ModelFolder};
use calico_nn::process;
use indicatif::DecimalBytes;

use crate::failure::Failure;

/// What may be done about a model that is not quantised.
const FEWER_BITS: &str = "give it fewer bits (`calico model quantize`), or ";

/// Bytes of one value in memory: weights are computed with in f32.
pub(crate) const VALUE_BYTES: u64 = 4;

/// Refuses a model in f32 whose weights alone exceed the free memory, before the machine suffers.
pub(crate) fn check(config: &CalicoConfig) -> Result<(), Failure> {
    let modules = modules(config, Request::default()).map_err(anyhow::Error::from)?;
    let parameters: u64 = modules.iter().map(|module| module.parameters).sum();
    check_bytes(VALUE_BYTES * parameters, "")
}

/// As [`check`], for a folder, whose matrices may have fewer bits, with all that an answer about
/// two images takes.
pub(crate) fn check_folder(folder: &ModelFolder) -> Result<(), Failure> {
    /// Of no machine: nobody asks for times here.
    const MACHINE: Machine = Machine { flops: 1.0, flops_of_8_bits: 1.0, bytes_per_second: 1.0 };
    let (weights, formats) = (folder.weight_bytes()?, folder.quantization()?);
    let needed = estimate(&folder.config, formats, weights, Request::default(), MACHINE);
    let advice = if formats == Quantization::default() { FEWER_BITS } else { "" };
    check_bytes(needed.model_bytes(), advice)
}

fn check_bytes(needed: u64, advice: &str) -> Result<(), Failure> {
    match process::available_bytes() {
        Some(free) => Ok(fits(needed, free, advice)?),
        None => Ok(()),
    }
}

fn fits(needed: u64, free: u64, advice: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        needed <= free,
        "the model needs {} of memory, but {} are free; {advice}use a machine with more memory or a \
         smaller model",
        DecimalBytes(needed),
        DecimalBytes(free)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use calico_model::Preset;

    #[test]
    fn a_model_larger_than_the_free_memory_is_refused() {
        assert!(check(&Preset::Tiny.config().unwrap()).is_ok());
        assert!(fits(10, 10, "").is_ok());
        let message = fits(38_600_000_000, 22_000_000_000, FEWER_BITS).unwrap_err().to_string();
        assert!(message.contains("quantize"), "{message}");
        assert!(message.contains("38.60 GB") && message.contains("22.00 GB"), "{message}");
    }
}
