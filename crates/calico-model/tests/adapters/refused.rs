//! Folders of adapters that cannot be used: all problems are named, and nothing is written.

use std::fs;
use std::path::Path;

use calico_model::adapters::{
    AdapterError, AdapterProblem, LORA_CONFIG_FILE, LORA_FILE, OWN_CONFIG_FILE, OWN_FILE,
};
use calico_nn::weights::checkpoint::{StoredTensor, StoredType};
use proptest::prelude::{any, prop_assert};
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::desk::{Desk, Held, bytes_of, peft_fixture, write_held};

const LAYER: &str = "base_model.model.model.layers.2.self_attn";

/// Changes exported adapters; reading them must fail. Returns the problems.
#[track_caller]
fn refused(change: impl FnOnce(&Path)) -> Vec<AdapterProblem> {
    let desk = Desk::new();
    let model = desk.model("model", StoredType::F32, "");
    desk.export(&model, "adapters").unwrap();
    change(&desk.path("adapters"));
    let before = desk.files(".");
    let error = desk.apply(&model, "adapters", "out").unwrap_err();
    assert!(desk.files(".") == before && error.is_bad_input());
    match error {
        AdapterError::Unusable { problems, .. } => problems,
        other => panic!("{other}"),
    }
}

fn change_tensors(file: &'static str, change: impl FnOnce(&mut Held)) -> impl FnOnce(&Path) {
    move |folder| {
        let mut held = bytes_of(&folder.join(file));
        change(&mut held);
        // The old file may still be mapped.
        fs::remove_file(folder.join(file)).unwrap();
        write_held(&folder.join(file), &held);
    }
}

fn change_json(file: &'static str, change: impl FnOnce(&mut Value)) -> impl FnOnce(&Path) {
    move |folder| {
        let path = folder.join(file);
        let mut json = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        change(&mut json);
        fs::write(path, json.to_string()).unwrap();
    }
}

fn tensor(shape: &[usize]) -> (StoredTensor, Vec<u8>) {
    let len: usize = shape.iter().product();
    let tensor =
        StoredTensor { name: String::new(), shape: shape.to_vec(), stored: StoredType::F32 };
    (tensor, vec![0; len * 4])
}

#[test]
fn a_tensor_without_a_place_is_named() {
    for name in [
        format!("{LAYER}.k_proj.lora_A.weight"),
        "base_model.model.model.layers.6.self_attn.q_proj.lora_A.weight".into(),
        "base_model.model.model.norm.weight".into(),
    ] {
        let inserted = name.clone();
        let problems = refused(change_tensors(LORA_FILE, |held| {
            held.insert(inserted, tensor(&[2, 64]));
        }));
        assert!(
            matches!(problems.as_slice(), [AdapterProblem::Unknown { name: found, .. }]
                if *found == name),
            "{problems:?}"
        );
    }
    let problems = refused(change_tensors(OWN_FILE, |held| {
        held.insert("f_image.weight".into(), tensor(&[64, 48]));
    }));
    assert!(matches!(problems.as_slice(), [AdapterProblem::Unknown { .. }]), "{problems:?}");
}

#[test]
fn a_half_without_the_other_and_a_missing_update_are_named() {
    let problems = refused(change_tensors(LORA_FILE, |held| {
        held.remove(&format!("{LAYER}.q_proj.lora_A.weight"));
        held.remove(&format!("{LAYER}.v_proj.lora_A.weight"));
        held.remove(&format!("{LAYER}.v_proj.lora_B.weight"));
    }));
    let half = AdapterProblem::MissingHalf {
        present: format!("{LAYER}.q_proj.lora_B.weight"),
        missing: format!("{LAYER}.q_proj.lora_A.weight"),
    };
    let missing = |half: &str| AdapterProblem::Missing {
        file: LORA_FILE,
        name: format!("{LAYER}.v_proj.{half}.weight"),
    };
    assert_eq!(problems, [half, missing("lora_A"), missing("lora_B")]);
}

#[test]
fn a_rank_that_the_tensors_do_not_have_is_named() {
    let problems = refused(change_json(LORA_CONFIG_FILE, |json| json["r"] = 4.into()));
    assert_eq!(problems.len(), 24, "{problems:?}");
    let AdapterProblem::Shape { expected, found, .. } = &problems[0] else { panic!() };
    assert_eq!((expected.as_slice(), found.as_slice()), ([4, 64].as_slice(), [2, 64].as_slice()));
}

#[test]
fn a_tensor_of_another_shape_or_without_numbers_is_named() {
    let q = format!("{LAYER}.q_proj.lora_A.weight");
    let v = format!("{LAYER}.v_proj.lora_B.weight");
    let problems = refused(change_tensors(LORA_FILE, |held| {
        held.get_mut(&q).unwrap().0.shape = vec![64, 2];
        held.get_mut(&v).unwrap().1[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    }));
    let shape =
        AdapterProblem::Shape { name: q.clone(), expected: vec![2, 64], found: vec![64, 2] };
    assert_eq!(problems, [shape, AdapterProblem::NotFinite(v.clone())]);
    let problems = refused(change_tensors(OWN_FILE, |held| {
        let (_, bytes) = held.get_mut("cem.q.weight").unwrap();
        bytes[..4].copy_from_slice(&f32::INFINITY.to_le_bytes());
        held.remove("cem.k.bias");
    }));
    let missing = AdapterProblem::Missing { file: OWN_FILE, name: "cem.k.bias".into() };
    assert_eq!(problems, [AdapterProblem::NotFinite("cem.q.weight".into()), missing]);
}

#[test]
fn a_type_that_weights_never_have_is_named() {
    let problems = refused(|folder| {
        let path = folder.join(LORA_FILE);
        let text = fs::read(&path).unwrap();
        let at = text.windows(5).position(|window| window == b"\"F32\"").unwrap();
        let mut text = text.clone();
        text[at..at + 5].copy_from_slice(b"\"I32\"");
        fs::remove_file(&path).unwrap();
        fs::write(path, text).unwrap();
    });
    assert!(
        matches!(problems.as_slice(), [AdapterProblem::Type { found, .. }] if found == "I32"),
        "{problems:?}"
    );
}

#[test]
fn one_update_under_two_names_and_two_adapters_are_refused() {
    let q = format!("{LAYER}.q_proj.lora_A.weight");
    let problems = refused(change_tensors(LORA_FILE, |held| {
        let twice = held[&q].clone();
        held.insert(q.replace(".weight", ".one.weight"), twice.clone());
        held.insert(q.replace(".weight", ".two.weight"), twice);
    }));
    let twice = problems.iter().filter(|p| matches!(p, AdapterProblem::Twice { .. })).count();
    assert_eq!((problems.len(), twice), (3, 2), "{problems:?}");
    assert!(problems.contains(&AdapterProblem::Several(vec!["one".into(), "two".into()])));
}

#[test]
fn problems_of_all_four_files_come_at_once() {
    let problems = refused(|folder| {
        change_json(LORA_CONFIG_FILE, |json| {
            json["use_dora"] = true.into();
            json["bias"] = "all".into();
            json["target_modules"] = json!(["q_proj", "v_proj", "k_proj"]);
        })(folder);
        change_tensors(LORA_FILE, |held| {
            held.insert("a".into(), tensor(&[1]));
        })(folder);
        change_json(OWN_CONFIG_FILE, |json| {
            json["base"]["weights"] = "00".into();
            json["base"]["config"]["llm"]["rope_theta"] = 5e4.into();
            json["modules"] = json!(["cem", "cams", "sam.decoder", "cem", "nothing"]);
        })(folder);
        change_tensors(OWN_FILE, |held| {
            held.insert("b".into(), tensor(&[1]));
        })(folder);
    });
    let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let text = text.join("\n");
    for words in
        ["use_dora", "bias", "k_proj", "holds a,", "rope_theta = 50000", "nothing", "holds b,"]
    {
        assert!(text.contains(words), "{words:?} is missing: {text}");
    }
}

#[test]
fn a_file_without_its_pair_is_named() {
    for (gone, left) in [
        (LORA_FILE, LORA_CONFIG_FILE),
        (LORA_CONFIG_FILE, LORA_FILE),
        (OWN_FILE, OWN_CONFIG_FILE),
        (OWN_CONFIG_FILE, OWN_FILE),
    ] {
        let problems = refused(|folder| fs::remove_file(folder.join(gone)).unwrap());
        assert_eq!(problems, [AdapterProblem::Alone { present: left, missing: gone }]);
    }
    let pickle = |folder: &Path| {
        fs::rename(folder.join(LORA_FILE), folder.join("adapter_model.bin")).unwrap();
    };
    assert_eq!(refused(pickle), [AdapterProblem::Pickle]);
}

#[test]
fn a_file_that_is_not_what_it_seems_is_named() {
    for (name, content) in [
        (LORA_CONFIG_FILE, b"[]".to_vec()),
        (LORA_CONFIG_FILE, b"{".to_vec()),
        (LORA_CONFIG_FILE, vec![b' '; (1 << 20) + 1]),
        (OWN_CONFIG_FILE, b"\xff".to_vec()),
        (LORA_FILE, b"".to_vec()),
        (OWN_FILE, [u64::MAX.to_le_bytes().as_slice(), b"{}"].concat()),
    ] {
        let problems = refused(|folder| {
            fs::remove_file(folder.join(name)).unwrap();
            fs::write(folder.join(name), content).unwrap();
        });
        assert!(
            matches!(problems.as_slice(), [AdapterProblem::Unreadable { file, .. }]
                if *file == name),
            "{problems:?}"
        );
    }
    for (key, value) in [("version", json!(2)), ("format", json!("another")), ("new", json!(1))] {
        let problems = refused(change_json(OWN_CONFIG_FILE, |json| json[key] = value));
        assert!(
            problems.len() == 1 && problems[0].to_string().contains(key),
            "{key}: {problems:?}"
        );
    }
}

#[test]
fn a_folder_without_adapters_is_refused() {
    let desk = Desk::new();
    let model = desk.model("model", StoredType::F32, "");
    let error = desk.apply(&model, "model", "out").unwrap_err();
    assert!(matches!(error, AdapterError::NoAdapters(_)), "{error}");
    let error = desk.apply(&model, "nothing", "out").unwrap_err();
    assert!(matches!(error, AdapterError::NotAFolder(_)), "{error}");
    let error = desk.apply_folder(&model, &peft_fixture().join(LORA_FILE), "out").unwrap_err();
    assert!(matches!(error, AdapterError::NotAFolder(_)), "{error}");
}

#[test]
fn a_byte_that_is_damaged_is_refused_or_read_and_never_more() {
    let desk = Desk::new();
    let model = desk.model("model", StoredType::F32, "");
    desk.export(&model, "adapters").unwrap();
    let names = [LORA_FILE, LORA_CONFIG_FILE, OWN_FILE, OWN_CONFIG_FILE];
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    // Most of a damage falls into the headers and the JSON, where it can mislead.
    let damage = (0..names.len(), any::<Index>(), any::<u8>(), any::<bool>());
    runner
        .run(&damage, |(file, at, byte, cut)| {
            let path = desk.path("adapters").join(names[file]);
            let whole = fs::read(&path).unwrap();
            let mut bytes = whole.clone();
            let at = at.index(bytes.len().min(4096));
            bytes[at] = byte;
            // A text without its last line break is the same text.
            let cut = cut && !whole[at..].trim_ascii().is_empty();
            if cut {
                bytes.truncate(at);
            }
            let replace = |bytes: &[u8]| {
                fs::remove_file(&path).unwrap();
                fs::write(&path, bytes).unwrap();
            };
            replace(&bytes);
            let opened = desk.open("adapters", &model);
            replace(&whole);
            prop_assert!(!cut || opened.is_err());
            prop_assert!(opened.is_ok() || opened.unwrap_err().is_bad_input());
            Ok(())
        })
        .unwrap();
}
