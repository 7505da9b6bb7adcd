//! Published models at full size: every name is known, and the result is exactly what a model of
//! ours holds.

use std::collections::{BTreeMap, BTreeSet};

use calico_import::{Check, Copies, NameMap, Names, RowOrder, Translation};

use crate::fixture::{Tensors, below, read, stored};

/// A fixture, the map that has to be found, and what the file holds of a model.
type Family = (&'static str, &'static str, &'static [&'static str]);

const VISION: &[&str] = &["eva.", "ln_vision.", "qformer.", "query_tokens"];
const VISION_AND_WORDS: &[&str] =
    &["eva.", "ln_vision.", "qformer.", "query_tokens", "f_image.", "llm."];
const SAM: &[&str] = &["sam."];
const GROUNDED: &[&str] = &["llm.", "seg_proj.", "sam."];
const CHEETAH: &[&str] =
    &["eva.", "ln_vision.", "qformer.", "query_tokens", "f_image.", "llm.", "cams.0."];

const FAMILIES: &[Family] = &[
    ("eva", "eva", &["eva."]),
    ("lavis-stage-1", "lavis", VISION),
    ("lavis-flan-t5", "lavis", &["ln_vision.", "qformer.", "query_tokens"]),
    ("lavis-vicuna", "lavis", &["eva.", "ln_vision.", "qformer.", "query_tokens", "f_image."]),
    ("minigpt4", "lavis", VISION_AND_WORDS),
    ("minigpt4-trained", "lavis", &["f_image."]),
    ("cheetah", "cheetah", CHEETAH),
    ("cheetah-trained", "cheetah", &["cams.0."]),
    ("blip2-opt-transformers", "blip2-opt-t5-transformers", VISION),
    ("blip2-matching-transformers", "blip2-transformers", VISION),
    ("instructblip-transformers", "blip2-vicuna-transformers", VISION_AND_WORDS),
    ("llama-transformers", "llama", &["llm."]),
    ("llama-meta", "llama-meta", &["llm."]),
    ("llama-gguf", "llama-gguf", &["llm."]),
    ("lora-adapter", "llama", &["lora."]),
    ("lora-inside", "llama", &["llm.", "lora."]),
    ("lora-inside-unwrapped", "llama", &["llm.", "lora."]),
    ("sam", "sam", SAM),
    ("sam-transformers", "sam-transformers", SAM),
    ("dinov2", "dinov2", &["dino."]),
    ("dinov2-training", "dinov2-training", &["dino."]),
    ("dinov2-transformers", "dinov2-transformers", &["dino."]),
    ("dinov2-newest-transformers", "dinov2-transformers", &["dino."]),
    ("glamm", "glamm", GROUNDED),
    ("lisa", "lisa", GROUNDED),
];

fn translated(tensors: &Tensors, maps: &[NameMap], copies: Copies) -> Translation {
    Names::new(tensors).translate(maps, copies).unwrap_or_else(|error| panic!("{error}"))
}

fn translation_of(name: &str) -> Translation {
    translated(&read(name), &NameMap::built_in(), Copies::Never)
}

/// What a model of ours holds below some prefixes.
fn canonical(prefixes: &[&str]) -> BTreeMap<String, Vec<usize>> {
    let all = read("canonical").into_iter().map(|(name, tensor)| (name, tensor.shape));
    all.filter(|(name, _)| is_below(name, prefixes)).collect()
}

fn is_below(name: &str, prefixes: &[&str]) -> bool {
    // Queries of adapters are part of a model that copies them only.
    prefixes.iter().any(|prefix| name.starts_with(prefix)) && !name.ends_with(".queries")
}

/// Compares names and shapes; tables of words may have rows of their own.
fn assert_canonical(family: &str, found: &Translation, prefixes: &[&str]) {
    let expected = canonical(prefixes);
    let names = |names: &BTreeSet<&String>| -> Vec<String> {
        names.iter().take(5).map(|name| (*name).clone()).collect()
    };
    let made: BTreeSet<_> = found.recipes.keys().filter(|name| is_below(name, prefixes)).collect();
    let wanted: BTreeSet<_> = expected.keys().collect();
    let missing = names(&wanted.difference(&made).copied().collect());
    assert!(missing.is_empty(), "{family} lacks {missing:?}");
    let extra: BTreeSet<_> = found.recipes.keys().filter(|name| !wanted.contains(name)).collect();
    let extra: Vec<_> =
        names(&extra).into_iter().filter(|name| !name.ends_with(".queries")).collect();
    assert!(extra.is_empty(), "{family} makes {extra:?}");
    for (name, shape) in &expected {
        let made = &found.recipes[name].shape;
        let is_table = name.ends_with("embed_tokens.weight") || name.ends_with("lm_head.weight");
        let first = usize::from(is_table);
        assert_eq!(made[first..], shape[first..], "{family}: {name}");
    }
}

#[test]
fn every_family_is_recognised_and_translated_to_exactly_our_names_and_shapes() {
    let maps = NameMap::built_in();
    for (name, map, prefixes) in FAMILIES {
        let found = translated(&read(name), &maps, Copies::Never);
        assert_eq!(found.map, *map, "{name}");
        assert!(found.certain);
        let unknown: Vec<_> = found.unknown.iter().map(ToString::to_string).collect();
        assert!(unknown.is_empty(), "{name} has unknown names: {unknown:#?}");
        assert_canonical(name, &found, prefixes);
    }
}

#[test]
fn what_wraps_all_names_does_not_matter() {
    let maps = NameMap::built_in();
    for (name, map, _) in FAMILIES {
        let tensors = read(name);
        let plain = translated(&tensors, &maps, Copies::Never);
        for prefix in ["module.", "model.", "base_model.model.", "state_dict.my-own.0."] {
            let found = translated(&below(prefix, &tensors), &maps, Copies::Never);
            assert_eq!(found.map, *map, "{prefix}{name}");
            assert!(found.prefix.starts_with(prefix), "{} of {prefix}{name}", found.prefix);
            let names =
                |found: &Translation| -> Vec<String> { found.recipes.keys().cloned().collect() };
            assert_eq!(names(&found), names(&plain), "{prefix}{name}");
        }
    }
}

#[test]
fn each_tensor_of_ours_can_be_made_by_some_map_and_each_map_makes_ours_only() {
    let ours = read("canonical");
    let maps = NameMap::built_in();
    for name in ours.keys() {
        let makes = |map: &NameMap| map.targets().any(|target| target.matches(name));
        assert!(maps.iter().any(makes), "no map makes {name}");
    }
    let is_known = |target: &calico_import::Pattern| {
        let known = ours.keys().any(|name| target.matches(name));
        // What the model of the fixture does without, and other models have.
        known || target.text().contains("mlp.fc{n}") || target.text().contains("queries")
    };
    for map in &maps {
        let strange: Vec<_> = map.targets().filter(|target| !is_known(target)).collect();
        assert!(strange.is_empty(), "{} makes {strange:?}", map.name());
    }
}

#[test]
fn the_fused_bias_of_transformers_loses_its_zeros() {
    let found = translation_of("instructblip-transformers");
    let bias = "vision_model.encoder.layers.38.self_attn.qkv.bias";
    let zeros = Check::Zero { tensor: bias.to_owned(), rows: 1408..2816 };
    assert!(found.checks.contains(&zeros));
    assert_eq!(found.checks.len(), 39);
    let value = &found.recipes["eva.blocks.38.attn.v_bias"];
    assert_eq!(value.shape, [1408]);
    assert_eq!(value.parts[0].tensor, bias);
    assert_eq!(value.parts[0].rows, Some(2816..4224));
}

#[test]
fn split_matrices_are_put_under_each_other() {
    let found = translation_of("dinov2-transformers");
    let parts = |ours: &str| -> Vec<String> {
        let recipe = &found.recipes[ours];
        recipe.parts.iter().map(|part| part.tensor.clone()).collect()
    };
    let at = "encoder.layer.39.attention.attention";
    let expected = ["query", "key", "value"].map(|name| format!("{at}.{name}.weight"));
    assert_eq!(parts("dino.blocks.39.attn.qkv.weight"), expected);
    let found = translation_of("dinov2-newest-transformers");
    let recipe = &found.recipes["dino.blocks.0.mlp.w12.bias"];
    assert_eq!(recipe.shape, [8192]);
    assert_eq!(recipe.parts[0].tensor, "encoder.layer.0.mlp.gate_proj.bias");
}

#[test]
fn small_networks_of_sam_keep_the_order_of_their_layers() {
    let found = translation_of("sam-transformers");
    for (ours, theirs) in [(0, "proj_in"), (1, "layers.0"), (2, "proj_out")] {
        let ours = format!("sam.decoder.iou_prediction_head.layers.{ours}.weight");
        let theirs = format!("mask_decoder.iou_prediction_head.{theirs}.weight");
        assert_eq!(found.recipes[&ours].as_is(), Some(theirs.as_str()));
    }
}

#[test]
fn what_is_written_twice_has_to_be_equal() {
    let used = "shared_image_embedding.positional_embedding".to_owned();
    let repeated = "prompt_encoder.shared_embedding.positional_embedding".to_owned();
    let found = translation_of("sam-transformers");
    assert_eq!(found.checks, [Check::Equal { used, repeated: repeated.clone() }]);
    let mut alone = read("sam-transformers");
    alone.remove("shared_image_embedding.positional_embedding");
    let found = translated(&alone, &NameMap::built_in(), Copies::Never);
    let matrix = &found.recipes["sam.prompt.pe_layer.positional_encoding_gaussian_matrix"];
    assert_eq!(matrix.as_is(), Some(repeated.as_str()));
    assert!(found.checks.is_empty());
    assert_eq!(translation_of("cheetah").checks.len(), 254);
}

#[test]
fn the_one_pair_of_cheetah_fills_both_places_only_if_that_is_allowed() {
    let tensors = read("cheetah-trained");
    let maps = NameMap::built_in();
    let never = translated(&tensors, &maps, Copies::Never);
    assert!(!never.recipes.contains_key("cams.1.adapt.weight"));
    let offered = &never.copies["cams.1.adapt.weight"];
    assert_eq!(offered, "llama_model.model.qformer_proj.weight");
    let allowed = translated(&tensors, &maps, Copies::Allowed);
    assert_eq!(allowed.recipes["cams.1.adapt.weight"], never.recipes["cams.0.adapt.weight"]);
    assert!(allowed.copies.is_empty());
    assert_canonical("cheetah", &allowed, &["cams."]);
}

#[test]
fn rows_of_gguf_and_of_meta_are_put_in_order() {
    for family in ["llama-gguf", "llama-meta"] {
        let found = translation_of(family);
        let is_rotary =
            |name: &&String| found.recipes[*name].parts[0].order == RowOrder::RotaryPairs;
        let rotary: Vec<_> = found.recipes.keys().filter(is_rotary).collect();
        assert_eq!(rotary.len(), 64, "{family}");
        assert!(rotary.iter().all(|name| name.contains("q_proj") || name.contains("k_proj")));
    }
}

#[test]
fn factors_that_slow_rotations_down_are_not_ignored() {
    let mut tensors = read("llama-gguf");
    tensors.insert("rope_freqs.weight".to_owned(), stored(&[64]));
    let found = translated(&tensors, &NameMap::built_in(), Copies::Never);
    let unknown: Vec<_> = found.unknown.iter().map(ToString::to_string).collect();
    assert_eq!(unknown, ["rope_freqs.weight of [64]"]);
}

#[test]
fn the_three_spellings_of_low_rank_updates_are_the_same() {
    let updates = |family: &str| -> Vec<String> {
        let found = translation_of(family);
        found.recipes.keys().filter(|name| name.starts_with("lora.")).cloned().collect()
    };
    assert_eq!(updates("lora-adapter").len(), 128);
    assert_eq!(updates("lora-adapter"), updates("lora-inside"));
    assert_eq!(updates("lora-adapter"), updates("lora-inside-unwrapped"));
}

#[test]
fn low_rank_updates_inside_of_a_larger_model_are_translated() {
    let mut tensors = read("glamm");
    // The decoder of SAM has projections of these names too.
    let is_wrapped = |name: &str| {
        let has_update = name.contains(".self_attn.q_proj.") || name.contains(".self_attn.v_proj.");
        name.starts_with("model.layers.") && has_update
    };
    tensors.retain(|name, _| !is_wrapped(name));
    tensors.extend(read("lora-inside-unwrapped").into_iter().filter(|(name, _)| is_wrapped(name)));
    let found = translated(&tensors, &NameMap::built_in(), Copies::Never);
    assert_eq!(found.map, "glamm");
    assert!(found.unknown.is_empty());
    assert_canonical("glamm", &found, &["llm.", "lora.", "seg_proj.", "sam."]);
}

#[test]
fn small_models_of_a_family_are_translated_too() {
    let found = translation_of("dinov2-small-transformers");
    let ours = canonical(&["dino."]);
    let small = ours.keys().filter_map(|name| {
        let name = name.replace("mlp.w12.", "mlp.fc1.").replace("mlp.w3.", "mlp.fc2.");
        let block = name.strip_prefix("dino.blocks.").and_then(|rest| rest.split_once('.'));
        block.is_none_or(|(block, _)| block.parse::<usize>().unwrap() < 12).then_some(name)
    });
    assert!(small.eq(found.recipes.keys().cloned()));
    assert!(found.unknown.is_empty());
}

#[test]
fn a_shard_of_a_model_is_recognised() {
    let maps = NameMap::built_in();
    for (name, map, _) in FAMILIES.iter().filter(|(name, ..)| name.starts_with("ll")) {
        let mut tensors = read(name);
        tensors.retain(|name, _| name.contains(".7."));
        assert_eq!(translated(&tensors, &maps, Copies::Never).map, *map, "{name}");
    }
}

#[test]
fn what_is_left_out_is_told_with_the_line_that_says_so() {
    let found = translation_of("eva");
    let ignored: Vec<_> = found.ignored.iter().map(|it| (it.pattern.as_str(), it.count)).collect();
    assert_eq!(ignored, [("blocks.39.{rest}", 13), ("{n:norm|fc_norm|head}.{kind}", 4)]);
}
