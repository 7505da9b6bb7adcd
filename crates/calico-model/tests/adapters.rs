//! Adapters as files: what is taken out and put in is the same to the bit, what is merged answers
//! alike, and files of the peft package are read as it means them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "adapters/desk.rs"]
mod desk;
#[path = "adapters/refused.rs"]
mod refused;
mod tiny;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use calico_language::llama::NoTap;
use calico_language::{LoraConfig, Tokenizer};
use calico_model::adapters::{
    AdapterError, AdapterProblem, Adapters, BaseCheck, LORA_CONFIG_FILE, LORA_FILE, Written,
    export, merge,
};
use calico_model::provenance::{ModuleOrigin, PROVENANCE_FILE, Provenance};
use calico_model::{Calico, CalicoConfig, ModelError, ModelFolder, is_trainable};
use calico_nn::weights::checkpoint::{Checkpoint, StoredType};
use calico_testkit::{Golden, assert_close};
use candle_core::{Device, Tensor};
use desk::{Desk, bytes_of, go_on, peft_fixture};

fn load(folder: &Path) -> (Calico, Tokenizer) {
    ModelFolder::open(folder).unwrap().load(&Device::Cpu).unwrap()
}

/// What enters the head, and the scores of the next token.
fn read(model: &Calico, ids: &[u32]) -> [Tensor; 2] {
    let llm = model.llm();
    let hidden = llm.forward(&llm.embed(ids).unwrap(), None, &NoTap).unwrap();
    let logits = llm.logits(&hidden).unwrap();
    [hidden, logits]
}

#[test]
fn what_is_taken_out_and_put_in_again_is_the_same_to_the_byte() {
    for stored in [StoredType::F32, StoredType::Bf16] {
        let desk = Desk::new();
        let trained = desk.model("trained", stored, "");
        let fresh = desk.model("fresh", stored, "elsewhere.");
        desk.export(&trained, "adapters").unwrap();
        desk.apply(&fresh, "adapters", "back").unwrap();
        assert_eq!(desk.files("back"), desk.files("trained"), "{stored:?}");
        assert_ne!(desk.files("fresh"), desk.files("trained"));
    }
}

#[test]
fn adapters_carry_on_where_they_come_from() {
    let desk = Desk::new();
    let trained = desk.model("trained", StoredType::F32, "");
    let fresh = desk.model("fresh", StoredType::F32, "elsewhere.");
    let origin = |source: &str, licence: &str| ModuleOrigin {
        source: source.into(),
        licence: licence.into(),
        family: None,
    };
    let write = |folder: &str, modules: &[&str], origin: &ModuleOrigin| {
        let mut provenance = Provenance::default();
        for module in modules {
            provenance.add(module, origin.clone());
        }
        fs::write(desk.path(folder).join(PROVENANCE_FILE), provenance.to_json()).unwrap();
    };
    let (ours, theirs) = (origin("a run", "mit"), origin("vicuna", "llama2"));
    write("trained", &["cem", "lora", "llm"], &ours);
    write("fresh", &["cem", "llm"], &theirs);
    let of = |folder: &str, module: &str| {
        let provenance = Provenance::of_folder(&desk.path(folder)).unwrap().unwrap();
        provenance.modules.get(module).map(|found| found.origins.clone())
    };
    desk.export(&trained, "adapters").unwrap();
    assert_eq!(of("adapters", "cem"), Some(vec![ours.clone()]));
    assert_eq!(of("adapters", "llm"), None);
    desk.apply(&fresh, "adapters", "back").unwrap();
    assert_eq!(of("back", "cem"), Some(vec![ours]));
    assert_eq!(of("back", "llm"), Some(vec![theirs]));
    // Of adapters that say nothing, the card states the licence.
    fs::remove_file(desk.path("adapters").join(PROVENANCE_FILE)).unwrap();
    fs::write(desk.path("adapters/README.md"), "---\nlicense: cc0-1.0\n---\n").unwrap();
    desk.apply(&fresh, "adapters", "again").unwrap();
    assert_eq!(of("again", "lora"), Some(vec![origin("adapters adapters", "cc0-1.0")]));
}

#[test]
fn what_is_taken_out_is_what_learns() {
    let desk = Desk::new();
    let model = desk.model("model", StoredType::F32, "");
    desk.export(&model, "out").unwrap();
    let values = |file: &str| {
        let file = Checkpoint::open_file(&desk.path("out").join(file)).unwrap();
        let values = file.names().map(|name| file.bytes(name).unwrap().len() / 4).sum::<usize>();
        (file.names().count(), values)
    };
    let (lora, own) = (values("adapter_model.safetensors"), values("calico_adapters.safetensors"));
    assert_eq!(lora, (24, 3_072));
    assert_eq!(lora.1 + own.1, 70_784);
    let config = model.config.clone();
    let file = desk.path("out").join("calico_adapters.safetensors");
    let file = Checkpoint::open_file(&file).unwrap();
    assert!(file.names().all(|name| is_trainable(name, &config)));
    assert_eq!(desk.open("out", &model).unwrap().modules(), ["cams", "cem", "sam.decoder"]);
}

#[test]
fn other_modules_are_taken_out_on_demand() {
    let desk = Desk::new();
    let model = desk.model("model", StoredType::F32, "");
    export(&model, &["f_image".into()], &desk.path("out"), go_on).unwrap();
    let adapters = desk.open("out", &model).unwrap();
    assert_eq!(adapters.modules(), ["cams", "cem", "f_image", "sam.decoder"]);
    for unknown in ["lora", "sam", "nothing"] {
        let error = export(&model, &[unknown.into()], &desk.path("no"), go_on).unwrap_err();
        assert!(error.to_string().contains("sam.encoder"), "{error}");
        assert!(error.is_bad_input() && !desk.path("no").exists());
    }
}

#[test]
fn a_model_without_updates_has_no_files_of_peft() {
    let desk = Desk::new();
    let config = CalicoConfig { lora: None, ..tiny::config() };
    let model = desk.model_of("model", &config, StoredType::F32, "");
    desk.export(&model, "out").unwrap();
    assert_eq!(
        desk.files("out").keys().collect::<Vec<_>>(),
        ["calico_adapters.json", "calico_adapters.safetensors"]
    );
    desk.apply(&model, "out", "back").unwrap();
    assert_eq!(desk.files("back"), desk.files("model"));
    let error = merge(&model, None, &desk.path("no"), go_on).unwrap_err();
    assert!(matches!(error, AdapterError::NothingToMerge(_)), "{error}");
}

#[test]
fn a_merged_model_computes_what_the_updates_computed() {
    let desk = Desk::new();
    let model = desk.model("model", StoredType::F32, "");
    merge(&model, None, &desk.path("merged"), go_on).unwrap();
    let ((whole, _), (merged, _)) = (load(model.path()), load(&desk.path("merged")));
    assert_eq!(merged.config(), &CalicoConfig { lora: None, ..model.config.clone() });
    let ids: Vec<u32> = (0..40).map(|i| (i * 11) % 266).collect();
    let ([hidden, logits], [want_hidden, want_logits]) = (read(&merged, &ids), read(&whole, &ids));
    assert_close("hidden", &hidden, &want_hidden, 1e-5);
    assert_close("logits", &logits, &want_logits, 1e-5);
}

#[test]
fn merging_changes_nothing_but_the_updated_weights_and_keeps_types() {
    let desk = Desk::new();
    let model = desk.model("model", StoredType::Bf16, "");
    merge(&model, None, &desk.path("merged"), go_on).unwrap();
    let merged = Checkpoint::open(&desk.path("merged")).unwrap();
    let mut changed = 0;
    for name in merged.names() {
        assert_eq!(merged.stored(name), model.checkpoint.stored(name));
        let is_updated = ["q_proj.weight", "v_proj.weight"].iter().any(|end| name.ends_with(end))
            && name.starts_with("llm.");
        assert_eq!(merged.bytes(name) != model.checkpoint.bytes(name), is_updated, "{name}");
        changed += usize::from(is_updated);
    }
    assert_eq!(changed, 12);
}

#[test]
fn adapters_can_be_merged_without_a_model_in_between() {
    let desk = Desk::new();
    let trained = desk.model("trained", StoredType::F32, "");
    let fresh = desk.model("fresh", StoredType::F32, "elsewhere.");
    desk.export(&trained, "adapters").unwrap();
    merge(&trained, None, &desk.path("a"), go_on).unwrap();
    let adapters = desk.open("adapters", &fresh).unwrap();
    merge(&fresh, Some(&adapters), &desk.path("b"), go_on).unwrap();
    assert_eq!(desk.files("a"), desk.files("b"));
}

#[test]
fn a_folder_of_peft_is_read_to_the_bit_and_sets_rank_and_alpha() {
    let desk = Desk::new();
    let model = desk.model("model", StoredType::Bf16, "");
    desk.apply_folder(&model, &peft_fixture(), "out").unwrap();
    let applied = ModelFolder::open(&desk.path("out")).unwrap();
    assert_eq!(applied.config.lora, Some(LoraConfig { rank: 3, alpha: 5.0 }));
    let file = Checkpoint::open_file(&peft_fixture().join(LORA_FILE)).unwrap();
    for layer in 0..6 {
        for (ours, theirs) in [("q", "q_proj"), ("v", "v_proj")] {
            for (half, their_half) in [("a", "lora_A"), ("b", "lora_B")] {
                let name = format!("lora.layers.{layer}.{ours}.{half}");
                let in_file = format!(
                    "base_model.model.model.layers.{layer}.self_attn.{theirs}.{their_half}.weight"
                );
                assert_eq!(applied.checkpoint.bytes(&name), file.bytes(&in_file), "{name}");
                let stored = applied.checkpoint.stored(&name).unwrap().stored;
                assert_eq!(stored, StoredType::F32, "{name}");
            }
        }
    }
    for name in model.checkpoint.names().filter(|name| !name.starts_with("lora.")) {
        assert_eq!(applied.checkpoint.bytes(name), model.checkpoint.bytes(name), "{name}");
    }
}

#[test]
fn adapters_of_peft_compute_what_transformers_computes_with_them() {
    let desk = Desk::new();
    let model = desk.model("model", StoredType::F32, "");
    let golden = Golden::open("peft/llama");
    let ids = golden.input("ids").flatten_all().unwrap().to_vec1::<i64>().unwrap();
    let ids: Vec<u32> = ids.into_iter().map(|id| id as u32).collect();
    desk.apply_folder(&model, &peft_fixture(), "applied").unwrap();
    let adapters = Adapters::open(&peft_fixture(), &model, BaseCheck::Weights).unwrap();
    merge(&model, Some(&adapters), &desk.path("merged"), go_on).unwrap();
    for name in ["applied", "merged"] {
        let [hidden, logits] = read(&load(&desk.path(name)).0, &ids);
        assert_close(name, &hidden, &golden.output("norm"), 2e-5);
        assert_close(name, &logits, &golden.output("logits"), 2e-5);
    }
}

#[test]
fn every_spelling_of_the_names_is_read() {
    let desk = Desk::new();
    let model = desk.model("model", StoredType::F32, "");
    desk.apply_folder(&model, &peft_fixture(), "want").unwrap();
    let wrapper = "base_model.model.";
    let respelled: [fn(&str) -> String; 4] = [
        |name| name.trim_start_matches("base_model.model.").to_owned(),
        |name| format!("base_model.model.{name}"),
        |name| name.replace(".weight", ".default.weight"),
        |name| {
            let plain = name.trim_start_matches("base_model.model.");
            plain.replace(".weight", ".default.weight")
        },
    ];
    assert!(bytes_of(&peft_fixture().join(LORA_FILE)).keys().all(|n| n.starts_with(wrapper)));
    for (number, respell) in respelled.into_iter().enumerate() {
        let folder: PathBuf = desk.peft_copy(&format!("spelled{number}"), |tensors| {
            *tensors = tensors.iter().map(|(name, held)| (respell(name), held.clone())).collect();
        });
        let out = format!("out{number}");
        desk.apply_folder(&model, &folder, &out).unwrap();
        assert_eq!(desk.files(&out), desk.files("want"), "spelling {number}");
    }
}

#[test]
fn our_files_of_peft_have_the_names_and_keys_of_the_package() {
    let desk = Desk::new();
    let model = desk.model("model", StoredType::F32, "");
    desk.apply_folder(&model, &peft_fixture(), "applied").unwrap();
    desk.export(&ModelFolder::open(&desk.path("applied")).unwrap(), "out").unwrap();
    let out = desk.path("out");
    assert_eq!(bytes_of(&out.join(LORA_FILE)), bytes_of(&peft_fixture().join(LORA_FILE)));
    let json = |folder: &Path| -> serde_json::Map<String, serde_json::Value> {
        let text = fs::read_to_string(folder.join(LORA_CONFIG_FILE)).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let (ours, theirs) = (json(&out), json(&peft_fixture()));
    for (key, value) in &ours {
        if key != "lora_dropout" {
            assert_eq!(theirs.get(key), Some(value), "{key}");
        }
    }
}

#[test]
fn adapters_of_another_model_are_refused_unless_that_is_meant() {
    let desk = Desk::new();
    let trained = desk.model("trained", StoredType::F32, "");
    desk.export(&trained, "adapters").unwrap();
    // Every tensor of this one has other values, the frozen ones too.
    let other = desk.model("other", StoredType::F32, "llm.");
    let error = desk.apply(&other, "adapters", "out").unwrap_err();
    assert!(
        matches!(&error, AdapterError::Unusable { problems, .. }
            if matches!(problems.as_slice(), [AdapterProblem::BaseWeights { .. }])),
        "{error}"
    );
    Adapters::open(&desk.path("adapters"), &other, BaseCheck::Config).unwrap();
    let mut config = tiny::config();
    config.cem.residual = true;
    config.llm.depth = 5;
    let other = desk.model_of("deeper", &config, StoredType::F32, "");
    for check in [BaseCheck::Weights, BaseCheck::Config] {
        let error = Adapters::open(&desk.path("adapters"), &other, check).unwrap_err();
        let text = error.to_string();
        for words in ["cem.residual = false", "llm.depth = 6; this one says 5", "layers.5."] {
            assert!(text.contains(words), "{words:?} is missing: {text}");
        }
    }
}

#[test]
fn a_folder_that_is_in_use_is_never_written_into() {
    let desk = Desk::new();
    let model = desk.model("model", StoredType::F32, "");
    desk.export(&model, "adapters").unwrap();
    let before = desk.files(".");
    assert!(desk.export(&model, "adapters").is_err());
    assert!(desk.apply(&model, "adapters", "model").is_err());
    assert!(merge(&model, None, &desk.path("adapters"), go_on).is_err());
    assert!(merge(&model, None, &desk.path("model/config.json/x"), go_on).is_err());
    assert_eq!(desk.files("."), before);
}

#[test]
fn work_that_is_stopped_leaves_nothing() {
    let desk = Desk::new();
    let model = desk.model("model", StoredType::F32, "");
    let before = desk.files(".");
    let stop = |_: Written<'_>| ControlFlow::Break(());
    let stopped = [
        export(&model, &[], &desk.path("out"), stop),
        merge(&model, None, &desk.path("out"), stop),
    ];
    for error in stopped {
        assert!(matches!(error, Err(AdapterError::Model(ModelError::Stopped))), "{error:?}");
    }
    assert_eq!(desk.files("."), before);
    assert!(!desk.path("out").exists());
}

#[test]
fn an_update_too_large_for_the_type_of_its_weight_is_not_merged() {
    let desk = Desk::new();
    let model = desk.model("model", StoredType::F16, "");
    let folder = desk.peft_copy("large", |tensors| {
        for (_, held) in tensors.values_mut() {
            *held = 1e3f32.to_le_bytes().repeat(held.len() / 4);
        }
    });
    let adapters = Adapters::open(&folder, &model, BaseCheck::Weights).unwrap();
    let error = merge(&model, Some(&adapters), &desk.path("out"), go_on).unwrap_err();
    assert!(error.to_string().contains("leaves the range"), "{error}");
    assert!(!desk.path("out").exists());
}
