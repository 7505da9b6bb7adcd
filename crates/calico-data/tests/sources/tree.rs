//! The test data, and readers of it.

use std::fs;
use std::path::{Path, PathBuf};

use calico_data::sources::{Ade20kPart234, PacoLvis, PartImageNet, Reading, Watch};
use calico_data::{
    ImageCheck, ImageLimits, PartImageNetMasks, PartImageNetObjects, PartImageNetParts,
};

pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// The limits of `miniature.toml`.
pub(crate) fn limits() -> ImageLimits {
    ImageLimits { min_side: 48, ..ImageLimits::default() }
}

pub(crate) fn unopened() -> ImageLimits {
    ImageLimits { check: ImageCheck::None, ..limits() }
}

pub(crate) fn paco_of(tree: &str) -> PacoLvis {
    let root = data(tree);
    PacoLvis { root: root.join("paco"), coco: root.join("coco"), images: limits() }
}

pub(crate) fn part_imagenet_of(tree: &str) -> PartImageNet {
    let masks = PartImageNetMasks::default();
    PartImageNet { root: data(tree), images: limits(), masks }
}

pub(crate) fn by_png(tree: &str) -> PartImageNet {
    let masks =
        PartImageNetMasks { parts: PartImageNetParts::Png, objects: PartImageNetObjects::WholePng };
    PartImageNet { masks, ..part_imagenet_of(tree) }
}

pub(crate) fn ade20k_of(tree: &str) -> Ade20kPart234 {
    Ade20kPart234 { root: data(tree), images: limits() }
}

/// Everything in a tree, by the name of its source.
pub(crate) fn readings(tree: &str) -> Vec<(&'static str, Reading)> {
    let watch = Watch::unwatched();
    vec![
        ("paco_lvis", paco_of(tree).read(&watch).unwrap()),
        ("part_imagenet", part_imagenet_of(tree).read(&watch).unwrap()),
        ("ade20k_part_234", ade20k_of(tree).read(&watch).unwrap()),
    ]
}

pub(crate) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
