//! `calico model inspect`: files of others, and files that lie.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{Desk, Done, calico_in};
use tempfile::TempDir;

/// A folder of the files that the readers are tested with.
fn data(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../calico-formats/tests/data").join(folder)
}

fn inspect_in(folder: &Path, args: &[&str]) -> Done {
    calico_in(folder, &[&["model", "inspect"], args].concat())
}

/// A folder with a file of safetensors.
struct Folder(TempDir);

impl Folder {
    /// Tensors by name, type and shape. The file is as long as it has to be, and takes no place.
    fn new(file: &str, tensors: &[(&str, &str, &[usize])]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.add(file, tensors);
        folder
    }

    fn add(&self, file: &str, tensors: &[(&str, &str, &[usize])]) {
        let mut header = serde_json::Map::new();
        let mut end = 0;
        for (name, dtype, shape) in tensors {
            let start = end;
            let width = dtype.trim_start_matches(|c: char| !c.is_ascii_digit());
            end += shape.iter().product::<usize>() * width.parse::<usize>().unwrap() / 8;
            let info = json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, end] });
            header.insert((*name).to_owned(), info);
        }
        let header = Value::Object(header).to_string();
        let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat();
        let path = self.0.path().join(file);
        fs::write(&path, &bytes).unwrap();
        let opened = fs::OpenOptions::new().write(true).open(path).unwrap();
        opened.set_len((bytes.len() + end) as u64).unwrap();
    }

    fn run(&self, args: &[&str]) -> Done {
        inspect_in(self.0.path(), args)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap()
    }

    fn family(&self, args: &[&str]) -> Value {
        let text = self.run(&[args, &["--json"]].concat()).ok();
        let found: Value = serde_json::from_str(&text).unwrap();
        found["family"].clone()
    }
}

/// A vision tower of two blocks, with all that can become of a tensor.
fn tower() -> Folder {
    let tensors: &[(&str, &str, &[usize])] = &[
        ("module.cls_token", "F16", &[1, 1, 64]),
        ("module.pos_embed", "F16", &[1, 17, 64]),
        ("module.blocks.0.attn.q_bias", "F16", &[64]),
        ("module.blocks.1.attn.q_bias", "F16", &[64]),
        ("module.blocks.0.attn.k_bias", "F16", &[64]),
        ("module.blocks.1.attn.k_bias", "F16", &[64]),
        ("module.blocks.0.attn.qkv.weight", "F16", &[192, 64]),
        ("module.blocks.1.attn.qkv.weight", "F16", &[192, 64]),
        ("module.norm.weight", "F32", &[64]),
        ("module.norm.bias", "F32", &[64]),
        ("module.rope.0.table", "F32", &[3, 4]),
        ("module.rope.1.table", "F32", &[3, 5]),
    ];
    Folder::new("tower.safetensors", tensors)
}

#[test]
fn a_family_that_is_known_is_shown_with_what_becomes_of_it() {
    insta::assert_snapshot!("known", tower().run(&["tower.safetensors"]).ok());
    insta::assert_snapshot!("known_all", tower().run(&["tower.safetensors", "--all"]).ok());
}

#[test]
fn programs_get_everything_as_json() {
    let folder = tower();
    let text = folder.run(&["tower.safetensors", "--json", "--all"]).ok();
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found["stored"]["f32"], json!({ "tensors": 4, "values": 155 }));
    assert_eq!(found["files"][0]["format"], "safetensors");
    assert_eq!(found["every_tensor"].as_array().unwrap().len(), 12);
    assert_eq!(found["every_tensor"][0]["name"], "module.blocks.0.attn.k_bias");
    let last = &found["patterns"].as_array().unwrap()[7];
    let expected = json!({
        "pattern": "module.rope.{i}.table", "tensors": 2, "type": "f32", "shape": [3, 4],
        "uniform": false,
    });
    assert_eq!(last, &expected);
    let family = &found["family"];
    assert_eq!((&family["state"], &family["map"]), (&json!("known"), &json!("eva")));
    assert_eq!(family["checks"], json!({ "equal": 0, "zero": 2 }));
    let module = json!({ "module": "EVA-CLIP", "prefix": "eva.", "tensors": 6, "values": 25_856 });
    assert_eq!(family["modules"], json!([module]));
    assert_eq!(family["unknown"][0]["pattern"], "module.rope.{i}.table");
}

#[test]
fn each_container_is_shown() {
    for (name, folder, file) in [
        ("safetensors", "safetensors", "types.safetensors"),
        ("shards", "safetensors", "sharded"),
        ("pytorch", "torch", "wrapper_2.pt"),
        ("gguf", "gguf", "types.gguf"),
        ("tokenizer", "sentencepiece", "llama_like.model"),
        ("unigram", "sentencepiece", "unigram.model"),
    ] {
        insta::assert_snapshot!(name, inspect_in(&data(folder), &[file]).ok());
    }
}

#[test]
fn a_tokenizer_is_told_whatever_it_is_called() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(data("sentencepiece/llama_like.model"), folder.path().join("strange")).unwrap();
    let text = inspect_in(folder.path(), &["strange", "--json"]).ok();
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&found["format"], &found["tokenizer_json"]["possible"]),
        (&json!("SentencePiece"), &json!(true))
    );
    let message = inspect_in(folder.path(), &["strange", "--map", "sam"]).refused();
    assert!(message.contains("strange is a tokenizer: leave --map"), "{message}");
}

#[test]
fn a_model_of_calico_is_shown_with_its_modules() {
    let desk = Desk::new();
    let model = desk.model();
    let text = inspect_in(&model, &["."]).ok();
    for words in ["Calico, our own names", "SAM mask decoder", "config.json", "896,136 values"] {
        assert!(text.contains(words), "{words:?} is missing: {text}");
    }
    let map = inspect_in(&model, &[".", "--starter-map", "m.toml"]).ok();
    assert!(map.contains("did not write m.toml: no name is unknown"), "{map}");
    assert!(!model.join("m.toml").exists());
}

#[test]
fn gigabytes_are_told_by_their_header() {
    let layers: Vec<String> =
        (0..32).map(|at| format!("model.layers.{at}.mlp.up_proj.weight")).collect();
    let mut tensors: Vec<(&str, &str, &[usize])> =
        layers.iter().map(|name| (name.as_str(), "F16", [11008, 4096].as_slice())).collect();
    tensors.push(("model.embed_tokens.weight", "F16", &[32000, 4096]));
    let folder = Folder::new("model.safetensors", &tensors);
    let text = folder.run(&["."]).ok();
    for words in ["(3.15 GB)", "LLaMA", "llm.lm_head.weight by a copy of"] {
        assert!(text.contains(words), "{words:?} is missing: {text}");
    }
}

#[test]
fn a_family_that_cannot_be_used_says_why() {
    let timm = Folder::new("timm.safetensors", &[("reg_token", "F32", &[1, 4, 8])]);
    let text = timm.run(&["timm.safetensors"]).ok();
    assert!(text.contains("DINOv2 in the naming of timm"), "{text}");
    assert!(text.contains("dinov2_vitg14_reg4_pretrain.pth"), "{text}");
    assert_eq!(timm.family(&["timm.safetensors"])["state"], "refused");

    let name = "model.layers.0.self_attn.q_proj.weight";
    let int8 = Folder::new("int8.safetensors", &[(name, "I8", &[4, 4])]);
    let text = int8.run(&["int8.safetensors"]).ok();
    assert!(text.contains("not usable") && text.contains("expected floats"), "{text}");
    assert_eq!(int8.family(&["int8.safetensors"])["state"], "unusable");

    let tensors: [(&str, &str, &[usize]); 2] =
        [("image_encoder.pos_embed", "F32", &[1]), ("strange", "F32", &[1])];
    let close = Folder::new("close.safetensors", &tensors);
    let text = close.run(&["close.safetensors"]).ok();
    assert!(text.contains("none that Calico knows") && text.contains("sam (Segment"), "{text}");
    assert_eq!(close.family(&["close.safetensors"])["close"][0]["map"], "sam");

    // A name that begins as ours do makes no model of ours.
    let alike = Folder::new("alike.safetensors", &[("dino.strange", "F32", &[1])]);
    assert_eq!(alike.family(&["alike.safetensors"])["state"], "unknown");
}

#[test]
fn a_map_is_begun_filled_in_and_tried() {
    let folder = tower();
    let text = folder.run(&["tower.safetensors", "--starter-map", "new/my.toml"]).ok();
    assert!(text.contains("calico model inspect tower.safetensors --map new/my.toml"), "{text}");
    let map = folder.read("new/my.toml");
    assert!(map.contains("map = \"eva\", at = \"module.\""), "{map}");
    let line = "# \"module.rope.{i}.table\" = \"\"";
    assert!(map.contains(line), "{map}");
    folder.write("my.toml", &map.replace(line, "\"module.rope.{i}.table\" = \"eva.rope.{i}\""));
    let family = folder.family(&["tower.safetensors", "--map", "my.toml"]);
    assert_eq!((&family["state"], &family["unknown"]), (&json!("guessed"), &json!([])));
    assert_eq!(family["modules"][0]["tensors"], 8);

    // An earlier map stays as it is.
    let message = folder.run(&["tower.safetensors", "--starter-map", "my.toml"]).refused();
    assert!(message.contains("my.toml is there already"), "{message}");
}

#[test]
fn maps_that_cannot_be_used_are_refused() {
    let folder = tower();
    let refused = |map: &str| folder.run(&["tower.safetensors", "--map", map]).refused();
    assert!(refused("nothing").contains("expected a file of TOML, or one of blip2"));
    folder.write("broken.toml", "title = 3");
    assert!(refused("broken.toml").contains("broken.toml is not a name map"));
    folder.write("wrong.toml", "title = \"x\"\ncertain = true\n[names]\n\"a.{i}\" = \"b\"\n");
    assert!(refused("wrong.toml").contains("`{i}` is lost"));
    // One that is built in is known by its name, and need not fit.
    let family = folder.family(&["tower.safetensors", "--map", "sam"]);
    assert_eq!((&family["map"], &family["modules"]), (&json!("sam"), &json!([])));
    let both = ["tower.safetensors", "--map", "sam", "--starter-map", "x"];
    assert!(folder.run(&both).refused().contains("--starter-map"));
}

#[test]
fn files_that_ask_for_code_or_are_broken_are_refused() {
    let torch = data("torch");
    for (file, words) in [
        ("whole_module.pt", "torch.nn.modules.linear.Linear"),
        ("legacy.pt", "before 1.6"),
        ("script.pt", "TorchScript"),
        ("quantised.pt", "_rebuild_qtensor"),
    ] {
        let message = inspect_in(&torch, &[file]).refused();
        assert!(message.contains(words) && message.contains(file), "{message}");
    }
    let folder = tower();
    for (name, text, words) in [
        ("pointer.safetensors", "version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("page.bin", "<!DOCTYPE html><html>", "a page of the web"),
        ("tokenizer.model", "version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("empty.pth", "", "is empty"),
    ] {
        folder.write(name, text);
        let message = folder.run(&[name]).refused();
        assert!(message.contains(words) && message.contains(name), "{message}");
    }
    let whole = fs::read(data("safetensors/types.safetensors")).unwrap();
    fs::write(folder.0.path().join("half.safetensors"), &whole[..whole.len() / 2]).unwrap();
    assert!(folder.run(&["half.safetensors"]).refused().contains("cut off"));
    assert!(folder.run(&["missing.pth"]).refused().contains("missing.pth"));
}

#[test]
fn a_folder_holds_one_model() {
    let empty = tempfile::tempdir().unwrap();
    assert!(inspect_in(empty.path(), &["."]).refused().contains("holds no weights"));
    let folder = tower();
    folder.add("other.safetensors", &[("a", "F32", &[1])]);
    assert!(folder.run(&["."]).refused().contains("other.safetensors, tower.safetensors"));
}

#[test]
fn names_cannot_drive_the_terminal() {
    let long = "n".repeat(1000);
    let tensors: &[(&str, &str, &[usize])] =
        &[("\u{1b}[2J\nevil", "F32", &[1]), (&long, "F32", &[1])];
    let folder = Folder::new("evil.safetensors", tensors);
    for args in [&["evil.safetensors"][..], &["evil.safetensors", "--all"]] {
        let text = folder.run(args).ok();
        assert!(!text.contains('\u{1b}') && !text.contains("\nevil"), "{text}");
    }
    assert!(!folder.run(&["evil.safetensors"]).ok().contains(&long));
}
