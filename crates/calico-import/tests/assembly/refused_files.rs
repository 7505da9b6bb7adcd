//! Files that do not go together, each refused by its name with what was expected and what to do.

use std::fs;
use std::path::{Path, PathBuf};

use calico_import::Copies;
use calico_import::assembly::Role;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::damaged::{Tensors, read, write};
use crate::desk::{Whole, Wish, assert_says, model};

const MODEL: &str = "model.safetensors";

/// A copy of a folder of files.
fn copy_of(path: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(model(path)).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_file() {
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    folder
}

/// A copy of a folder with a safetensors file that is changed.
fn changed(path: &str, file: &str, change: impl FnOnce(&mut Tensors)) -> TempDir {
    let folder = copy_of(path);
    let file = folder.path().join(file);
    let mut tensors = read(&file);
    change(&mut tensors);
    write(&file, &tensors);
    folder
}

/// What is said of a model of ours, of which a file of another one should replace a part.
fn refused_beside(whole: &Whole, role: Role, path: PathBuf, without: &[&str]) -> String {
    let rest = whole.without(without);
    let mut wish = rest.wish();
    wish.files.push((role, path));
    wish.refused()
}

fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut json: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut json);
    fs::write(path, json.to_string()).unwrap();
}

#[test]
fn a_file_of_another_family_is_named_first_with_the_option_that_takes_it() {
    let mut wish = Whole::new().wish();
    wish.files = vec![(Role::Sam, model("transformers/dinov2"))];
    let message = wish.refused();
    let first = message.lines().nth(1).unwrap();
    assert_says(first, &["dinov2", "(DINOv2 (transformers)) holds nothing that --sam asks for"]);
    assert_says(first, &["it holds dino; name another file, or bring this one in with --dino"]);
    assert_says(&message, &["\n  cem: missing"]);
}

#[test]
fn a_key_bias_that_is_not_zero_is_refused_where_the_vision_tower_is_asked_for() {
    let whole = Whole::new();
    let biased = |value: half::f16| {
        changed("transformers/blip2", MODEL, |tensors| {
            let bias = "vision_model.encoder.layers.2.self_attn.qkv.bias";
            let bytes = &mut tensors.get_mut(bias).unwrap().2;
            bytes[2 * 70..2 * 71].copy_from_slice(&value.to_le_bytes());
        })
    };
    let folder = biased(half::f16::from_f32(0.25));
    let message = refused_beside(&whole, Role::Vision, folder.path().into(), &["eva."]);
    assert_says(
        &message,
        &[
            "vision_model.encoder.layers.2.self_attn.qkv.bias in ",
            "model.safetensors should be zero in rows 64 to 127",
            "reaches 2.5e-1; take a model whose keys have no bias",
        ],
    );
    // The Q-Former of the same file has nothing to do with it.
    let rest = whole.without(&["qformer.", "query_tokens", "ln_vision."]);
    let mut wish = rest.wish();
    wish.files.push((Role::QFormer, folder.path().into()));
    wish.imported();
    let folder = biased(half::f16::NAN);
    let message = refused_beside(&whole, Role::Vision, folder.path().into(), &["eva."]);
    assert_says(&message, &["layers.2.self_attn.qkv.bias in ", "holds NaN or infinity"]);
    assert_eq!(message.lines().count(), 2, "it is told once: {message}");
}

#[test]
fn copies_inside_of_a_file_that_differ_are_refused() {
    let folder = changed("transformers/sam", MODEL, |tensors| {
        let mut copy = tensors["shared_image_embedding.positional_embedding"].clone();
        copy.2[0] ^= 1;
        tensors.insert("prompt_encoder.shared_embedding.positional_embedding".into(), copy);
    });
    let message = refused_beside(&Whole::new(), Role::Sam, folder.path().into(), &["sam."]);
    assert_says(
        &message,
        &[
            "prompt_encoder.shared_embedding.positional_embedding and \
             shared_image_embedding.positional_embedding in ",
            "should be equal, but their values differ; save the model again",
        ],
    );
}

#[test]
fn shards_that_disagree_with_their_index_are_refused() {
    let llama = "transformers/llama";
    let ask = |folder: &TempDir| {
        let files = [(Role::Language, folder.path().to_path_buf())];
        Wish::new(&files, &[]).refused()
    };
    let index = |folder: &TempDir| folder.path().join("model.safetensors.index.json");
    let [first, second] = [1, 2].map(|at| format!("model-{at:05}-of-00002.safetensors"));

    let folder = copy_of(llama);
    edit(&index(&folder), |json| {
        json["weight_map"]["model.norm.weight"] = json!("../model.safetensors");
    });
    let outside = "tensor `model.norm.weight` should lie in `../model.safetensors`, outside of the";
    assert_says(&ask(&folder), &["model.safetensors.index.json", outside]);

    let folder = copy_of(llama);
    edit(&index(&folder), |json| {
        let other = if json["weight_map"]["lm_head.weight"] == *first { &second } else { &first };
        json["weight_map"]["lm_head.weight"] = json!(other);
    });
    assert_says(&ask(&folder), &["tensor `lm_head.weight` lies in `model-", "expected it in"]);

    let folder = copy_of(llama);
    fs::remove_file(folder.path().join(&second)).unwrap();
    assert_says(&ask(&folder), &[&second, "is missing: download it, or copy it along"]);

    // Two shards with one name, and other values in it.
    let folder = copy_of(llama);
    let [mut one, mut two] = [&first, &second].map(|name| read(&folder.path().join(name)));
    let (name, tensor) = one.pop_first().unwrap();
    two.insert(name.clone(), tensor);
    write(&folder.path().join(&second), &two);
    let message = ask(&folder);
    assert_says(&message, &[&format!("holds {name} more than once"), "leave out the file"]);
}

#[test]
fn adapters_of_another_base_are_refused_with_their_shape() {
    let whole = Whole::new();
    let folder = changed("peft", "adapter_model.safetensors", |tensors| {
        for (_, shape, bytes) in tensors.values_mut().filter(|(_, shape, _)| shape[1] == 64) {
            bytes.truncate(bytes.len() / 2);
            shape[1] = 32;
        }
    });
    let message = refused_beside(&whole, Role::Adapters, folder.path().into(), &[]);
    assert_says(
        &message,
        &[
            "lora.layers.0.q.a has the shape [2, 32] in ",
            "adapter_model.safetensors (base_model.model.model.layers.0.self_attn.q_proj.lora_A",
            "expected [2, 64]: the updates were made for another model",
            "llm.lm_head.weight has the shape [266, 32]",
        ],
    );
    let folder = copy_of("peft");
    edit(&folder.path().join("adapter_config.json"), |json| json["r"] = json!(5));
    let message = refused_beside(&whole, Role::Adapters, folder.path().into(), &[]);
    assert_says(&message, &["has the shape [2, 64] in ", "expected [5, 64]"]);
    for (key, value, expected) in [
        ("use_dora", json!(true), "use_dora is true; expected it unset"),
        ("fan_in_fan_out", json!(true), "fan_in_fan_out is true; expected it unset"),
        ("modules_to_save", json!(["norm"]), "expected embed_tokens and lm_head at most"),
        ("target_modules", json!(["k_proj"]), "expected a list of q_proj and v_proj, both"),
    ] {
        let folder = copy_of("peft");
        edit(&folder.path().join("adapter_config.json"), |json| json[key] = value);
        let message = refused_beside(&whole, Role::Adapters, folder.path().into(), &[]);
        assert_says(&message, &["adapter_config.json", expected]);
    }
}

#[test]
fn a_file_that_would_run_code_is_refused_and_nothing_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("llm.bin");
    let witness = folder.path().join("witness");
    let pickle = format!("\u{80}\u{2}cos\nsystem\n(Vtouch {}\ntR.", witness.display());
    let pickle: Vec<u8> = pickle.chars().map(|letter| letter as u8).collect();
    fs::write(&path, stored_zip("archive/data.pkl", &pickle)).unwrap();
    let message = Wish::new(&[(Role::Language, path)], &[]).refused();
    assert_says(&message, &["llm.bin", "os.system"]);
    assert!(!witness.exists());
}

/// A zip file with one stored entry.
fn stored_zip(name: &str, bytes: &[u8]) -> Vec<u8> {
    let crc = bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 }
        })
    });
    let (size, length) = ((bytes.len() as u32).to_le_bytes(), (name.len() as u16).to_le_bytes());
    // Version 2, no flags, stored, the first of January 1980.
    let common = [20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
    let about = [&common[..], &(!crc).to_le_bytes(), &size, &size, &length, &[0; 2]].concat();
    let mut zip = [b"PK\x03\x04", &about[..], name.as_bytes(), bytes].concat();
    let start = (zip.len() as u32).to_le_bytes();
    let listed = [b"PK\x01\x02\x14\x00", &about[..], &[0; 14], name.as_bytes()].concat();
    // Behind the lengths: comment, disk, attributes, and the place of the entry, which is zero.
    let listed_size = (listed.len() as u32).to_le_bytes();
    zip.extend(listed);
    zip.extend([b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &listed_size[..], &start, &[0; 2]].concat());
    zip
}

#[test]
fn a_tied_head_is_filled_with_leave_only() {
    let whole = Whole::new().without(&["llm."]);
    let folder = tempfile::tempdir().unwrap();
    let mut tensors = Tensors::new();
    for at in 1..=2 {
        let shard = format!("transformers/llama/model-{at:05}-of-00002.safetensors");
        tensors.extend(read(&model(&shard)));
    }
    tensors.remove("lm_head.weight");
    write(&folder.path().join("model.safetensors"), &tensors);
    let mut wish = whole.wish();
    wish.files.push((Role::Language, folder.path().into()));
    let message = wish.refused();
    assert_says(&message, &["llm: missing llm.lm_head.weight; bring a file that holds it in"]);
    assert_says(&message, &["copies of model.embed_tokens.weight in ", "with `--allow-copies`"]);
    wish.copies = Copies::Allowed;
    wish.tokenizer = Some(whole.path().join("tokenizer.json"));
    let imported = wish.imported();
    let bytes = |name: &str| imported.checkpoint.bytes(name).unwrap().to_vec();
    assert!(bytes("llm.lm_head.weight") == bytes("llm.model.embed_tokens.weight"));
    // A head of another file comes before a copy.
    let whole = Whole::new().without(&["llm.model."]);
    wish.files[0].1 = whole.path();
    let imported = wish.imported();
    let head = read(&whole.path().join(MODEL)).remove("llm.lm_head.weight").unwrap().2;
    assert!(imported.checkpoint.bytes("llm.lm_head.weight").unwrap() == head);
}
