//! What `expected.json` and `broken.json` promise.

use std::collections::BTreeMap;
use std::fs;

use calico_data::Problem;
use calico_data::sources::{Reading, SourceImage};
use serde::Deserialize;

use crate::tree::data;

/// Areas by label.
pub(crate) type Areas = BTreeMap<String, u64>;

/// What a reader finds in an image.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct ExpectedImage {
    pub(crate) dataset: String,
    pub(crate) split: String,
    pub(crate) image: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) object_union_area: Areas,
    pub(crate) part_union_area: Areas,
    pub(crate) part_polygon_area: Option<Areas>,
    pub(crate) instances: Option<u32>,
}

/// What a reader must report.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ExpectedProblem {
    pub(crate) code: Option<String>,
    pub(crate) dataset: String,
    pub(crate) split: String,
    pub(crate) image: Option<String>,
    pub(crate) annotation: Option<i64>,
    #[serde(default)]
    pub(crate) may_also: Vec<String>,
    #[serde(default)]
    pub(crate) takes_along: Vec<i64>,
    #[serde(default)]
    pub(crate) when: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Expected {
    pub(crate) images: Vec<ExpectedImage>,
    #[serde(default)]
    pub(crate) problems: Vec<ExpectedProblem>,
    #[serde(default)]
    pub(crate) entries: Vec<ExpectedProblem>,
}

impl Expected {
    pub(crate) fn load(name: &str) -> Self {
        serde_json::from_str(&fs::read_to_string(data(name)).unwrap()).unwrap()
    }

    pub(crate) fn images_of<'a>(
        &'a self,
        dataset: &'a str,
    ) -> impl Iterator<Item = &'a ExpectedImage> {
        self.images.iter().filter(move |image| image.dataset == dataset)
    }
}

/// A finding, to be compared: code, split, name of the file without its folders, annotation.
pub(crate) type Found = (String, String, Option<String>, Option<i64>);

pub(crate) fn found(problem: &Problem) -> Found {
    let image = problem.image.as_deref().map(bare);
    (problem.code.to_string(), problem.split.clone(), image, problem.annotation)
}

impl ExpectedProblem {
    pub(crate) fn found(&self, code: &str) -> Found {
        let image = self.image.as_deref().map(bare);
        (code.to_owned(), self.split.clone(), image, self.annotation)
    }
}

fn bare(path: &str) -> String {
    path.rsplit('/').next().unwrap().to_owned()
}

/// Areas of the objects, and of the parts as `object:part`.
pub(crate) fn areas(reading: &Reading, image: &SourceImage) -> (Areas, Areas) {
    let (mut objects, mut parts) = (Areas::new(), Areas::new());
    for object in &image.objects {
        let label = reading.vocabulary.class_label(object.class);
        objects.insert(label.to_owned(), object.mask.area());
        for part in &object.parts {
            let label = format!("{label}:{}", reading.vocabulary.part_label(part.part));
            parts.insert(label, part.mask.area());
        }
    }
    (objects, parts)
}

/// Areas of what has pixels.
pub(crate) fn visible(areas: &Areas) -> Areas {
    areas
        .iter()
        .filter(|&(_, &area)| area > 0)
        .map(|(label, &area)| (label.clone(), area))
        .collect()
}
