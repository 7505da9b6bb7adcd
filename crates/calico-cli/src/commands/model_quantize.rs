use std::cell::Cell;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use calico_model::ModelFolder;
use calico_model::quantize::{Progress, QuantizeReport, quantize};
use calico_nn::weights::checkpoint::FileTensor as _;
use calico_result::terminal;
use indicatif::{DecimalBytes, HumanCount};
use serde_json::{Value, json};

use crate::args::ModelQuantizeArgs;
use crate::failure::Failure;
use crate::progress::bytes_bar;
use crate::stream;
use crate::watching::stop_flag;

/// Matrices of which it is said why they do not have the format that was asked for.
const SHOWN: usize = 20;

/// Makes a model of fewer bits.
pub(crate) fn run(args: &ModelQuantizeArgs) -> Result<(), Failure> {
    let model = ModelFolder::open(&args.model)?;
    let stored = model.checkpoint.names().filter_map(|name| model.checkpoint.stored(name));
    let before = stored.map(|tensor| tensor.byte_len() as u64).sum();
    let (bar, looked, stop) = (bytes_bar(before), Cell::new(true), stop_flag());
    let made = quantize(&model, args.wanted(), &args.out, |progress| {
        if stop.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        match progress {
            Progress::Looking(tensor) => {
                bar.set_message(format!("looking at {}", tensor.name));
                bar.inc(tensor.byte_len() as u64);
            }
            Progress::Writing { name, bytes, total } => {
                if looked.replace(false) {
                    bar.set_position(0);
                    bar.set_length(total);
                }
                bar.set_message(name.to_owned());
                bar.inc(bytes);
            }
        }
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    let report = made?;
    let out = terminal::harmless(&args.out.display().to_string());
    let text = if args.json {
        format!("{:#}\n", json(&report, before))
    } else {
        text(&report, before, &out)
    };
    Ok(stream::print(&text)?)
}

fn text(report: &QuantizeReport, before: u64, out: &str) -> String {
    let after = report.bytes();
    let mut text = format!(
        "made {out}: {}, of {} before\n\n{:8}{:>9}{:>16}{:>12}{:>16}\n",
        DecimalBytes(after),
        DecimalBytes(before),
        "form",
        "tensors",
        "values",
        "bytes",
        "bits per value"
    );
    for (form, total) in &report.forms {
        let bits = total.bytes as f64 * 8.0 / total.values.max(1) as f64;
        let _ = writeln!(
            text,
            "{:8}{:>9}{:>16}{:>12}{bits:>16.2}",
            form.to_string(),
            HumanCount(total.tensors).to_string(),
            HumanCount(total.values).to_string(),
            DecimalBytes(total.bytes).to_string()
        );
    }
    if !report.fallbacks.is_empty() {
        let _ = writeln!(text, "\n{} matrices have another form:", report.fallbacks.len());
    }
    for fallback in report.fallbacks.iter().take(SHOWN) {
        let name = terminal::harmless(&fallback.name);
        let (wanted, stored, reason) = (fallback.wanted, fallback.stored, &fallback.reason);
        let _ = writeln!(text, "  {name}: {stored} instead of {wanted}: {reason}");
    }
    if report.fallbacks.len() > SHOWN {
        let _ = writeln!(text, "  … and {} more", report.fallbacks.len() - SHOWN);
    }
    text
}

fn json(report: &QuantizeReport, before: u64) -> Value {
    let forms = report.forms.iter().map(|(form, total)| {
        json!({
            "form": form.to_string(),
            "tensors": total.tensors,
            "values": total.values,
            "bytes": total.bytes,
        })
    });
    let fallbacks = report.fallbacks.iter().map(|fallback| {
        json!({
            "name": fallback.name,
            "wanted": fallback.wanted.to_string(),
            "stored": fallback.stored.to_string(),
            "reason": fallback.reason,
        })
    });
    json!({
        "bytes_before": before,
        "bytes": report.bytes(),
        "forms": forms.collect::<Vec<_>>(),
        "fallbacks": fallbacks.collect::<Vec<_>>(),
    })
}
