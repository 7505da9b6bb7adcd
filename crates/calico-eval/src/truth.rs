use calico_image::{Rle, Size};
use calico_result::Task;

use crate::PartObjects;

/// One mask that should be found.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The label of the region: of the part, or of the whole object.
    pub label: String,
    /// The mask at the size of the image.
    pub mask: Rle,
    /// Whether it shows a whole object.
    pub is_object: bool,
}

/// What should be found in one image.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageTruth {
    /// The id of the image in the data set.
    pub image_id: String,
    /// Its path below the root of its source, with forward slashes.
    pub file_name: String,
    /// Height and width of the image.
    pub size: Size,
    /// The masks, in the order of the true answer. There may be none: the unique parts of a pair
    /// may all be in the other image.
    pub targets: Vec<Target>,
}

/// What should be found for one sample, a question about a pair (or more) of images.
#[derive(Debug, Clone, PartialEq)]
pub struct PairTruth {
    /// The id of the sample.
    pub sample_id: String,
    /// The source of its images.
    pub source: String,
    /// What is asked for.
    pub subtask: Task,
    /// The labels of the objects in the first and in the second image.
    pub classes: [String; 2],
    /// The images in the order of `(IMAGE1)`, `(IMAGE2)`, ….
    pub images: Vec<ImageTruth>,
}

impl PairTruth {
    /// Whether a region of the true answer is a target.
    pub(crate) fn counts(&self, target: &Target, objects: PartObjects) -> bool {
        !(target.is_object && self.sets_objects_aside(objects))
    }

    /// Whether objects are neither targets nor predictions.
    pub(crate) fn sets_objects_aside(&self, objects: PartObjects) -> bool {
        self.subtask != Task::CommonObjects && objects == PartObjects::SetAside
    }

    /// The name of the class pair, the same in both orders: `bed + pool table`.
    pub fn class_pair(&self) -> String {
        let [a, b] = &self.classes;
        let (a, b) = if a <= b { (a, b) } else { (b, a) };
        format!("{a} + {b}")
    }
}
