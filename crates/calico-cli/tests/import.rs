//! `calico model import` and `export`: what goes out comes back, and wrong files are refused.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{Desk, files};

fn weights(desk: &Desk, model: &str) -> Vec<u8> {
    fs::read(desk.path().join(model).join("model.safetensors")).unwrap()
}

fn fixture(path: &str) -> String {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../calico-import/tests/models");
    models.join(path).to_str().unwrap().to_owned()
}

#[test]
fn what_is_exported_is_imported_to_the_bit_and_answers_the_same() {
    let desk = Desk::new();
    desk.model_copy();
    desk.run(&["model", "export", "model", "--to", "safetensors", "--out", "one"]).ok();
    let text = desk.run(&["model", "import", "one", "--out", "back"]).ok();
    assert!(text.contains("is      Calico"), "{text}");
    assert!(text.contains("made back: "), "{text}");
    assert!(weights(&desk, "back") == weights(&desk, "model"));
    assert_eq!(desk.answer("back"), desk.answer("model"));
}

#[test]
fn the_language_model_comes_back_from_gguf_with_its_updates_merged() {
    let desk = Desk::new();
    desk.model_copy();
    let export = ["model", "export", "model", "--to", "gguf", "--out", "llm.gguf"];
    let done = desk.run(&export);
    assert!(done.stderr.contains("has no form that GGUF knows"), "{done:?}");
    done.ok();
    let refused = desk.run(&export).refused();
    assert!(refused.contains("llm.gguf exists"), "{refused}");
    desk.run(&["model", "adapters", "merge", "model", "--out", "merged"]).ok();
    let mut args = vec!["model", "import", "--preset", "tiny", "--tokenizer"];
    args.extend(["model/tokenizer.json", "--llm", "llm.gguf", "--fresh", "cem,cams,seg_proj,lora"]);
    for part in ["--vision", "--qformer", "--f-image", "--dino", "--sam"] {
        args.extend([part, "model"]);
    }
    desk.run(&[&args[..], &["--out", "back"]].concat()).ok();
    // Fresh updates change nothing yet, so merging them gives the same model.
    desk.run(&["model", "adapters", "merge", "back", "--out", "again"]).ok();
    let of_language = |model: &str| {
        let file = desk.path().join(model);
        let model = calico_model::ModelFolder::open(&file).unwrap();
        let names = model.checkpoint.names().filter(|name| name.starts_with("llm."));
        let bytes = |name: &str| (name.to_owned(), model.checkpoint.bytes(name).unwrap().to_vec());
        names.map(bytes).collect::<Vec<_>>()
    };
    assert!(of_language("again") == of_language("merged"));
}

#[test]
fn parts_of_others_become_a_model_that_says_where_it_comes_from() {
    let desk = Desk::new();
    let (glamm, blip2) = (fixture("original/glamm"), fixture("transformers/blip2"));
    let (dino, sam) = (fixture("transformers/dinov2"), fixture("original/sam_vit_h_4b8939.pth"));
    let mut args = vec!["model", "import", "--preset", "tiny", "--llm", &glamm, "--sam", &sam];
    args.extend(["--vision", &blip2, "--qformer", &blip2, "--f-image", &blip2, "--dino", &dino]);
    args.extend(["--fresh", "cem,cams,lora", "--licence", "llm=llama2"]);
    let planned = desk.run(&[&args[..], &["--dry-run"]].concat()).ok();
    assert!(planned.contains("would make: ") && files(desk.path()).is_empty(), "{planned}");
    let made = desk.run(&[&args[..], &["--out", "model"]].concat()).ok();
    let planned = planned.strip_suffix("headers were compared; values are read by the import\n");
    assert_eq!(made.replace("made model: ", "would make: "), planned.unwrap());
    desk.answer("model");
    let info = desk.run(&["model", "info", "model"]).ok();
    assert!(info.contains("llm: glamm (licence llama2)  sha256 "), "{info}");
    assert!(info.contains("cem: untrained, seed 0 (licence none)"), "{info}");
    desk.run(&["model", "adapters", "merge", "model", "--out", "merged"]).ok();
    let json: Value =
        serde_json::from_str(&desk.run(&["model", "info", "merged", "--json"]).ok()).unwrap();
    let origins = json["sources"]["llm"]["origins"].as_array().unwrap();
    assert_eq!(origins.len(), 2, "the language model, and the updates in it: {origins:?}");
    assert_eq!(json["sources"].get("lora"), None);
}

#[test]
fn wrong_files_are_named_with_what_was_expected() {
    let desk = Desk::new();
    desk.model_copy();
    desk.write("empty.safetensors", b"");
    let whole = fs::read(desk.path().join("model/model.safetensors")).unwrap();
    desk.write("cut.safetensors", &whole[..whole.len() / 2]);
    desk.write("text.bin", b"these are no weights");
    fs::create_dir(desk.path().join("nothing")).unwrap();
    let index = r#"{"weight_map": {"a": "../model/model.safetensors"}}"#;
    fs::create_dir(desk.path().join("outside")).unwrap();
    desk.write("outside/model.safetensors.index.json", index.as_bytes());
    let before = files(desk.path());
    for (file, expected) in [
        ("empty.safetensors", "is empty; expected a file of safetensors, PyTorch (zip) or GGUF"),
        ("cut.safetensors", "expected a range within the"),
        ("text.bin", "expected a file of safetensors, PyTorch (zip) or GGUF"),
        ("nothing", "holds no weights"),
        ("outside", "../model/model.safetensors"),
        ("absent.pth", "cannot read"),
    ] {
        let args = ["model", "import", file, "--preset", "tiny", "--out", "out"];
        let message = desk.run(&args).refused();
        assert!(message.contains(expected) && message.contains(file), "{file}: {message}");
    }
    let args = ["model", "import", "--llm", "text.bin", "--sam", "absent.pth", "--out", "out"];
    let message = desk.run(&args).refused();
    assert!(message.contains("text.bin") && message.contains("absent.pth"), "{message}");
    let args = ["model", "import", "--llm", "model", "--licence", "sam=mit", "--out", "out"];
    let message = desk.run(&args).refused();
    assert!(message.contains("found a licence for sam, but no such file"), "{message}");
    let args = ["model", "import", "--sam", "model", "--preset", "tiny", "--out", "out"];
    let message = desk.run(&args).refused();
    assert!(message.contains("llm: missing\n    llm.model.embed_tokens.weight"), "{message}");
    assert!(files(desk.path()) == before, "something was written");
}

#[test]
fn a_broken_configuration_beside_a_model_of_ours_is_told_and_another_one_may_take_its_place() {
    let desk = Desk::new();
    let path = desk.model_copy().join("config.json");
    let text = fs::read_to_string(&path).unwrap();
    let import = ["model", "import", "model", "--dry-run"];
    for (broken, expected) in [
        (text.replace("\"patch_size\"", "\"patch\""), "unknown field `patch`"),
        (text[..text.len() / 2].to_owned(), "EOF"),
    ] {
        fs::write(&path, &broken).unwrap();
        let message = desk.run(&import).refused();
        assert!(message.contains("config.json") && message.contains(expected), "{message}");
    }
    fs::write(&path, text.replace("\"patch_size\"", "\"patch\"")).unwrap();
    desk.run(&[&import[..], &["--preset", "tiny"]].concat()).ok();
}
