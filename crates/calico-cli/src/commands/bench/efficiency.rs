//! What fewer tokens per image save, after Figure 2 of the paper.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use calico_model::CalicoConfig;
use calico_model::bench::{Workload, prompt_len};
use calico_model::budget::{Contender, Request, contenders, total_flops};
use calico_model::quantize::Quantization;
use serde_json::{Value, json};

use super::measure;
use crate::progress::spinner;

/// A contender, and what it costs.
pub(super) struct Costs {
    contender: Contender,
    tokens: usize,
    flops: f64,
    seconds: f64,
    by_stage: Vec<(Workload, f64)>,
}

/// Counts and measures all contenders.
pub(super) fn costs(
    config: &CalicoConfig,
    quantization: Quantization,
    span: Duration,
) -> anyhow::Result<Vec<Costs>> {
    let request = Request::default();
    // Contenders share most stages.
    let mut known = BTreeMap::new();
    let spinner = spinner();
    let mut all = Vec::new();
    for contender in contenders(config) {
        let mut by_stage = Vec::new();
        for (workload, times) in stages(&contender.config, request) {
            let key = format!("{}{}", workload.name(), what_matters(workload, &contender.config));
            let seconds = if let Some(&seconds) = known.get(&key) {
                seconds
            } else {
                spinner.set_message(format!("{}: {}", contender.name, workload.name()));
                let measured = measure(workload, &contender.config, quantization, span)?;
                let seconds = measured.scale() * measured.seconds;
                known.insert(key, seconds);
                seconds
            };
            by_stage.push((workload, times as f64 * seconds));
        }
        all.push(Costs {
            tokens: request.images * contender.config.tokens_per_image(),
            flops: total_flops(&contender.config, request),
            seconds: by_stage.iter().map(|(_, seconds)| seconds).sum(),
            by_stage,
            contender,
        });
    }
    spinner.finish_and_clear();
    Ok(all)
}

/// The stages of a question, and how often each is run.
pub(super) fn stages(config: &CalicoConfig, request: Request) -> Vec<(Workload, usize)> {
    let images = request.images;
    let mut stages = vec![(Workload::EvaClip, images), (Workload::SamEncoder, images)];
    if config.uses_dino() {
        stages.extend([(Workload::Dino, images), (Workload::Extraction, images)]);
    }
    if config.qformer.enabled {
        let looks = 1 + if config.cam.enabled { config.cam.layers.len() } else { 0 };
        stages.push((Workload::QFormer, images * looks));
    }
    stages.extend([
        (Workload::Prefill, 1),
        (Workload::DecodeStep, request.answer_tokens),
        (Workload::MaskDecoder, 1),
    ]);
    stages
}

/// In what contenders may differ that a stage depends on.
fn what_matters(workload: Workload, config: &CalicoConfig) -> String {
    match workload {
        Workload::EvaClip | Workload::QFormer => format!("{}", config.eva.image_size),
        Workload::Dino | Workload::Extraction => format!("{:?}", config.dino.grid()),
        _ if workload.is_language() => format!("{}", prompt_len(config, Request::default())),
        _ => String::new(),
    }
}

/// How much less `ours` is than `theirs`, in percent.
fn less(ours: f64, theirs: f64) -> f64 {
    (1.0 - ours / theirs) * 100.0
}

pub(super) fn table(costs: &[Costs]) -> String {
    let Request { images, text_tokens, answer_tokens, masks } = Request::default();
    let mut text =
        format!("{:28}{:>8}{:>10}{:>11}\n", "images reach the LLM", "tokens", "TFLOP", "seconds");
    for cost in costs {
        let _ = writeln!(
            text,
            "{:28}{:>8}{:>10.2}{:>11.2}",
            cost.contender.name,
            cost.tokens,
            cost.flops / 1e12,
            cost.seconds
        );
    }
    let _ = writeln!(
        text,
        "\n{images} images, {text_tokens} text tokens, {answer_tokens} answer tokens, {masks} \
         masks; seconds are sums of medians of stages.\n"
    );
    for ours in costs.iter().filter(|it| it.contender.is_calico) {
        for theirs in costs.iter().filter(|it| !it.contender.is_calico) {
            let _ = writeln!(
                text,
                "{} beside {}: {:.0} x fewer tokens, {:.0} % less arithmetic, {:.0} % less time",
                ours.contender.name,
                theirs.contender.name,
                theirs.tokens as f64 / ours.tokens as f64,
                less(ours.flops, theirs.flops),
                less(ours.seconds, theirs.seconds)
            );
        }
    }
    text
}

pub(super) fn json(costs: &[Costs]) -> Value {
    let rows = costs.iter().map(|cost| {
        let stages = cost.by_stage.iter();
        let stages = stages.map(|(workload, seconds)| (workload.name().to_owned(), json!(seconds)));
        json!({
            "name": cost.contender.name,
            "is_calico": cost.contender.is_calico,
            "image_tokens": cost.tokens,
            "flops": cost.flops as u64,
            "seconds": cost.seconds,
            "seconds_by_stage": Value::Object(stages.collect()),
        })
    });
    json!({ "contenders": rows.collect::<Vec<_>>() })
}
