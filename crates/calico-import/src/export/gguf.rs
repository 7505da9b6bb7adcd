//! The language model as a GGUF file.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::Path;

use calico_formats::Element;
use calico_formats::gguf::{Plan, Value, WriteError, Writer};
use calico_language::LlamaConfig;
use calico_model::adapters::updated;
use calico_model::checkpoint::TOKENIZER_FILE;
use calico_model::provenance::Provenance;
use calico_model::{ModelError, ModelFolder, NewFile};
use calico_nn::weights::checkpoint::{StoredTensor, StoredType};

use super::{ExportError, Tokens, check_finite};
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

/// Writes the language model of a model folder into a new GGUF file, its low-rank updates merged.
///
/// Matrices keep the type in which they are stored; norms are f32, as readers expect. Rows of
/// queries and keys are put into the order of GGUF. One tensor is in memory at a time.
/// `on_tensor` hears of each before it is written, with the bytes of all, and may stop the
/// export; nothing is left then. Returns what became of the tokenizer.
///
/// # Errors
/// If the file exists, the model cannot be read, or the file cannot be written.
pub fn export_gguf(
    model: &ModelFolder,
    out: &Path,
    on_tensor: impl Fn(&StoredTensor, u64) -> ControlFlow<()>,
) -> Result<Tokens, ExportError> {
    if out.exists() {
        return Err(ExportError::Exists(out.to_path_buf()));
    }
    model.check_unquantized()?;
    let tokens = tokens(model)?;
    let plans = plans(model)?;
    let total = plans.iter().map(|(tensor, _)| tensor.bytes() as u64).sum();
    let io = |source: std::io::Error| ExportError::Write {
        path: out.to_path_buf(),
        source: source.into(),
    };
    let failed = |source: WriteError| ExportError::Write { path: out.to_path_buf(), source };
    let new = NewFile::begin(out)?;
    let mut metadata = metadata(model, &plans, tokens.clone());
    metadata.extend(terms(model)?);
    let listed: Vec<Plan> = plans.iter().map(|(_, plan)| plan.clone()).collect();
    let target = BufWriter::new(new.file());
    let mut writer = Writer::new(target, &metadata, &listed).map_err(failed)?;
    for (tensor, plan) in &plans {
        if on_tensor(tensor, total).is_break() {
            return Err(ExportError::Stopped);
        }
        let (stored, bytes) = updated(model, &tensor.name)?;
        check_finite(model, &stored, &bytes)?;
        let bytes = laid_out(&model.config.llm, &stored, plan, bytes);
        writer.write(&plan.name, &bytes).map_err(failed)?;
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
fn plans(model: &ModelFolder) -> Result<Vec<(StoredTensor, Plan)>, ExportError> {
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
    let plan = |(ours, theirs): (String, String)| {
        let tensor = model.checkpoint.stored(&ours).ok_or_else(|| {
            let path = model.path().to_path_buf();
            ExportError::Missing { path, name: ours.clone() }
        })?;
        let element = match (tensor.shape.len(), tensor.stored) {
            (1, _) | (_, StoredType::F32) => Element::F32,
            (_, StoredType::Bf16) => Element::Bf16,
            (_, StoredType::F16) => Element::F16,
        };
        let plan = Plan { name: theirs, element, shape: tensor.shape.clone() };
        Ok((tensor, plan))
    };
    names.into_iter().map(plan).collect()
}

/// The bytes of a tensor as GGUF has them.
fn laid_out<'a>(
    llm: &LlamaConfig,
    tensor: &StoredTensor,
    plan: &Plan,
    bytes: Cow<'a, [u8]>,
) -> Cow<'a, [u8]> {
    if plan.element == Element::F32 && tensor.stored != StoredType::F32 {
        return StoredType::F32.encode(&tensor.stored.decode(&bytes)).into();
    }
    let heads = match plan.name.rsplit('.').nth(1) {
        Some("attn_q") => llm.num_heads,
        Some("attn_k") => llm.num_kv_heads,
        _ => return bytes,
    };
    let row_bytes = bytes.len() / tensor.shape.first().copied().unwrap_or(1).max(1);
    neighbours_of_heads(&bytes, row_bytes, heads).into()
}

/// Puts rows of the two halves of a head next to each other: of a head of `D` rows, rows `j` and
/// `j + D/2` become rows `2j` and `2j + 1`.
fn neighbours_of_heads(bytes: &[u8], row_bytes: usize, heads: usize) -> Vec<u8> {
    let mut sorted = Vec::with_capacity(bytes.len());
    let head_bytes = (bytes.len() / heads.max(1)).max(1);
    for head in bytes.chunks(head_bytes) {
        let (first, second) = head.split_at(head.len() / 2);
        for (first, second) in first.chunks(row_bytes.max(1)).zip(second.chunks(row_bytes.max(1))) {
            sorted.extend_from_slice(first);
            sorted.extend_from_slice(second);
        }
    }
    sorted
}

fn metadata(
    model: &ModelFolder,
    plans: &[(StoredTensor, Plan)],
    tokens: Tokens,
) -> Vec<(String, Value)> {
    let llm = &model.config.llm;
    let size = |size: usize| Value::U32(size as u32);
    let text = |text: &str| Value::Text(text.to_owned());
    // Numbers of llama.cpp's `ftype`, by the type of most matrices.
    let matrix = plans.first().map(|(_, plan)| plan.element);
    let file_type = match matrix {
        Some(Element::F16) => 1,
        Some(Element::Bf16) => 32,
        _ => 0,
    };
    let named = [
        ("general.architecture", text("llama")),
        ("general.name", text(&model.name())),
        ("general.file_type", Value::U32(file_type)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_a_head_become_neighbours() {
        let rows: Vec<u8> = (0..8).flat_map(|row| [row, row]).collect();
        let sorted = neighbours_of_heads(&rows, 2, 2);
        let order: Vec<u8> = sorted.chunks(2).map(|row| row[0]).collect();
        assert_eq!(order, [0, 2, 1, 3, 4, 6, 5, 7]);
    }
}
