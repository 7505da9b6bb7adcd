use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Rule;
use super::findings::{Findings, TableFindings};
use super::split_images::SplitImages;
use crate::Split;
use crate::build::file_key;
use crate::tables::Table;

/// Looks for images that are in two splits. The test split is looked at first and training last,
/// so that a finding names the image that should go.
pub(super) fn check(splits: &[SplitImages], findings: &mut Findings) {
    let mut known: HashMap<Key<'_>, (Split, &str)> = HashMap::new();
    let mut splits: Vec<&SplitImages> = splits.iter().collect();
    splits.sort_by_key(|images| std::cmp::Reverse(images.split));
    for images in splits {
        let mut found = TableFindings::new(images.split, Table::Images);
        for image in &images.records {
            let keys = [
                Some(Key::Id(&image.image_id)),
                Some(Key::Name(file_key(&image.source, &image.file_name))),
                image.sha256.as_deref().map(Key::Bytes),
            ];
            // One image is one finding, however many of its keys say so.
            let mut told = None;
            for key in keys.into_iter().flatten() {
                let what = key.what();
                match known.entry(key) {
                    Entry::Vacant(place) => {
                        place.insert((images.split, &image.image_id));
                    }
                    Entry::Occupied(place) if place.get().0 != images.split => {
                        let (split, other) = *place.get();
                        told = told.or(Some((what, split, other)));
                    }
                    Entry::Occupied(_) => {}
                }
            }
            if let Some((what, split, other)) = told {
                let text = format!("{what} of {other} in {split}");
                found.add(Rule::OneSplit, &image.image_id, text, "an image of one split");
            }
        }
        findings.take(found);
    }
}

/// By what an image is told from others.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    Id(&'a str),
    /// The number that its source gave it, or its path.
    Name(String),
    Bytes(&'a str),
}

impl Key<'_> {
    fn what(&self) -> &'static str {
        match self {
            Self::Id(_) => "the id",
            Self::Name(_) => "the picture, by its name,",
            Self::Bytes(_) => "the bytes",
        }
    }
}
