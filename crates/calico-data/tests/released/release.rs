//! Small releases on disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use calico_data::build::Destination;
use calico_data::released::{ImportSummary, ReleasedInput, ReleasedMap, import};
use calico_data::sources::Watch;
use calico_data::validate::{Report, ValidateOptions, validate};
use calico_data::{DataError, Dataset, SampleRecord, Split, Tables};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(super) const TRAIN: &str = "mixed_parts_train.json";

pub(super) fn square(x: u32, y: u32, side: u32) -> Value {
    json!([[x, y, x + side, y, x + side, y + side, x, y + side]])
}

/// Two chairs, one with a leg and one with an arm, and the three samples of them.
pub(super) fn guessed(first_image: u32) -> Value {
    let (a, b) = (first_image, first_image + 1);
    let image = |id: u32| {
        json!({"id": id, "file_name": format!("train2017/{id:012}.jpg"), "width": 60,
            "height": 40, "dataset": "paco"})
    };
    let annotation = |id: u32, image: u32, category: u32, mask: Value| {
        json!({"id": id, "image_id": image, "category_id": category, "segmentation": mask,
            "area": 1.0, "bbox": [0, 0, 1, 1], "iscrowd": 0})
    };
    let both = "[SEG] (IMAGE1) [SEG] (IMAGE2)";
    let pair = |task: &str, answer: String, annotations: Value| {
        json!({"id": 7, "task": task, "image_ids": [a, b], "annotation_ids": annotations,
            "question": "Compare <image> (IMAGE1) with <image> (IMAGE2).\nWhat is it?",
            "answer": answer})
    };
    json!({
        "info": {"year": 2025},
        "images": [image(a), image(b)],
        "categories": [
            {"id": 1, "name": "chair", "supercategory": "x"}, {"id": 2, "name": "chair:back"},
            {"id": 3, "name": "chair:leg"}, {"id": 4, "name": "chair:arm"},
        ],
        "annotations": [
            annotation(10, a, 1, square(0, 0, 30)), annotation(11, a, 2, square(0, 0, 10)),
            annotation(12, a, 3, square(10, 10, 8)), annotation(20, b, 1, square(5, 5, 30)),
            annotation(21, b, 2, square(5, 5, 10)), annotation(22, b, 4, square(20, 20, 8)),
        ],
        "pairs": [
            pair("common_object", format!("Both show <p> the chair </p> {both}."), json!([10, 20])),
            pair("common_parts", format!("Both have <p> a back </p> {both}."), json!([11, 21])),
            pair("unique_parts", "Only <p> a leg </p> [SEG] (IMAGE1) and <p> an arm </p> [SEG] \
                 (IMAGE2).".to_owned(), json!([12, 22])),
        ],
    })
}

/// A release on disk, and a place for the data set.
pub(super) struct Release {
    pub(super) root: TempDir,
    pub(super) out: TempDir,
}

impl Release {
    pub(super) fn new(documents: &[(&str, &Value)]) -> Self {
        let release = Self { root: TempDir::new().unwrap(), out: TempDir::new().unwrap() };
        for (name, document) in documents {
            release.write(name, &document.to_string());
        }
        release
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(super) fn import(&self, map: &str) -> Result<ImportSummary, DataError> {
        let input = ReleasedInput {
            root: self.root.path().to_owned(),
            map: ReleasedMap::from_toml(map)?,
            seed: 1,
            roots: BTreeMap::from([("paco_lvis".to_owned(), Path::new("/coco").to_owned())]),
            tables: Tables::default(),
        };
        import(&input, &Destination::new(&self.data()).unwrap(), &Watch::unwatched())
    }

    pub(super) fn data(&self) -> PathBuf {
        self.out.path().join("data")
    }

    pub(super) fn samples(&self, split: Split) -> Vec<SampleRecord> {
        let data = Dataset::open(&self.data()).unwrap();
        data.samples(split).unwrap().map(Result::unwrap).collect()
    }

    /// Looks at every rule of the data set.
    pub(super) fn report(&self) -> Report {
        let data = Dataset::open(&self.data()).unwrap();
        validate(&data, &ValidateOptions::default(), &Watch::unwatched()).unwrap()
    }

    pub(super) fn assert_sound(&self) {
        let report = self.report();
        assert!(report.is_sound(), "{}", report.to_text());
    }
}
