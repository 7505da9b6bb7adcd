//! A tokenizer of one's own, in LLaMA's form: learnt merges, and bytes for everything else.

use serde_json::{Value, json};
use tokenizers::Trainer as _;
use tokenizers::models::bpe::{BPE, BpeTrainer};

use crate::{ADDED_TOKENS, TokenizerError, byte_level_json};

/// Tokens that every vocabulary has: three marks and all bytes.
const FIXED: usize = 3 + 256;

/// Learns a tokenizer of `size` tokens from texts, and returns its `tokenizer.json`: byte-pair
/// merges within words (Sennrich et al., arXiv 1508.07909), `▁` for blanks, bytes for characters
/// that the texts do not have. Tags that are tokens of their own are no text.
///
/// Fewer texts than the size asks for leave fillers. Equal texts in any order give equal bytes.
pub fn learn_tokenizer(
    texts: impl Iterator<Item = String> + Send,
    size: usize,
) -> Result<String, TokenizerError> {
    let base = size.saturating_sub(ADDED_TOKENS.len());
    let learnt = base.saturating_sub(FIXED);
    let mut trainer =
        BpeTrainer::builder().vocab_size(learnt).min_frequency(2).show_progress(false).build();
    let failed = |error: tokenizers::Error| TokenizerError::Encode(error.to_string());
    trainer.feed(texts, |text| Ok(words(text))).map_err(failed)?;
    let mut model = BPE::default();
    trainer.train(&mut model).map_err(failed)?;
    let learnt: Value =
        serde_json::to_value(&model).map_err(|error| TokenizerError::Encode(error.to_string()))?;
    let mut by_id: Vec<(u64, String)> = Vec::new();
    for (token, id) in learnt["vocab"].as_object().into_iter().flatten() {
        by_id.push((id.as_u64().unwrap_or(u64::MAX), token.clone()));
    }
    by_id.sort();

    let mut json = byte_level_json(base);
    json["normalizer"] = json!({ "type": "Sequence", "normalizers": [
        { "type": "Prepend", "prepend": "▁" },
        { "type": "Replace", "pattern": { "String": " " }, "content": "▁" },
    ]});
    json["decoder"] = json!({ "type": "Sequence", "decoders": [
        { "type": "Replace", "pattern": { "String": "▁" }, "content": " " },
        { "type": "ByteFallback" }, { "type": "Fuse" },
        { "type": "Strip", "content": " ", "start": 1, "stop": 0 },
    ]});
    if let Some(vocab) = json["model"]["vocab"].as_object_mut() {
        for ((_, token), id) in by_id.into_iter().zip(FIXED..base) {
            vocab.remove(&format!("<unused_{id}>"));
            vocab.insert(token, id.into());
        }
    }
    json["model"]["merges"] = learnt["merges"].clone();
    let text = serde_json::to_string_pretty(&json)
        .map_err(|error| TokenizerError::Encode(error.to_string()))?;
    Ok(text + "\n")
}

/// Words with the blank before them, without tags.
fn words(text: &str) -> Vec<String> {
    let mut plain = text.to_owned();
    for tag in ADDED_TOKENS {
        plain = plain.replace(tag, " ");
    }
    plain.split_whitespace().map(|word| format!("▁{word}")).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::Tokenizer;

    const TEXTS: [&str; 3] = [
        "The images show <p> a handle </p> [SEG] (IMAGE1) [SEG] (IMAGE2).",
        "Only one has <p> a wheel </p> [SEG] (IMAGE2).",
        "What are the common parts of the objects in these images?",
    ];

    fn learnt(texts: &[&str]) -> String {
        let texts: Vec<String> = texts.iter().cycle().take(30).map(|&text| text.into()).collect();
        learn_tokenizer(texts.into_iter(), 400).unwrap()
    }

    #[test]
    fn texts_come_back_and_take_fewer_tokens_than_bytes() {
        let json = learnt(&TEXTS);
        let tokenizer = Tokenizer::parse(json.as_bytes(), Path::new("tokenizer.json")).unwrap();
        assert_eq!(tokenizer.vocab_size(), 400);
        for text in TEXTS.iter().chain(&["Žluťoučký 鷹, never seen!"]) {
            let ids = tokenizer.encode(text).unwrap();
            assert!(tokenizer.decode(&ids).unwrap().trim().ends_with(text.trim()), "{text}");
        }
        let known = tokenizer.encode(TEXTS[2]).unwrap();
        assert!(known.len() * 2 < TEXTS[2].len(), "{} tokens", known.len());
    }

    #[test]
    fn the_order_of_texts_does_not_matter() {
        let reversed: Vec<&str> = TEXTS.iter().rev().copied().collect();
        assert_eq!(learnt(&TEXTS), learnt(&reversed));
    }
}
