//! Writes one document in every format into a folder, for `tools/roundtrip/annotation.py`.
//!
//! ```sh
//! cargo run -p calico-annotation --example write_formats -- FOLDER
//! ```
//!
//! `expected.json` lists its regions with COCO's run lengths, which is what each tool must find
//! in its own file.

use std::fs::{self, File};
use std::path::PathBuf;
use std::{env, error};

use calico_annotation::{
    AnnotatedImage, Document, Kind, Origin, Region, Segmentation, coco, cvat, fiftyone,
    label_studio,
};
use calico_image::{Mask, Rle, Size};
use serde_json::json;

fn main() -> Result<(), Box<dyn error::Error>> {
    let folder = PathBuf::from(env::args_os().nth(1).ok_or("name a folder to write into")?);
    fs::create_dir_all(&folder)?;
    let create = |name: &str| File::create(folder.join(name));
    let document = document()?;
    coco::write(&document, create("coco.json")?)?;
    fiftyone::write(&document, create(fiftyone::LABELS_NAME)?)?;
    label_studio::write(&document, "/data/local-files/?d=", create("label_studio.json")?)?;
    fs::write(folder.join("label_studio.xml"), label_studio::labeling_config(&document)?)?;
    cvat::write(&document, create("cvat.xml")?)?;
    fs::write(folder.join("cvat_labels.json"), cvat::labels_json(&document)?)?;
    let regions = document.images.iter().flat_map(|image| {
        image.regions.iter().map(|region| {
            json!({
                "file_name": image.file_name,
                "id": region.id,
                "label": region.label,
                "kind": region.kind,
                "parent": region.parent,
                "group": region.group,
                "score": region.score,
                "origin": region.origin,
                "segmentation": Segmentation::from(&region.mask),
            })
        })
    });
    let regions: Vec<_> = regions.collect();
    fs::write(folder.join("expected.json"), serde_json::to_string_pretty(&regions)? + "\n")?;
    Ok(())
}

/// Two images of a data set, and two with the predictions of a model.
fn document() -> Result<Document, Box<dyn error::Error>> {
    let mut images = Vec::new();
    let mut id = 0;
    for (number, origin) in [Origin::Human, Origin::Human, Origin::Prediction, Origin::Prediction]
        .into_iter()
        .enumerate()
    {
        let size = Size::new(97 + 20 * number as u32, 131);
        let first = id + 1;
        let shift = f64::from(number as u32);
        let kinds = match origin {
            Origin::Human => [Kind::Object, Kind::Part, Kind::Part],
            Origin::Prediction => [Kind::Object, Kind::CommonPart, Kind::UniquePart],
        };
        let ellipses =
            [[60.0, 50.0, 55.0, 44.0], [50.5, 70.0, 13.0, 22.0], [20.0, 9.0, 21.0, 14.5]];
        let labels = ["chair & <sofa>", "\"leg\"", "chair & <sofa>"];
        let mut regions = Vec::new();
        for ((kind, [x, y, x_radius, y_radius]), label) in
            kinds.into_iter().zip(ellipses).zip(labels)
        {
            id += 1;
            regions.push(Region {
                id,
                label: label.to_owned(),
                kind,
                parent: kind.is_part().then_some(first),
                group: (kind != Kind::UniquePart).then_some(id - first + 1),
                mask: ellipse(size, [x + shift, y, x_radius, y_radius])?,
                score: (origin == Origin::Prediction).then_some(0.1 * f64::from(id)),
                origin,
            });
        }
        id += 1;
        regions.push(Region {
            id,
            label: "nothing".to_owned(),
            kind: Kind::Other,
            parent: None,
            group: None,
            mask: Rle::empty(size),
            score: None,
            origin,
        });
        images.push(AnnotatedImage {
            id: format!("set/{number}"),
            file_name: format!("train/größe {number}.png"),
            size,
            regions,
            notes: vec!["Which object do both show?\nA chair.".to_owned()],
        });
    }
    Ok(Document { name: "sample".to_owned(), images, notes: vec!["made by hand".to_owned()] })
}

/// An ellipse with its middle pixel missing.
fn ellipse(size: Size, [x, y, x_radius, y_radius]: [f64; 4]) -> Result<Rle, Box<dyn error::Error>> {
    let inside = |row: u32, column: u32| {
        let (dx, dy) = (f64::from(column) - x, f64::from(row) - y);
        let distance = (dx / x_radius).powi(2) + (dy / y_radius).powi(2);
        (0.001..1.0).contains(&distance)
    };
    let pixels = (0..size.height).flat_map(|row| (0..size.width).map(move |column| (row, column)));
    let bits = pixels.map(|(row, column)| inside(row, column)).collect();
    Ok(Rle::from_mask(&Mask::new(size, bits)?))
}
