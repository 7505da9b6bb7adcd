use std::fmt::Write as _;

use calico_model::budget::{ModuleBudget, Request, modules};
use indicatif::HumanCount;
use serde_json::{Value, json};

use crate::args::ParamsArgs;
use crate::failure::Failure;
use crate::stream;

/// Precisions in which weights can be held, with the bits of one value. Blocks of 32 4-bit values
/// share a 16-bit scale.
const PRECISIONS: [(&str, f64); 4] = [("f32", 32.0), ("bf16", 16.0), ("int8", 8.0), ("4-bit", 4.5)];

/// Prints what a model costs, module by module.
pub(crate) fn run(args: &ParamsArgs) -> Result<(), Failure> {
    let request = Request {
        images: args.images,
        text_tokens: args.text_tokens,
        answer_tokens: args.answer_tokens,
        masks: args.masks,
    };
    let modules = modules(&args.source.config()?, request).map_err(anyhow::Error::from)?;
    let text = if args.json {
        format!("{:#}\n", json(&modules, request))
    } else {
        table(&modules, request)
    };
    Ok(stream::print(&text)?)
}

/// The sum of one number over all modules.
fn total(modules: &[ModuleBudget], value: fn(&ModuleBudget) -> u64) -> u64 {
    modules.iter().map(value).sum()
}

fn gigabytes(parameters: u64, bits: f64) -> f64 {
    parameters as f64 * bits / 8.0 / 1e9
}

fn table(modules: &[ModuleBudget], request: Request) -> String {
    let mut text = format!(
        "{:20}{:>8}{:>16}{:>13}{:>11}",
        "module", "tensors", "parameters", "trainable", "GFLOP"
    );
    for (name, _) in PRECISIONS {
        let _ = write!(text, "{:>10}", format!("{name} GB"));
    }
    text.push('\n');
    let mut line = |name: &str, [tensors, parameters, trainable]: [u64; 3], flops: f64| {
        let _ = write!(
            text,
            "{name:20}{tensors:>8}{:>16}{:>13}{:>11.2}",
            HumanCount(parameters).to_string(),
            HumanCount(trainable).to_string(),
            flops / 1e9
        );
        for (_, bits) in PRECISIONS {
            let _ = write!(text, "{:>10.3}", gigabytes(parameters, bits));
        }
        text.push('\n');
    };
    for module in modules {
        let counts = [module.tensors as u64, module.parameters, module.trainable];
        line(module.name, counts, module.flops);
    }
    let parameters = total(modules, |m| m.parameters);
    let trainable = total(modules, |m| m.trainable);
    let flops = modules.iter().map(|module| module.flops).sum();
    line("total", [total(modules, |m| m.tensors as u64), parameters, trainable], flops);
    let _ = write!(
        text,
        "\nGFLOP: one question about {} images, {} text tokens, {} answer tokens, {} masks; \
         2 per multiply-add.\n{} parameters, {} trainable ({:.3} %)\n",
        request.images,
        request.text_tokens,
        request.answer_tokens,
        request.masks,
        HumanCount(parameters),
        HumanCount(trainable),
        trainable as f64 / parameters.max(1) as f64 * 100.0
    );
    text
}

fn json(modules: &[ModuleBudget], request: Request) -> Value {
    let bytes = |parameters: u64| -> Value {
        let named = PRECISIONS.map(|(name, bits)| {
            (name.to_owned(), Value::from((parameters as f64 * bits / 8.0) as u64))
        });
        Value::Object(named.into_iter().collect())
    };
    let rows: Vec<Value> = modules
        .iter()
        .map(|module| {
            json!({
                "module": module.name,
                "prefix": module.prefix,
                "tensors": module.tensors,
                "parameters": module.parameters,
                "trainable": module.trainable,
                "flops": module.flops as u64,
                "bytes": bytes(module.parameters),
            })
        })
        .collect();
    let parameters = total(modules, |m| m.parameters);
    json!({
        "request": {
            "images": request.images,
            "text_tokens": request.text_tokens,
            "answer_tokens": request.answer_tokens,
            "masks": request.masks,
        },
        "modules": rows,
        "total": {
            "tensors": total(modules, |m| m.tensors as u64),
            "parameters": parameters,
            "trainable": total(modules, |m| m.trainable),
            "flops": modules.iter().map(|module| module.flops).sum::<f64>() as u64,
            "bytes": bytes(parameters),
        },
    })
}
