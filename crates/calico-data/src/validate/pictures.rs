use std::path::Path;

use calico_image::{DecodeOptions, ImageError, Orientation, Size, inspect, open_with_info};
use rayon::prelude::*;

use super::findings::{Findings, TableFindings};
use super::progress::Progress;
use super::split_images::SplitImages;
use super::{PictureRules, Rule};
use crate::build::hex;
use crate::sources::sha256;
use crate::tables::Table;
use crate::{DataError, Dataset, ImageRecord};

/// Pictures that are looked at before the progress is told.
const CHUNK: usize = 64;

/// Looks at the pictures of a split, on all threads; returns how many were opened.
pub(super) fn check(
    dataset: &Dataset,
    images: &SplitImages,
    rules: PictureRules,
    progress: &Progress<'_>,
    findings: &mut Findings,
) -> Result<u64, DataError> {
    let mut opened = 0;
    for chunk in images.records.chunks(CHUNK) {
        let look = |image: &ImageRecord| {
            let mut found = TableFindings::new(images.split, Table::Images);
            // A bad name is a finding of its own, and an unknown root is told once.
            let path = dataset.picture_path(image).ok();
            if let Some(path) = &path {
                look_at(path, image, rules, &mut found);
            }
            (found, u64::from(path.is_some()))
        };
        let looked: Vec<(TableFindings, u64)> = chunk.par_iter().map(look).collect();
        for (found, count) in looked {
            findings.take(found);
            opened += count;
        }
        progress.add(chunk.len() as u64)?;
    }
    Ok(opened)
}

fn look_at(path: &Path, image: &ImageRecord, rules: PictureRules, findings: &mut TableFindings) {
    let id = &image.image_id;
    let options = DecodeOptions { orientation: Orientation::Ignore, ..DecodeOptions::default() };
    let info = match rules {
        PictureRules::Skip => return,
        PictureRules::Header | PictureRules::Bytes => inspect(path, &options),
        PictureRules::Decode => open_with_info(path, &options).map(|(_, info)| info),
    };
    let size = Size::new(image.height, image.width);
    match info {
        Ok(info) if info.size != size => {
            findings.add(Rule::PictureSize, id, format!("{} pixels", info.size), size);
        }
        Ok(_) => {}
        Err(error @ (ImageError::NotFound { .. } | ImageError::NotAFile { .. })) => {
            findings.add(Rule::PictureThere, id, error, "a picture");
            return;
        }
        Err(error) => {
            findings.add(Rule::PictureReadable, id, error, "a picture");
            return;
        }
    }
    let Some(expected) = image.sha256.as_ref().filter(|_| rules >= PictureRules::Bytes) else {
        return;
    };
    match sha256(path) {
        Ok(found) if hex(&found) != *expected => {
            findings.add(Rule::PictureBytes, id, format!("the hash {}", hex(&found)), expected);
        }
        Ok(_) => {}
        Err(error) => findings.add(Rule::PictureReadable, id, error, "a picture"),
    }
}
