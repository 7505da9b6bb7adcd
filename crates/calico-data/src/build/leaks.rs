//! No image is in two splits (mixedparts.md 3.3). The test split wins over the others, and the
//! development split over training.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::kept::KeptImage;
use crate::Split;
use crate::sources::Reading;

/// By what two images were found to be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeakRule {
    /// The same source and id.
    ImageId,
    /// The same number of COCO, `ImageNet` or ADE20K, in any source and folder; or the same path
    /// within a source.
    FileName,
    /// The same bytes, in any source.
    Bytes,
}

/// An image that was taken out of its split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedImage {
    /// The image that was removed.
    pub image_id: String,
    /// The split that it was removed from.
    pub split: Split,
    /// The image that it is the same as.
    pub same_as: String,
    /// The split of that image.
    pub kept_in: Split,
    /// Every rule that says so.
    pub rules: Vec<LeakRule>,
}

/// The file `leak_report.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeakReport {
    /// Images of each split before any was removed.
    pub images: BTreeMap<Split, u64>,
    /// Whether the bytes of all images were compared; a build that opens no picture cannot.
    pub bytes_compared: bool,
    /// Images removed, by the rule that found them and the split that lost them. An image counts
    /// for each rule.
    pub rules: BTreeMap<LeakRule, BTreeMap<Split, u64>>,
    /// Images whose id was there before in the same split.
    pub repeated_ids: u64,
    /// Images of the test split that are left in training; a build with any fails.
    pub test_images_in_train: u64,
    /// Each removed image.
    pub removed: Vec<RemovedImage>,
}

/// Removes from each split what a more important one holds.
pub(crate) fn remove_leaks(readings: &mut [Reading]) -> LeakReport {
    let mut repeated_ids = 0;
    let mut ids = HashSet::new();
    for reading in &mut *readings {
        reading.images.retain(|image| {
            let is_new = ids.insert((image.split, image.image_id.clone()));
            repeated_ids += u64::from(!is_new);
            is_new
        });
    }
    drop(ids);
    let keys: Vec<ImageKeys<'_>> = readings
        .iter()
        .flat_map(|reading| {
            reading.images.iter().map(|image| ImageKeys {
                split: image.split,
                image_id: &image.image_id,
                name: file_key(&reading.vocabulary.source, &image.file_name),
                bytes: image.sha256.as_ref(),
            })
        })
        .collect();
    let mut report = LeakReport {
        images: Split::ALL.map(|split| (split, 0)).into(),
        bytes_compared: keys.iter().all(|image| image.bytes.is_some()),
        rules: [LeakRule::ImageId, LeakRule::FileName, LeakRule::Bytes]
            .map(|rule| (rule, [(Split::Train, 0), (Split::Dev, 0)].into()))
            .into(),
        repeated_ids,
        test_images_in_train: 0,
        removed: Vec::new(),
    };
    let mut is_removed = vec![false; keys.len()];
    for leak in leaks(&keys) {
        let (lost, kept) = (&keys[leak.image], &keys[leak.same_as]);
        is_removed[leak.image] = true;
        for rule in &leak.rules {
            *report.rules.entry(*rule).or_default().entry(lost.split).or_default() += 1;
        }
        report.removed.push(RemovedImage {
            image_id: lost.image_id.to_owned(),
            split: lost.split,
            same_as: kept.image_id.to_owned(),
            kept_in: kept.split,
            rules: leak.rules,
        });
    }
    for image in &keys {
        *report.images.entry(image.split).or_default() += 1;
    }
    drop(keys);
    let mut is_removed = is_removed.into_iter();
    for reading in readings {
        reading.images.retain(|_| !is_removed.next().unwrap_or(false));
    }
    report
}

/// The images that are left in a split although a more important one holds them: none, unless a
/// rule above is wrong.
pub(crate) fn remaining_leaks(images: &[KeptImage], sources: &[String]) -> Vec<RemovedImage> {
    let keys: Vec<ImageKeys<'_>> = images
        .iter()
        .map(|image| ImageKeys {
            split: image.split,
            image_id: &image.image_id,
            name: file_key(source_of(image, sources), &image.file_name),
            bytes: image.sha256.as_ref(),
        })
        .collect();
    let told = leaks(&keys).into_iter().map(|leak| RemovedImage {
        image_id: keys[leak.image].image_id.to_owned(),
        split: keys[leak.image].split,
        same_as: keys[leak.same_as].image_id.to_owned(),
        kept_in: keys[leak.same_as].split,
        rules: leak.rules,
    });
    told.collect()
}

/// Numbers images so that those that show the same picture have the same number: such two are
/// never paired.
pub(crate) fn number_pictures(images: &mut [KeptImage], sources: &[String]) {
    let mut names = HashMap::new();
    let mut bytes = HashMap::new();
    for (at, image) in images.iter_mut().enumerate() {
        let name = file_key(source_of(image, sources), &image.file_name);
        let by_bytes = image.sha256.and_then(|sha256| bytes.get(&sha256));
        let identity = *names.get(&name).or(by_bytes).unwrap_or(&(at as u32));
        image.identity = identity;
        names.entry(name).or_insert(identity);
        if let Some(sha256) = image.sha256 {
            bytes.entry(sha256).or_insert(identity);
        }
    }
}

fn source_of<'a>(image: &KeptImage, sources: &'a [String]) -> &'a str {
    sources.get(usize::from(image.source)).map_or("", String::as_str)
}

/// What tells an image from others.
struct ImageKeys<'a> {
    split: Split,
    image_id: &'a str,
    name: String,
    bytes: Option<&'a [u8; 32]>,
}

/// An image, the image of a more important split that it equals, and why; both as positions.
struct Leak {
    image: usize,
    same_as: usize,
    rules: Vec<LeakRule>,
}

fn leaks(images: &[ImageKeys<'_>]) -> Vec<Leak> {
    let mut found: Vec<Leak> = Vec::new();
    let mut is_found = vec![false; images.len()];
    for winner in [Split::Test, Split::Dev] {
        let mut known = KnownKeys::default();
        for (at, image) in images.iter().enumerate() {
            if image.split == winner && !is_found[at] {
                known.insert(image, at);
            }
        }
        // What equals a removed image equals the image that it was removed for.
        let mut has_changed = true;
        while has_changed {
            has_changed = false;
            for (at, image) in images.iter().enumerate() {
                if image.split >= winner || is_found[at] {
                    continue;
                }
                let Some((same_as, rules)) = known.find(image) else { continue };
                is_found[at] = true;
                has_changed = true;
                known.insert(image, same_as);
                found.push(Leak { image: at, same_as, rules });
            }
        }
    }
    found.sort_by_key(|leak| leak.image);
    found
}

/// The keys of the images of a split, and the first image with each.
#[derive(Default)]
struct KnownKeys<'a> {
    ids: HashMap<&'a str, usize>,
    names: HashMap<&'a str, usize>,
    bytes: HashMap<&'a [u8; 32], usize>,
}

impl<'a> KnownKeys<'a> {
    fn insert(&mut self, image: &'a ImageKeys<'_>, at: usize) {
        self.ids.entry(image.image_id).or_insert(at);
        self.names.entry(&image.name).or_insert(at);
        if let Some(sha256) = image.bytes {
            self.bytes.entry(sha256).or_insert(at);
        }
    }

    fn find(&self, image: &ImageKeys<'_>) -> Option<(usize, Vec<LeakRule>)> {
        let hits = [
            (LeakRule::ImageId, self.ids.get(image.image_id)),
            (LeakRule::FileName, self.names.get(image.name.as_str())),
            (LeakRule::Bytes, image.bytes.and_then(|sha256| self.bytes.get(sha256))),
        ];
        let same_as = *hits.iter().find_map(|(_, hit)| *hit)?;
        let rules = hits.iter().filter(|(_, hit)| hit.is_some()).map(|(rule, _)| *rule).collect();
        Some((same_as, rules))
    }
}

/// The picture behind a file name. COCO, `ImageNet` and ADE20K number their pictures, and the same
/// number is the same picture in every folder; other names mean something within their source.
pub(crate) fn file_key(source: &str, file_name: &str) -> String {
    let file_name = file_name.replace('\\', "/");
    let name = file_name.rsplit('/').next().unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let last = stem.rsplit('_').next().unwrap_or_default();
    let begins_as_coco = stem.len() == 12 || stem.starts_with("COCO_");
    if begins_as_coco && last.len() == 12 && is_number(last) {
        return format!("coco:{}", last.trim_start_matches('0'));
    }
    let is_synset = |text: &str| text.len() == 9 && text.strip_prefix('n').is_some_and(is_number);
    if stem.split_once('_').is_some_and(|(synset, n)| is_synset(synset) && is_number(n)) {
        return format!("imagenet:{stem}");
    }
    let ade = ["ADE_train_", "ADE_val_", "ADE_frame_"];
    if ade.iter().any(|prefix| stem.strip_prefix(prefix).is_some_and(is_number)) {
        return format!("ade:{stem}");
    }
    let path: Vec<&str> =
        file_name.split('/').filter(|step| !step.is_empty() && *step != ".").collect();
    format!("{source}:{}", path.join("/"))
}

#[cfg(test)]
mod tests {
    use LeakRule::{Bytes, FileName, ImageId};

    use super::*;

    #[test]
    fn numbered_pictures_are_known_in_every_folder_and_source() {
        let same = [
            ("paco_lvis", "train2017/000000391895.jpg", "own", "val2017/000000391895.png"),
            ("paco_lvis", "val2017/000000391895.jpg", "x", "COCO_val2014_000000391895.jpg"),
            ("a", "train/n02099601_1234.JPEG", "b", "test/n02099601/n02099601_1234.jpeg"),
            ("a", "training/ADE_train_00000001.jpg", "b", "ADE_train_00000001.jpg"),
            ("own", "./a//b.jpg", "own", "a/b.jpg"),
            ("own", "a\\b.jpg", "own", "a/b.jpg"),
        ];
        for (one, name, other, second) in same {
            assert_eq!(file_key(one, name), file_key(other, second), "{name}");
        }
        let different = [
            ("own", "1.jpg", "other", "1.jpg"),
            ("own", "a/1.jpg", "own", "b/1.jpg"),
            ("own", "1.jpg", "own", "1.png"),
            ("a", "ADE_train_00000001.jpg", "a", "ADE_val_00000001.jpg"),
            ("a", "000000391895.jpg", "a", "000000391896.jpg"),
        ];
        for (one, name, other, second) in different {
            assert_ne!(file_key(one, name), file_key(other, second), "{name}");
        }
    }

    #[test]
    fn the_more_important_split_keeps_the_image() {
        let image = |split, image_id, name: &str, bytes| ImageKeys {
            split,
            image_id,
            name: name.to_owned(),
            bytes: Some(bytes),
        };
        let sums = [[1; 32], [2; 32], [3; 32], [4; 32]];
        let images = [
            image(Split::Train, "a", "a", &sums[0]),
            image(Split::Dev, "b", "b", &sums[0]),
            image(Split::Test, "c", "b", &sums[1]),
            image(Split::Train, "d", "d", &sums[1]),
            image(Split::Train, "c", "b", &sums[1]),
            image(Split::Train, "e", "e", &sums[2]),
            image(Split::Dev, "f", "e", &sums[3]),
        ];
        let found: Vec<(usize, usize, Vec<LeakRule>)> =
            leaks(&images).into_iter().map(|leak| (leak.image, leak.same_as, leak.rules)).collect();
        let expected = [
            // `a` has the bytes of `b`, and `b` the name of `c`.
            (0, 2, vec![Bytes]),
            (1, 2, vec![FileName]),
            (3, 2, vec![Bytes]),
            (4, 2, vec![ImageId, FileName, Bytes]),
            (5, 6, vec![FileName]),
        ];
        assert_eq!(found, expected);
    }
}
