//! The most important numbers as tables of text.

use std::fmt::Write as _;

use calico_result::Task;
use calico_result::pictures::chart::grouped;

use super::grid::Grid;
use super::{MaskSizes, SplitStatistics, Spread, Statistics};

/// Rows of a list of labels or pairs; all are in the JSON.
const LONGEST_LIST: usize = 12;

pub(super) fn text(statistics: &Statistics) -> String {
    let mut text = String::new();
    for (split, of_split) in &statistics.splits {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}\n", headline(&split.to_string(), of_split));
        for (title, grid) in grids(of_split) {
            let _ = writeln!(text, "{title}\n{}", grid.text());
        }
    }
    text
}

pub(super) fn markdown(statistics: &Statistics) -> String {
    let mut text = "# Statistics\n".to_owned();
    for (split, of_split) in &statistics.splits {
        let _ = writeln!(text, "\n## {split}\n\n{}.", headline("This split", of_split));
        for (title, grid) in grids(of_split) {
            let _ = write!(text, "\n### {title}\n\n{}", grid.markdown());
        }
    }
    text
}

fn headline(name: &str, split: &SplitStatistics) -> String {
    let SplitStatistics { images, regions, samples, ambiguous, .. } = split;
    let [images, regions, samples, ambiguous] =
        [images, regions, samples, ambiguous].map(|number| grouped(*number));
    format!("{name}: {samples} samples ({ambiguous} ambiguous), {images} images, {regions} masks")
}

fn grids(split: &SplitStatistics) -> Vec<(String, Grid)> {
    vec![
        ("Sources".to_owned(), sources(split)),
        (shortened("Class pairs", split.class_pairs.len()), class_pairs(split)),
        (shortened("Objects", split.objects.len()), labels(&split.objects)),
        (shortened("Parts", split.parts.len()), labels(&split.parts)),
        ("Masks by their share of the image".to_owned(), mask_sizes(split)),
        ("[SEG] per answer".to_owned(), segments(split)),
        ("Per image, question and answer".to_owned(), spreads(split)),
    ]
}

fn shortened(title: &str, count: usize) -> String {
    if count > LONGEST_LIST {
        format!("{title}, the first {LONGEST_LIST} of {}", grouped(count as u64))
    } else {
        title.to_owned()
    }
}

fn tasks() -> impl Iterator<Item = &'static str> {
    Task::ALL.into_iter().map(Task::title)
}

fn sources(split: &SplitStatistics) -> Grid {
    let mut grid = Grid::new(&["Source", "Images", "Masks"]);
    grid.header.extend(tasks().map(str::to_owned));
    grid.header.push("Samples".to_owned());
    for (source, counts) in &split.sources {
        let of_task = |task| counts.samples.get(&task).copied().unwrap_or(0);
        let mut row = vec![source.clone(), grouped(counts.images), grouped(counts.regions)];
        row.extend(Task::ALL.map(|task| grouped(of_task(task))));
        row.push(grouped(counts.samples.values().sum()));
        grid.rows.push(row);
    }
    let sum =
        |task| split.sources.values().filter_map(|counts| counts.samples.get(&task)).sum::<u64>();
    let mut row = vec!["all".to_owned(), grouped(split.images), grouped(split.regions)];
    row.extend(Task::ALL.map(|task| grouped(sum(task))));
    row.push(grouped(split.samples));
    grid.rows.push(row);
    grid
}

fn class_pairs(split: &SplitStatistics) -> Grid {
    let mut grid = Grid::new(&["Classes"]);
    grid.header.extend(tasks().map(str::to_owned));
    grid.header.push("Samples".to_owned());
    for pair in split.class_pairs.iter().take(LONGEST_LIST) {
        let of_task = |task| pair.samples.get(&task).copied().unwrap_or(0);
        let mut row = vec![super::charts::pair_name(pair)];
        row.extend(Task::ALL.map(|task| grouped(of_task(task))));
        row.push(grouped(pair.total()));
        grid.rows.push(row);
    }
    grid
}

fn labels(labels: &[super::LabelCount]) -> Grid {
    let mut grid = Grid::new(&["Label", "Regions", "Masks in answers"]);
    for label in labels.iter().take(LONGEST_LIST) {
        let row = vec![label.label.clone(), grouped(label.regions), grouped(label.segments)];
        grid.rows.push(row);
    }
    grid
}

fn mask_sizes(split: &SplitStatistics) -> Grid {
    let mut grid = Grid::new(&["Percent of the image", "Objects", "Parts"]);
    let MaskSizes { objects, parts } = &split.mask_sizes;
    for ((step, objects), parts) in MaskSizes::steps().into_iter().zip(objects).zip(parts) {
        grid.rows.push(vec![step, grouped(*objects), grouped(*parts)]);
    }
    grid
}

fn segments(split: &SplitStatistics) -> Grid {
    let mut grid = Grid::new(&["[SEG]", "Answers"]);
    for (segments, answers) in &split.segments_per_answer {
        grid.rows.push(vec![segments.to_string(), grouped(*answers)]);
    }
    grid
}

fn spreads(split: &SplitStatistics) -> Grid {
    let mut grid = Grid::new(&["", "Least", "Median", "Mean", "Most"]);
    let rows = [
        ("samples that show an image", &split.uses_per_image),
        ("words of a question", &split.words_per_question),
        ("words of an answer", &split.words_per_answer),
    ];
    for (name, Spread { min, median, mean, max, .. }) in rows {
        let row = [grouped(*min), grouped(*median), format!("{mean:.1}"), grouped(*max)];
        grid.rows.push(std::iter::once(name.to_owned()).chain(row).collect());
    }
    grid
}
