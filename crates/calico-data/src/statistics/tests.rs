use std::collections::BTreeMap;

use calico_result::{Task, create_output_folder};

use super::*;
use crate::example::{Example, tables};
use crate::sources::Watch;
use crate::{Dataset, TableFormat};

/// Two pairs of chairs in each split, and a lamp with a chair in training.
fn counted(format: TableFormat) -> Statistics {
    let mut example = Example::new(2);
    example.samples[0].1.class_b = "bench".to_owned();
    example.samples[0].1.ambiguous = true;
    example.samples[1].1.class_a = "bench".to_owned();
    let scratch = tempfile::tempdir().unwrap();
    example.write(scratch.path(), &tables(format));
    statistics(&Dataset::open(scratch.path()).unwrap(), &Watch::unwatched()).unwrap()
}

#[test]
fn everything_is_counted() {
    let statistics = counted(TableFormat::Parquet);
    let train = &statistics.splits[&Split::Train];
    assert_eq!((train.images, train.regions, train.samples, train.ambiguous), (4, 16, 6, 1));
    let each = |count| BTreeMap::from(Task::ALL.map(|task| (task, count)));
    let source = SourceStatistics { images: 4, regions: 16, samples: each(2) };
    assert_eq!(train.sources, [("paco_lvis".to_owned(), source)].into());
    let pairs: Vec<_> = train
        .class_pairs
        .iter()
        .map(|pair| (pair.class_a.as_str(), pair.class_b.as_str(), pair.total()))
        .collect();
    assert_eq!(pairs, [("chair", "chair", 4), ("bench", "chair", 2)]);
    let parts: Vec<_> =
        train.parts.iter().map(|part| (part.label.as_str(), part.regions, part.segments)).collect();
    assert_eq!(parts, [("back", 4, 4), ("seat", 4, 4), ("arm", 2, 2), ("leg", 2, 2)]);
    assert_eq!((train.objects[0].regions, train.objects[0].segments), (4, 4));
    let uses = Spread { count: 4, sum: 12, min: 3, median: 3, mean: 3.0, max: 3 };
    assert_eq!(train.uses_per_image, uses);
    assert_eq!(train.segments_per_answer, [(2, 4), (4, 2)].into());
    // Objects have 4,200 of 8,000 pixels, parts 450.
    assert_eq!(train.mask_sizes.objects[9], 4);
    assert_eq!(train.mask_sizes.parts[6], 12);
    // "Compare … with …. Mark what I asked for."
    assert_eq!((train.words_per_question.min, train.words_per_question.max), (7, 7));
    assert_eq!((train.words_per_answer.min, train.words_per_answer.max), (8, 12));
}

#[test]
fn both_formats_give_the_same_numbers_and_survive_json() {
    let statistics = counted(TableFormat::Parquet);
    assert_eq!(statistics, counted(TableFormat::JsonLines));
    let text = serde_json::to_string(&statistics).unwrap();
    assert_eq!(serde_json::from_str::<Statistics>(&text).unwrap(), statistics);
}

#[test]
fn an_empty_split_is_counted_and_drawn() {
    let scratch = tempfile::tempdir().unwrap();
    Example::new(0).write(scratch.path(), &tables(TableFormat::Parquet));
    let dataset = Dataset::open(scratch.path()).unwrap();
    let statistics = statistics(&dataset, &Watch::unwatched()).unwrap();
    assert_eq!(statistics.splits[&Split::Dev].samples, 0);
    assert!(statistics.charts().iter().all(|(_, chart)| chart.picture().is_ok()));
}

#[test]
fn the_text_shows_sums_lists_and_spreads() {
    let statistics = counted(TableFormat::Parquet);
    let text = statistics.to_text();
    for line in [
        "train: 6 samples (1 ambiguous), 4 images, 16 masks",
        "  paco_lvis       4     16               2             2             2        6",
        "  bench + chair (paco_lvis)               1             1             0        2",
        "  words of a question             7       7   7.0     7",
    ] {
        assert!(text.contains(line), "{line:?} is missing in\n{text}");
    }
    let markdown = statistics.to_markdown();
    assert!(markdown.contains("\n| paco\\_lvis | 4 | 16 | 2 | 2 | 2 | 6 |\n"), "{markdown}");
}

#[test]
fn four_charts_of_each_split_are_written_in_two_forms() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = create_output_folder(scratch.path()).unwrap();
    let paths = counted(TableFormat::Parquet).write_charts(&folder).unwrap();
    assert_eq!(paths.len(), 24);
    let svg = std::fs::read_to_string(scratch.path().join("train_class_pairs.svg")).unwrap();
    assert!(svg.contains("bench + chair") && svg.contains("Number of samples"), "{svg}");
    assert!(scratch.path().join("test_mask_sizes.png").exists());
}

#[test]
fn samples_of_three_images_and_of_nothing_are_counted() {
    let mut example = Example::new(1);
    example.add_three(Split::Train);
    example.say_nothing(0);
    let scratch = tempfile::tempdir().unwrap();
    example.write(scratch.path(), &tables(TableFormat::Parquet));
    let found = statistics(&Dataset::open(scratch.path()).unwrap(), &Watch::unwatched()).unwrap();
    let train = &found.splits[&Split::Train];
    assert_eq!((train.images, train.samples), (7, 6));
    assert_eq!(train.segments_per_answer, [(0, 3), (1, 1), (3, 2)].into());
    assert_eq!((train.uses_per_image.sum, train.uses_per_image.max), (3 * 2 + 3 * 3, 3));
    assert!(!found.to_text().is_empty());
}
