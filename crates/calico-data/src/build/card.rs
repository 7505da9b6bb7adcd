//! The file `README.md` of a data set: its card.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use calico_result::Task;
use serde::Deserialize;

use super::build_record::{BuildRecord, SplitCounts};
use crate::tables::Table;
use crate::{DataError, Split, TableFormat};

use super::BuildError;

/// What is known of a source.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Terms {
    title: String,
    project: String,
    annotations: String,
    pictures: String,
    obtain: String,
}

/// The card of a data set.
pub(crate) fn card(record: &BuildRecord) -> Result<String, DataError> {
    let terms: BTreeMap<String, Terms> = toml::from_str(include_str!("../../source_terms.toml"))
        .map_err(|error| BuildError::Templates { reason: error.to_string() })?;
    let mut text = header(record);
    text.push_str(ABOUT);
    counts(&mut text, record);
    text.push_str(TABLES);
    text.push_str(&loading(record.config.tables.format));
    text.push_str("## Pictures and terms\n\n");
    text.push_str(
        "Pictures are referenced, not copied: their licences do not allow passing them on.\n\
         `sha256` in the table `images` tells whether a file is the right one.\n\
         `roots.toml` says where the pictures were on the machine that built this data set; it is \
         the only file with such paths, leave it out when you pass the data set on.\n\n",
    );
    for name in record.sources.keys() {
        match terms.get(name) {
            Some(known) => {
                let Terms { title, project, annotations, pictures, obtain } = known;
                let _ = write!(
                    text,
                    "### {title} (`{name}`)\n\n- Project: {project}\n- Annotations: {annotations}\n\
                     - Pictures: {pictures}\n- To get them: {obtain}\n\n"
                );
            }
            None => {
                let _ = write!(
                    text,
                    "### `{name}`\n\nData of your own: say here whose they are and what may be \
                     done with them.\n\n"
                );
            }
        }
    }
    remade(&mut text, record);
    Ok(text)
}

const ABOUT: &str = "\
# MixedParts

Pairs of pictures with a question about their objects and an answer whose phrases are grounded in \
masks.
There are three sub-tasks: the objects that both pictures show (`common_objects`), the parts that \
their objects have in common (`common_parts`), and the parts that only one of them has \
(`unique_parts`).
It was built by `calico data build` after the description of MixedParts in *CALICO: Part-Focused \
Semantic Co-Segmentation with Large Vision-Language Models* (Nguyen et al., CVPR 2025); it is not \
the data set that the authors released.

Common and unique are decided by what is annotated in the two pictures.
A part that is annotated but too small to be kept counts as present, and is never called unique in \
the other picture.

";

const TABLES: &str = "\
## Tables

- `images`: `image_id`, `source`, `file_name` (below the folder of the source), `width`, `height`, \
`sha256`, `split`, `seen` (everything annotated, also what was dropped).
- `regions`: `region_id`, `image_id`, `object_label`, `part_label` (null for the whole object), \
`raw_ids`, `area`, `bbox` (left, top, width, height), `rle` (COCO's compressed run lengths).
- `samples`: `sample_id`, `source`, `subtask`, `class_a`, `class_b`, `image_ids`, `question`, \
`answer`, `region_ids` (one per `[SEG]`, in the order of the text), `image_index` (the number in \
its `(IMAGE1)`), `template_ids`, `ambiguous`.

A region is the union of all masks of one label in one picture.
The table holds the regions that answers name, and the objects of such parts.
`build.json` holds the configuration and all counts, `problems.jsonl` what was wrong with the \
sources, `leak_report.json` the pictures that were taken out of a split because another one holds \
them.

";

/// What tells Hugging Face `datasets` where the tables are.
fn header(record: &BuildRecord) -> String {
    let mut text =
        "---\nlicense: other\npretty_name: MixedParts\nlanguage:\n- en\ntask_categories:\n\
                    - image-segmentation\n- visual-question-answering\nconfigs:\n"
            .to_owned();
    let filled = |split: &&Split| record.splits.get(split).is_some_and(|held| held.samples > 0);
    for table in [Table::Samples, Table::Images, Table::Regions] {
        let _ = writeln!(text, "- config_name: {table}");
        if table == Table::Samples {
            text.push_str("  default: true\n");
        }
        text.push_str("  data_files:\n");
        for split in Split::ALL.iter().filter(filled) {
            let path = path_of(table, *split, record.config.tables.format);
            let _ = writeln!(text, "  - split: {split}\n    path: {path}");
        }
    }
    text.push_str("---\n\n");
    text
}

/// The path of a table below the data set, with a star for the numbers of its files.
fn path_of(table: Table, split: Split, format: TableFormat) -> String {
    let name = table.file_name(split, (0, 1), format).replace("-00000-of-00001", "-*");
    format!("{table}/{name}")
}

fn counts(text: &mut String, record: &BuildRecord) {
    text.push_str("## Counts\n\n| Split | Images | Regions | Samples | Ambiguous |\n");
    text.push_str("| --- | ---: | ---: | ---: | ---: |\n");
    for (split, held) in &record.splits {
        let SplitCounts { images, regions, samples, ambiguous, .. } = held;
        let _ = writeln!(text, "| {split} | {images} | {regions} | {samples} | {ambiguous} |");
    }
    text.push_str("\n| Split | Source | Common objects | Common parts | Unique parts |\n");
    text.push_str("| --- | --- | ---: | ---: | ---: |\n");
    for (split, held) in &record.splits {
        for (source, cells) in &held.cells {
            let count = |task: Task| cells.get(&task).copied().unwrap_or(0);
            let [objects, common, unique] = Task::ALL.map(count);
            let _ = writeln!(text, "| {split} | {source} | {objects} | {common} | {unique} |");
        }
    }
    text.push_str(
        "\nAn ambiguous sample has another right answer, because its question does not name the \
         objects; none is in the test split.\n\n",
    );
    if !record.warnings.is_empty() {
        text.push_str("Known limits of this build:\n\n");
        for warning in &record.warnings {
            let _ = writeln!(text, "- {warning}");
        }
        text.push('\n');
    }
}

fn loading(format: TableFormat) -> String {
    let reader = match format {
        TableFormat::Parquet => "Parquet",
        TableFormat::JsonLines => "JSON Lines",
    };
    format!(
        "## Loading\n\nThe tables are {reader} files, which Hugging Face `datasets` reads as they \
         are:\n\n```python\nfrom datasets import load_dataset\n\nsamples = \
         load_dataset(\"mixedparts\", \"samples\", split=\"test\")\nregions = \
         load_dataset(\"mixedparts\", \"regions\", split=\"test\")\n```\n\n`pycocotools.mask.decode` \
         reads the masks: `decode({{\"size\": rle[\"size\"], \"counts\": \
         rle[\"counts\"].encode()}})`.\n`calico data validate`, `stats` and `view` check, count and \
         show the data set.\n\n"
    )
}

fn remade(text: &mut String, record: &BuildRecord) {
    let _ = write!(
        text,
        "## Making it again\n\nBuilt by calico {} with seed {}.\nEqual sources, the configuration \
         in `build.json` and this seed give the same bytes.\n",
        record.version, record.seed
    );
}
