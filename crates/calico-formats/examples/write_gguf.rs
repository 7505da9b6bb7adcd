//! Writes a small file of GGUF, and what is in it a second time as JSON, for
//! `tools/roundtrip/gguf_file.py`: `cargo run -p calico-formats --example write_gguf -- FOLDER`.

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use calico_formats::Element;
use calico_formats::gguf::{Plan, Value, Writer};
use half::{bf16, f16};
use serde_json::{Map, json};

const LAYERS: u32 = 2;
const WIDTH: usize = 24;
const PIECES: [&str; 5] = ["<unk>", "<s>", "</s>", "▁the", "象"];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).ok_or("expected a folder")?;
    std::fs::create_dir_all(&folder)?;
    let metadata = metadata();
    let plans = plans();
    let target = BufWriter::new(File::create(folder.join("model.gguf"))?);
    let mut writer = Writer::new(target, &metadata, &plans)?;
    let mut tensors = Map::new();
    for (number, plan) in plans.iter().enumerate() {
        let values = plan.shape.iter().product();
        let floats = (0..values).map(|at| ((at * 37 + number * 11) % 101) as f32 / 32.0 - 1.5);
        let mut bits = Vec::new();
        for float in floats {
            let (bytes, shown) = match plan.element {
                Element::F16 => {
                    let value = f16::from_f32(float);
                    (value.to_le_bytes().to_vec(), format!("{:04x}", value.to_bits()))
                }
                Element::Bf16 => {
                    let value = bf16::from_f32(float);
                    (value.to_le_bytes().to_vec(), format!("{:04x}", value.to_bits()))
                }
                _ => (float.to_le_bytes().to_vec(), format!("{:08x}", float.to_bits())),
            };
            // Value by value: nothing else has to be kept.
            writer.write(&plan.name, &bytes)?;
            bits.push(shown);
        }
        let listed = json!({
            "element": plan.element.to_string(),
            "shape": plan.shape,
            "bits": bits.join(" "),
        });
        tensors.insert(plan.name.clone(), listed);
    }
    writer.finish()?;
    let entries: Map<_, _> =
        metadata.iter().map(|(key, value)| (key.clone(), as_json(value))).collect();
    let document = json!({ "tensors": tensors, "entries": entries });
    std::fs::write(folder.join("model.json"), serde_json::to_vec_pretty(&document)?)?;
    Ok(())
}

/// What llama.cpp asks for in a model, though these weights say nothing.
fn metadata() -> Vec<(String, Value)> {
    let texts = PIECES.iter().map(|&piece| piece.to_owned()).collect();
    [
        ("general.architecture", Value::Text("llama".to_owned())),
        ("general.name", Value::Text("Weights that say nothing".to_owned())),
        ("llama.block_count", Value::U32(LAYERS)),
        ("llama.context_length", Value::U64(128)),
        ("llama.embedding_length", Value::U32(WIDTH as u32)),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        ("llama.rope.freq_base", Value::F32(10_000.0)),
        ("tokenizer.ggml.model", Value::Text("llama".to_owned())),
        ("tokenizer.ggml.tokens", Value::Texts(texts)),
        ("tokenizer.ggml.scores", Value::Floats(vec![0.0, 0.0, 0.0, -1.5, -1e9])),
        ("tokenizer.ggml.token_type", Value::Ints(vec![2, 3, 3, 1, 1])),
        ("tokenizer.ggml.add_bos_token", Value::Bool(true)),
        ("test.negative", Value::I32(-7)),
        ("test.double", Value::F64(0.1)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

fn plans() -> Vec<Plan> {
    let mut plans = Vec::new();
    let mut add = |name: String, element, shape: &[usize]| {
        plans.push(Plan { name, element, shape: shape.to_vec() });
    };
    add("token_embd.weight".to_owned(), Element::F16, &[PIECES.len(), WIDTH]);
    for layer in 0..LAYERS {
        add(format!("blk.{layer}.attn_q.weight"), Element::Bf16, &[WIDTH, WIDTH]);
        add(format!("blk.{layer}.ffn_up.weight"), Element::F16, &[2 * WIDTH + 1, WIDTH]);
        add(format!("blk.{layer}.attn_norm.weight"), Element::F32, &[WIDTH]);
    }
    // Nine values leave most of an alignment to be filled.
    add("cube".to_owned(), Element::F32, &[1, 3, 3]);
    add("output_norm.weight".to_owned(), Element::F32, &[WIDTH]);
    plans
}

fn as_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Bool(value) => json!(["BOOL", value]),
        Value::U32(value) => json!(["UINT32", value]),
        Value::I32(value) => json!(["INT32", value]),
        Value::U64(value) => json!(["UINT64", value]),
        Value::F32(value) => json!(["FLOAT32", value]),
        Value::F64(value) => json!(["FLOAT64", value]),
        Value::Text(value) => json!(["STRING", value]),
        Value::Texts(values) => json!(["STRING", values]),
        Value::Floats(values) => json!(["FLOAT32", values]),
        Value::Ints(values) => json!(["INT32", values]),
    }
}
