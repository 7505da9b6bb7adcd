use calico_data::{ImageRecord, RegionRecord, SampleRecord, Split, Templates};
use calico_image::Mask;
use calico_result::EncodedMask;
use sha2::{Digest as _, Sha256};

use super::case::Case;
use crate::scene::Drawing;

/// The name of the only source.
pub(super) const SOURCE: &str = "synthparts";

/// The rows of the tables of a split.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) images: Vec<ImageRecord>,
    pub(super) regions: Vec<RegionRecord>,
    pub(super) samples: Vec<SampleRecord>,
}

impl Rows {
    /// Adds the rows of a case by its id and the name of its pictures, and returns these with
    /// their paths below the folder of pictures. `next_region` counts the regions of the whole data set.
    pub(super) fn add(
        &mut self,
        case: Case,
        split: Split,
        [id, name]: [&str; 2],
        next_region: &mut u32,
    ) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        let mut first_regions = Vec::new();
        for (number, (drawing, file)) in case.pictures.into_iter().enumerate() {
            let stem = format!("{split}/{name}-{}", number + 1);
            let image_id = format!("{SOURCE}/{stem}");
            let file_name = format!("{stem}.jpg");
            let first_region = *next_region;
            self.add_regions(&drawing, &image_id, next_region);
            self.images.push(image(&drawing, &file, split, [&image_id, &file_name]));
            first_regions.push((image_id, first_region));
            files.push((file_name, file));
        }
        let several = case.asked.len() > 1;
        for (letter, asked) in ('a'..).zip(case.asked) {
            let shown = asked.ask.pictures.iter().filter_map(|at| first_regions.get(*at));
            let shown: Vec<&(String, u32)> = shown.collect();
            let answer = asked.answer;
            let region = |(slot, image): (&u32, &u8)| {
                shown.get(usize::from(*image).wrapping_sub(1)).map_or(0, |(_, first)| first + slot)
            };
            self.samples.push(SampleRecord {
                sample_id: if several { format!("{id}/{letter}") } else { id.to_owned() },
                source: SOURCE.to_owned(),
                subtask: asked.ask.task,
                class_a: asked.classes[0].to_owned(),
                class_b: asked.classes[1].to_owned(),
                image_ids: shown.iter().map(|(id, _)| id.clone()).collect(),
                question: asked.question.text,
                region_ids: answer.slots.iter().zip(&answer.images).map(region).collect(),
                image_index: answer.images,
                answer: answer.text,
                template_ids: Templates {
                    prefix: asked.question.prefix,
                    question: asked.question.question,
                    answer: answer.template,
                },
                ambiguous: false,
            });
        }
        files
    }

    /// Adds the masks of a picture: each object, then its parts.
    fn add_regions(&mut self, drawing: &Drawing, image_id: &str, next_region: &mut u32) {
        for object in &drawing.objects {
            let parts = object.parts.iter().map(|part| (Some(part.label), &part.mask));
            for (part, mask) in std::iter::once((None, &object.mask)).chain(parts) {
                let label = object.class.label;
                self.regions.push(region(*next_region, image_id, label, part, mask));
                *next_region += 1;
            }
        }
    }
}

fn image(
    drawing: &Drawing,
    file: &[u8],
    split: Split,
    [image_id, file_name]: [&str; 2],
) -> ImageRecord {
    let mut seen = Vec::new();
    for object in &drawing.objects {
        let label = object.class.label;
        seen.push(label.to_owned());
        seen.extend(object.parts.iter().map(|part| format!("{label}/{}", part.label)));
    }
    seen.sort();
    let size = drawing.frame.size();
    ImageRecord {
        image_id: image_id.to_owned(),
        source: SOURCE.to_owned(),
        file_name: file_name.to_owned(),
        width: size.width,
        height: size.height,
        sha256: Some(format!("{:x}", Sha256::digest(file))),
        split,
        seen,
    }
}

fn region(
    region_id: u32,
    image_id: &str,
    object: &str,
    part: Option<&str>,
    mask: &Mask,
) -> RegionRecord {
    let bbox = mask.bounding_box().map_or([0; 4], |b| [b.x, b.y, b.width, b.height]);
    RegionRecord {
        region_id,
        image_id: image_id.to_owned(),
        object_label: object.to_owned(),
        part_label: part.map(str::to_owned),
        raw_ids: Vec::new(),
        area: mask.area() as u32,
        bbox,
        rle: EncodedMask::new(mask),
    }
}
