//! Importing released documents, as the built-in map guesses them and as other maps say.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod hostile;
mod release;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use calico_data::released::{ImportSummary, Matter, Outline, ReleasedError, ReleasedMap};
use calico_data::{DataError, Dataset, Split};
use serde_json::{Value, json};

use release::{Release, TRAIN, guessed, square};

/// What was not understood, but for documents that are not there.
fn listed(summary: &ImportSummary) -> Vec<(Matter, &str, u64)> {
    let all = summary.not_understood.iter().filter(|it| it.matter != Matter::Absent);
    all.map(|it| (it.matter, it.what.as_str(), it.count)).collect()
}

#[test]
fn documents_as_they_are_guessed_become_a_sound_data_set() {
    let release = Release::new(&[(TRAIN, &guessed(1)), ("mixed_parts_test.json", &guessed(11))]);
    let summary = release.import(ReleasedMap::BUILT_IN).unwrap();
    assert_eq!(listed(&summary), []);
    release.assert_sound();
    assert_eq!(summary.splits.keys().collect::<Vec<_>>(), [&Split::Train, &Split::Test]);
    let read = &summary.documents[TRAIN];
    assert_eq!((read.categories, read.images, read.annotations, read.samples), (4, 2, 6, 3));
    let held = &summary.splits[&Split::Train];
    assert_eq!((held.images, held.regions, held.converted, held.rendered), (2, 6, 0, 0));
    let sample = &release.samples(Split::Train)[2];
    assert_eq!(sample.sample_id, "mixed_parts_train/0000002-7/unique_parts");
    assert_eq!(sample.image_ids, ["paco_lvis/000000000001", "paco_lvis/000000000002"]);
    assert_eq!((sample.class_a.as_str(), &sample.image_index[..]), ("chair", &[1, 2][..]));
    assert_eq!(sample.template_ids.answer, "released");
    let data = Dataset::open(&release.data()).unwrap();
    let regions: Vec<_> = data.regions(Split::Train).unwrap().map(Result::unwrap).collect();
    let leg = regions.iter().find(|region| region.region_id == sample.region_ids[0]).unwrap();
    assert_eq!(
        (leg.part_label.as_deref(), leg.area, leg.bbox, &leg.raw_ids[..]),
        (Some("leg"), 64, [10, 10, 8, 8], &[12][..])
    );
    assert_eq!(data.roots()["paco_lvis"], Path::new("/coco"));
    let images: Vec<_> = data.images(Split::Train).unwrap().map(Result::unwrap).collect();
    assert_eq!(images[0].seen, ["chair", "chair/back", "chair/leg"]);
}

/// A document with other names, and a map that says so.
fn renamed() -> (Value, String) {
    let guess = guessed(1);
    let record = |at: usize| {
        let pair = &guess["pairs"][at];
        let answer = pair["answer"].as_str().unwrap();
        let answer =
            answer.replace(" (IMAGE1)", "").replace(" (IMAGE2)", "").replace("[SEG]", "<s>");
        let masks = pair["annotation_ids"].as_array().unwrap().iter().map(|id| json!([id]));
        json!({"a": "train2017/000000000001.jpg", "b": "train2017/000000000002.jpg",
            "turns": [{"value": "What is it?"}, {"value": answer}],
            "masks": masks.collect::<Vec<_>>(), "kind": format!("k{at}")})
    };
    let document = json!({"imgs": guess["images"], "cats": guess["categories"],
        "anns": guess["annotations"], "couples": [record(0), record(1), record(2)]});
    let map = r#"
        [[documents]]
        paths = ["a/other.json"]
        split = "test"
        shape = "other"
        [shapes.other.categories]
        list = "cats"
        id = "id"
        name = "name"
        separator = ":"
        ignore = ["supercategory"]
        [shapes.other.images]
        list = "imgs"
        id = "id"
        file_name = "file_name"
        width = "width"
        height = "height"
        source = "dataset"
        [shapes.other.annotations]
        list = "anns"
        id = "id"
        image = "image_id"
        segmentation = "segmentation"
        label = { category = "category_id" }
        ignore = ["area", "bbox", "iscrowd"]
        [[shapes.other.samples]]
        list = "couples"
        subtask = { key = "kind" }
        images = [{ file_name = "a" }, { file_name = "b" }]
        question = { key = "turns.0.value", before = "<image> (IMAGE1), <image> (IMAGE2)\n" }
        answer = { key = "turns.1.value", replace = [["<s>", "[SEG]"]], number_segments = true }
        masks = [{ list = "masks", id = "" }]
        [sources.paco_lvis]
        spellings = ["paco"]
        strip_prefixes = ["train2017/"]
        add_prefix = "pictures/"
        [subtasks]
        common_objects = ["k0"]
        common_parts = ["k1"]
        unique_parts = ["k2"]
    "#;
    (document, map.to_owned())
}

#[test]
fn documents_with_other_names_are_read_by_a_map_of_the_user() {
    let (document, map) = renamed();
    let release = Release::new(&[("a/other.json", &document)]);
    let summary = release.import(&map).unwrap();
    assert_eq!(listed(&summary), []);
    release.assert_sound();
    let samples = release.samples(Split::Test);
    assert_eq!(samples.len(), 3);
    assert_eq!(samples[0].answer, guessed(1)["pairs"][0]["answer"]);
    assert_eq!(samples[0].template_ids.question, "converted");
    assert_eq!(summary.splits[&Split::Test].converted, 3);
    let data = Dataset::open(&release.data()).unwrap();
    let image = data.images(Split::Test).unwrap().next().unwrap().unwrap();
    assert_eq!(image.file_name, "pictures/000000000001.jpg");
}

#[test]
fn texts_that_are_missing_are_rendered_only_where_the_map_says_so() {
    let mut document = guessed(1);
    for pair in document["pairs"].as_array_mut().unwrap() {
        let pair = pair.as_object_mut().unwrap();
        pair.remove("answer");
        pair.remove("question");
    }
    let release = Release::new(&[(TRAIN, &document)]);
    let error = release.import(ReleasedMap::BUILT_IN).unwrap_err().to_string();
    assert!(error.contains("3 × no value at `question`"), "{error}");
    let map = ReleasedMap::BUILT_IN
        .replace("[[shapes.pairs.samples]]", "[[shapes.pairs.samples]]\ntexts = \"render\"");
    let summary = release.import(&map).unwrap();
    release.assert_sound();
    assert_eq!(summary.splits[&Split::Train].rendered, 3);
    let templates = &release.samples(Split::Train)[2].template_ids;
    assert!(templates.question.starts_with("UP") && templates.answer.starts_with("UP"));
}

#[test]
fn masks_that_stand_in_a_sample_are_read_and_one_list_gives_several_sub_tasks() {
    let images = guessed(1)["images"].clone();
    let chair = |x| json!({"m": square(x, 0, 20), "o": "Chair"});
    let back = |x, n| json!({"m": square(x, 0, 5), "o": "Chair", "p": "Back", "n": n});
    let pair = json!({"x": 1, "y": 2, "first": [chair(0)], "second": [chair(9)],
        "shared": [back(0, 0), back(9, 1)]});
    let release = Release::new(&[("p.json", &json!({"images": images, "pairs": [pair]}))]);
    let (_, map) = renamed();
    let start = map.find("[shapes.other.categories]").unwrap();
    let (images, sources) =
        (map.find("[shapes.other.images]").unwrap(), map.find("[sources").unwrap());
    let samples = |task: &str, masks: &str| {
        format!(
            "[[shapes.other.samples]]\nlist = \"pairs\"\nsubtask = {{ always = \"{task}\" }}\n\
             images = [{{ id = \"x\" }}, {{ id = \"y\" }}]\ntexts = \"render\"\nmasks = [{masks}]\n"
        )
    };
    let label = "segmentation = \"m\", label = { object = \"o\", part = \"p\" }";
    let map = format!(
        "{}{}{}{}{}\n[labels]\nlower_case = true\n",
        map[..start].replace("a/other.json", "p.json"),
        map[images..map.find("[shapes.other.annotations]").unwrap()].replace("imgs", "images"),
        samples(
            "common_objects",
            &format!(
                "{{ list = \"first\", image = 1, {label} }}, {{ list = \"second\", image = 2, {label} }}"
            )
        ),
        samples(
            "common_parts",
            &format!("{{ list = \"shared\", image_number = \"n\", first_number = 0, {label} }}")
        ),
        &map[sources..],
    );
    let summary = release.import(&map).unwrap();
    assert_eq!(listed(&summary), []);
    release.assert_sound();
    assert_eq!(release.samples(Split::Test).len(), 2);
}

#[test]
fn samples_find_images_and_annotations_in_other_documents_of_their_split() {
    let mut pairs = guessed(1);
    let mut images = pairs.clone();
    for list in ["images", "categories", "annotations"] {
        pairs.as_object_mut().unwrap().remove(list);
    }
    images.as_object_mut().unwrap().remove("pairs");
    let ade = "ADE20KPart234/ade20k_instance_val_mixed_parts.json";
    for image in images["images"].as_array_mut().unwrap() {
        image.as_object_mut().unwrap().remove("dataset");
    }
    let (cut, end) = ("[shapes.pairs.categories]", "[[shapes.pairs.samples]]");
    let map =
        ReleasedMap::BUILT_IN.replace("source = \"ade20k_part_234\"", "source = \"paco_lvis\"");
    let map = format!("{}{}", &map[..map.find(cut).unwrap()], &map[map.find(end).unwrap()..]);
    // The document of the test split serves the one of the dev split too.
    let release = Release::new(&[("mixed_parts_val.json", &pairs), (ade, &images)]);
    let summary = release.import(&map).unwrap();
    assert_eq!(listed(&summary), []);
    release.assert_sound();
    assert_eq!(release.samples(Split::Dev).len(), 3);
    let release = Release::new(&[(TRAIN, &pairs), (ade, &images)]);
    let error = release.import(&map).unwrap_err().to_string();
    assert!(error.contains("an image that is not listed"), "{error}");
}

#[test]
fn what_is_not_understood_is_listed() {
    let mut document = guessed(1);
    document["version"] = json!(3);
    document["images"][0]["camera"] = json!("x");
    document["images"].as_array_mut().unwrap().push(json!({"id": 3, "file_name": "../a.jpg",
        "width": 6, "height": 4, "dataset": "paco"}));
    document["images"].as_array_mut().unwrap().push(json!({"id": 4, "file_name": "b.jpg",
        "width": 6, "height": 4, "dataset": "LVIS"}));
    document["annotations"][0]["depth"] = json!({"near": 1});
    document["annotations"][3]["segmentation"] = json!([[1, 2, 3]]);
    let mut pair = document["pairs"][1].clone();
    pair["task"] = json!("all parts");
    pair["image_ids"] = json!([1, 2, 5]);
    document["pairs"].as_array_mut().unwrap().push(pair);
    document["categories"][1]["name"] = json!("chair:rest");
    document["pairs"][2]["answer"] = json!("Only <p> a leg </p> [SEG] and <p> an arm </p> [SEG].");
    let release = Release::new(&[(TRAIN, &document)]);
    release.write("PartImageNet/annotations/train_whole/a.png", "x");
    let summary = release.import(ReleasedMap::BUILT_IN).unwrap();
    assert_eq!(release.samples(Split::Train).len(), 1);
    let found = listed(&summary);
    let expected = [
        (Matter::File, "files that the map does not name"),
        (Matter::Key, "annotations.depth"),
        (Matter::Key, "images.camera"),
        (Matter::Key, "pairs.image_ids.(positions behind those of the map)"),
        (Matter::Key, "version"),
        (Matter::Image, "a path that is not harmless"),
        (Matter::Image, "the source \"LVIS\": set sources.*.spellings"),
        (Matter::Mask, "found 1 polygons"),
        (Matter::Mask, "the phrase \"a back\" on a mask of \"rest\""),
        (Matter::Sample, "an annotation that is not listed"),
        (Matter::Sample, "an answer in another grammar: set answer.replace"),
        (Matter::Sample, "the sub-task \"all parts\""),
    ];
    for ((matter, what, _), (expected_matter, start)) in found.iter().zip(expected) {
        assert!(*matter == expected_matter && what.starts_with(start), "{matter:?} {what}");
    }
    assert_eq!(found.len(), expected.len(), "{found:?}");
    let absent = summary.not_understood.iter().filter(|it| it.matter == Matter::Absent);
    assert_eq!(absent.count(), 7);
}

#[test]
fn an_image_of_the_test_split_is_kept_out_of_training() {
    let mut train = guessed(1);
    let later = guessed(21);
    for list in ["images", "pairs"] {
        let more = later[list].as_array().unwrap().clone();
        train[list].as_array_mut().unwrap().extend(more);
    }
    let release = Release::new(&[(TRAIN, &train), ("mixed_parts_test.json", &guessed(1))]);
    let summary = release.import(ReleasedMap::BUILT_IN).unwrap();
    assert_eq!(summary.splits.keys().collect::<Vec<_>>(), [&Split::Test]);
    let leak = (Matter::Sample, "an image that is also in the test split", 3);
    assert!(listed(&summary).contains(&leak), "{:?}", listed(&summary));
}

#[test]
fn a_document_of_another_shape_is_refused_with_its_outline_and_the_keys_to_set() {
    let release = Release::new(&[(TRAIN, &json!({"data": [{"a": 1}], "meta": {}}))]);
    let error = release.import(ReleasedMap::BUILT_IN).unwrap_err();
    assert!(matches!(error, DataError::Released(ReleasedError::Shape { .. })), "{error}");
    let error = error.to_string();
    for part in ["data (1 × list of up to 1)", "meta", "shapes.pairs.samples.list", "\"pairs\""] {
        assert!(error.contains(part), "{error}");
    }
    let release = Release::new(&[("else.json", &json!([]))]);
    let error = release.import(ReleasedMap::BUILT_IN).unwrap_err();
    assert!(matches!(error, DataError::Released(ReleasedError::NoDocument { .. })), "{error}");
}

#[test]
fn an_import_that_fails_keeps_the_earlier_data_set_and_one_that_works_replaces_it() {
    let release = Release::new(&[(TRAIN, &guessed(1))]);
    release.import(ReleasedMap::BUILT_IN).unwrap();
    let mut bad = guessed(1);
    bad["pairs"] = json!([]);
    release.write(TRAIN, &bad.to_string());
    let error = release.import(ReleasedMap::BUILT_IN).unwrap_err();
    assert!(matches!(error, DataError::Released(ReleasedError::NoSamples { .. })), "{error}");
    assert_eq!(release.samples(Split::Train).len(), 3);
    release.write(TRAIN, &guessed(5).to_string());
    release.import(ReleasedMap::BUILT_IN).unwrap();
    assert_eq!(release.samples(Split::Train)[0].image_ids[0], "paco_lvis/000000000005");
    assert_eq!(fs::read_dir(release.out.path()).unwrap().count(), 1);
}

#[test]
fn a_map_that_contradicts_itself_is_refused_with_all_its_faults() {
    assert!(ReleasedMap::from_toml(ReleasedMap::BUILT_IN).is_ok());
    let map = ReleasedMap::BUILT_IN
        .replacen("shape = \"pairs\"", "shape = \"couples\"", 1)
        .replacen("list = \"images\"", "list = \"\"", 1)
        .replacen("answer = { key = \"answer\" }", "", 1);
    let error = ReleasedMap::from_toml(&map).unwrap_err().to_string();
    for part in ["couples", "\"\" alone", "texts = \"render\""] {
        assert!(error.contains(part), "{error}");
    }
    let unknown = ReleasedMap::BUILT_IN.replacen("also_for", "also_from", 1);
    let error = ReleasedMap::from_toml(&unknown).unwrap_err().to_string();
    assert!(error.contains("also_from"), "{error}");
}

#[test]
fn an_outline_says_what_a_document_holds_in_few_words() {
    let mut document = guessed(1);
    let many: BTreeMap<String, u32> = (0..500).map(|key| (format!("k{key}"), key)).collect();
    document["by_id"] = json!(many);
    document["info"]["long"] = json!("x".repeat(1000));
    let release = Release::new(&[(TRAIN, &document)]);
    let outline = Outline::read(&release.root.path().join(TRAIN), &mut |_| true).unwrap();
    let text = outline.to_string();
    for line in [
        "  annotations: 1 × list of up to 6",
        "      category_id: 6 × number; 1, 2, 3",
        "      file_name: 2 × text; \"train2017/000000000001.jpg\", \"train2017/000000000002.jpg\"",
        "    … and 440 × other keys",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(text.len() < 8000, "{text}");
    let stopped = Outline::read(&release.root.path().join(TRAIN), &mut |_| false);
    assert!(matches!(stopped, Err(DataError::Stopped)));
}
