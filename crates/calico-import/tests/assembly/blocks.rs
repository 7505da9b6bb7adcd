//! A language model in blocks of GGUF, as the gguf package writes them.

use std::fs;

use calico_import::assembly::Role;
use calico_nn::weights::checkpoint::StoredType;
use calico_testkit::Synthetic;

use crate::desk::{Whole, assert_says, model};

const FILE: &str = "original/llama-quantised.gguf";

/// Part of a name, and how far a value may be from the one that was put into blocks: half a step
/// of as many as the bits have, of the widest range that these matrices span.
const BLOCKS: [(&str, f32); 7] = [
    ("embed_tokens", 0.5 / 127.0),
    ("lm_head", 0.5 / 127.0),
    ("q_proj", 0.5 / 127.0),
    ("k_proj", 1.0 / 31.0),
    ("v_proj", 1.0 / 16.0),
    ("o_proj", 1.0 / 15.0),
    ("gate_proj", 1.0 / 8.0),
];

#[test]
fn blocks_become_bf16_in_the_rows_and_places_that_they_had() {
    let rest = Whole::new().without(&["llm."]);
    let mut wish = rest.wish();
    wish.files.push((Role::Language, model(FILE)));
    let imported = wish.imported();
    for (part, step) in BLOCKS {
        let names = imported.checkpoint.names().filter(|name| name.contains(part));
        let names: Vec<&str> = names.filter(|name| name.starts_with("llm.")).collect();
        assert!(!names.is_empty(), "{part}");
        for name in names {
            let tensor = imported.checkpoint.stored(name).unwrap();
            assert_eq!(tensor.stored, StoredType::Bf16, "{name}");
            let found = StoredType::Bf16.decode(imported.checkpoint.bytes(name).unwrap());
            let expected = Synthetic::values(name, &tensor.shape);
            let largest = expected.iter().fold(0f32, |largest, value| largest.max(value.abs()));
            // bf16 keeps eight bits of a value.
            let allowed = largest * (step + 1.0 / 256.0);
            let mut sum = 0.0;
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() <= allowed, "{name}: {found} for {expected}");
                sum += (found - expected).abs();
            }
            assert!(sum > 0.0, "{name} was not in blocks");
        }
    }
    // Rows of 112 values are no whole number of blocks, so they were left as halves.
    imported.assert_synthetic("llm.model.layers.0.mlp.down_proj.", StoredType::F16);
    imported.assert_synthetic("llm.model.norm.", StoredType::F32);
    let mut wish = rest.wish();
    wish.files.push((Role::Language, model(FILE)));
    wish.stored = Some(StoredType::F32);
    let stored = wish.imported().checkpoint.stored("llm.lm_head.weight").unwrap().stored;
    assert_eq!(stored, StoredType::F32);
}

#[test]
fn types_of_blocks_that_are_not_read_are_named_with_what_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("llm.gguf");
    let mut bytes = fs::read(model(FILE)).unwrap();
    let name = b"blk.3.ffn_gate.weight";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
    // Behind the name: the number of axes, two axes, the type.
    let kind = at + name.len() + 4 + 16;
    assert_eq!(bytes[kind..kind + 4], 2u32.to_le_bytes(), "Q4_0");
    let rest = Whole::new().without(&["llm."]);
    for (number, shown) in [(20u32, "iq4_nl"), (35, "tq2_0"), (77, "type 77 of ggml")] {
        bytes[kind..kind + 4].copy_from_slice(&number.to_le_bytes());
        fs::write(&path, &bytes).unwrap();
        let mut wish = rest.wish();
        wish.files.push((Role::Language, path.clone()));
        let stores = format!("`blk.3.ffn_gate.weight` as {shown}; expected f32, f16, bf16");
        assert_says(&wish.refused(), &["llm.gguf", &stores, "q4_0 to q8_0", "convert it"]);
    }
}
