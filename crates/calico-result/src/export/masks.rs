//! A folder of pictures: label maps, binary masks and a legend.

use std::io;
use std::path::PathBuf;

use calico_image::Mask;
use serde::Serialize;

use crate::{OutputFolder, ResultError, Role, Segment, Segmentation, palette, png_file};

/// The folder in the output folder.
pub(crate) const MASKS_FOLDER: &str = "masks";
pub(crate) const LEGEND_NAME: &str = "legend.json";

/// What the pictures show: the content of `legend.json`.
#[derive(Serialize)]
struct Legend<'a> {
    images: Vec<ImageLegend<'a>>,
}

#[derive(Serialize)]
struct ImageLegend<'a> {
    index: u32,
    file_name: &'a str,
    /// The picture of values: 0 is background, smaller segments cover larger ones.
    label_map: String,
    /// Bits per pixel of the label map: 8 with the colours as its palette, or, when there are
    /// more than 255 segments, 16 as a grey picture.
    label_map_bits: u8,
    segments: Vec<SegmentLegend<'a>>,
}

#[derive(Serialize)]
struct SegmentLegend<'a> {
    /// The segment's value in the label map.
    value: u16,
    color: [u8; 3],
    /// The binary picture, which the other segments do not cover.
    mask: String,
    id: u32,
    label: &'a str,
    role: Role,
    group: u32,
    parent: Option<u32>,
}

pub(super) fn write(
    result: &Segmentation,
    folder: &OutputFolder,
) -> Result<Vec<PathBuf>, ResultError> {
    for image in &result.images {
        let found = result.segments_in(image.index).count();
        if found > usize::from(u16::MAX) {
            return Err(ResultError::TooManySegments { image: image.index, found });
        }
    }
    let folder = folder.subfolder(MASKS_FOLDER)?;
    let mut paths = Vec::new();
    let mut legend = Legend { images: Vec::new() };
    for image in &result.images {
        let layers = super::decoded(result, image.index)?;
        let entries: Vec<_> = (1..=u16::MAX).zip(&layers).map(|(v, (s, _))| entry(v, s)).collect();
        for (entry, (_, mask)) in entries.iter().zip(&layers) {
            let draw = |file: &mut _| png_file::binary(file, mask).map_err(io::Error::from);
            paths.push(folder.write_with(&entry.mask, draw)?);
        }
        let label_map = format!("image{}_labels.png", image.index);
        let values = values(&layers, image.size().pixels());
        let is_wide = layers.len() > usize::from(u8::MAX);
        paths.push(folder.write_with(&label_map, |file| {
            if is_wide {
                return Ok(png_file::wide_label_map(file, image.size(), &values)?);
            }
            let values: Vec<u8> = values.iter().map(|&value| value as u8).collect();
            let colors = entries.iter().map(|entry| entry.color);
            let palette: Vec<_> = [[0; 3]].into_iter().chain(colors).collect();
            Ok(png_file::label_map(file, image.size(), &values, &palette)?)
        })?);
        legend.images.push(ImageLegend {
            index: image.index,
            file_name: &image.file_name,
            label_map,
            label_map_bits: if is_wide { 16 } else { 8 },
            segments: entries,
        });
    }
    let json = serde_json::to_string_pretty(&legend)? + "\n";
    paths.push(folder.write(LEGEND_NAME, json.as_bytes())?);
    Ok(paths)
}

fn entry(value: u16, segment: &Segment) -> SegmentLegend<'_> {
    SegmentLegend {
        value,
        color: palette::color(segment.group),
        mask: format!("image{}_segment{}.png", segment.image, segment.id),
        id: segment.id,
        label: &segment.label,
        role: segment.role,
        group: segment.group,
        parent: segment.parent,
    }
}

/// The label map, row-major: the largest segment is laid down first, so that parts stay visible
/// on their objects.
fn values(layers: &[(&Segment, Mask)], pixels: u64) -> Vec<u16> {
    let mut order: Vec<_> = (1..=u16::MAX).zip(layers).collect();
    order.sort_by_key(|(_, (segment, _))| std::cmp::Reverse(segment.area));
    let mut values = vec![0; pixels as usize];
    for (value, (_, mask)) in order {
        for (pixel, _) in values.iter_mut().zip(mask.bits()).filter(|(_, bit)| **bit) {
            *pixel = value;
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::BufReader;
    use std::path::Path;

    use serde_json::Value;

    use crate::{ExportFormat, Segment, create_output_folder, export, sample};

    /// The bytes of a picture as they are stored.
    fn pixels(path: &Path) -> Vec<u8> {
        let decoder = png::Decoder::new(BufReader::new(File::open(path).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        bytes.truncate(info.buffer_size());
        bytes
    }

    #[test]
    fn more_segments_than_a_byte_holds_give_a_16_bit_label_map() {
        let mut result = sample::segmentation();
        let segments = &mut result.answers[1].segments;
        let legs = segments[2].clone();
        segments.extend((7..=310).map(|id| Segment { id, ..legs.clone() }));
        let scratch = tempfile::tempdir().unwrap();
        let folder = create_output_folder(scratch.path()).unwrap();
        export::write(&result, ExportFormat::Masks, &folder).unwrap();
        let folder = scratch.path().join("masks");
        let legend = std::fs::read_to_string(folder.join("legend.json")).unwrap();
        let legend: Value = serde_json::from_str(&legend).unwrap();
        let [first, second] = [0, 1].map(|image| &legend["images"][image]);
        assert_eq!([&first["label_map_bits"], &second["label_map_bits"]], [16, 8]);
        // Equal masks: the last of them covers the others.
        assert_eq!(first["segments"][306]["value"], 307);
        let labels = pixels(&folder.join("image1_labels.png"));
        let at = (20 * 40 + 10) * 2;
        assert_eq!(labels[at..at + 2], 307_u16.to_be_bytes());
    }

    #[test]
    fn every_picture_reads_back_as_its_mask() {
        let result = sample::segmentation();
        let scratch = tempfile::tempdir().unwrap();
        let folder = create_output_folder(scratch.path()).unwrap();
        export::write(&result, ExportFormat::Masks, &folder).unwrap();
        let folder = scratch.path().join("masks");
        let legend = std::fs::read_to_string(folder.join("legend.json")).unwrap();
        let legend: Value = serde_json::from_str(&legend).unwrap();
        let first = &legend["images"][0];

        let labels = pixels(&folder.join(first["label_map"].as_str().unwrap()));
        // Inside the head, inside the legs, inside the dog only, outside.
        let at = |x: usize, y: usize| labels[y * 40 + x];
        assert_eq!([at(5, 5), at(10, 20), at(30, 10), at(0, 0)], [2, 3, 1, 0]);

        let dog = &result.answers[0].segments[0];
        let stored = pixels(&folder.join(first["segments"][0]["mask"].as_str().unwrap()));
        let bits: Vec<bool> = (0..1200)
            .map(|at| stored[at / 40 * 5 + at % 40 / 8] >> (7 - at % 8) & 1 == 1)
            .collect();
        assert_eq!(bits, dog.decode_mask().unwrap().bits());
    }
}
