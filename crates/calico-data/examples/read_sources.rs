//! Reads sources from disk and says how long that took: a test of speed.
//!
//! ```sh
//! cargo run --release -p calico-data --example read_sources -- CHECK paco ROOT COCO
//! cargo run --release -p calico-data --example read_sources -- CHECK part-imagenet ROOT
//! cargo run --release -p calico-data --example read_sources -- CHECK ade20k ROOT
//! ```
//!
//! `CHECK` is `decode`, `header` or `none`.
#![expect(clippy::print_stdout, reason = "a program whose purpose is to print")]

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use calico_data::sources::{Ade20kPart234, PacoLvis, PartImageNet, Reading, Watch};
use calico_data::{DataError, ImageCheck, ImageLimits, PartImageNetMasks};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (&check, rest) = arguments.split_first().ok_or("expected CHECK and a source")?;
    let check = match check {
        "decode" => ImageCheck::Decode,
        "header" => ImageCheck::Header,
        "none" => ImageCheck::None,
        other => return Err(format!("found {other}, expected decode, header or none").into()),
    };
    let images = ImageLimits { check, ..ImageLimits::default() };
    let began = Instant::now();
    let reading = read(rest, images)?;
    report(&reading, began.elapsed().as_secs_f64());
    Ok(())
}

fn read(arguments: &[&str], images: ImageLimits) -> Result<Reading, Box<dyn Error>> {
    let watch = Watch::unwatched();
    let reading: Result<Reading, DataError> = match *arguments {
        ["paco", root, coco] => {
            PacoLvis { root: root.into(), coco: coco.into(), images }.read(&watch)
        }
        ["part-imagenet", root] => {
            let (root, masks) = (PathBuf::from(root), PartImageNetMasks::default());
            PartImageNet { root, images, masks }.read(&watch)
        }
        ["ade20k", root] => Ade20kPart234 { root: root.into(), images }.read(&watch),
        _ => return Err("expected paco ROOT COCO, part-imagenet ROOT or ade20k ROOT".into()),
    };
    Ok(reading?)
}

fn report(reading: &Reading, seconds: f64) {
    let objects: Vec<_> = reading.images.iter().flat_map(|image| &image.objects).collect();
    let parts = objects.iter().map(|object| object.parts.len()).sum::<usize>();
    let whole = objects.iter().map(|object| object.mask.counts().len()).sum::<usize>();
    let cut = objects.iter().flat_map(|object| &object.parts);
    let cut = cut.map(|part| part.mask.counts().len()).sum::<usize>();
    let mut codes = BTreeMap::new();
    for problem in &reading.problems {
        *codes.entry(problem.code.to_string()).or_insert(0_u64) += 1;
    }
    println!("{seconds:.1} s");
    println!("{} images of {}", reading.images.len(), reading.images_listed);
    println!("{} annotations", reading.annotations_listed);
    println!("{} objects, {parts} parts, {} runs", objects.len(), whole + cut);
    println!("problems: {codes:?}");
}
