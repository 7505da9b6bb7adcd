//! What `SentencePiece` makes of texts, our `tokenizer.json` makes of them too.
//!
//! The models and what is expected of them are written by
//! `tools/fixtures/formats_sentencepiece.py`, with `SentencePiece` itself.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

use calico_formats::FormatError;
use calico_formats::sentencepiece::{
    Blanks, Lists, ModelKind, Normalization, PieceKind, Pieces, SpecialIds, to_tokenizer_json,
};
use serde_json::{Value, json};
use tokenizers::Tokenizer;

const MODELS: [&str; 3] = ["llama_like", "scrambled", "collapsing"];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sentencepiece").join(name)
}

fn open(name: &str) -> Pieces {
    Pieces::from_model_file(&file(&format!("{name}.model"))).unwrap()
}

fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(file("expected.json")).unwrap()).unwrap()
}

fn load(json: &Value) -> Tokenizer {
    Tokenizer::from_bytes(json.to_string().as_bytes()).unwrap()
}

fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    tokenizer.encode(text, false).unwrap().get_ids().to_vec()
}

fn assert_same_ids(name: &str, tokenizer: &Tokenizer) {
    let expected = expected();
    let texts = expected["texts"].as_array().unwrap();
    let all = expected["models"][name]["ids"].as_array().unwrap();
    assert!(texts.len() > 60 && texts.len() == all.len());
    for (text, wanted) in texts.iter().zip(all) {
        let text = text.as_str().unwrap();
        assert_eq!(json!(ids(tokenizer, text)), *wanted, "{name}: {text:?}");
    }
}

/// The lists that a GGUF file of the same tokenizer would hold.
fn lists(pieces: &Pieces) -> Lists {
    let kinds = pieces.pieces().iter().map(|piece| match piece.kind {
        PieceKind::Normal => 1,
        PieceKind::Unknown => 2,
        PieceKind::Control => 3,
        PieceKind::UserDefined => 4,
        PieceKind::Unused => 5,
        PieceKind::Byte => 6,
    });
    Lists {
        tokens: pieces.pieces().iter().map(|piece| piece.text.clone()).collect(),
        scores: pieces.pieces().iter().map(|piece| piece.score).collect(),
        kinds: kinds.collect(),
        model: pieces.model(),
        normalization: pieces.normalization().clone(),
        special: pieces.special(),
    }
}

fn from_lists(lists: Lists) -> Result<Pieces, FormatError> {
    Pieces::from_lists(Path::new("model.gguf"), lists)
}

#[test]
fn a_model_file_is_read_as_sentencepiece_reads_it() {
    let expected = expected();
    for name in ["llama_like", "scrambled", "collapsing", "unigram"] {
        let (pieces, expected) = (open(name), &expected["models"][name]);
        assert_eq!(json!(pieces.pieces().len()), expected["size"]);
        let ids = [Some(pieces.unknown()), pieces.special().bos];
        let ids = ids.into_iter().chain([pieces.special().eos, pieces.special().pad]);
        for (key, id) in ["unk", "bos", "eos", "pad"].into_iter().zip(ids) {
            let id = id.map_or(-1, i64::from);
            assert_eq!(json!(id), expected["special"][key], "{name}: {key}");
        }
        for (id, row) in expected["pieces"].as_object().unwrap() {
            let piece = &pieces.pieces()[id.parse::<usize>().unwrap()];
            let kind = format!("{:?}", piece.kind).to_uppercase();
            assert_eq!(json!([piece.text, f64::from(piece.score), kind]), *row, "{name}: {id}");
        }
    }
}

#[test]
fn settings_are_read() {
    let like = open("llama_like");
    assert_eq!((like.model(), like.byte_fallback()), (ModelKind::Bpe, true));
    assert_eq!(*like.normalization(), Normalization::llama());
    let collapsing = open("collapsing");
    assert_eq!((collapsing.model(), collapsing.byte_fallback()), (ModelKind::Bpe, false));
    let normalization = collapsing.normalization();
    assert!(normalization.remove_extra_whitespaces && !normalization.add_dummy_prefix);
    assert_eq!(open("unigram").model(), ModelKind::Unigram);
}

#[test]
fn a_converted_tokenizer_gives_the_ids_of_sentencepiece() {
    for name in MODELS {
        assert_same_ids(name, &load(&to_tokenizer_json(&open(name)).unwrap()));
    }
}

#[test]
fn lists_of_gguf_give_the_same_tokenizer_as_the_model_file() {
    for name in MODELS {
        let pieces = open(name);
        let converted = to_tokenizer_json(&from_lists(lists(&pieces)).unwrap()).unwrap();
        assert_eq!(converted, to_tokenizer_json(&pieces).unwrap());
    }
}

#[test]
fn tokens_that_are_added_behind_the_vocabulary_get_the_ids_that_follow() {
    let pieces = open("llama_like");
    let mut json = to_tokenizer_json(&pieces).unwrap();
    let size = pieces.pieces().len() as u32;
    let added = json["added_tokens"].as_array_mut().unwrap();
    for (content, id) in ["[SEG]", "<p>", "</p>"].into_iter().zip(size..) {
        let mut token = added[0].clone();
        (token["content"], token["id"]) = (content.into(), id.into());
        added.push(token);
    }
    let listed = added.clone();
    let tokenizer = load(&json);
    for token in listed {
        let id = tokenizer.token_to_id(token["content"].as_str().unwrap()).unwrap();
        assert_eq!(json!(id), token["id"]);
    }
    let text = "<p> The handle</p>[SEG]<s>";
    let ids = ids(&tokenizer, text);
    assert_eq!([ids[0], ids[ids.len() - 3]], [size + 1, size + 2]);
    assert_eq!(ids[ids.len() - 2..], [size, pieces.special().bos.unwrap()]);
    assert_same_ids("llama_like", &tokenizer);
}

#[test]
fn texts_come_back() {
    let tokenizer = load(&to_tokenizer_json(&open("llama_like")).unwrap());
    for text in expected()["texts"].as_array().unwrap() {
        let text = text.as_str().unwrap();
        // A `▁` of the text itself comes back as the blank that it stands for.
        let back = tokenizer.decode(&ids(&tokenizer, text), false).unwrap();
        assert_eq!(back, text.replace('▁', " "));
    }
}

#[test]
fn pieces_of_users_are_found_as_a_whole_and_are_text() {
    let mut lists = lists(&open("llama_like"));
    let id = lists.tokens.len() as u32;
    lists.tokens.push("<sep>".into());
    lists.scores.push(-1000.0);
    lists.kinds.push(4);
    let json = to_tokenizer_json(&from_lists(lists.clone()).unwrap()).unwrap();
    let added = json["added_tokens"].as_array().unwrap();
    assert_eq!(added.len(), 4);
    assert_eq!((&added[3]["id"], &added[3]["special"]), (&json!(id), &json!(false)));
    let found = ids(&load(&json), "a<sep>b");
    assert_eq!(found.iter().filter(|&&found| found == id).count(), 1);

    *lists.tokens.last_mut().unwrap() = "▁sep".into();
    let error = to_tokenizer_json(&from_lists(lists).unwrap()).unwrap_err();
    assert!(error.to_string().contains("it is a user's piece with ▁"), "{error}");
}

#[test]
fn padding_of_gguf_is_kept_and_never_found() {
    let mut lists = lists(&open("llama_like"));
    let id = lists.tokens.len();
    for number in 0..3 {
        lists.tokens.push(format!("[PAD{number}]"));
        lists.scores.push(-10000.0);
        lists.kinds.push(5);
    }
    let json = to_tokenizer_json(&from_lists(lists).unwrap()).unwrap();
    assert_eq!(json["model"]["vocab"]["[PAD1]"], json!(id + 1));
    assert!(ids(&load(&json), "[PAD1]").len() > 1);
    assert_same_ids("llama_like", &load(&json));
}

#[test]
fn what_a_tokenizer_json_cannot_say_is_refused_with_advice() {
    let refused = |change: &dyn Fn(&mut Lists), expected: &str| {
        let mut lists = lists(&open("llama_like"));
        change(&mut lists);
        let error = to_tokenizer_json(&from_lists(lists).unwrap()).unwrap_err();
        assert!(matches!(error, FormatError::Refused { .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains(expected), "{message}");
        assert!(message.contains("use the tokenizer.json that belongs to this model"), "{message}");
    };
    refused(&|lists| lists.model = ModelKind::Unigram, "found a unigram model");
    refused(&|lists| lists.model = ModelKind::Word, "found a model of words");
    refused(&|lists| lists.model = ModelKind::Char, "found a model of characters");
    refused(&|lists| lists.normalization.rewrites = true, "which rewrite characters");
    refused(&|lists| lists.normalization.blanks = Blanks::AfterWords, "the word before them");
    refused(&|lists| lists.normalization.blanks = Blanks::Kept, "stay blanks");
    refused(&|lists| lists.scores.fill(0.0), "several pieces of the score 0");
}

#[test]
fn a_unigram_file_is_refused_by_name() {
    let error = to_tokenizer_json(&open("unigram")).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("unigram.model: model: found a unigram model"), "{message}");
}

#[test]
fn a_vocabulary_of_full_size_is_converted() {
    let letters: Vec<char> = "abcdefghijklmnopqrstuvwxyzäöüßéè".chars().collect();
    let mut tokens = vec!["<unk>".to_owned()];
    tokens.extend(letters.iter().map(char::to_string));
    let mut shorter = 1;
    while tokens.len() < 32_000 {
        let prefix = tokens[shorter].clone();
        tokens.extend(letters.iter().map(|letter| format!("{prefix}{letter}")));
        shorter += 1;
    }
    let lists = Lists {
        scores: (0..tokens.len()).map(|id| -(id as f32)).collect(),
        kinds: std::iter::once(2).chain(std::iter::repeat_n(1, tokens.len() - 1)).collect(),
        tokens,
        model: ModelKind::Bpe,
        normalization: Normalization::llama(),
        special: SpecialIds::default(),
    };
    let json = to_tokenizer_json(&from_lists(lists.clone()).unwrap()).unwrap();
    // All texts of two letters are pieces, so one of three is made from either end.
    let merges = json["model"]["merges"].as_array().unwrap();
    assert_eq!(merges.len(), lists.tokens.len() - 1 - letters.len());
    let tokenizer = load(&json);
    for text in ["ab", "ba", "èè", "aaa"] {
        let id = lists.tokens.iter().position(|token| token == text).unwrap();
        assert_eq!(ids(&tokenizer, text)[1..], [id as u32], "{text}");
    }
}
