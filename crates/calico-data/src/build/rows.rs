//! The rows of images and regions.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::mem;

use calico_result::EncodedMask;

use super::corpus::{Corpus, CorpusSource};
use super::kept::{KeptImage, Region};
use crate::{ImageRecord, RegionRecord, Split};

/// Not the number of a region: the region is in no answer.
pub(crate) const UNNAMED: u32 = u32::MAX;

/// The images of a split that samples show.
pub(crate) fn image_rows(corpus: &Corpus, split: Split, is_shown: &[bool]) -> Vec<ImageRecord> {
    let images = corpus.images.iter().zip(is_shown);
    let shown = images.filter(|(image, is_shown)| image.split == split && **is_shown);
    shown.map(|(image, _)| image_row(image, corpus.source_of(image))).collect()
}

fn image_row(image: &KeptImage, source: &CorpusSource) -> ImageRecord {
    let vocabulary = &source.vocabulary;
    let mut seen = BTreeSet::new();
    for class in &image.seen {
        let label = vocabulary.class_label(class.class);
        seen.insert(label.to_owned());
        seen.extend(
            class.parts.iter().map(|part| format!("{label}/{}", vocabulary.part_label(*part))),
        );
    }
    ImageRecord {
        image_id: image.image_id.clone(),
        source: source.name().to_owned(),
        file_name: image.file_name.clone(),
        width: image.size.width,
        height: image.size.height,
        sha256: image.sha256.map(|bytes| hex(&bytes)),
        split: image.split,
        seen: seen.into_iter().collect(),
    }
}

/// The regions of a split that answers name, in the order of their numbers. Their masks move from
/// the corpus into the rows, so that memory shrinks while the rows are written.
pub(crate) fn region_rows<'a>(
    corpus: &'a mut Corpus,
    split: Split,
    region_ids: &'a [u32],
) -> impl Iterator<Item = RegionRecord> + 'a {
    let Corpus { sources, images, .. } = corpus;
    let images = images.iter_mut().filter(move |image| image.split == split);
    images.flat_map(|image| rows_of_image(image, sources, region_ids))
}

fn rows_of_image(
    image: &mut KeptImage,
    sources: &[CorpusSource],
    region_ids: &[u32],
) -> Vec<RegionRecord> {
    let size = [image.size.height, image.size.width];
    let mut rows = Vec::new();
    let Some(source) = sources.get(usize::from(image.source)) else { return rows };
    let vocabulary = &source.vocabulary;
    for entry in &mut image.entries {
        let label = vocabulary.class_label(entry.class);
        let mut push = |slot: u32, part: Option<&str>, region: &mut Region| {
            let id = region_ids.get(slot as usize).copied().unwrap_or(UNNAMED);
            if id == UNNAMED {
                return;
            }
            rows.push(RegionRecord {
                region_id: id,
                image_id: image.image_id.clone(),
                object_label: label.to_owned(),
                part_label: part.map(str::to_owned),
                raw_ids: mem::take(&mut region.raw_ids).into_vec(),
                area: region.area,
                bbox: region.bbox,
                rle: EncodedMask { size, counts: mem::take(&mut region.mask).into_string() },
            });
        };
        push(entry.slot, None, &mut entry.object);
        for (slot, part) in (entry.slot + 1..).zip(&mut entry.parts) {
            push(slot, Some(vocabulary.part_label(part.part)), &mut part.region);
        }
    }
    rows
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
