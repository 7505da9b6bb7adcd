//! The plan as tables.

use std::fmt::Write as _;

use super::{Machine, Memory, ModulePlan, Plan, SampleShape, StagePlan};

/// Bytes in 10^9, short.
pub(super) fn gigabytes(bytes: u64) -> String {
    format!("{:.3}", bytes as f64 / 1e9)
}

/// A number with commas between each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time in words that fit its length.
fn duration(secs: f64) -> String {
    if !secs.is_finite() {
        return "unknown".to_owned();
    }
    match secs {
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7200.0 => format!("{:.1} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} days", s / 86_400.0),
    }
}

pub(super) fn plan(plan: &Plan) -> String {
    let mut text = String::new();
    for stage in &plan.stages {
        text.push_str(&of_stage(stage));
        text.push('\n');
    }
    let _ = writeln!(text, "{}", samples(plan));
    if let Some(one) = plan.features_per_picture {
        let all = match (plan.features, plan.samples.pictures) {
            (Some(all), Some(count)) => {
                format!(", {} GB for {} pictures", gigabytes(all), grouped(count))
            }
            _ => String::new(),
        };
        let _ = writeln!(text, "features on disk: {:.2} MB per picture{all}", one as f64 / 1e6);
    }
    let _ = writeln!(text, "checkpoints on disk: up to {} GB", gigabytes(plan.checkpoints));
    let Machine { gflops, is_cpu } = plan.machine;
    let _ = writeln!(
        text,
        "arithmetic in {}-bit values at {gflops:.1} GFLOP/s on {}",
        8 * plan.value_bytes,
        if is_cpu { "the CPU" } else { "the GPU" }
    );
    let _ = writeln!(
        text,
        "memory at most {} GB, time about {}",
        gigabytes(plan.peak()),
        duration(plan.secs())
    );
    text
}

fn of_stage(stage: &StagePlan) -> String {
    let together = match stage.together {
        0 | 1 => String::new(),
        several => format!(", {several} batches at once"),
    };
    let mut text = format!(
        "stage {:?}: {} steps of {} x {} samples{together}\n\n{:20}{:>8}{:>16}{:>12}{:>14}{:>14}\n",
        stage.name,
        grouped(stage.steps),
        stage.accumulate,
        stage.batch,
        "module",
        "tensors",
        "trained values",
        "weights GB",
        "kept GB",
        "GFLOP/step"
    );
    let mut line =
        |name: &str, tensors: usize, values: u64, [weights, kept]: [u64; 2], flops: f64| {
            let _ = writeln!(
                text,
                "{name:20}{tensors:>8}{:>16}{:>12}{:>14}{:>14.2}",
                grouped(values),
                gigabytes(weights),
                gigabytes(kept),
                flops / 1e9
            );
        };
    for module in &stage.modules {
        let ModulePlan {
            name, trained_tensors, trained_values, weights, activations, flops, ..
        } = module;
        line(name, *trained_tensors, *trained_values, [*weights, *activations], *flops);
    }
    let sum = |number: fn(&ModulePlan) -> u64| stage.modules.iter().map(number).sum();
    let totals = [sum(|module| module.weights), sum(|module| module.activations)];
    let tensors = stage.modules.iter().map(|module| module.trained_tensors).sum();
    let flops = stage.modules.iter().map(|module| module.flops).sum();
    line("total", tensors, stage.trained_values, totals, flops);
    let _ = writeln!(text, "\n{} trainable values", grouped(stage.trained_values));
    text.push_str(&memory(&stage.memory));
    let _ = writeln!(
        text,
        "GFLOP of a step: {:.2} forward, {:.2} backward, {:.2} computed again",
        stage.forward / 1e9,
        stage.backward / 1e9,
        stage.recomputed / 1e9
    );
    if stage.muon > 0.0 {
        let _ = writeln!(text, "GFLOP with which Muon moves matrices: {:.2}", stage.muon / 1e9);
    }
    if stage.once > 0.0 {
        let _ = writeln!(
            text,
            "GFLOP of frozen encoders, once per picture: {:.2} in all",
            stage.once / 1e9
        );
    }
    let _ = writeln!(
        text,
        "time: {} per step, {} in all",
        duration(stage.secs_per_step),
        duration(stage.secs)
    );
    text
}

fn memory(memory: &Memory) -> String {
    let parts = [
        ("frozen weights", memory.frozen),
        ("trained weights", memory.trained),
        ("moments", memory.moments),
        ("gradients", memory.gradients),
        ("gradients of earlier batches", memory.accumulated),
        ("kept for the backward pass", memory.activations),
        ("pictures of the next batches", memory.ahead),
        ("the program itself", memory.program),
        ("else at the worst moment", memory.working),
        ("memory in all", memory.peak()),
    ];
    parts.iter().fold(String::new(), |mut text, (name, bytes)| {
        let _ = writeln!(text, "{name:30}{:>10} GB", gigabytes(*bytes));
        text
    })
}

fn samples(plan: &Plan) -> String {
    let one = |shape: &SampleShape| {
        format!(
            "{} images of {} x {} pixels, {} text tokens, {} answer tokens, {} masks",
            shape.images,
            shape.width,
            shape.height,
            shape.text_tokens,
            shape.answer_tokens,
            shape.masks
        )
    };
    let (mean, high) = (&plan.samples.mean, &plan.samples.high);
    if mean == high {
        return format!("samples: {}", one(mean));
    }
    let count = plan
        .samples
        .samples
        .map_or_else(String::new, |count| format!(" ({} samples)", grouped(count)));
    format!(
        "samples{count}: {} on average (arithmetic)\n  {} of a hundred at most (memory)",
        one(mean),
        one(high)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_readers() {
        assert_eq!(grouped(29_141_220), "29,141,220");
        assert_eq!([grouped(0), grouped(999), grouped(1000)], ["0", "999", "1,000"]);
        assert_eq!(duration(90.0), "90.0 s");
        assert_eq!(duration(5400.0), "90.0 min");
        assert_eq!(duration(86_400.0), "24.0 h");
        assert_eq!(duration(f64::INFINITY), "unknown");
    }
}
