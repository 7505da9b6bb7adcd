use std::fmt::Write as _;

use calico_model::ModelFolder;
use calico_model::budget::{Estimate, Machine, estimate, weight_bytes};
use calico_model::quantize::Quantization;
use calico_nn::process;
use indicatif::DecimalBytes;
use serde_json::{Value, json};

use crate::args::ModelEstimateArgs;
use crate::failure::Failure;
use crate::machine::machine;
use crate::stream;

/// Says what an answer takes.
pub(crate) fn run(args: &ModelEstimateArgs) -> Result<(), Failure> {
    let (config, quantization, weights) = if let Some(folder) = &args.model {
        let (folder, wanted) = (ModelFolder::open(folder)?, args.quantization());
        if wanted == Quantization::default() {
            let (quantization, weights) = (folder.quantization()?, folder.weight_bytes()?);
            (folder.config, quantization, weights)
        } else {
            folder.check_unquantized()?;
            let weights = weight_bytes(&folder.config, wanted).map_err(anyhow::Error::from)?;
            (folder.config, wanted, weights)
        }
    } else {
        let (config, quantization) = (args.config()?, args.quantization());
        let weights = weight_bytes(&config, quantization).map_err(anyhow::Error::from)?;
        (config, quantization, weights)
    };
    let machine = machine()?;
    let found = estimate(&config, quantization, weights, args.request(), machine);
    let text =
        if args.json { format!("{:#}\n", json(&found, machine)) } else { text(&found, machine) };
    Ok(stream::print(&text)?)
}

fn text(found: &Estimate, machine: Machine) -> String {
    let mut text = String::from("memory\n");
    let mut line = |name: &str, bytes: u64, more: &str| {
        let _ = writeln!(text, "  {name:18}{:>12}{more}", DecimalBytes(bytes).to_string());
    };
    line("weights", found.weights, "");
    line("images", found.images, "");
    line("keys and values", found.keys_values, "");
    line("program", found.program, "");
    if let Some(most) = found.stages.iter().max_by_key(|stage| stage.bytes) {
        line("most at work", most.bytes, &format!("  {}", most.name));
    }
    let verdict = process::available_bytes().map_or_else(String::new, |free| {
        let fits = if found.peak_bytes() <= free { "it fits" } else { "it does not fit" };
        format!("  of {} that are free: {fits}", DecimalBytes(free))
    });
    line("in all", found.peak_bytes(), &verdict);
    text.push_str("\ntime\n");
    for stage in &found.stages {
        let _ = writeln!(text, "  {:18}{:>10.2} s", stage.name, stage.seconds);
    }
    let _ = writeln!(text, "  {:18}{:>10.2} s", "in all", found.seconds());
    let _ = writeln!(
        text,
        "\nThis machine: {:.0} GFLOP/s in f32, {:.0} in 8 bits, memory {:.1} GB/s.",
        machine.flops / 1e9,
        machine.flops_of_8_bits / 1e9,
        machine.bytes_per_second / 1e9
    );
    text
}

fn json(found: &Estimate, machine: Machine) -> Value {
    let stages = found.stages.iter().map(
        |stage| json!({ "stage": stage.name, "bytes": stage.bytes, "seconds": stage.seconds }),
    );
    json!({
        "peak_bytes": found.peak_bytes(),
        "free_bytes": process::available_bytes(),
        "weight_bytes": found.weights,
        "image_bytes": found.images,
        "keys_values_bytes": found.keys_values,
        "program_bytes": found.program,
        "seconds": found.seconds(),
        "stages": stages.collect::<Vec<_>>(),
        "machine": {
            "gflops_per_second": machine.flops / 1e9,
            "gflops_per_second_of_8_bits": machine.flops_of_8_bits / 1e9,
            "gigabytes_per_second": machine.bytes_per_second / 1e9,
        },
    })
}
