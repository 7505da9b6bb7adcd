use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::Context as _;
use calico_model::budget::{Request, modules};
use calico_model::checkpoint::{self, TOKENIZER_FILE};
use calico_model::config::CONFIG_FILE;
use calico_model::provenance::Provenance;
use calico_model::{CalicoConfig, ModelError, ModelFolder, module_of};
use calico_nn::weights::checkpoint::StoredType;
use calico_result::terminal;
use indicatif::{DecimalBytes, HumanCount};
use serde_json::{Map, Value, json};

use crate::args::{DefaultArgs, InfoArgs, InitArgs};
use crate::failure::Failure;
use crate::progress::bytes_bar;
use crate::stream;
use crate::watching::stop_flag;

/// Writes the built-in model as a folder.
pub(crate) fn default(args: &DefaultArgs) -> Result<(), Failure> {
    calico_mini::write(&args.out)?;
    let folder = terminal::harmless(&args.out.display().to_string());
    Ok(stream::print(&format!("wrote {folder}: the built-in model `{}`\n", calico_mini::NAME))?)
}

/// Makes a model folder with untrained weights.
pub(crate) fn init(args: &InitArgs) -> Result<(), Failure> {
    let config = args.size.config()?;
    let stored = StoredType::from(args.dtype);
    let count = Count::new(&config)?;
    let bytes = count.parameters * stored.bytes() as u64;
    let bar = bytes_bar(bytes);
    let (number, stop) = (Cell::new(0), stop_flag());
    let made = checkpoint::init(&args.folder, &config, args.seed, stored, |tensor| {
        if stop.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        number.set(number.get() + 1);
        bar.set_message(format!("{}/{} {}", number.get(), count.tensors, tensor.name));
        bar.inc(tensor.bytes() as u64);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    made?;
    Ok(stream::print(&format!(
        "made {}: {} parameters in {} tensors, {}\n\
         The weights are untrained: answers and masks mean nothing yet.\n",
        args.folder.display(),
        HumanCount(count.parameters),
        HumanCount(count.tensors),
        DecimalBytes(bytes),
    ))?)
}

/// What a configuration asks for.
struct Count {
    tensors: u64,
    parameters: u64,
    trainable: u64,
}

impl Count {
    fn new(config: &CalicoConfig) -> anyhow::Result<Self> {
        let mut count = Self { tensors: 0, parameters: 0, trainable: 0 };
        for module in modules(config, Request::default())? {
            count.tensors += module.tensors as u64;
            count.parameters += module.parameters;
            count.trainable += module.trainable;
        }
        Ok(count)
    }
}

/// Says what a model folder holds.
pub(crate) fn info(args: &InfoArgs) -> Result<(), Failure> {
    let model = ModelFolder::open(&args.folder)?;
    let count = Count::new(&model.config)?;
    let files = files(&args.folder, &model)?;
    let provenance = Provenance::of_folder(&args.folder)?.unwrap_or_default();
    let text = if args.json {
        let mut json = json(&model, &count, &files)?;
        json["sources"] = serde_json::to_value(&provenance.modules).context("cannot write JSON")?;
        format!("{json:#}\n")
    } else {
        let stored = stored_values(&model)?;
        text(&model, &count, &files, &stored) + &sources(&model, &provenance)
    };
    Ok(stream::print(&text)?)
}

/// Name and size of every file that belongs to the model.
fn files(folder: &Path, model: &ModelFolder) -> Result<Vec<(String, u64)>, Failure> {
    let named = [CONFIG_FILE, TOKENIZER_FILE].map(|name| folder.join(name));
    let paths = named.into_iter().chain(model.checkpoint.paths().map(PathBuf::from));
    let size = |path: PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let metadata = fs::metadata(&path).map_err(|source| ModelError::Io {
            action: "read",
            path,
            source,
        })?;
        Ok((name, metadata.len()))
    };
    paths.map(size).collect()
}

fn special_tokens(model: &ModelFolder) -> [(&'static str, u32); 7] {
    let ids = model.tokenizer.special();
    [
        ("<s>", ids.bos),
        ("</s>", ids.eos),
        ("<im_start>", ids.image_start),
        ("<im_end>", ids.image_end),
        ("[SEG]", ids.seg),
        ("<p>", ids.phrase_start),
        ("</p>", ids.phrase_end),
    ]
}

fn json(model: &ModelFolder, count: &Count, files: &[(String, u64)]) -> anyhow::Result<Value> {
    let config: Value = model
        .config
        .to_json()
        .and_then(|text| serde_json::from_str(&text))
        .context("cannot write the configuration as JSON")?;
    let files: Vec<Value> =
        files.iter().map(|(name, bytes)| json!({ "name": name, "bytes": bytes })).collect();
    let tokens: Map<String, Value> = special_tokens(model)
        .into_iter()
        .map(|(token, id)| (token.to_owned(), id.into()))
        .collect();
    Ok(json!({
        "name": model.name(),
        "preset": model.config.preset,
        "tensors": count.tensors,
        "parameters": count.parameters,
        "trainable": count.trainable,
        "stored_values": stored_values(model)?,
        "special_tokens": tokens,
        "files": files,
        "config": config,
    }))
}

/// The number of values in each form.
fn stored_values(model: &ModelFolder) -> Result<BTreeMap<String, u64>, ModelError> {
    let forms = model.forms()?.into_iter();
    Ok(forms.map(|(form, values)| (form.to_string().to_uppercase(), values)).collect())
}

fn text(
    model: &ModelFolder,
    count: &Count,
    files: &[(String, u64)],
    stored: &BTreeMap<String, u64>,
) -> String {
    let mut text = String::new();
    let mut line = |title: &str, content: String| {
        let _ = writeln!(text, "{title:15}{content}");
    };
    line("name", model.name());
    line("preset", model.config.preset.clone().unwrap_or_else(|| "none".into()));
    for (title, content) in descriptions(&model.config) {
        line(title, content);
    }
    line("tensors", HumanCount(count.tensors).to_string());
    let percent = count.trainable as f64 / count.parameters.max(1) as f64 * 100.0;
    line(
        "parameters",
        format!(
            "{}, of which {} are trainable ({percent:.3} %)",
            HumanCount(count.parameters),
            HumanCount(count.trainable)
        ),
    );
    let stored = stored.iter().map(|(form, &n)| format!("{} values in {form}", HumanCount(n)));
    line("stored", stored.collect::<Vec<_>>().join(", "));
    let tokens = special_tokens(model).map(|(token, id)| format!("{token} {id}"));
    line("special tokens", tokens.join("  "));
    for (number, (name, bytes)) in files.iter().enumerate() {
        let title = if number == 0 { "files" } else { "" };
        line(title, format!("{name} ({})", DecimalBytes(*bytes)));
    }
    text
}

/// Where each module comes from, under which licence, and the beginning of its digest.
fn sources(model: &ModelFolder, provenance: &Provenance) -> String {
    let mut text = String::new();
    let mut modules: Vec<&str> = model.checkpoint.names().map(module_of).collect();
    modules.dedup();
    for (number, module) in modules.into_iter().enumerate() {
        let title = if number == 0 { "sources" } else { "" };
        let known = provenance.modules.get(module);
        let origins = known.map_or(&[][..], |known| &known.origins);
        let origins: Vec<String> = origins
            .iter()
            .map(|origin| format!("{} (licence {})", origin.source, origin.licence))
            .collect();
        let origins = if origins.is_empty() { "unknown".into() } else { origins.join(", then ") };
        let digest = known.and_then(|known| known.sha256.as_deref()?.get(..12));
        let digest = digest.map_or_else(String::new, |digest| format!("  sha256 {digest}…"));
        let _ = writeln!(text, "{title:15}{module}: {}{digest}", terminal::harmless(&origins));
    }
    text
}

/// One line per module.
fn descriptions(config: &CalicoConfig) -> Vec<(&'static str, String)> {
    let off = || "off".to_owned();
    let sizes = config.input_sizes();
    let eva = format!(
        "{} blocks, width {}, {} pixels a side",
        config.eva.depth, config.eva.width, sizes.eva
    );
    let qformer = &config.qformer;
    let queries = format!(
        "{} layers, width {}, {} queries per image",
        qformer.depth, qformer.width, qformer.num_queries
    );
    let dino = sizes.dino.map(|[height, width]| {
        format!(
            "{} blocks, width {}, {height} x {width} pixels, {} registers",
            config.dino.depth, config.dino.width, config.dino.num_register_tokens
        )
    });
    let layers: Vec<String> = config.cam.layers.iter().map(ToString::to_string).collect();
    let llm = &config.llm;
    let language = format!(
        "{} layers, width {}, {} tokens, context {}",
        llm.depth,
        llm.width,
        HumanCount(llm.vocab_size as u64),
        HumanCount(llm.max_positions as u64)
    );
    let lora = config.lora.as_ref().map(|lora| format!("rank {}, alpha {}", lora.rank, lora.alpha));
    let sam = format!(
        "{} blocks, width {}, {} pixels a side",
        config.sam.encoder.depth, config.sam.encoder.width, sizes.sam
    );
    let heads = format!("{} heads", config.cem.num_heads);
    vec![
        ("EVA-CLIP", eva),
        ("Q-Former", if qformer.enabled { queries } else { off() }),
        ("DINOv2", dino.unwrap_or_else(off)),
        ("extraction", if config.cem.enabled { heads } else { off() }),
        (
            "adapters",
            if config.cam.enabled {
                format!(
                    "before layers {}, counted from {}",
                    layers.join(", "),
                    config.cam.index_base
                )
            } else {
                off()
            },
        ),
        ("LLaMA", language),
        ("LoRA", lora.unwrap_or_else(off)),
        ("SAM", sam),
    ]
}
