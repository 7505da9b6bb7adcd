use serde_json::{Value, json};

use crate::ADDED_TOKENS;

/// A `tokenizer.json` of the 256 bytes, for models that have no trained tokenizer.
///
/// Ids are laid out as in LLaMA: `<unk>`, `<s>`, `</s>`, then one token per byte, then unused
/// fillers up to `base_size`, then the seven tokens that GLaMM adds.
pub fn byte_level_json(base_size: usize) -> Value {
    let mut vocab = serde_json::Map::new();
    for token in ["<unk>", "<s>", "</s>"] {
        vocab.insert(token.into(), vocab.len().into());
    }
    for byte in 0..=255u8 {
        vocab.insert(format!("<0x{byte:02X}>"), vocab.len().into());
    }
    for filler in vocab.len()..base_size {
        vocab.insert(format!("<unused_{filler}>"), filler.into());
    }
    let base = vocab.len();
    let added: Vec<Value> = [("<unk>", 0), ("<s>", 1), ("</s>", 2)]
        .into_iter()
        .chain(ADDED_TOKENS.into_iter().zip(base..))
        .map(|(content, id)| {
            json!({
                "id": id, "content": content, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true,
            })
        })
        .collect();
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": null,
        "pre_tokenizer": null,
        "post_processor": null,
        "decoder": {
            "type": "Sequence",
            "decoders": [{ "type": "ByteFallback" }, { "type": "Fuse" }],
        },
        "model": {
            "type": "BPE", "dropout": null, "unk_token": "<unk>",
            "continuing_subword_prefix": null, "end_of_word_suffix": null,
            "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
            "vocab": vocab, "merges": [],
        },
    })
}
