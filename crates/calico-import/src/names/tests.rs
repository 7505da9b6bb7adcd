use calico_formats::{Element, Layout};

use super::*;
use crate::{Check, NameProblem, RowOrder};

type Tensors = BTreeMap<String, StoredTensor>;

fn tensors(list: &[(&str, &[usize])]) -> Tensors {
    let stored = |(name, shape): &(&str, &[usize])| {
        let layout = Layout { start: 0, strides: None };
        let tensor = StoredTensor { element: Element::F32, shape: shape.to_vec(), layout };
        ((*name).to_owned(), tensor)
    };
    list.iter().map(stored).collect()
}

fn map(name: &str, rest: &str) -> NameMap {
    NameMap::parse(name, &format!("title = \"{name}\"\ncertain = true\n{rest}")).unwrap()
}

/// What a map says is wrong.
fn problems(rest: &str, list: &[(&str, &[usize])]) -> Vec<NameProblem> {
    match Names::new(&tensors(list)).translate_by(&map("m", rest), Copies::Never) {
        Err(TranslateError::Unusable { problems, .. }) => problems,
        other => panic!("expected problems, found {other:?}"),
    }
}

#[test]
fn two_tensors_for_one_of_ours_are_refused() {
    let lines = "[names]\n\"a.{_i}.w\" = \"x\"\n";
    let found = problems(lines, &[("a.0.w", &[1]), ("a.1.w", &[1])]);
    let (ours, first, second) = ("x".to_owned(), "a.0.w".to_owned(), "a.1.w".to_owned());
    assert_eq!(found, [NameProblem::Twice { ours, first, second }]);
}

#[test]
fn parts_have_to_be_there_and_to_fit() {
    let lines = "[[stack]]\nfrom = [\"{i}.q\", \"{i}.k\"]\nto = \"qk.{i}\"\n";
    let found = problems(lines, &[("0.q", &[2, 3]), ("0.k", &[2, 3]), ("1.k", &[2, 3])]);
    let (found_parts, missing) = (vec!["1.k".to_owned()], vec!["1.q".to_owned()]);
    let ours = "qk.1".to_owned();
    assert_eq!(found, [NameProblem::Incomplete { ours, found: found_parts, missing }]);
    for shape in [&[2, 4][..], &[2], &[]] {
        let found = problems(lines, &[("0.q", &[2, 3]), ("0.k", shape)]);
        let is_stack = |problem: &NameProblem| matches!(problem, NameProblem::Stack { .. });
        assert!(found.iter().all(is_stack) && found.len() == 1, "{found:?}");
    }
}

#[test]
fn two_tensors_for_one_part_are_refused() {
    let lines = "[[stack]]\nfrom = [\"{_c}.{i}.q\", \"{_c}.{i}.k\"]\nto = \"qk.{i}\"\n";
    let found = problems(lines, &[("0.3.q", &[2]), ("1.3.q", &[2]), ("0.3.k", &[2])]);
    let (ours, first, second) = ("qk.3".to_owned(), "0.3.q".to_owned(), "1.3.q".to_owned());
    assert_eq!(found, [NameProblem::Twice { ours, first, second }]);
}

#[test]
fn parts_of_different_height_lie_under_each_other() {
    let lines = "[[stack]]\nfrom = [\"q\", \"kv\"]\nto = \"qkv\"\n";
    let tensors = tensors(&[("w.q", &[4, 3]), ("w.kv", &[2, 3])]);
    let found = Names::new(&tensors).translate_by(&map("m", lines), Copies::Never).unwrap();
    let recipe = &found.recipes["qkv"];
    assert_eq!((recipe.shape.as_slice(), recipe.parts.len()), (&[6, 3][..], 2));
    assert_eq!((recipe.parts[1].tensor.as_str(), found.prefix.as_str()), ("w.kv", "w."));
}

#[test]
fn rows_have_to_make_equal_parts() {
    let lines = "[[cut]]\nfrom = \"qkv\"\nto = [\"q\", \"zero\", \"v\"]\n";
    for shape in [&[4, 3][..], &[]] {
        let found = problems(lines, &[("qkv", shape)]);
        assert!(matches!(&found[..], [NameProblem::Cut { parts: 3, .. }]), "{found:?}");
    }
    let tensors = tensors(&[("qkv", &[6, 5])]);
    let found = Names::new(&tensors).translate_by(&map("m", lines), Copies::Never).unwrap();
    assert_eq!(found.checks, [Check::Zero { tensor: "qkv".into(), rows: 2..4 }]);
    assert_eq!(found.recipes["v"].shape, [2, 5]);
    assert_eq!(found.recipes.len(), 2);
}

#[test]
fn weights_are_floats() {
    let mut quantised = tensors(&[("a", &[3])]);
    quantised.get_mut("a").unwrap().element = Element::Int(1);
    let map = map("m", "[names]\n\"a\" = \"x\"\n");
    let error = Names::new(&quantised).translate_by(&map, Copies::Never).unwrap_err();
    assert!(error.to_string().contains("a holds values of i8; expected floats"), "{error}");
}

#[test]
fn a_file_holds_one_adapter() {
    let at = "model.layers.0.self_attn";
    let list = |second: &str| {
        let first = format!("{at}.q_proj.lora_A.default.weight");
        tensors(&[(&first, &[8, 64]), (&format!("{at}.v_proj.lora_A.{second}.weight"), &[8, 64])])
    };
    let maps = NameMap::built_in();
    assert!(Names::new(&list("default")).translate(&maps, Copies::Never).is_ok());
    let error = Names::new(&list("other")).translate(&maps, Copies::Never).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("adapter is `default`") && text.contains("`other`"), "{text}");
}

#[test]
fn what_repeats_a_tensor_has_its_shape() {
    let lines = "[same]\n\"b\" = \"a\"\n[names]\n\"a\" = \"x\"\n";
    let found = problems(lines, &[("a", &[2]), ("b", &[3])]);
    assert!(matches!(&found[..], [NameProblem::Repeated { .. }]), "{found:?}");
}

#[test]
fn what_is_ignored_repeats_nothing() {
    let lines = "ignore = [\"b\"]\n[same]\n\"b\" = \"a\"\n[names]\n\"a\" = \"x\"\n";
    let all = tensors(&[("a", &[2]), ("b", &[3])]);
    let found = Names::new(&all).translate_by(&map("m", lines), Copies::Never).unwrap();
    assert!(found.checks.is_empty());
    assert_eq!((found.ignored[0].pattern.as_str(), found.ignored[0].count), ("b", 1));
}

#[test]
fn a_family_that_cannot_be_used_says_why() {
    let tensors = tensors(&[("reg_token", &[1, 4, 8]), ("blocks.0.ls1.gamma", &[8])]);
    let error = Names::new(&tensors).translate(&NameMap::built_in(), Copies::Never).unwrap_err();
    assert!(matches!(error, TranslateError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("dinov2_vitg14_reg4_pretrain.pth"), "{error}");
}

#[test]
fn names_of_no_family_are_told_what_came_close() {
    let tensors = tensors(&[("image_encoder.pos_embed", &[1]), ("strange", &[1])]);
    let error = Names::new(&tensors).translate(&NameMap::built_in(), Copies::Never).unwrap_err();
    let TranslateError::NoFamily { close } = &error else { panic!("{error}") };
    assert_eq!((close[0].map.as_str(), close[0].percent), ("sam", 50));
    assert!(error.to_string().contains("no image_encoder.blocks.{i}.attn.rel_pos_h"), "{error}");
    let none = Names::new(&Tensors::new()).translate(&NameMap::built_in(), Copies::Never);
    assert_eq!(none, Err(TranslateError::Empty));
}

#[test]
fn the_map_that_knows_most_fits_and_a_tie_is_refused() {
    let lines = "recognise = [\"a\"]\n[names]\n\"a\" = \"x\"\n";
    let maps = [map("one", lines), map("two", &format!("{lines}\"b\" = \"y\"\n"))];
    let both = tensors(&[("a", &[1]), ("b", &[1])]);
    assert_eq!(Names::new(&both).translate(&maps, Copies::Never).unwrap().map, "two");
    let one = tensors(&[("a", &[1])]);
    let error = Names::new(&one).translate(&maps, Copies::Never).unwrap_err();
    let TranslateError::Several(names) = error else { panic!("{error}") };
    assert_eq!(names.len(), 2);
    assert_eq!(Names::new(&one).translate_by(&maps[1], Copies::Never).unwrap().map, "two");
}

#[test]
fn names_that_a_map_does_not_know_are_listed_in_groups() {
    let all = tensors(&[
        ("tok_embeddings.weight", &[9, 4]),
        ("x.0.w", &[1]),
        ("x.1.w", &[1]),
        ("y", &[2]),
    ]);
    let found = Names::new(&all).translate(&NameMap::built_in(), Copies::Never).unwrap();
    let unknown: Vec<_> = found.unknown.iter().map(ToString::to_string).collect();
    assert_eq!(unknown, ["x.{i}.w × 2 of [1]", "y of [2]"]);
}

#[test]
fn a_tied_model_can_fill_the_place_of_its_head() {
    let all = tensors(&[("model.embed_tokens.weight", &[9, 4]), ("model.norm.weight", &[4])]);
    let maps = NameMap::built_in();
    let never = Names::new(&all).translate(&maps, Copies::Never).unwrap();
    assert_eq!(never.copies["llm.lm_head.weight"], "model.embed_tokens.weight");
    let allowed = Names::new(&all).translate(&maps, Copies::Allowed).unwrap();
    assert_eq!(allowed.recipes["llm.lm_head.weight"].shape, [9, 4]);
    assert!(allowed.filled.contains("llm.lm_head.weight"));
    let mut with_head = all;
    with_head.extend(tensors(&[("lm_head.weight", &[9, 4])]));
    let allowed = Names::new(&with_head).translate(&maps, Copies::Allowed).unwrap();
    assert_eq!(allowed.recipes["llm.lm_head.weight"].as_is(), Some("lm_head.weight"));
    assert!(allowed.filled.is_empty());
}

#[test]
fn a_plausible_released_checkpoint_is_translated_as_a_guess() {
    let all = tensors(&[
        ("lm_head.weight", &[9, 4]),
        ("model.embed_tokens.weight", &[9, 4]),
        ("model.layers.0.self_attn.q_proj.weight", &[4, 4]),
        ("model.grounding_encoder.mask_decoder.mask_tokens.weight", &[4, 8]),
        ("model.text_hidden_fcs.0.2.bias", &[8]),
        ("model.vision_tower.visual_encoder.blocks.3.attn.q_bias", &[6]),
        ("model.vision_tower.Qformer.bert.embeddings.LayerNorm.bias", &[5]),
        ("model.mm_projector.weight", &[4, 5]),
        ("model.dinov2.blocks.7.ls2.gamma", &[6]),
        ("model.cem.cross_attn.in_proj_bias", &[18]),
        ("model.cem.cross_attn.k_proj_weight", &[6, 5]),
        ("model.cem.cross_attn.out_proj.weight", &[6, 6]),
        ("model.qformer_proj.1.weight", &[5, 4]),
        ("model.llm_proj.0.bias", &[4]),
    ]);
    let found = Names::new(&all).translate(&NameMap::built_in(), Copies::Never).unwrap();
    assert_eq!((found.map.as_str(), found.certain), ("calico-released", false));
    assert!(found.unknown.is_empty() && found.ignored.is_empty(), "{found:?}");
    for name in ["cem.v.bias", "cem.k.weight", "cams.1.adapt.weight", "dino.blocks.7.ls2.gamma"] {
        assert!(found.recipes.contains_key(name), "{name}");
    }
    assert_eq!(found.recipes["cem.v.bias"].parts[0].rows, Some(12..18));
}

#[test]
fn a_starter_lists_what_is_unknown_and_guesses_what_is_obvious() {
    let all = tensors(&[
        ("model.embed_tokens.weight", &[9, 4]),
        ("tower.0.blocks.0.attn.q_bias", &[6]),
        ("tower.0.blocks.1.attn.q_bias", &[6]),
        ("tower.0.blocks.0.mlp.fc1.bias", &[7]),
        ("tower.0.blocks.1.mlp.fc1.bias", &[7]),
        ("seer.encoder.layer.0.attention.q_proj.bias", &[3]),
        ("seer.encoder.layer.1.attention.q_proj.bias", &[3]),
        ("seer.encoder.layer.0.layer_scale1.lambda1", &[3]),
        ("odd \"name\"", &[]),
    ]);
    let maps = NameMap::built_in();
    let text = Names::new(&all).starter(&maps);
    for line in [
        "use = [{ map = \"llama\", at = \"\" }]",
        "# 2 tensors of [6]\n\"tower.0.blocks.{i}.attn.q_bias\" = \"eva.blocks.{i}.attn.q_bias\"",
        "\"seer.encoder.layer.0.layer_scale1.lambda1\" = \"dino.blocks.0.ls1.gamma\"",
        "# 1 tensor of []\n# \"odd \\\"name\\\"\" = \"\"",
        "\"seer.encoder.layer.{i}.attention.k_proj.{kind}\", ",
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
    let map = NameMap::parse("starter", &text).unwrap();
    let error = Names::new(&all).translate_by(&map, Copies::Never).unwrap_err();
    // Of the stack, the starter says what is missing; everything else is in its place.
    let TranslateError::Unusable { problems, .. } = error else { panic!("{error}") };
    assert!(problems.iter().all(|it| matches!(it, NameProblem::Incomplete { .. })), "{problems:?}");
}

#[test]
fn a_starter_keeps_in_mind_in_which_order_rows_lie() {
    let all = tensors(&[
        ("my.layers.0.attention.wq.weight", &[4, 4]),
        ("my.layers.1.attention.wq.weight", &[4, 4]),
        ("my.layers.0.attention.wv.weight", &[4, 4]),
        ("your.thing", &[1]),
    ]);
    let text = Names::new(&all).starter(&NameMap::built_in());
    let map = NameMap::parse("starter", &text).unwrap();
    let found = Names::new(&all).translate_by(&map, Copies::Never).unwrap();
    let order = |name: &str| found.recipes[name].parts[0].order;
    assert_eq!(
        order("llm.model.layers.1.self_attn.q_proj.weight"),
        RowOrder::RotaryPairs,
        "{text}"
    );
    assert_eq!(order("llm.model.layers.0.self_attn.v_proj.weight"), RowOrder::Same, "{text}");
}

#[test]
fn a_filled_in_starter_is_a_map() {
    let all = tensors(&[("my.0.thing", &[2]), ("my.1.thing", &[2]), ("your", &[1])]);
    let text = Names::new(&all).starter(&NameMap::built_in());
    assert!(text.contains("# \"my.{i}.thing\" = \"\""), "{text}");
    let filled = text
        .replace("# \"my.{i}.thing\" = \"\"", "\"my.{i}.thing\" = \"dino.blocks.{i}.ls1.gamma\"")
        .replace("ignore = []", "ignore = [\"your\"]");
    let map = NameMap::parse("starter", &filled).unwrap();
    let found = Names::new(&all).translate_by(&map, Copies::Never).unwrap();
    assert!(found.unknown.is_empty() && found.recipes.len() == 2);
}
