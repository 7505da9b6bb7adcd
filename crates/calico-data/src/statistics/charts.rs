use calico_result::Task;
use calico_result::pictures::chart::{Chart, Direction, Series, grouped};

use super::{ClassPairSamples, MaskSizes, SplitStatistics};
use crate::Split;

/// Bars of a chart of names.
const MOST_NAMES: usize = 25;

/// The charts of a split, each with the end of its file name.
pub(super) fn charts(split: Split, statistics: &SplitStatistics) -> [(&'static str, Chart); 4] {
    let SplitStatistics { samples, images, regions, .. } = statistics;
    let [samples, images, regions] = [samples, images, regions].map(|number| grouped(*number));
    let of_split = format!("Split {split}: {samples} samples, {images} images, {regions} masks");
    [
        ("subtasks", subtasks(statistics, of_split.clone())),
        ("class_pairs", class_pairs(statistics, &of_split)),
        ("parts", parts(statistics, &of_split)),
        ("mask_sizes", mask_sizes(statistics, of_split)),
    ]
}

fn subtasks(statistics: &SplitStatistics, note: String) -> Chart {
    let sources = &statistics.sources;
    let series = |task: Task| Series {
        name: task.title().to_owned(),
        values: sources.values().map(|of| of.samples.get(&task).copied().unwrap_or(0)).collect(),
    };
    Chart {
        title: "Samples by source and sub-task".to_owned(),
        note,
        category_axis: "Source".to_owned(),
        value_axis: "Number of samples".to_owned(),
        categories: sources.keys().cloned().collect(),
        series: Task::ALL.map(series).into(),
        direction: Direction::Right,
    }
}

fn class_pairs(statistics: &SplitStatistics, of_split: &str) -> Chart {
    let pairs = &statistics.class_pairs;
    let shown = &pairs[..pairs.len().min(MOST_NAMES)];
    Chart {
        title: "Class pairs with the most samples".to_owned(),
        note: format!("{of_split}; {}", first_of(shown.len(), pairs.len(), "class pairs")),
        category_axis: "Classes".to_owned(),
        value_axis: "Number of samples".to_owned(),
        categories: shown.iter().map(pair_name).collect(),
        series: vec![Series {
            name: "Samples".to_owned(),
            values: shown.iter().map(ClassPairSamples::total).collect(),
        }],
        direction: Direction::Right,
    }
}

/// A pair of classes in words.
pub(super) fn pair_name(pair: &ClassPairSamples) -> String {
    format!("{} + {} ({})", pair.class_a, pair.class_b, pair.source)
}

fn parts(statistics: &SplitStatistics, of_split: &str) -> Chart {
    let parts = &statistics.parts;
    let shown = &parts[..parts.len().min(MOST_NAMES)];
    Chart {
        title: "Parts with the most masks in answers".to_owned(),
        note: format!("{of_split}; {}", first_of(shown.len(), parts.len(), "part labels")),
        category_axis: "Part".to_owned(),
        value_axis: "Number of masks in answers".to_owned(),
        categories: shown.iter().map(|part| part.label.clone()).collect(),
        series: vec![Series {
            name: "Masks in answers".to_owned(),
            values: shown.iter().map(|part| part.segments).collect(),
        }],
        direction: Direction::Right,
    }
}

fn mask_sizes(statistics: &SplitStatistics, note: String) -> Chart {
    let MaskSizes { objects, parts } = &statistics.mask_sizes;
    let series =
        |name: &str, values: &[u64]| Series { name: name.to_owned(), values: values.into() };
    Chart {
        title: "Sizes of masks".to_owned(),
        note,
        category_axis: "Share of the image in percent".to_owned(),
        value_axis: "Number of masks".to_owned(),
        categories: MaskSizes::steps(),
        series: vec![series("Objects", objects), series("Parts", parts)],
        direction: Direction::Up,
    }
}

fn first_of(shown: usize, all: usize, what: &str) -> String {
    if shown < all {
        format!("the first {shown} of {} {what}", grouped(all as u64))
    } else {
        format!("all {shown} {what}")
    }
}
