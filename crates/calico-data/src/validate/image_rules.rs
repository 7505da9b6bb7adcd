use super::Rule;
use super::findings::TableFindings;
use super::known_labels::KnownLabels;
use super::split_images::SplitImages;
use crate::sources::check_image_path;
use crate::{BuildConfig, ImageRecord};

/// What is looked at in a row of images.
pub(super) struct ImageRules<'a> {
    pub(super) labels: &'a KnownLabels,
    pub(super) config: Option<&'a BuildConfig>,
}

impl ImageRules<'_> {
    /// Looks at an image and adds it to its split.
    pub(super) fn check(
        &self,
        image: ImageRecord,
        images: &mut SplitImages,
        findings: &mut TableFindings,
    ) {
        let id = &image.image_id;
        if image.split != images.split {
            findings.add(Rule::ImageSplit, id, image.split, images.split);
        }
        if let Err(reason) = check_image_path(&image.file_name) {
            let found = format!("{:?}, where {reason}", image.file_name);
            findings.add(Rule::ImageFileName, id, found, "a path below the root");
        }
        let (least, most) = self.config.map_or((1, u64::MAX), |config| {
            (config.images.min_side.max(1), config.images.max_pixels)
        });
        let pixels = u64::from(image.width) * u64::from(image.height);
        if image.width.min(image.height) < least || pixels > most {
            let found = format!("{}x{}", image.width, image.height);
            let expected = format!("sides from {least} on, at most {most} pixels");
            findings.add(Rule::ImageSize, id, found, expected);
        }
        if let Some(sha256) = &image.sha256
            && !(sha256.len() == 64 && sha256.bytes().all(|b| b"0123456789abcdef".contains(&b)))
        {
            findings.add(Rule::ImageHash, id, sha256, "64 digits of 0 to f");
        }
        let mut pairs = image.seen.iter().zip(image.seen.iter().skip(1));
        if let Some((first, second)) = pairs.find(|(first, second)| first >= second) {
            let found = format!("{first:?} before {second:?}");
            findings.add(Rule::SeenSorted, id, found, "ascending labels");
        }
        for label in &image.seen {
            if !self.labels.allow(&image.source, label) {
                let expected = format!("a label of {}", image.source);
                findings.add(Rule::LabelKnown, id, format!("{label:?}"), expected);
            }
        }
        let id = image.image_id.clone();
        if !images.push(image) {
            findings.add(Rule::ImageIdUnique, &id, "the id again", "it once");
        }
    }
}
