//! Rules for regions and their masks.

use super::*;

#[test]
fn rules_for_regions() {
    let part = |e: &mut Example, part: &str| e.regions[1].1.part_label = Some(part.to_owned());
    planted(
        |e| e.regions[1].1.region_id = 40,
        &[
            (Rule::SampleRegions, "train-000001", "found region 1"),
            (Rule::RegionIdUnique, "40", "it once in the data set"),
        ],
    );
    planted(
        |e| e.regions[1].1.image_id = "paco_lvis/x".to_owned(),
        &[
            (Rule::RegionImage, "1", "found paco_lvis/x"),
            (Rule::RegionOfImage, "train-000001", "found region 1 in no known image"),
        ],
    );
    planted(
        |e| part(e, "seat"),
        &[
            (Rule::RegionUnique, "2", "\"chair/seat\" as in region 1"),
            (Rule::PhraseLabel, "train-000001", "\"the back\" for region 1"),
        ],
    );
    planted(
        |e| part(e, "wheel"),
        &[
            (Rule::RegionSeen, "1", "\"chair/wheel\""),
            (Rule::PhraseLabel, "train-000001", "\"the back\" for region 1"),
        ],
    );
    planted(
        |e| part(e, "beak"),
        &[
            (Rule::LabelKnown, "1", "\"chair/beak\""),
            (Rule::PhraseLabel, "train-000001", "\"the back\" for region 1"),
        ],
    );
}

#[test]
fn rules_for_masks() {
    planted(
        |e| e.regions[1].1.rle.counts.push('~'),
        &[(Rule::MaskDecodes, "1", "bad COCO run-length string")],
    );
    planted(
        |e| {
            let region = &mut e.regions[1].1;
            region.rle.size = [100, 80];
            let runs = Rle::from_counts(Size::new(100, 80), vec![0, 450, 7550]).unwrap();
            region.rle.counts = runs.compressed();
            region.bbox = [0, 0, 5, 100];
        },
        &[(Rule::MaskSize, "1", "found a mask of 80x100, expected 100x80")],
    );
    planted(|e| e.regions[1].1.area += 1, &[(Rule::MaskArea, "1", "found 451, expected 450")]);
    planted(
        |e| e.regions[1].1.bbox[2] += 1,
        &[(Rule::MaskBox, "1", "expected [13, 8, 30, 15], that of the mask")],
    );
    planted(
        |e| e.regions[1].1.rle.counts = Rle::empty(Size::new(80, 100)).compressed(),
        &[(Rule::MaskArea, "1", "without pixels")],
    );
    let shrink = |e: &mut Example, at: usize, bbox: [u32; 4]| {
        let region = &mut e.regions[at].1;
        (region.bbox, region.area) = (bbox, bbox[2] * bbox[3]);
        region.rle = rectangle(bbox);
    };
    planted(
        |e| shrink(e, 1, [20, 20, 7, 9]),
        &[(Rule::RegionArea, "1", "found 63 of 8000 pixels, expected at least 64")],
    );
    planted(
        |e| shrink(e, 0, [20, 20, 31, 33]),
        &[(Rule::RegionArea, "0", "found 1023 of 8000 pixels")],
    );
    let mut example = Example::new(PAIRS);
    let mut config = BuildConfig::default();
    config.parts.min_of_object_per_10000 = 1000;
    shrink(&mut example, 2, [20, 20, 10, 41]);
    same(
        &report(&example, Some(config)),
        &[(Rule::PartShare, "2", "found 410 of 4200 pixels of the object")],
    );
}
