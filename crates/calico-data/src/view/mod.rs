//! A page of samples: pictures with their masks, questions and answers.

mod picture_link;

use std::collections::BinaryHeap;
use std::fmt::Write as _;

use calico_image::Mask;
use calico_result::Task;
use calico_result::html::{self, Layer, escaped};

use crate::{DataError, Dataset, SampleRecord, Split, SplitTables, Stream, answer_text};

pub use picture_link::{embedded, linked};

/// Which samples a page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewOptions {
    /// The split to draw from.
    pub split: Split,
    /// The sub-task to draw from; all if there is none.
    pub task: Option<Task>,
    /// The source to draw from; all if there is none.
    pub source: Option<String>,
    /// The most samples to show.
    pub samples: usize,
    /// Seed of the draw.
    pub seed: u64,
    /// Whether the page holds copies of the pictures instead of links.
    pub embed: bool,
}

/// A page of samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The page.
    pub html: String,
    /// Number of samples shown.
    pub shown: usize,
    /// Number of samples that could have been shown.
    pub matching: u64,
    /// What could not be shown, one statement each.
    pub warnings: Vec<String>,
}

/// Draws samples at random and shows them.
///
/// # Errors
/// - what reading the tables comes to
/// - [`DataError::Sample`] if a sample contradicts itself: validate the data set
pub fn view(dataset: &Dataset, options: &ViewOptions) -> Result<View, DataError> {
    let (matching, samples) = draw(dataset, options)?;
    let tables = dataset.split(options.split)?;
    let mut page = Page { dataset, tables, embed: options.embed, warnings: Vec::new() };
    let mut cards = String::new();
    for sample in &samples {
        page.card(sample, &mut cards)?;
    }
    let shown = samples.len();
    let name = dataset.folder().file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| "Data set".to_owned());
    let title = format!("{name}: {}", options.split);
    let of = options.task.map_or("", Task::name).replace('_', " ");
    let html = html::page(
        &title,
        &format!(
            "<h1>{}</h1>\n<p class=\"lead\">{shown} of {matching} {of} samples, drawn at random \
             with seed {}. Point at a phrase to light up its masks.</p>\n{cards}",
            escaped(&title),
            options.seed,
        ),
    );
    Ok(View { html, shown, matching, warnings: page.warnings })
}

/// The samples with the smallest random numbers, and how many there are to choose from.
fn draw(dataset: &Dataset, options: &ViewOptions) -> Result<(u64, Vec<SampleRecord>), DataError> {
    let mut matching = 0;
    let mut chosen: BinaryHeap<Drawn> = BinaryHeap::new();
    for sample in dataset.samples(options.split)? {
        let sample = sample?;
        let is_task = options.task.is_none_or(|task| task == sample.subtask);
        let is_source = options.source.as_ref().is_none_or(|source| *source == sample.source);
        if !is_task || !is_source {
            continue;
        }
        matching += 1;
        let number = Stream::new(options.seed, "view", &sample.sample_id).bits();
        let is_needed = chosen.len() < options.samples;
        if is_needed || chosen.peek().is_some_and(|last| number < last.number) {
            chosen.push(Drawn { number, sample });
        }
        if chosen.len() > options.samples {
            chosen.pop();
        }
    }
    let drawn = chosen.into_sorted_vec();
    Ok((matching, drawn.into_iter().map(|drawn| drawn.sample).collect()))
}

/// A sample, ordered by its random number.
#[derive(Debug)]
struct Drawn {
    number: u64,
    sample: SampleRecord,
}

impl Ord for Drawn {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let key = |drawn: &Self| (drawn.number, drawn.sample.sample_id.clone());
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Drawn {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Drawn {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Drawn {}

/// A page in the making.
struct Page<'a> {
    dataset: &'a Dataset,
    tables: SplitTables,
    embed: bool,
    warnings: Vec<String>,
}

/// A mask of a sample.
struct Shown {
    /// One-based image.
    image: usize,
    group: u32,
    label: String,
    mask: Mask,
}

impl Page<'_> {
    /// Adds a sample.
    fn card(&mut self, sample: &SampleRecord, out: &mut String) -> Result<(), DataError> {
        let shown = self.masks(sample)?;
        let classes = if sample.class_a == sample.class_b {
            sample.class_a.clone()
        } else {
            format!("{} and {}", sample.class_a, sample.class_b)
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "<section class=\"pair\"><header><b>{}</b><span>{}</span><span>{}</span>\
             <span>{}</span>{}</header>\n<p class=\"question\">{}</p>\n<p class=\"answer\">{}</p>\n\
             <div class=\"images\">",
            sample.subtask.title(),
            escaped(&classes),
            escaped(&sample.source),
            escaped(&sample.sample_id),
            if sample.ambiguous { "<span>ambiguous</span>" } else { "" },
            escaped(&sample.question),
            html::sentence(&sample.answer),
        );
        for (index, image_id) in sample.image_ids.iter().enumerate() {
            let missing = || contradiction(sample, format!("its image {image_id:?} is missing"));
            let image = self.tables.images.get(image_id).ok_or_else(missing)?;
            let link = self
                .dataset
                .picture_path(image)
                .and_then(|path| if self.embed { embedded(&path) } else { Ok(linked(&path)) });
            let link = match link {
                Ok(link) => Some(link),
                Err(error) => {
                    self.warnings.push(error.to_string());
                    None
                }
            };
            let layers = shown.iter().filter(|shown| shown.image == index + 1);
            let layers: Vec<Layer<'_>> = layers
                .map(|Shown { mask, group, label, .. }| Layer { mask, group: *group, label })
                .collect();
            let caption = format!("IMAGE{}: {}", index + 1, image.file_name);
            let size = calico_image::Size::new(image.height, image.width);
            out.push_str(&html::figure(size, link.as_deref(), &caption, &layers));
        }
        out.push_str("</div></section>\n");
        Ok(())
    }

    /// The masks of an answer, with the number of the phrase that each belongs to.
    fn masks(&self, sample: &SampleRecord) -> Result<Vec<Shown>, DataError> {
        let groups = answer_text::parse(&sample.answer, sample.image_ids.len())
            .map_err(|error| contradiction(sample, format!("its answer: {error}")))?;
        let segments = (1..).zip(&groups).flat_map(|(number, group)| {
            group.images.iter().map(move |image| (number, usize::from(*image)))
        });
        let segments: Vec<(u32, usize)> = segments.collect();
        if segments.len() != sample.region_ids.len() {
            let (found, expected) = (sample.region_ids.len(), segments.len());
            let reason = format!("found {found} regions for {expected} [SEG]");
            return Err(contradiction(sample, reason));
        }
        let shown = segments.into_iter().zip(&sample.region_ids).map(|((group, image), id)| {
            let missing = || contradiction(sample, format!("its region {id} is missing"));
            let region = self.tables.regions.get(*id).ok_or_else(missing)?;
            let mask = region
                .mask()
                .map_err(|error| contradiction(sample, format!("its region {id}: {error}")))?;
            Ok(Shown { image, group, label: region.label().to_owned(), mask })
        });
        shown.collect()
    }
}

fn contradiction(sample: &SampleRecord, reason: String) -> DataError {
    DataError::Sample { sample_id: sample.sample_id.clone(), reason }
}

#[cfg(test)]
mod tests;
