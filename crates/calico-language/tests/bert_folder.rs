//! Folders that are incomplete, contradictory or hostile are refused, with everything at once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use bert_files::{FILES, change, golden, json, make_plain, sentence_encoder, tensors, tiny};
use calico_language::bert::{BertError, FolderProblem, Pooling, SentenceEncoder};
use calico_nn::weights::checkpoint::CheckpointError;
use candle_core::{DType, Device, Tensor};
use serde_json::{Value, json as value};

mod bert_files;

fn problems(folder: &Path) -> Vec<FolderProblem> {
    match SentenceEncoder::open(folder) {
        Err(BertError::Folder(folder)) => folder.problems,
        other => panic!("expected a refused folder, found {other:?}"),
    }
}

/// The only problem, as a line.
fn problem(folder: &Path) -> String {
    let problems = problems(folder);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    let error = SentenceEncoder::open(folder).unwrap_err().to_string();
    error.lines().skip(1).collect::<Vec<_>>().join("\n")
}

fn assert_problem(folder: &Path, expected: &str) {
    let line = problem(folder);
    assert!(line.contains(expected), "expected {expected:?} in {line:?}");
    assert!(line.len() < 1000, "{line}");
}

/// How a test changes a file.
type Edit = fn(&mut Value);

/// A sentence encoder of which one JSON file was changed.
fn changed(file: &str, keys: &[(&str, Value)]) -> tempfile::TempDir {
    let folder = sentence_encoder();
    change(&folder.path().join(file), keys);
    folder
}

#[test]
fn an_empty_folder_lacks_everything_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let problems = problems(folder.path());
    let missing = |file: &str| {
        problems.iter().any(
            |problem| matches!(problem, FolderProblem::Missing { path, .. } if path.ends_with(file)),
        )
    };
    assert!(missing("config.json") && missing("vocab.txt"), "{problems:#?}");
    let no_weights = |problem: &FolderProblem| {
        matches!(problem, FolderProblem::Weights(CheckpointError::NoWeights(_)))
    };
    assert!(problems.len() == 3 && problems.iter().any(no_weights), "{problems:#?}");
    assert_problem(&folder.path().join("nowhere"), "nowhere is not a folder");
}

#[test]
fn dimensions_vocabulary_pooling_and_weights_are_reported_together() {
    let folder = sentence_encoder();
    let path = folder.path();
    change(&path.join("config.json"), &[("hidden_size", 64.into())]);
    change(&path.join("1_Pooling/config.json"), &[("pooling_mode_cls_token", true.into())]);
    change(&path.join("sentence_bert_config.json"), &[("max_seq_length", 25.into())]);
    fs::write(path.join("vocab.txt"), "[CLS]\n[SEP]\n[UNK]\nleg\n").unwrap();
    let found = problems(path);
    assert_eq!(found.len(), 5, "{found:#?}");
    fs::copy(golden("folder/vocab.txt"), path.join("vocab.txt")).unwrap();
    let error = SentenceEncoder::open(path).unwrap_err().to_string();
    for part in ["4 problems", "pools by", "pools rows of 48", "25 tokens", "wrong shape (50)"] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn weights_that_are_missing_unknown_or_misshaped_are_listed() {
    let folder = sentence_encoder();
    let write = |tensors: &HashMap<String, Tensor>| {
        bert_files::write_weights(folder.path(), tensors);
    };
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    let mut all = tensors(&tiny());
    all.remove("encoder.layer.1.attention.self.key.weight");
    all.insert("classifier.weight".into(), zeros(&[2, 48]));
    all.insert("embeddings.word_embeddings.weight".into(), zeros(&[198, 48]));
    write(&all);
    let line = problem(folder.path());
    for part in ["layer.1.attention.self.key.weight", "classifier.weight", "found [198, 48]"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let mut all = tensors(&tiny());
    let nan = Tensor::full(f32::NAN, 48, &Device::Cpu).unwrap();
    all.insert("encoder.layer.2.output.LayerNorm.bias".into(), nan);
    write(&all);
    assert_problem(folder.path(), "encoder.layer.2.output.LayerNorm.bias");
    fs::remove_file(folder.path().join("model.safetensors")).unwrap();
    assert_problem(folder.path(), "holds neither model.safetensors");
}

#[test]
fn a_vocabulary_that_does_not_fit_is_refused() {
    let folder = changed("config.json", &[("vocab_size", 198.into())]);
    let mut all = tensors(&tiny());
    let words = all["embeddings.word_embeddings.weight"].narrow(0, 0, 198).unwrap();
    all.insert("embeddings.word_embeddings.weight".into(), words.contiguous().unwrap());
    bert_files::write_weights(folder.path(), &all);
    assert_problem(folder.path(), "its highest id is 198, but vocab_size is 198");
    let folder = sentence_encoder();
    let path = folder.path().join("vocab.txt");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("[CLS]\n", "[cls]\n").replace("[PAD]\n", "pad\n")).unwrap();
    assert_problem(folder.path(), "[CLS] is");
    assert_problem(folder.path(), "[PAD] is");
    fs::write(&path, format!("{text}[UNK]\n")).unwrap();
    assert_problem(folder.path(), "repeats the token \"[UNK]\" of id 1");
    fs::write(&path, [0xff, 0xfe, b'\n']).unwrap();
    assert_problem(folder.path(), "not UTF-8");
}

#[test]
fn a_tokenizer_file_of_another_kind_is_refused() {
    let folder = sentence_encoder();
    let path = folder.path().join("tokenizer.json");
    let original = json(&golden("tokenizer.json"));
    let edits: [(&str, Edit); 8] = [
        ("model is \"BPE\"", |json| json["model"]["type"] = "BPE".into()),
        ("normalizer is \"NFC\"", |json| json["normalizer"] = value!({ "type": "NFC" })),
        ("pre_tokenizer is null", |json| json["pre_tokenizer"] = Value::Null),
        ("max_input_chars_per_word is 1000000", |json| {
            json["model"]["max_input_chars_per_word"] = 1_000_000.into();
        }),
        ("in another way", |json| json["normalizer"]["lowercase"] = false.into()),
        ("[CLS] is", |json| json["added_tokens"] = value!([])),
        ("has id 77", |json| json["added_tokens"][2]["id"] = 77.into()),
        ("an unknown word", |json| json["model"]["unk_token"] = "leg".into()),
    ];
    for (expected, edit) in edits {
        let mut json = original.clone();
        edit(&mut json);
        fs::write(&path, json.to_string()).unwrap();
        assert_problem(folder.path(), expected);
    }
    for text in ["[]", "3", "null", "{}", "{", "\"x\"", "{\"model\":{\"type\":\"WordPiece\"}}"] {
        fs::write(&path, text).unwrap();
        assert_problem(folder.path(), "tokenizer.json");
    }
}

#[test]
fn other_poolings_and_modules_are_refused() {
    let pooling = "1_Pooling/config.json";
    for (keys, expected) in [
        (vec![("pooling_mode_cls_token", true.into())], "cls_token"),
        (vec![("pooling_mode", "max".into())], "pools by \"max\""),
        (vec![("pooling_mode", value!(["mean", "cls"]))], "pools by [\"mean\",\"cls\"]"),
        (vec![("word_embedding_dimension", 384.into())], "pools rows of 384"),
    ] {
        assert_problem(changed(pooling, &keys).path(), expected);
    }
    let folder = sentence_encoder();
    let path = folder.path().join("modules.json");
    let original = json(&path);
    for (entry, key, new, expected) in [
        (2, "type", "sentence_transformers.models.Dense", "Transformer, Pooling, Dense"),
        (0, "path", "../elsewhere", "is not a folder beside it"),
        (1, "path", "/1_Pooling", "is not a folder beside it"),
        (1, "path", "..", "is not a folder beside it"),
    ] {
        let mut modules = original.clone();
        modules[entry][key] = new.into();
        fs::write(&path, modules.to_string()).unwrap();
        assert_problem(folder.path(), expected);
    }
}

#[test]
fn prompts_and_lower_casing_that_would_change_rows_are_refused() {
    let folder = sentence_encoder();
    let path = folder.path().join("config_sentence_transformers.json");
    let config = |prompt: &str| value!({ "default_prompt_name": "q", "prompts": { "q": prompt } });
    fs::write(&path, config("query: ").to_string()).unwrap();
    assert_problem(folder.path(), "puts the prompt \"q\"");
    fs::write(&path, config("").to_string()).unwrap();
    SentenceEncoder::open(folder.path()).unwrap();
    let lower = [("do_lower_case", true.into())];
    let folder = changed("sentence_bert_config.json", &lower);
    SentenceEncoder::open(folder.path()).unwrap();
    change(&folder.path().join("tokenizer_config.json"), &[("do_lower_case", false.into())]);
    assert_problem(folder.path(), "do_lower_case is true before a tokenizer that keeps the case");
}

#[test]
fn the_longest_text_comes_from_the_first_file_that_states_it() {
    let tokens = |folder: &Path| SentenceEncoder::open(folder).unwrap().max_tokens();
    let none = [("max_seq_length", Value::Null)];
    let folder = changed("sentence_bert_config.json", &none);
    let tokenizer_config = folder.path().join("tokenizer_config.json");
    change(&tokenizer_config, &[("model_max_length", 12.into())]);
    assert_eq!(tokens(folder.path()), 12);
    change(&tokenizer_config, &[("model_max_length", 1e30.into())]);
    assert_eq!(tokens(folder.path()), 24);
    change(&tokenizer_config, &[("model_max_length", (-1).into())]);
    assert_problem(folder.path(), "texts may have 0 tokens");
    fs::remove_file(&tokenizer_config).unwrap();
    assert_eq!(tokens(folder.path()), 24);
    let bad = [("max_seq_length", 2.into())];
    assert_problem(changed("sentence_bert_config.json", &bad).path(), "may have 2 tokens");
}

#[test]
fn a_transformer_in_a_folder_of_its_own_is_found() {
    let folder = sentence_encoder();
    let inner = folder.path().join("0_Transformer");
    fs::create_dir(&inner).unwrap();
    let files = ["config.json", "vocab.txt", "model.safetensors", "sentence_bert_config.json"];
    for name in files {
        fs::rename(folder.path().join(name), inner.join(name)).unwrap();
    }
    let path = folder.path().join("modules.json");
    let mut modules = json(&path);
    modules[0]["path"] = "0_Transformer".into();
    // Without the last module, rows keep their length.
    modules.as_array_mut().unwrap().pop();
    fs::write(&path, modules.to_string()).unwrap();
    let encoder = SentenceEncoder::open(folder.path()).unwrap();
    assert_eq!((encoder.pooling(), encoder.max_tokens()), (Pooling::Mean, 16));
}

#[test]
fn no_file_however_it_is_broken_makes_opening_panic_or_take_gigabytes() {
    let deep = "[".repeat(100_000);
    let long = format!("\"{}\"", "x".repeat(1 << 20));
    let endless = "x".repeat((1 << 24) + 1);
    for file in FILES {
        for content in ["", "{", "null", "[]", "[{}]", "\u{0}", &deep, &long, &endless] {
            let folder = sentence_encoder();
            fs::write(folder.path().join(file), content).unwrap();
            // Some are harmless, as an empty object of defaults is.
            if let Err(error) = SentenceEncoder::open(folder.path()) {
                assert!(matches!(error, BertError::Folder(_)), "{file}: {error}");
                assert!(error.to_string().len() < 4000, "{file}: {error}");
            }
        }
        let folder = sentence_encoder();
        fs::remove_file(folder.path().join(file)).unwrap();
        fs::create_dir(folder.path().join(file)).unwrap();
        assert_problem(folder.path(), "not a regular file");
    }
}

#[test]
fn weights_that_are_cut_or_lie_are_refused() {
    let folder = sentence_encoder();
    make_plain(folder.path());
    let path = folder.path().join("model.safetensors");
    let whole = fs::read(&path).unwrap();
    for length in [0, 7, 8, 100, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert_problem(folder.path(), "model.safetensors");
    }
    let header = u64::MAX.to_le_bytes();
    fs::write(&path, [&header[..], &whole[8..]].concat()).unwrap();
    assert_problem(folder.path(), "model.safetensors");
}
