use std::collections::{BTreeMap, HashMap};

use calico_image::Size;

use crate::Truths;

/// The images of a split, by everything that may name them.
pub(super) struct ImageIndex {
    images: Vec<IndexedImage>,
    /// By id, file name, and ends of the file name; `None` where several images share an end.
    by_name: HashMap<String, Option<usize>>,
}

/// One image of a split.
pub(super) struct IndexedImage {
    pub(super) image_id: String,
    /// Its path in the data set.
    file_name: String,
    pub(super) source: String,
    pub(super) size: Size,
}

/// Which image a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    One(usize),
    Several,
    None,
}

impl ImageIndex {
    pub(super) fn new(truths: &Truths) -> Self {
        let mut files: BTreeMap<&str, &str> = BTreeMap::new();
        let mut images = Vec::new();
        for truth in truths.samples() {
            for image in &truth.images {
                if files.insert(&image.image_id, &image.file_name).is_none() {
                    images.push(IndexedImage {
                        image_id: image.image_id.clone(),
                        file_name: image.file_name.clone(),
                        source: truth.source.clone(),
                        size: image.size,
                    });
                }
            }
        }
        let mut by_name: HashMap<String, Option<usize>> = HashMap::new();
        for (index, image) in images.iter().enumerate() {
            let file = files.get(image.image_id.as_str()).copied().unwrap_or_default();
            for end in ends(file) {
                let one = by_name.entry(end.to_owned()).or_insert(Some(index));
                if *one != Some(index) {
                    *one = None;
                }
            }
        }
        // An id is exact, whatever ends of file names look like it.
        for (index, image) in images.iter().enumerate() {
            by_name.insert(image.image_id.clone(), Some(index));
        }
        Self { images, by_name }
    }

    pub(super) fn image(&self, index: usize) -> &IndexedImage {
        &self.images[index]
    }

    /// The image with an id or a file name, which may have more or fewer leading folders than
    /// that of the data set, but no other ones.
    pub(super) fn find(&self, name: &str) -> Named {
        for end in ends(name) {
            match self.by_name.get(end) {
                Some(Some(index)) => {
                    let image = &self.images[*index];
                    let is_same = image.image_id == name
                        || ends(name).any(|end| end == image.file_name)
                        || ends(&image.file_name).any(|end| end == name);
                    return if is_same { Named::One(*index) } else { Named::None };
                }
                Some(None) => return Named::Several,
                None => {}
            }
        }
        Named::None
    }
}

/// A path, and what is left of it without its leading folders, the longest first.
fn ends(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |rest| rest.split_once('/').map(|(_, rest)| rest))
        .filter(|end| !end.is_empty())
}

#[cfg(test)]
mod tests {
    use calico_result::Task;

    use super::*;
    use crate::{ImageTruth, PairTruth};

    fn index(files: &[(&str, &str)]) -> ImageIndex {
        let images = files.iter().map(|(id, file)| ImageTruth {
            image_id: (*id).to_owned(),
            file_name: (*file).to_owned(),
            size: Size::new(1, 1),
            targets: Vec::new(),
        });
        let truth = PairTruth {
            sample_id: "s".to_owned(),
            source: "own".to_owned(),
            subtask: Task::CommonObjects,
            classes: [String::new(), String::new()],
            images: images.collect(),
        };
        ImageIndex::new(&Truths::new(vec![truth]).unwrap())
    }

    #[test]
    fn an_image_is_found_by_id_file_and_its_end_unless_that_is_ambiguous() {
        let index =
            index(&[("own/1", "a/b/1.jpg"), ("own/2", "a/c/1.jpg"), ("own/3", "a/c/3.jpg")]);
        assert_eq!(index.find("own/2"), Named::One(1));
        assert_eq!(index.find("a/c/1.jpg"), Named::One(1));
        assert_eq!(index.find("b/1.jpg"), Named::One(0));
        assert_eq!(index.find("3.jpg"), Named::One(2));
        assert_eq!(index.find("/data/coco/a/c/3.jpg"), Named::One(2));
        assert_eq!(index.find("1.jpg"), Named::Several);
        assert_eq!(index.find("4.jpg"), Named::None);
        assert_eq!(index.find("other/3.jpg"), Named::None, "a file of another folder");
        assert_eq!(index.find(""), Named::None);
    }
}
