use super::built_in::TEXTS;
use super::*;

fn read(rest: &str) -> Result<NameMap, MapError> {
    NameMap::parse("map.toml", &format!("title = \"x\"\ncertain = true\n{rest}"))
}

fn problems(rest: &str) -> Vec<String> {
    match read(rest) {
        Err(MapError::Wrong { problems, .. }) => problems.iter().map(ToString::to_string).collect(),
        other => panic!("expected problems, found {other:?}"),
    }
}

#[test]
fn every_built_in_map_can_be_read() {
    for (name, text) in TEXTS {
        if let Err(error) = NameMap::parse(name, text) {
            panic!("{error:?}");
        }
    }
    assert_eq!(NameMap::built_in().len(), TEXTS.len());
}

#[test]
fn every_map_of_the_folder_is_built_in() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/maps");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|file| {
            Some(file.unwrap().file_name().to_str()?.strip_suffix(".toml")?.to_owned())
        })
        .collect();
    files.sort();
    let names: Vec<&str> = TEXTS.iter().map(|(name, _)| *name).collect();
    assert_eq!(files, names);
}

#[test]
fn what_no_map_has_is_refused_with_its_place() {
    let error = read("nmaes = {}").unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(error.to_string().contains("map.toml"));
    assert!(source.contains("nmaes") && source.contains("line 3"), "{source}");
    let error = read("[names]\n\"a\" = 3").unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("expected a name in quotes, or a list of names"), "{source}");
}

#[test]
fn problems_are_told_together_each_with_its_key() {
    let found = problems(
        "ignore = [\"a.{i\"]\nrecognise = [\"\"]\n\
         [names]\n\"b.{i}\" = \"eva.b\"\n\"c\" = []\n\
         [[stack]]\nfrom = [\"d\"]\nto = \"eva.d\"\n\
         [[cut]]\nfrom = \"e.{i}\"\nto = [\"eva.{n}\", \"zero\"]\n",
    );
    for (key, reason) in [
        ("recognise.0: ``", "empty"),
        ("ignore: `a.{i`", "brace"),
        ("names.\"b.{i}\": `eva.b`", "{_i}"),
        ("names.\"c\": found 0", "one name or more"),
        ("stack: found 1", "two names or more"),
        ("cut.\"e.{i}\": `eva.{n}`", "`{n}` has no value"),
    ] {
        let is_told = |text: &String| text.contains(key) && text.contains(reason);
        assert!(found.iter().any(is_told), "{key} {reason}: {found:#?}");
    }
    assert_eq!(found.len(), 6, "{found:#?}");
}

#[test]
fn two_lines_for_one_name_are_refused() {
    let found = problems("[names]\n\"a.{i}.w\" = \"x.{i}\"\n\"a.0.{word}\" = \"y.{word}\"\n");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("`a.0.{word}` and `a.{i}.w` match the same names"), "{found:?}");
    let used =
        problems("use = [{ map = \"sam\" }]\n[names]\n\"image_encoder.{rest}\" = \"x.{rest}\"\n");
    assert!(used.iter().all(|text| text.contains("image_encoder.{rest}")), "{used:?}");
}

#[test]
fn maps_that_are_used_have_to_be_there() {
    let found = problems("use = [{ map = \"sma\", at = \"x.\" }]\n");
    assert!(found[0].contains("`sma`") && found[0].contains("sam-transformers"), "{found:?}");
}

#[test]
fn a_used_map_holds_below_its_place() {
    let map = read("use = [{ map = \"sam\", at = \"my.{_tower}.\" }]").unwrap();
    let name = "my.tower.image_encoder.pos_embed";
    assert!(matches!(map.find(name), Found::Entry(..)));
    assert!(matches!(map.find("image_encoder.pos_embed"), Found::Nothing));
    assert!(map.targets().any(|target| target.matches("sam.encoder.blocks.31.attn.qkv.bias")));
}

#[test]
fn what_is_ignored_is_not_named() {
    let map = read("ignore = [\"a.39.{rest}\"]\n[names]\n\"a.{i}.w\" = \"b.{i}\"\n").unwrap();
    assert!(matches!(map.find("a.38.w"), Found::Entry(..)));
    assert!(matches!(map.find("a.39.w"), Found::Ignored(_)));
    assert!(matches!(map.find("a.39"), Found::Nothing));
}

#[test]
fn a_map_of_more_lines_than_can_be_compared_is_refused() {
    let found = |rest: &str| match read(rest) {
        Err(MapError::Wrong { problems, .. }) => match &problems[..] {
            [MapProblem::TooMany { found }] => *found,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let ignore = vec!["\"a.{rest}\""; 5_000].join(", ");
    assert_eq!(found(&format!("ignore = [{ignore}]\n")), 5_000);
    // Of the maps that are used, no more are read than it takes to tell.
    for used in ["calico-released", "dinov2-timm"] {
        let uses = vec![format!("{{ map = \"{used}\" }}"); 20_000].join(", ");
        assert!(found(&format!("use = [{uses}]\n")) < 4_000);
    }
}

#[test]
fn patterns_that_are_too_long_to_be_compared_are_told() {
    let run = "n".repeat(20_000);
    let found =
        problems(&format!("[names]\n\"{{_rest}}{run}o\" = \"x\"\n\"{run}{{_i}}\" = \"y\"\n"));
    let [text] = &found[..] else { panic!("{found:?}") };
    assert!(text.contains("too long to be compared") && text.len() < 400, "{text}");
}
