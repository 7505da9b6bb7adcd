use std::collections::BTreeMap;

use serde::Deserialize;

use super::embedded::parse;
use super::*;

fn all() -> [Vocabulary; 3] {
    [Vocabulary::paco_lvis(), Vocabulary::part_imagenet(), Vocabulary::ade20k_part_234()]
}

/// The pairs that the curator's own script derived.
#[derive(Deserialize)]
struct DerivedPairs {
    pairs: BTreeMap<String, Vec<DerivedPair>>,
}

#[derive(Deserialize)]
struct DerivedPair {
    a: String,
    b: String,
    label_a: String,
    label_b: String,
    group: String,
    common_parts: Vec<String>,
    unique_a: Vec<String>,
    unique_b: Vec<String>,
}

#[test]
fn the_vocabularies_have_the_published_numbers_of_classes() {
    let counts = all().map(|it| (it.classes.len(), it.part_labels.len()));
    let pairs: usize = Vocabulary::paco_lvis().classes.iter().map(|class| class.parts.len()).sum();
    assert_eq!(counts.map(|(classes, _)| classes), [75, 54, 44]);
    assert_eq!(pairs, 456);
    assert!(counts.iter().all(|&(_, labels)| labels > 0));
}

#[test]
fn classes_labels_and_pairs_are_sorted_and_distinct() {
    for it in all() {
        assert!(it.classes.is_sorted_by(|a, b| a.name < b.name), "{}", it.source);
        assert!(it.part_labels.is_sorted_by(|a, b| a < b), "{}", it.source);
        assert!(it.comparable.is_sorted_by(|x, y| (x.a, x.b) < (y.a, y.b)), "{}", it.source);
        assert!(it.comparable.iter().all(|pair| pair.a <= pair.b), "{}", it.source);
        for class in &it.classes {
            assert!(class.parts.is_sorted_by(|a, b| a < b), "{}: {}", it.source, class.name);
        }
    }
}

#[test]
fn the_comparable_pairs_are_those_that_the_curator_derived() {
    let derived: DerivedPairs = parse(include_str!("../../vocabulary/comparable_pairs.json"));
    for it in all() {
        let name = |class: ClassId| it.classes[usize::from(class.0)].name.as_str();
        let ours: Vec<_> =
            it.comparable.iter().map(|pair| (name(pair.a), name(pair.b), &*pair.group)).collect();
        let theirs: Vec<_> = derived.pairs[&it.source]
            .iter()
            .map(|pair| (&*pair.a, &*pair.b, &*pair.group))
            .collect();
        assert_eq!(ours, theirs, "{}", it.source);
    }
}

#[test]
fn labels_and_parts_of_the_comparable_pairs_are_those_that_the_curator_derived() {
    let derived: DerivedPairs = parse(include_str!("../../vocabulary/comparable_pairs.json"));
    for it in all() {
        for pair in &derived.pairs[&it.source] {
            let [a, b] = [&pair.a, &pair.b].map(|name| it.class_named(name).unwrap());
            assert_eq!((it.class_label(a), it.class_label(b)), (&*pair.label_a, &*pair.label_b));
            let parts = |class: ClassId| -> BTreeSet<&str> {
                let parts = &it.classes[usize::from(class.0)].parts;
                parts.iter().map(|&part| it.part_label(part)).collect()
            };
            let set = |labels: &[&Vec<String>]| -> BTreeSet<String> {
                labels.iter().flat_map(|labels| labels.iter().cloned()).collect()
            };
            let owned =
                |class| parts(class).into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
            assert_eq!(
                owned(a),
                set(&[&pair.common_parts, &pair.unique_a]),
                "{} {}",
                pair.a,
                pair.b
            );
            assert_eq!(
                owned(b),
                set(&[&pair.common_parts, &pair.unique_b]),
                "{} {}",
                pair.a,
                pair.b
            );
        }
    }
}

#[test]
fn a_part_label_names_one_part_whatever_the_class() {
    let paco = PacoNames::load();
    let categories = paco.categories.in_file([(1, "mug:handle"), (2, "knife:handle")]);
    let (Ok(PacoCategory::Part(mug, of_mug)), Ok(PacoCategory::Part(knife, of_knife))) =
        (categories.get(1), categories.get(2))
    else {
        panic!("two parts");
    };
    assert_ne!(mug, knife);
    assert_eq!(of_mug, of_knife);
    assert_eq!(paco.vocabulary.part_label(of_mug), "handle");
}

#[test]
fn a_file_says_itself_what_its_ids_stand_for() {
    let names = PacoNames::load();
    let chair = PacoCategory::Object(names.vocabulary.class_named("chair").unwrap());
    assert_eq!(names.categories.in_file([(5, "chair")]).get(5), Ok(chair));
    let message = names.categories.in_file([(5, "char")]).get(5).unwrap_err();
    assert!(message.contains("`char`"), "{message}");
    assert!(names.categories.in_file([(5, "chair")]).get(6).is_err());
}

#[test]
fn a_file_without_categories_means_the_official_ids() {
    let names = PacoNames::load();
    let categories = names.categories.in_file([]);
    let trash_can = PacoCategory::Object(names.vocabulary.class_named("trash_can").unwrap());
    assert_eq!(categories.get(23), Ok(trash_can));
    let Ok(PacoCategory::Part(class, part)) = categories.get(2225) else { panic!("a part") };
    assert_eq!(PacoCategory::Object(class), trash_can);
    assert_eq!(names.vocabulary.part_label(part), "inner body");
}

#[test]
fn a_synset_gives_the_noun_and_the_owner_of_its_parts() {
    let names = PartImageNetNames::load();
    let retriever = names.synset_of("n02099601_1234.JPEG").unwrap();
    assert_eq!(names.vocabulary.class_label(retriever.class), "dog");
    assert_eq!(names.categories.by_id(0).map(|(owner, _)| owner), Some(retriever.super_category));
    assert_eq!(names.synset_of("n99999999_1.JPEG"), None);
    assert_eq!(names.synset_of("picture.JPEG"), None);
}

#[test]
fn part_numbers_of_ade20k_begin_with_the_arm_of_a_person() {
    let names = Ade20kPart234Names::load();
    assert_eq!(names.part_count(), 234);
    let (class, part) = names.part(0).unwrap();
    assert_eq!(names.vocabulary.class_label(class), "person");
    assert_eq!(names.vocabulary.part_label(part), "arm");
    assert_eq!(names.part(234), None);
    assert_eq!(names.part(-1), None);
}
