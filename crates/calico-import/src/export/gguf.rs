//! The language model as a GGUF file.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::Path;

use calico_formats::gguf::{Plan, Value, WriteError, Writer};
use calico_formats::{BlockFormat, Element};
use calico_model::checkpoint::{TOKENIZER_FILE, tensor_specs};
use calico_model::provenance::Provenance;
use calico_model::{ModelError, ModelFolder, NewFile};
use calico_nn::weights::TensorSpec;

use super::gguf_tensor::GgufTensor;
use super::{ExportError, Exported, Tokens};
use crate::GGUF_LICENCE;

/// The names of a layer's tensors: ours, and those of GGUF.
const IN_LAYER: [(&str, &str); 9] = [
    ("input_layernorm", "attn_norm"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("post_attention_layernorm", "ffn_norm"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
];

/// The version of ggml's block formats.
const QUANTIZATION_VERSION: u32 = 2;

/// Writes the language model of a model folder into a new GGUF file, its low-rank updates merged.
///
/// Matrices keep the type in which they are stored, block formats included, whose updates are
/// added and rounded to the format again; what GGUF has no format for is f32, and so are norms, as
/// readers expect. Rows of queries and keys are put into the order of GGUF. One tensor is in memory
/// at a time.
/// `on_tensor` hears of each before it is written, and may stop the export; nothing is left then.
/// Returns what became of the tokenizer.
///
/// # Errors
/// If the file exists, the model cannot be read, or the file cannot be written.
pub fn export_gguf(
    model: &ModelFolder,
    out: &Path,
    on_tensor: impl Fn(Exported<'_>) -> ControlFlow<()>,
) -> Result<Tokens, ExportError> {
    if out.exists() {
        return Err(ExportError::Exists(out.to_path_buf()));
    }
    let tokens = tokens(model)?;
    let tensors = tensors(model)?;
    let total = tensors.iter().map(GgufTensor::bytes).sum();
    let io = |source: std::io::Error| ExportError::Write {
        path: out.to_path_buf(),
        source: source.into(),
    };
    let failed = |source: WriteError| ExportError::Write { path: out.to_path_buf(), source };
    let new = NewFile::begin(out)?;
    let mut metadata = metadata(model, &tensors, tokens.clone());
    metadata.extend(terms(model)?);
    let listed: Vec<Plan> = tensors.iter().map(|tensor| tensor.plan.clone()).collect();
    let target = BufWriter::new(new.file());
    let mut writer = Writer::new(target, &metadata, &listed).map_err(failed)?;
    for tensor in &tensors {
        let (name, bytes) = (tensor.name(), tensor.bytes());
        if on_tensor(Exported { name, bytes, total }).is_break() {
            return Err(ExportError::Stopped);
        }
        writer.write(&tensor.plan.name, &tensor.read(model)?).map_err(failed)?;
    }
    writer.finish().map_err(failed)?.flush().map_err(io)?;
    new.finish()?;
    Ok(tokens)
}

fn tokens(model: &ModelFolder) -> Result<Tokens, ExportError> {
    let path = model.path().join(TOKENIZER_FILE);
    let failed = |source| ModelError::Io { action: "read", path: path.clone(), source };
    let json = std::fs::read_to_string(&path).map_err(failed)?;
    Tokens::of_json(&json, model.config.llm.vocab_size, &path).ok_or_else(|| {
        let reason = "expected a vocabulary and added tokens within it".to_owned();
        ExportError::Tokenizer { path: path.clone(), reason }
    })
}

/// The tensors of the language model, and what is written of each.
fn tensors(model: &ModelFolder) -> Result<Vec<GgufTensor>, ExportError> {
    let mut names = vec![
        ("llm.model.embed_tokens.weight".to_owned(), "token_embd.weight".to_owned()),
        ("llm.lm_head.weight".to_owned(), "output.weight".to_owned()),
        ("llm.model.norm.weight".to_owned(), "output_norm.weight".to_owned()),
    ];
    for layer in 0..model.config.llm.depth {
        names.extend(IN_LAYER.iter().map(|(ours, theirs)| {
            let ours = format!("llm.model.layers.{layer}.{ours}.weight");
            (ours, format!("blk.{layer}.{theirs}.weight"))
        }));
    }
    let specs: BTreeMap<String, TensorSpec> = tensor_specs(&model.config)
        .map_err(ModelError::from)?
        .into_iter()
        .map(|spec| (spec.name.clone(), spec))
        .collect();
    let tensor = |(ours, theirs): (String, String)| {
        let found = specs.get(&ours).and_then(|spec| GgufTensor::of(model, spec, theirs));
        let path = model.path().to_path_buf();
        found.ok_or(ExportError::Missing { path, name: ours })
    };
    names.into_iter().map(tensor).collect()
}

fn metadata(model: &ModelFolder, tensors: &[GgufTensor], tokens: Tokens) -> Vec<(String, Value)> {
    let llm = &model.config.llm;
    let size = |size: usize| Value::U32(size as u32);
    let text = |text: &str| Value::Text(text.to_owned());
    // Numbers of llama.cpp's `ftype`, by the type of the matrices; the table of words may differ.
    let matrix = tensors.iter().find(|tensor| tensor.plan.name.ends_with("attn_q.weight"));
    let file_type = match matrix.map(|tensor| tensor.plan.element) {
        Some(Element::F16) => 1,
        Some(Element::Bf16) => 32,
        Some(Element::Block(BlockFormat::Q8_0)) => 7,
        Some(Element::Block(BlockFormat::Q4K)) => 14,
        Some(Element::Block(BlockFormat::Q5K)) => 16,
        Some(Element::Block(BlockFormat::Q6K)) => 18,
        _ => 0,
    };
    let named = [
        ("general.architecture", text("llama")),
        ("general.name", text(&model.name())),
        ("general.file_type", Value::U32(file_type)),
        ("general.quantization_version", Value::U32(QUANTIZATION_VERSION)),
        ("llama.vocab_size", size(llm.vocab_size)),
        ("llama.context_length", size(llm.max_positions)),
        ("llama.embedding_length", size(llm.width)),
        ("llama.block_count", size(llm.depth)),
        ("llama.feed_forward_length", size(llm.mlp_hidden)),
        ("llama.rope.dimension_count", size(llm.head_width())),
        ("llama.attention.head_count", size(llm.num_heads)),
        ("llama.attention.head_count_kv", size(llm.num_kv_heads)),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(llm.rms_eps as f32)),
        ("llama.rope.freq_base", Value::F32(llm.rope_theta as f32)),
    ];
    let mut entries: Vec<(String, Value)> =
        named.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    entries.extend(tokens.into_entries());
    entries
}

/// Where the language model comes from and under which licences, where the model says it.
fn terms(model: &ModelFolder) -> Result<Vec<(String, Value)>, ExportError> {
    let said = Provenance::of_folder(model.path())?.unwrap_or_default();
    let (mut sources, mut licences) = (BTreeSet::new(), BTreeSet::new());
    for module in ["llm", "lora"] {
        for origin in said.modules.get(module).into_iter().flat_map(|said| &said.origins) {
            sources.insert(origin.source.as_str());
            licences.insert(origin.licence.as_str());
        }
    }
    let entries = [(GGUF_LICENCE, licences), ("calico.sources", sources)];
    let entries = entries.into_iter().filter(|(_, texts)| !texts.is_empty());
    let joined = |texts: BTreeSet<&str>| texts.into_iter().collect::<Vec<_>>().join(", ");
    Ok(entries.map(|(key, texts)| (key.to_owned(), Value::Text(joined(texts)))).collect())
}
