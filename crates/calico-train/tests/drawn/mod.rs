//! A data set of small drawn pictures, in the form that `calico data build` writes.
//!
//! Every picture shows a mug (body and handle) or a stool (seat and legs) at a place of its own.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;

use calico_data::{ImageRecord, RegionRecord, SampleRecord, Split, Templates};
use calico_image::{Frame, Mask, Size};
use calico_result::{EncodedMask, Task};

/// Left, top, width, height.
type Area = [u32; 4];

/// The name of an object, and its regions: of parts, or `None` for the whole.
type Shown<'a> = (&'a str, Vec<(Option<&'a str>, u32)>);

/// Pictures and questions of one split.
struct Drawn {
    images: Vec<ImageRecord>,
    regions: Vec<RegionRecord>,
    samples: Vec<SampleRecord>,
}

/// Writes a data set with so many questions in train and a quarter of them in dev and test.
pub(crate) fn write(folder: &Path, questions: usize) {
    let pictures = folder.join("pictures");
    fs::create_dir_all(&pictures).unwrap();
    let mut next_region = 0;
    for (split, count) in
        [(Split::Train, questions), (Split::Dev, questions / 4), (Split::Test, questions / 4)]
    {
        let drawn = draw(split, count.max(1), &pictures, &mut next_region);
        let table = |name: &str, lines: Vec<String>| {
            let path = folder.join(name);
            fs::create_dir_all(&path).unwrap();
            let part = if name == "samples" { "-00000-of-00001" } else { "" };
            let file = path.join(format!("{split}{part}.jsonl"));
            fs::write(file, lines.concat()).unwrap();
        };
        table("images", drawn.images.iter().map(line).collect());
        table("regions", drawn.regions.iter().map(line).collect());
        table("samples", drawn.samples.iter().map(line).collect());
    }
    fs::write(folder.join("roots.toml"), "[roots]\ndrawn = \"pictures\"\n").unwrap();
}

fn line(row: &impl serde::Serialize) -> String {
    serde_json::to_string(row).unwrap() + "\n"
}

fn draw(split: Split, questions: usize, pictures: &Path, next_region: &mut u32) -> Drawn {
    let mut drawn = Drawn { images: Vec::new(), regions: Vec::new(), samples: Vec::new() };
    for number in 0..questions {
        let shapes = [number % 2 == 0, number % 3 == 0];
        let (mut ids, mut of_image) = (Vec::new(), Vec::new());
        for (index, is_mug) in shapes.into_iter().enumerate() {
            let name = format!("{}-{number}-{index}", split.name());
            let size = Size::new(48 + 8 * index as u32, 64 - 8 * (number % 2) as u32);
            let place = [(number * 5 + index * 3) as u32 % 12, (number * 7) as u32 % 10];
            let parts = parts(is_mug, place);
            let file_name = format!("{name}.png");
            fs::write(pictures.join(&file_name), picture(size, is_mug, &parts)).unwrap();
            let id = format!("drawn/{name}");
            drawn.images.push(ImageRecord {
                image_id: id.clone(),
                source: "drawn".into(),
                file_name,
                width: size.width,
                height: size.height,
                sha256: None,
                split,
                seen: Vec::new(),
            });
            let object = if is_mug { "mug" } else { "stool" };
            let whole: Vec<Area> = parts.iter().map(|(_, area)| *area).collect();
            let mut regions = vec![(None, whole)];
            regions.extend(parts.into_iter().map(|(part, area)| (Some(part), vec![area])));
            let mut numbers = Vec::new();
            for (part, areas) in regions {
                let mask = mask(size, &areas);
                let bbox = mask.bounding_box().unwrap();
                drawn.regions.push(RegionRecord {
                    region_id: *next_region,
                    image_id: id.clone(),
                    object_label: object.into(),
                    part_label: part.map(str::to_owned),
                    raw_ids: Vec::new(),
                    area: mask.area() as u32,
                    bbox: [bbox.x, bbox.y, bbox.width, bbox.height],
                    rle: EncodedMask::new(&mask),
                });
                numbers.push((part, *next_region));
                *next_region += 1;
            }
            ids.push(id);
            of_image.push((object, numbers));
        }
        drawn.samples.push(sample(split, number, &ids, &of_image));
    }
    drawn
}

/// The parts of a mug or a stool, the first one where the object begins.
fn parts(is_mug: bool, [x, y]: [u32; 2]) -> Vec<(&'static str, Area)> {
    if is_mug {
        vec![("body", [x + 4, y + 6, 18, 22]), ("handle", [x + 22, y + 10, 9, 12])]
    } else {
        vec![("seat", [x + 2, y + 4, 28, 9]), ("leg", [x + 6, y + 13, 6, 18])]
    }
}

fn mask(size: Size, areas: &[Area]) -> Mask {
    let inside = |x: u32, y: u32| {
        areas
            .iter()
            .any(|[left, top, w, h]| (*left..left + w).contains(&x) && (*top..top + h).contains(&y))
    };
    let bits = (0..size.height).flat_map(|y| (0..size.width).map(move |x| (x, y)));
    Mask::new(size, bits.map(|(x, y)| inside(x, y)).collect()).unwrap()
}

fn picture(size: Size, is_mug: bool, parts: &[(&'static str, Area)]) -> Vec<u8> {
    let mut pixels = vec![if is_mug { 40 } else { 60 }; size.pixels() as usize * 3];
    for (number, (_, area)) in parts.iter().enumerate() {
        let colour = [[220, 80, 60], [70, 120, 210]][number % 2];
        let mask = mask(size, std::slice::from_ref(area));
        for (pixel, inside) in pixels.chunks_exact_mut(3).zip(mask.bits()) {
            if *inside {
                pixel.copy_from_slice(&colour);
            }
        }
    }
    calico_result::pictures::png(&Frame::new(size, pixels).unwrap()).unwrap()
}

/// A question about the parts of a pair: common ones if both show the same object.
fn sample(split: Split, number: usize, ids: &[String], images: &[Shown<'_>]) -> SampleRecord {
    let is_common = images[0].0 == images[1].0;
    let (mut groups, mut region_ids, mut image_index) = (Vec::new(), Vec::new(), Vec::new());
    let named = |image: usize| images[image].1.iter().filter(|(part, _)| part.is_some());
    if is_common {
        for ((part, first), (_, second)) in named(0).zip(named(1)) {
            let part = part.unwrap();
            groups.push(format!("<p> a {part} </p> [SEG] (IMAGE1) [SEG] (IMAGE2)"));
            region_ids.extend([*first, *second]);
            image_index.extend([1, 2]);
        }
    } else {
        for image in [0, 1] {
            for (part, region) in named(image) {
                let (part, shown) = (part.unwrap(), image as u8 + 1);
                groups.push(format!("<p> a {part} </p> [SEG] (IMAGE{shown})"));
                region_ids.push(*region);
                image_index.push(shown);
            }
        }
    }
    let word = if is_common { "common" } else { "unique" };
    SampleRecord {
        sample_id: format!("{}-{number:04}", split.name()),
        source: "drawn".into(),
        subtask: if is_common { Task::CommonParts } else { Task::UniqueParts },
        class_a: images[0].0.into(),
        class_b: images[1].0.into(),
        image_ids: ids.to_vec(),
        question: format!(
            "The <image> (IMAGE1) and <image> (IMAGE2) provide an overview of the pictures.\n\
             Which parts are {word}?"
        ),
        answer: format!("The {word} parts are {}.", groups.join(" and ")),
        region_ids,
        image_index,
        template_ids: Templates { prefix: "P1".into(), question: "Q1".into(), answer: "A1".into() },
        ambiguous: false,
    }
}
