use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Pattern {
    Pattern::parse(text).unwrap()
}

#[test]
fn numbers_have_no_leading_zeros() {
    let pattern = read("layers.{i}.w");
    for (name, matches) in [
        ("layers.0.w", true),
        ("layers.10.w", true),
        ("layers.010.w", false),
        ("layers.00.w", false),
        ("layers.-1.w", false),
        ("layers..w", false),
        ("layers.1x.w", false),
        ("layers.1.w.w", false),
        ("a.layers.1.w", false),
        ("layers.99999999999999999999999999.w", true),
    ] {
        assert_eq!(pattern.matches(name), matches, "{name}");
    }
}

#[test]
fn each_placeholder_has_its_kind() {
    let pattern = read("blk.{i}.attn_{p:q|k|output}.{kind}");
    let values = pattern.values("blk.3.attn_output.bias").unwrap();
    let found = ["i", "p", "kind", "other"].map(|name| values.get(name));
    assert_eq!(found, [Some("3"), Some("output"), Some("bias"), None]);
    assert!(!pattern.matches("blk.3.attn_v.bias"));
    assert!(!pattern.matches("blk.3.attn_q.gamma"));
    assert!(read("a.{adapter}.w").matches("a.default.w"));
    assert!(!read("a.{adapter}.w").matches("a.b.c.w"));
    assert!(read("a.{rest}").matches("a.b.c.w"));
    assert!(!read("a.{rest}").matches("a."));
    assert!(read("{rest}.inv_freq").matches("a.b.inv_freq"));
    assert!(!read("{rest}.inv_freq").matches(".inv_freq"));
    assert!(read("{{i}}.w").matches("{i}.w"));
}

#[test]
fn what_is_not_clear_is_refused() {
    let twice = PatternError::Twice("i".into());
    let options = PatternError::Options { name: "p".into(), short: "q".into(), long: "qkv".into() };
    for (text, problem) in [
        ("", PatternError::Empty),
        ("a.{i", PatternError::Brace),
        ("a.i}", PatternError::Brace),
        ("a.{}", PatternError::Name(String::new())),
        ("a.{I}", PatternError::Name("I".into())),
        ("a.{p:}", PatternError::Name("p:".into())),
        ("a.{i}.{i}", twice.clone()),
        ("a.{_i}.{i}", twice),
        ("a.{p:q|qkv}", options),
    ] {
        assert_eq!(Pattern::parse(text), Err(problem), "{text}");
    }
    for text in ["a{i}{k}", "a{i}1", "a.{word}_w", "a.{rest}.{i}", "a{kind}{i}"] {
        let problem = Pattern::parse(text);
        assert!(matches!(problem, Err(PatternError::End { .. })), "{text}: {problem:?}");
    }
}

#[test]
fn both_sides_have_the_same_placeholders() {
    let source = read("a.{i}.{p:q|k}.{_c}");
    let target = Pattern::parse_for("b.{p}.x.{i}", &source).unwrap();
    assert_eq!(target.render(&source.values("a.7.k.0").unwrap()).unwrap(), "b.k.x.7");
    assert!(target.matches("b.q.x.0"));
    assert!(!target.matches("b.v.x.0"), "the options are those of the source");
    let unbound = Pattern::parse_for("b.{i}.{p}.{n}", &source);
    assert_eq!(unbound, Err(PatternError::Unbound("n".into())));
    assert_eq!(Pattern::parse_for("b.{i}", &source), Err(PatternError::Lost("p".into())));
}

#[test]
fn patterns_that_share_a_name_overlap() {
    for (one, other, overlap) in [
        ("a.{i}.w", "a.0.w", true),
        ("a.{i}.w", "a.00.w", false),
        ("a.{i}.w", "a.x.w", false),
        ("a.{i}.w", "a.{word}.w", true),
        ("a.{i}.{n}.w", "a.{word}.w", false),
        ("a.{i}.{n}.w", "a.{rest}", true),
        ("{rest}.w", "a.{rest}", true),
        ("{rest}.w", "a.{kind}", false),
        ("a.{kind}", "a.{p:bias|gamma}", true),
        ("a.{kind}", "a.{p:biases|gamma}", false),
        ("a{i}", "a1{i}", true),
        ("a{i}.b", "a1.{word}", true),
        ("blocks.{c}.{i}.norm1", "blocks.{i}.norm1", false),
        ("x.{i}", "y.{i}", false),
    ] {
        let (one, other) = (read(one), read(other));
        assert_eq!(one.overlaps(&other), overlap, "{one} and {other}");
        assert_eq!(other.overlaps(&one), overlap, "{other} and {one}");
        assert!(one.overlaps(&one));
    }
}

/// Pieces of patterns and what may stand there, separated by dots so that any sequence is clear.
fn piece() -> impl Strategy<Value = (String, String)> {
    prop_oneof![
        "[a-z_{}]{1,6}".prop_map(|text| (escaped(&text), text)),
        (0u32..2000).prop_map(|number| ("{NUMBER}".to_owned(), number.to_string())),
        prop_oneof!["weight", "bias"].prop_map(|kind| ("{KIND:weight|bias}".to_owned(), kind)),
        "[^.]{1,8}".prop_map(|word| ("{WORDWORD}".to_owned(), word)),
    ]
}

/// A pattern and a name that matches it.
fn pattern_and_name() -> impl Strategy<Value = (String, String)> {
    let rest = prop_oneof![Just(None), ".{1,20}".prop_map(Some)];
    (prop::collection::vec(piece(), 1..8), rest).prop_map(|(pieces, rest)| {
        let (mut pattern, mut name) = (Vec::new(), Vec::new());
        for (at, (piece, value)) in pieces.into_iter().enumerate() {
            // Each placeholder gets a name of its own, of the right length.
            let letter = char::from(b'a' + at as u8);
            let piece = piece.replace("NUMBER", &letter.to_string());
            let piece = piece.replace("WORDWORD", &format!("w{letter}"));
            pattern.push(piece.replace("KIND", &format!("k{letter}")));
            name.push(value);
        }
        if let Some(rest) = rest {
            pattern.push("{rest}".to_owned());
            name.push(rest);
        }
        (pattern.join("."), name.join("."))
    })
}

proptest! {
    #[test]
    fn what_is_matched_and_rendered_back_is_the_name((pattern, name) in pattern_and_name()) {
        let pattern = Pattern::parse(&pattern).unwrap();
        let values = pattern.values(&name);
        prop_assert!(values.is_some(), "{pattern} does not match {name}");
        prop_assert_eq!(pattern.render(&values.unwrap()), Some(name.clone()));
        prop_assert!(pattern.overlaps(&Pattern::literal(&name).unwrap()));
    }

    #[test]
    fn any_text_is_a_pattern_or_an_error_and_matches_only_what_it_renders(
        text in "[a-z{}_:|.0-9]{0,24}",
        name in "[a-z{}_:|.0-9]{0,24}",
    ) {
        if let Ok(pattern) = Pattern::parse(&text) {
            if let Some(values) = pattern.values(&name) {
                prop_assert_eq!(pattern.render(&values), Some(name.clone()));
            }
            let literal = Pattern::literal(&name);
            prop_assert_eq!(pattern.matches(&name), literal.is_ok_and(|it| it.overlaps(&pattern)));
        }
    }

    #[test]
    fn patterns_that_match_one_name_overlap(
        (one, name) in pattern_and_name(),
        other in "[a-z{}_:|.0-9]{0,24}",
    ) {
        let one = Pattern::parse(&one).unwrap();
        if let Ok(other) = Pattern::parse(&other) {
            prop_assert!(!other.matches(&name) || other.overlaps(&one));
        }
    }

    #[test]
    fn any_name_is_matched_by_itself_alone(name in ".{1,40}", other in ".{1,40}") {
        let pattern = Pattern::literal(&name).unwrap();
        prop_assert!(pattern.matches(&name));
        prop_assert_eq!(pattern.matches(&other), name == other);
    }
}
