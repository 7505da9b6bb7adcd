//! BERT equals transformers, sentence-transformers and GLaMM's evaluator (`goldens/bert`).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::HashMap;
use std::path::Path;
use std::{env, fs};

use bert_files::{change, golden, json, make_plain, tensors, tiny, write_weights};
use calico_language::bert::{Bert, BertConfig, BertError, Pooling, SentenceEncoder};
use calico_testkit::{Golden, Synthetic, assert_close};
use candle_core::{DType, Device, Tensor};
use serde_json::json as value;

mod bert_files;

const STAGES: f64 = 2e-5;
const ROWS: f64 = 1e-5;

/// The texts of `tokens.json`, and their ids.
fn texts(case: &str) -> Vec<(String, Vec<u32>)> {
    let cases = json(&golden("tokens.json"))[case].clone();
    let case = |case: &serde_json::Value| {
        let text = case["text"].as_str().unwrap().to_owned();
        (text, serde_json::from_value(case["ids"].clone()).unwrap())
    };
    cases.as_array().unwrap().iter().map(case).collect()
}

fn rows(rows: &[Vec<f32>]) -> Tensor {
    Tensor::new(rows.to_vec(), &Device::Cpu).unwrap()
}

/// The rows of all texts, in their order.
fn embed_texts(folder: &Path) -> Tensor {
    let texts = texts("uncased");
    let texts: Vec<&str> = texts.iter().map(|(text, _)| text.as_str()).collect();
    rows(&SentenceEncoder::open(folder).unwrap().embed(&texts).unwrap())
}

/// A whole id sequence of `tokens.json`, cut as an encoder of `most` tokens does.
fn cut(ids: &[u32], most: usize) -> Vec<u32> {
    if ids.len() <= most {
        return ids.to_vec();
    }
    [&ids[..most - 1], &ids[ids.len() - 1..]].concat()
}

fn assert_ids(folder: &Path, case: &str) {
    let encoder = SentenceEncoder::open(folder).unwrap();
    let most = encoder.max_tokens();
    let texts = texts(case);
    assert!(texts.len() > 30);
    for (text, ids) in texts {
        assert_eq!(encoder.token_ids(&text).unwrap(), cut(&ids, most), "{case}: {text:?}");
    }
}

#[test]
fn every_stage_equals_transformers() {
    let golden = Golden::open("bert/tiny");
    let bert = Bert::load(&tiny(), &Synthetic::weights().pp("bert")).unwrap();
    let ids = golden.input("ids").to_dtype(DType::U32).unwrap();
    let mut x = bert.embed(&ids).unwrap();
    assert_close("embeddings", &x, &golden.output("embeddings"), STAGES);
    for (i, layer) in bert.layers().iter().enumerate() {
        x = layer.forward(&x).unwrap();
        assert_close(&format!("layer.{i}"), &x, &golden.output(&format!("layer.{i}")), STAGES);
    }
    assert_close("final", &bert.forward(&ids).unwrap(), &golden.output("final"), STAGES);
}

#[test]
fn ids_from_a_vocabulary_equal_transformers() {
    let folder = bert_files::sentence_encoder();
    assert_ids(folder.path(), "uncased");
    change(&folder.path().join("tokenizer_config.json"), &[("do_lower_case", false.into())]);
    assert_ids(folder.path(), "cased");
}

#[test]
fn ids_from_a_tokenizer_file_equal_transformers() {
    let folder = bert_files::sentence_encoder();
    let path = folder.path().join("tokenizer.json");
    fs::copy(golden("tokenizer.json"), &path).unwrap();
    fs::remove_file(folder.path().join("vocab.txt")).unwrap();
    // What published files ask for is not what their encoders do.
    let truncation =
        value!({ "direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0 });
    change(&path, &[("truncation", truncation)]);
    assert_ids(folder.path(), "uncased");
    let mut normalizer = json(&path)["normalizer"].clone();
    normalizer["lowercase"] = false.into();
    change(&path, &[("normalizer", normalizer)]);
    change(&folder.path().join("tokenizer_config.json"), &[("do_lower_case", false.into())]);
    assert_ids(folder.path(), "cased");
}

#[test]
fn rows_equal_sentence_transformers() {
    let folder = bert_files::sentence_encoder();
    let encoder = SentenceEncoder::open(folder.path()).unwrap();
    assert_eq!((encoder.pooling(), encoder.max_tokens()), (Pooling::NormalisedMean, 16));
    let want = Golden::open("bert/pooled").output("normalised");
    assert_close("normalised", &embed_texts(folder.path()), &want, ROWS);
}

#[test]
fn rows_of_a_plain_bert_equal_those_of_glamm() {
    let folder = bert_files::sentence_encoder();
    make_plain(folder.path());
    let encoder = SentenceEncoder::open(folder.path()).unwrap();
    assert_eq!((encoder.pooling(), encoder.max_tokens()), (Pooling::Mean, 24));
    let want = Golden::open("bert/pooled").output("mean");
    assert_close("mean", &embed_texts(folder.path()), &want, ROWS);
}

/// Names as in the file of bert-base-uncased.
fn published_name(name: &str) -> String {
    let name = name.replace("LayerNorm.weight", "LayerNorm.gamma");
    format!("bert.{}", name.replace("LayerNorm.bias", "LayerNorm.beta"))
}

#[test]
fn old_names_prefixes_and_unused_heads_change_nothing() {
    let folder = bert_files::sentence_encoder();
    make_plain(folder.path());
    let renamed = tensors(&tiny()).into_iter().map(|(name, x)| (published_name(&name), x));
    let mut renamed: HashMap<_, _> = renamed.collect();
    let numbers = Tensor::arange(0i64, 24, &Device::Cpu).unwrap();
    let bias = Tensor::zeros(7, DType::F32, &Device::Cpu).unwrap();
    renamed.insert("bert.embeddings.position_ids".into(), numbers);
    for name in ["bert.pooler.dense.bias", "cls.predictions.bias", "cls.seq_relationship.bias"] {
        renamed.insert(name.into(), bias.clone());
    }
    write_weights(folder.path(), &renamed);
    let want = Golden::open("bert/pooled").output("mean");
    assert_close("mean", &embed_texts(folder.path()), &want, ROWS);
}

#[test]
fn the_size_of_minilm_equals_upstream() {
    let folder = bert_files::files();
    let config = BertConfig {
        vocab_size: 30522,
        width: 384,
        depth: 6,
        num_heads: 12,
        ffn_hidden: 1536,
        max_positions: 512,
        ..tiny()
    };
    change(
        &folder.path().join("config.json"),
        &[
            ("vocab_size", config.vocab_size.into()),
            ("hidden_size", config.width.into()),
            ("num_hidden_layers", config.depth.into()),
            ("num_attention_heads", config.num_heads.into()),
            ("intermediate_size", config.ffn_hidden.into()),
            ("max_position_embeddings", config.max_positions.into()),
        ],
    );
    // The form that sentence-transformers writes since 5.
    let pooling = value!({ "embedding_dimension": 384, "pooling_mode": "mean" });
    fs::write(folder.path().join("1_Pooling/config.json"), pooling.to_string()).unwrap();
    write_weights(folder.path(), &tensors(&config));
    let golden = Golden::open("bert/minilm_layout");
    let got = embed_texts(folder.path());
    assert_close("normalised", &got, &golden.output("normalised"), ROWS);
    make_plain(folder.path());
    assert_close("mean", &embed_texts(folder.path()), &golden.output("mean"), ROWS);
}

#[test]
fn a_row_does_not_depend_on_its_batch() {
    let folder = bert_files::sentence_encoder();
    let encoder = SentenceEncoder::open(folder.path()).unwrap();
    let texts = texts("uncased");
    // Often enough that batches are full, and in an order that mixes lengths.
    let many: Vec<&str> = (0..1200).map(|i| texts[i * 7 % texts.len()].0.as_str()).collect();
    let alone: Vec<Vec<f32>> =
        texts.iter().map(|(text, _)| encoder.embed(&[text]).unwrap().remove(0)).collect();
    for (i, row) in encoder.embed(&many).unwrap().iter().enumerate() {
        let want = &alone[i * 7 % texts.len()];
        let error = row.iter().zip(want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(error <= 1e-6, "text {i}: {error:e}");
    }
}

#[test]
fn no_text_gives_no_row() {
    let folder = bert_files::sentence_encoder();
    let encoder = SentenceEncoder::open(folder.path()).unwrap();
    assert!(encoder.embed(&[]).unwrap().is_empty());
    assert_eq!(encoder.embed(&[""]).unwrap()[0].len(), encoder.width());
}

#[test]
fn a_text_longer_than_any_label_is_refused() {
    let folder = bert_files::sentence_encoder();
    let encoder = SentenceEncoder::open(folder.path()).unwrap();
    assert!(encoder.embed(&[&"leg ".repeat(1 << 14)]).is_ok());
    let error = encoder.embed(&["leg", &"x".repeat((1 << 16) + 1)]).unwrap_err();
    assert!(matches!(error, BertError::LongText { bytes: 65_537, .. }), "{error}");
}

#[test]
fn ids_and_lengths_beyond_the_tables_are_errors() {
    let bert = Bert::load(&tiny(), &Synthetic::weights()).unwrap();
    for ids in [vec![199u32], vec![0; 25]] {
        let length = ids.len();
        let ids = Tensor::from_vec(ids, (1, length), &Device::Cpu).unwrap();
        assert!(bert.forward(&ids).is_err());
    }
}

/// Runs where `CALICO_MINILM` names a folder of all-MiniLM-L6-v2; elsewhere it says that it did
/// not, and passes.
#[test]
fn the_published_minilm_equals_sentence_transformers() {
    let Some(folder) = env::var_os("CALICO_MINILM") else {
        println!("not run: CALICO_MINILM names no folder of all-MiniLM-L6-v2");
        return;
    };
    let encoder = SentenceEncoder::open(Path::new(&folder)).unwrap();
    assert_eq!((encoder.pooling(), encoder.max_tokens()), (Pooling::NormalisedMean, 256));
    let reference = json(&golden("minilm.json"));
    let pairs = reference["pairs"].as_array().unwrap();
    let side = |name: &str| {
        let texts: Vec<&str> = pairs.iter().map(|pair| pair[name].as_str().unwrap()).collect();
        encoder.embed(&texts).unwrap()
    };
    let (first, second) = (side("first"), side("second"));
    let golden = Golden::open("bert/minilm");
    assert_close("first", &rows(&first), &golden.output("first"), ROWS);
    assert_close("second", &rows(&second), &golden.output("second"), ROWS);
    for ((a, b), pair) in first.iter().zip(&second).zip(pairs) {
        let cosine: f64 = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        let want = pair["cosine"].as_f64().unwrap();
        println!("{cosine:.6} {want:.6} {pair}");
        assert!((cosine - want).abs() <= 1e-5, "{pair}: {cosine}");
    }
}
