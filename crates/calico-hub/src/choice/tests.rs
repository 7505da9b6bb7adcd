use super::*;
use crate::file_name::FileName;

fn listed(names: &[&str]) -> Vec<ListedFile> {
    let mut names = names.to_vec();
    names.sort_unstable();
    let file = |name: &&str| ListedFile {
        name: FileName::new(name).unwrap(),
        bytes: None,
        digest: None,
        git: None,
    };
    names.iter().map(file).collect()
}

/// Plans with indices of this content.
fn plan_with(
    names: &[&str],
    choice: &Choice,
    index: Option<&str>,
) -> Result<(Vec<String>, Plan), HubError> {
    let files = listed(names);
    let mut read = |_| Ok(index.map(|text| text.as_bytes().to_vec()));
    let plan = choice.plan("org/name", &files, &mut read)?;
    let chosen = plan.files.iter().map(|&at| files[at].name.as_str().to_owned()).collect();
    Ok((chosen, plan))
}

fn chosen(names: &[&str]) -> Vec<String> {
    let (chosen, plan) = plan_with(names, &Choice::Model, None).unwrap();
    assert!(plan.missing.is_empty(), "{:?}", plan.missing);
    chosen
}

#[test]
fn a_model_is_its_safetensors_with_what_belongs_to_them() {
    let names = [
        ".gitattributes",
        "LICENSE",
        "README.md",
        "config.json",
        "flax_model.msgpack",
        "model.onnx",
        "model.safetensors",
        "onnx/model.onnx",
        "pytorch_model.bin",
        "rust_model.ot",
        "script.py",
        "tf_model.h5",
        "tokenizer.json",
        "tokenizer.model",
        "merges.txt",
        "training_args.bin",
        "original/consolidated.00.pth",
        "photo.jpg",
    ];
    let expected = [
        "LICENSE",
        "README.md",
        "config.json",
        "merges.txt",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer.model",
    ];
    assert_eq!(chosen(&names), expected);
}

#[test]
fn torch_is_taken_where_there_are_no_safetensors() {
    assert_eq!(chosen(&["config.json", "pytorch_model.bin"]), ["config.json", "pytorch_model.bin"]);
    assert_eq!(chosen(&["sam_vit_h.pth", "a.jpg"]), ["sam_vit_h.pth"]);
}

#[test]
fn torch_is_taken_where_the_safetensors_are_not_complete() {
    let names = ["model-00002-of-00002.safetensors", "pytorch_model.bin"];
    let (chosen, plan) = plan_with(&names, &Choice::Model, None).unwrap();
    assert_eq!(chosen, ["pytorch_model.bin"]);
    assert!(plan.missing.is_empty());
    assert!(plan.warnings[0].contains("model-00001-of-00002.safetensors"), "{:?}", plan.warnings);
}

#[test]
fn an_index_names_the_shards() {
    let index = r#"{"weight_map": {"a": "model-00001-of-00002.safetensors",
        "b": "deep/model-00002-of-00002.safetensors", "c": "model-00001-of-00002.safetensors"}}"#;
    let names = [
        "deep/model-00002-of-00002.safetensors",
        "model-00001-of-00002.safetensors",
        "model.safetensors.index.json",
        "other/x.safetensors",
    ];
    let (chosen, plan) = plan_with(&names, &Choice::Model, Some(index)).unwrap();
    assert_eq!(chosen, names[..3]);
    assert!(plan.missing.is_empty());
}

#[test]
fn every_missing_shard_is_named() {
    let index = r#"{"weight_map": {"a": "one.safetensors", "b": "two.safetensors",
        "c": "../../three.safetensors"}}"#;
    let names = ["model.safetensors.index.json", "one.safetensors"];
    let (_, plan) = plan_with(&names, &Choice::Model, Some(index)).unwrap();
    let missing: Vec<_> = plan.missing.iter().map(|file| &*file.name).collect();
    assert_eq!(missing, ["../../three.safetensors", "two.safetensors"]);
    let (_, plan) = plan_with(&["m-00003-of-00004.bin"], &Choice::Model, None).unwrap();
    let missing: Vec<_> = plan.missing.iter().map(|file| &*file.name).collect();
    assert_eq!(missing, ["m-00001-of-00004.bin", "m-00002-of-00004.bin", "m-00004-of-00004.bin"]);
}

#[test]
fn an_index_that_is_none_is_refused() {
    for text in ["", "[]", "{}", r#"{"weight_map": {}}"#, r#"{"weight_map": {"a": 1}}"#] {
        let error = plan_with(&["model.safetensors.index.json"], &Choice::Model, Some(text));
        assert!(matches!(error, Err(HubError::Index { .. })), "{text}");
    }
}

#[test]
fn variants_and_second_copies_are_left_out() {
    let names = ["consolidated.safetensors", "model.fp16.safetensors", "model.safetensors"];
    assert_eq!(chosen(&names), ["model.safetensors"]);
    assert_eq!(chosen(&["model.fp16.safetensors"]), ["model.fp16.safetensors"]);
    assert_eq!(chosen(&["consolidated.safetensors"]), ["consolidated.safetensors"]);
    let both = ["adapter_model.safetensors", "calico_adapters.safetensors"];
    assert_eq!(chosen(&both), both);
}

#[test]
fn one_gguf_is_taken_and_several_are_a_question() {
    assert_eq!(chosen(&["a.gguf", "config.json"]), ["a.gguf", "config.json"]);
    assert_eq!(chosen(&["a.gguf", "model.safetensors"]), ["model.safetensors"]);
    let error = plan_with(&["a.gguf", "b.gguf"], &Choice::Model, None).unwrap_err().to_string();
    assert!(error.contains("several GGUF") && error.contains("a.gguf, b.gguf"), "{error}");
    let error =
        plan_with(&["deep/model.safetensors"], &Choice::Model, None).unwrap_err().to_string();
    assert!(error.contains("no weights") && error.contains("deep/model"), "{error}");
}

#[test]
fn patterns_choose_instead() {
    let names = ["a.json", "b.msgpack", "c/d.onnx", "model.safetensors"];
    let matching = |patterns: &[&str]| {
        let patterns = patterns.iter().map(ToString::to_string).collect();
        plan_with(&names, &Choice::Matching(patterns), None)
    };
    assert_eq!(matching(&["*.json", "c/", "*.json"]).unwrap().0, ["a.json", "c/d.onnx"]);
    let error = matching(&["*.json", "*.txt", "e*"]).unwrap_err().to_string();
    assert!(error.contains(r#""*.txt", "e*""#) && error.contains("b.msgpack"), "{error}");
    assert!(matching(&[]).is_err());
}
