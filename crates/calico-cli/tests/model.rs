//! `calico model …`, and model folders that are damaged.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use support::{Desk, calico_in, example, files};

/// A safetensors file in its two halves.
struct Weights {
    header: Map<String, Value>,
    values: Vec<u8>,
}

impl Weights {
    fn read(folder: &Path) -> Self {
        let bytes = fs::read(folder.join("model.safetensors")).unwrap();
        let (length, rest) = bytes.split_first_chunk().unwrap();
        let (header, values) = rest.split_at(u64::from_le_bytes(*length) as usize);
        Self { header: serde_json::from_slice(header).unwrap(), values: values.to_vec() }
    }

    fn write(&self, folder: &Path) {
        let header = serde_json::to_vec(&self.header).unwrap();
        let length = (header.len() as u64).to_le_bytes();
        let bytes = [length.as_slice(), &header, &self.values].concat();
        fs::write(folder.join("model.safetensors"), bytes).unwrap();
    }

    /// The name of the tensor that is stored last, and where it begins.
    fn last(&self) -> (String, usize) {
        let start = |info: &Value| info["data_offsets"][0].as_u64().unwrap() as usize;
        let tensors = self.header.iter().filter(|(name, _)| *name != "__metadata__");
        let (name, info) = tensors.max_by_key(|(_, info)| start(info)).unwrap();
        (name.clone(), start(info))
    }
}

/// Damages a copy of the model; `segment` must refuse it. Returns the message.
#[track_caller]
fn refused(damage: impl FnOnce(&Path)) -> String {
    let desk = Desk::new();
    let model = desk.model_copy();
    damage(&model);
    let before = files(desk.path());
    let image = example("cat.jpg");
    let message = desk.run(&["segment", "--model", "model", &image, "--out", "out"]).refused();
    assert!(files(desk.path()) == before && !desk.path().join("out").exists());
    message
}

#[track_caller]
fn refused_weights(damage: impl FnOnce(&mut Weights)) -> String {
    refused(|model| {
        let mut weights = Weights::read(model);
        damage(&mut weights);
        weights.write(model);
    })
}

#[test]
fn a_missing_tensor_is_named() {
    let mut name = String::new();
    let message = refused_weights(|weights| {
        let (last, start) = weights.last();
        weights.header.remove(&last);
        weights.values.truncate(start);
        name = last;
    });
    assert!(message.contains("missing (1)") && message.contains(&name), "{message}");
}

#[test]
fn an_extra_tensor_is_named() {
    let message = refused_weights(|weights| {
        let start = weights.values.len();
        weights.values.extend(1f32.to_le_bytes());
        let info = json!({ "dtype": "F32", "shape": [1], "data_offsets": [start, start + 4] });
        weights.header.insert("one.too.many".into(), info);
    });
    assert!(message.contains("unexpected (1)") && message.contains("one.too.many"), "{message}");
}

#[test]
fn a_tensor_of_another_shape_is_named() {
    let mut name = String::new();
    let message = refused_weights(|weights| {
        let (last, info) = weights
            .header
            .iter_mut()
            .find(|(_, info)| {
                info["shape"].as_array().is_some_and(|dims| dims.len() == 2 && dims[0] != dims[1])
            })
            .unwrap();
        name.clone_from(last);
        info["shape"].as_array_mut().unwrap().reverse();
    });
    assert!(message.contains("wrong shape (1)") && message.contains(&name), "{message}");
}

#[test]
fn a_tensor_that_holds_no_number_is_named() {
    let mut name = String::new();
    let message = refused_weights(|weights| {
        let (last, start) = weights.last();
        weights.values[start..start + 4].copy_from_slice(&f32::NAN.to_le_bytes());
        name = last;
    });
    assert!(message.contains("NaN") && message.contains(&name), "{message}");
}

#[test]
fn a_broken_file_is_named() {
    let files = ["config.json", "tokenizer.json", "model.safetensors"];
    for name in files {
        let message = refused(|model| fs::remove_file(model.join(name)).unwrap());
        assert!(message.contains(name), "{message}");
        for content in ["", "{", "[]", "{\"a\": 1}"] {
            let message = refused(|model| fs::write(model.join(name), content).unwrap());
            assert!(message.contains(name), "{message}");
        }
        let message = refused(|model| {
            let bytes = fs::read(model.join(name)).unwrap();
            fs::write(model.join(name), &bytes[..bytes.len() - 20]).unwrap();
        });
        assert!(message.contains(name), "{message}");
    }
    let message = refused(|model| fs::remove_dir_all(model).unwrap());
    assert!(message.contains("model is not a folder"), "{message}");
}

#[test]
fn a_config_for_another_model_is_refused() {
    let message = refused(|model| {
        let path = model.join("config.json");
        let text = fs::read_to_string(&path).unwrap();
        let mut config: Value = serde_json::from_str(&text).unwrap();
        config["llm"]["depth"] = 5.into();
        fs::write(path, config.to_string()).unwrap();
    });
    assert!(message.contains("unexpected"), "{message}");
}

#[test]
fn a_seed_gives_the_same_model_twice_and_another_seed_another() {
    let scratch = tempfile::tempdir().unwrap();
    for (seed, name) in [("1", "a"), ("1", "b"), ("2", "c")] {
        let args = ["model", "init", "--preset", "tiny", "--seed", seed, name];
        let text = calico_in(scratch.path(), &args).ok();
        assert!(text.contains("896,104 parameters") && text.contains("untrained"), "{text}");
    }
    let [a, b, c] = ["a", "b", "c"].map(|name| files(&scratch.path().join(name)));
    assert_eq!(
        a.keys().collect::<Vec<_>>(),
        ["config.json", "model.safetensors", "sources.json", "tokenizer.json"]
    );
    assert!(a == b && a != c);
}

#[test]
fn a_model_is_made_from_a_config_and_opens_in_every_type() {
    let desk = Desk::new();
    fs::copy(desk.model().join("config.json"), desk.path().join("own.json")).unwrap();
    for dtype in ["f32", "bf16", "f16"] {
        desk.run(&["model", "init", "--config", "own.json", "--dtype", dtype, dtype]).ok();
        let text = desk.run(&["model", "info", dtype, "--json"]).ok();
        let info: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(info["parameters"], 896_104);
        assert_eq!(info["stored_values"][dtype.to_uppercase()], 896_136);
        let answer = "<p> a cat </p> [SEG] (IMAGE1)";
        desk.run(&["segment", "--model", dtype, &example("cat.jpg"), "--answer", answer]).ok();
    }
}

#[test]
fn a_model_is_never_written_over_something() {
    let desk = Desk::new();
    desk.write("file", b"x");
    desk.write("bad.toml", b"[llm]\nwidth = \"wide\"");
    let before = files(desk.path());
    for (args, word) in [
        (["--preset", "tiny", "."], "not empty"),
        (["--preset", "tiny", "file"], "file"),
        (["--preset", "tiny", "file/below"], "file"),
        (["--preset", "huge", "new"], "huge"),
        (["--config", "bad.toml", "new"], "bad.toml"),
        (["--config", "missing.toml", "new"], "missing.toml"),
        (["--seed", "1", "new"], "--preset"),
    ] {
        let message = desk.run(&[&["model", "init"], args.as_slice()].concat()).refused();
        assert!(message.contains(word), "{message}");
    }
    assert!(files(desk.path()) == before && !desk.path().join("new").exists());
}

#[test]
fn info_says_what_a_folder_holds() {
    let desk = Desk::new();
    let model = desk.model();
    let text = desk.run(&["model", "info", model.to_str().unwrap()]).ok();
    for words in ["tiny", "896,104, of which 70,784", "in F32", "[SEG] 263", "model.safetensors"] {
        assert!(text.contains(words), "{words:?} is missing: {text}");
    }
    desk.run(&["model", "info", "nothing"]).refused();
}

#[test]
fn the_cost_of_the_full_model_ends_in_its_published_parameters() {
    let here = Path::new(".");
    let table = calico_in(here, &["model", "params", "--preset", "full"]).ok();
    let last = "9,653,172,912 parameters, 29,141,220 trainable (0.302 %)\n";
    assert!(table.ends_with(last), "{table}");
    let json = calico_in(here, &["model", "params", "--preset", "full", "--json"]).ok();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["total"]["parameters"], 9_653_172_912_u64);
    assert_eq!(json["total"]["bytes"]["bf16"], 19_306_345_824_u64);
}

#[test]
fn the_speed_of_the_tiny_model_is_measured_module_by_module() {
    let here = Path::new(".");
    let bench = ["bench", "--preset", "tiny", "--seconds", "0", "--json", "--module"];
    let json = calico_in(here, &[&bench[..], &["eva_clip"]].concat()).ok();
    let json: Value = serde_json::from_str(&json).unwrap();
    let modules: Vec<_> =
        json["modules"].as_array().unwrap().iter().map(|module| &module["module"]).collect();
    assert_eq!(modules, ["eva_clip"]);
    assert!(json["modules"][0]["percent_of_limit"].as_f64().unwrap() > 0.0);
    let message = calico_in(here, &[&bench[..], &["engine"]].concat()).refused();
    assert!(message.contains("sam_encoder"), "{message}");
}

#[cfg(unix)]
#[test]
fn other_programs_are_measured_beside_ours() {
    use std::os::unix::fs::PermissionsExt as _;

    let desk = Desk::new();
    desk.write("llm.gguf", b"");
    let answer = r#"{"seconds":1000.0,"runs":2,"program":"Peer 1.2"}"#;
    desk.write("python", format!("#!/bin/sh\necho loading\necho '{answer}'\n").as_bytes());
    desk.write("broken", b"#!/bin/sh\necho 'no such module' >&2\nexit 1\n");
    for name in ["python", "broken"] {
        let path = desk.path().join(name);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let bench = ["bench", "--seconds", "0", "--module", "llm_prefill", "--module", "eva_clip"];
    let peers = ["--torch", "./python", "--llama-cpp", "./python", "--gguf", "llm.gguf"];
    let json = desk.run(&[&bench[..], &peers, &["--json"]].concat()).ok();
    let json: Value = serde_json::from_str(&json).unwrap();
    let [eva, prefill] = json["modules"].as_array().unwrap().as_slice() else { panic!("{json}") };
    assert_eq!(eva["torch"]["median_seconds"], 1000.0);
    assert!(eva["torch"]["ratio"].as_f64().unwrap() > 10.0 && eva["llama_cpp"].is_null());
    assert_eq!(prefill["llama_cpp"]["runs"], 2);
    assert_eq!(json["peers"]["torch"]["dtype"], "bf16");
    // The product of two matrices of 1024 x 1024 in a thousand seconds.
    let peak = json["peers"]["torch"]["peak_gflops_per_second"].as_f64().unwrap();
    assert!((peak - 0.002_147).abs() < 1e-5, "{peak}");
    let table = desk.run(&[&bench[..], &peers].concat()).ok();
    for words in
        ["PyTorch   ratio   llama.cpp   ratio", "Peer 1.2 in bf16, its product", "llm.gguf"]
    {
        assert!(table.contains(words), "{words} is missing: {table}");
    }
    let ran = desk.run(&[&bench[..], &["--torch", "./broken"]].concat());
    assert!(ran.stderr.contains("no such module") && ran.stderr.contains("torch and transformers"));
    assert!(ran.ok().contains("llm_prefill"));
    let message = desk.run(&[&bench[..], &["--torch", "./missing"]].concat()).refused();
    assert!(message.contains("there is no program ./missing"), "{message}");
    desk.run(&[&bench[..], &["--gguf", "llm.gguf"]].concat()).refused();
    let message = desk.run(&[&bench[..], &peers[2..5], &["other"]].concat()).refused();
    assert!(message.contains("--gguf: other is not there"), "{message}");
}

#[test]
fn ways_to_bring_images_into_the_language_model_are_compared() {
    let here = Path::new(".");
    let bench = ["bench", "--preset", "tiny", "--seconds", "0", "--efficiency"];
    let json = calico_in(here, &[&bench[..], &["--json"]].concat()).ok();
    let json: Value = serde_json::from_str(&json).unwrap();
    let all = json["contenders"].as_array().unwrap();
    assert_eq!(all.len(), 5);
    for one in all {
        assert!(one["seconds"].as_f64().unwrap() > 0.0 && one["flops"].as_u64().unwrap() > 0);
        let has_dino = one["seconds_by_stage"].get("dinov2").is_some();
        assert_eq!(Some(has_dino), one["is_calico"].as_bool());
    }
    let text = calico_in(here, &bench).ok();
    assert_eq!(text.matches("less arithmetic").count(), 6, "{text}");
    calico_in(here, &[&bench[..], &["--module", "dinov2"]].concat()).refused();
}

#[test]
fn an_untrained_model_needs_no_folder() {
    let image = example("cat.jpg");
    let answer = "<p> a cat </p> [SEG] (IMAGE1)";
    let run = |model| {
        let args = ["segment", &image, "--model", model, "--answer", answer, "--json"];
        calico_in(Path::new("."), &args)
    };
    let json: Value = serde_json::from_str(&run("untrained:tiny").ok()).unwrap();
    assert_eq!(json["model"]["name"], "untrained:tiny");
    assert_eq!(json["answers"][0]["segments"].as_array().unwrap().len(), 1);
    let message = run("untrained:huge").refused();
    assert!(message.contains("full, mini or tiny"), "{message}");
}
