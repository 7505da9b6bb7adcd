//! Names that no honest file has: nothing panics, and nothing takes more than a pass or a few.

use std::collections::BTreeMap;

use calico_import::{Copies, NameMap, Names, Pattern};
use proptest::prelude::*;

use crate::fixture::{Tensors, stored};

/// Everything that can be asked about names.
fn ask(tensors: &Tensors) {
    let maps = NameMap::built_in();
    let names = Names::new(tensors);
    let _ = names.translate(&maps, Copies::Allowed);
    for map in &maps {
        let _ = names.translate_by(map, Copies::Never);
    }
    let starter = names.starter(&maps);
    if let Err(error) = NameMap::parse("starter", &starter) {
        panic!("{error:?}\n{starter}");
    }
}

fn tensors(names: impl IntoIterator<Item = String>) -> Tensors {
    names.into_iter().map(|name| (name, stored(&[3, 2]))).collect()
}

#[test]
fn names_without_sense_are_unknown() {
    let dots = ".".repeat(500);
    let names =
        ["", ".", "..", &dots, "{", "}}{{", "{i}", "\u{0}", "é.0", "model.", "0", "00", "\n"];
    ask(&tensors(names.map(str::to_owned)));
    for name in names {
        ask(&tensors([name.to_owned()]));
    }
}

#[test]
fn long_names_take_one_pass() {
    let length = 1 << 16;
    let names = [
        "a".repeat(length),
        "1".repeat(length),
        "1.".repeat(length / 2),
        ".".repeat(length),
        "{i}.".repeat(length / 4),
        "model.".repeat(length / 6),
        format!("model.layers.{}.self_attn.q_proj.weight", "7".repeat(length)),
        format!("model.layers.0.self_attn.q_proj.lora_A.{}.weight", "x".repeat(length)),
        format!("visual_encoder.{}", "blocks.0.".repeat(length / 9)),
    ];
    for name in &names {
        ask(&tensors([name.clone()]));
    }
    ask(&tensors(names));
}

#[test]
fn many_names_take_time_for_each() {
    let count = 5_000;
    let names = (0..count).map(|number| format!("model.layers.{number}.self_attn.q_proj.weight"));
    ask(&tensors(names));
    ask(&tensors((0..count).map(|number| format!("odd{number}.{number}.{number}"))));
    ask(&tensors((0..count).map(|number| format!("a.b.c.d.e.f.g.h.blocks.{number}.attn.q_bias"))));
}

#[test]
fn shapes_without_sense_are_told() {
    let mut tensors = Tensors::new();
    for (at, shape) in
        [vec![], vec![0], vec![usize::MAX, 2], vec![usize::MAX; 8]].iter().enumerate()
    {
        for name in ["query", "key", "value"] {
            let name = format!("encoder.layer.{at}.attention.attention.{name}.weight");
            tensors.insert(name, stored(shape));
        }
        let fused = format!("vision_model.encoder.layers.{at}.self_attn.qkv.bias");
        tensors.insert(fused, stored(shape));
    }
    ask(&tensors);
}

/// Words that maps know, and some that they do not.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "model",
            "layers",
            "0",
            "1",
            "10",
            "01",
            "self_attn",
            "q_proj",
            "lora_A",
            "weight",
            "blocks",
            "attn",
            "q_bias",
            "qkv",
            "bias",
            "encoder",
            "layer",
            "attention",
            "query",
            "vision_model",
            "{i}",
            "{rest}",
            "zero",
            "",
            "image_encoder",
            "default",
            "base_layer",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,3}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_names_make_anything_panic(
        names in prop::collection::vec(prop::collection::vec(word(), 0..8), 0..12),
        shape in prop::collection::vec(0usize..7, 0..3),
    ) {
        let tensors: BTreeMap<_, _> =
            names.iter().map(|words| (words.join("."), stored(&shape))).collect();
        ask(&tensors);
    }

    #[test]
    fn no_text_of_a_map_makes_reading_it_panic(text in "\\PC{0,80}", pattern in "\\PC{0,40}") {
        let _ = NameMap::parse("map", &text);
        let lines = format!("title = \"x\"\ncertain = true\n[names]\n{pattern:?} = {text:?}\n");
        let _ = NameMap::parse("map", &lines);
        let _ = Pattern::parse(&pattern);
    }
}
