//! Files of each true layout.

use std::collections::BTreeSet;

use calico_import::assembly::Role;
use calico_language::byte_level_json;
use calico_model::provenance::Provenance;
use calico_nn::weights::checkpoint::StoredType::{Bf16, F16, F32};

use crate::desk::{Whole, Wish, model};

const FROZEN: [&str; 6] = ["eva.", "ln_vision.", "qformer.", "query_tokens", "dino.", "sam."];

fn of_transformers() -> Wish {
    Wish::new(
        &[
            (Role::Language, model("transformers/llama")),
            (Role::Vision, model("transformers/blip2")),
            (Role::QFormer, model("transformers/blip2")),
            (Role::ImageProjection, model("transformers/blip2")),
            (Role::Dino, model("transformers/dinov2")),
            (Role::Sam, model("transformers/sam")),
        ],
        &["cem", "cams", "lora", "seg_proj"],
    )
}

fn of_originals() -> Wish {
    let blip2 = "original/blip2_pretrained_vicuna7b.pth";
    Wish::new(
        &[
            (Role::Language, model("original/glamm")),
            (Role::Vision, model("original/eva_vit_g.pth")),
            (Role::QFormer, model(blip2)),
            (Role::ImageProjection, model(blip2)),
            (Role::Dino, model("original/dinov2_vitg14_reg4_pretrain.pth")),
            (Role::Sam, model("original/sam_vit_h_4b8939.pth")),
            (Role::Adapters, model("original/correspondence")),
        ],
        &["lora"],
    )
}

#[test]
fn files_of_transformers_load_to_the_bit() {
    let imported = of_transformers().imported();
    for module in FROZEN.into_iter().chain(["f_image."]) {
        imported.assert_synthetic(module, F16);
    }
    for part in ["layers.", "norm."] {
        imported.assert_synthetic(&format!("llm.model.{part}"), F16);
    }
}

#[test]
fn files_of_the_original_repositories_load_to_the_bit() {
    let imported = of_originals().imported();
    for module in FROZEN.into_iter().chain(["f_image.", "cem.", "cams."]) {
        imported.assert_synthetic(module, F16);
    }
    // GLaMM is stored in bf16, in two files, with transposed views.
    for module in ["llm.", "seg_proj."] {
        imported.assert_synthetic(module, Bf16);
    }
}

#[test]
fn the_language_model_of_a_gguf_file_is_turned_back_to_the_bit() {
    let mut wish = of_originals();
    wish.files[0].1 = model("original/llama.gguf");
    wish.fresh.push("seg_proj".into());
    let imported = wish.imported();
    for part in ["model.embed_tokens.", "lm_head."] {
        imported.assert_synthetic(&format!("llm.{part}"), F16);
    }
    for layer in 0..6 {
        let at = format!("llm.model.layers.{layer}");
        assert_eq!(imported.assert_synthetic(&format!("{at}.self_attn."), F16), 4);
        assert_eq!(imported.assert_synthetic(&format!("{at}.mlp."), F16), 3);
        imported.assert_synthetic(&format!("{at}.input_layernorm."), F32);
    }
}

#[test]
fn both_names_of_a_module_are_the_same_module() {
    let (theirs, originals) = (of_transformers().imported(), of_originals().imported());
    for module in FROZEN {
        let names = |imported: &crate::desk::Imported| -> Vec<(String, Vec<u8>)> {
            let names = imported.checkpoint.names().filter(|name| name.starts_with(module));
            let bytes = |name: &str| imported.checkpoint.bytes(name).unwrap().to_vec();
            names.map(|name| (name.to_owned(), bytes(name))).collect()
        };
        assert!(names(&theirs) == names(&originals), "{module}");
    }
}

#[test]
fn a_table_without_the_added_tokens_grows_by_the_mean_and_says_so() {
    let imported = of_transformers().imported();
    let checkpoint = &imported.checkpoint;
    let name = "llm.model.embed_tokens.weight";
    assert_eq!(checkpoint.stored(name).unwrap().shape, [266, 64]);
    let values = F16.decode(checkpoint.bytes(name).unwrap());
    let (base, added) = values.split_at(259 * 64);
    for column in 0..64 {
        let of_column = base.iter().skip(column).step_by(64);
        let mean = of_column.map(|value| f64::from(*value)).sum::<f64>() / 259.0;
        let expected = F16.decode(&F16.encode(&[mean as f32]))[0];
        for row in added.chunks(64) {
            assert!((row[column] - expected).abs() <= 1e-3 * expected.abs().max(1e-3));
        }
    }
    let grows = imported.report.warnings.iter().any(|warning| warning.contains("266 rows"));
    assert!(grows, "{:?}", imported.report.warnings);
}

#[test]
fn tokens_that_the_tokenizer_did_not_know_are_told_where_the_table_has_their_rows() {
    let whole = Whole::new();
    let folder = tempfile::tempdir().unwrap();
    let mut json = byte_level_json(259);
    json["added_tokens"].as_array_mut().unwrap().truncate(3);
    let path = folder.path().join("tokenizer.json");
    std::fs::write(&path, json.to_string()).unwrap();
    let mut wish = whole.wish();
    assert_eq!(wish.imported().report.warnings, Vec::<String>::new());
    wish.tokenizer = Some(path);
    let warnings = wish.imported().report.warnings.join("\n");
    assert!(
        warnings.contains("did not know <im_start> ") && warnings.contains("[SEG]"),
        "{warnings}"
    );
}

#[test]
fn adapters_of_peft_bring_their_rank_and_alpha() {
    let mut wish = of_originals();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../goldens/peft/adapter");
    wish.files[6].1 = folder.into();
    wish.fresh = vec!["cem".into(), "cams".into()];
    let imported = wish.imported();
    let lora = imported.config.lora.unwrap();
    assert_eq!((lora.rank, lora.alpha), (3, 5.0));
    assert_eq!(imported.checkpoint.stored("lora.layers.0.q.a").unwrap().shape, [3, 64]);
}

#[test]
fn a_type_may_be_asked_for() {
    let mut wish = of_originals();
    wish.stored = Some(F32);
    let imported = wish.imported();
    imported.assert_synthetic("eva.", F32);
    let kind = |name| imported.checkpoint.type_name(name);
    let types: BTreeSet<_> = imported.checkpoint.names().map(kind).collect();
    assert_eq!(types.len(), 1);
}

#[test]
fn every_module_knows_where_it_comes_from() {
    let imported = of_originals().imported();
    let provenance = Provenance::of_folder(&imported.path()).unwrap().unwrap();
    let eva = &provenance.modules["eva"];
    assert_eq!(eva.origins[0].source, "eva_vit_g.pth");
    assert_eq!(eva.origins[0].licence, "unknown");
    assert_eq!(provenance.modules["lora"].origins[0].source, "untrained, seed 5");
    assert!(provenance.modules.values().all(|module| module.sha256.is_some()));
    assert_eq!(provenance.modules.len(), 14, "{:?}", provenance.modules.keys());
    let again = Provenance::of_folder(&of_originals().imported().path()).unwrap().unwrap();
    assert_eq!(again, provenance, "equal files, equal digests");
}

#[test]
fn what_a_file_holds_beyond_its_role_is_left_and_counted() {
    let report = of_transformers().imported().report;
    let blip2 = &report.brought[1];
    assert_eq!(blip2.modules.keys().collect::<Vec<_>>(), ["eva"]);
    assert!(blip2.left > 100, "the language model inside of it was not asked for: {blip2:?}");
    assert_eq!(report.fresh.keys().collect::<Vec<_>>(), ["cams", "cem", "lora", "seg_proj"]);
}

#[test]
fn a_gguf_file_brings_its_own_tokenizer_whatever_lies_beside_it() {
    let mut wish = of_originals();
    wish.fresh.push("seg_proj".into());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("llama.gguf");
    std::fs::copy(model("original/llama.gguf"), &file).unwrap();
    wish.files[0].1 = file;
    let tokenizer = |wish: &Wish| std::fs::read(wish.imported().path().join("tokenizer.json"));
    let own = tokenizer(&wish).unwrap();
    let stray = calico_language::byte_level_json(259).to_string();
    std::fs::write(folder.path().join("tokenizer.json"), stray).unwrap();
    assert!(tokenizer(&wish).unwrap() == own);
}
