//! What a data set must hold, worked out a second time from the readings in the plainest way.

use std::collections::{BTreeMap, BTreeSet};

use calico_data::sources::{Reading, SourceImage, SourceObject};
use calico_data::{BuildConfig, RegionRecord, SampleRecord, Split, Vocabulary, answer_text};
use calico_result::Task;

use crate::data::Data;

type Labels = BTreeSet<String>;
/// Labels in an answer, and the images that each is grounded in.
type Named<'a> = BTreeMap<&'a str, Vec<u8>>;

/// An image of a reading, in labels.
pub(crate) struct Known {
    pub(crate) split: Split,
    /// By object label: the part labels that pass the filters.
    pub(crate) kept: BTreeMap<String, Labels>,
    /// By object label: all part labels that are annotated.
    pub(crate) seen: BTreeMap<String, Labels>,
    /// Objects that are kept and whole.
    pub(crate) whole: Labels,
    /// By object label: the area of the object.
    pub(crate) areas: BTreeMap<String, u64>,
}

pub(crate) fn known_images(readings: &[Reading], config: &BuildConfig) -> BTreeMap<String, Known> {
    let all = readings.iter().flat_map(|reading| {
        reading
            .images
            .iter()
            .map(|image| (image.image_id.clone(), known(image, &reading.vocabulary, config)))
    });
    all.collect()
}

fn known(image: &SourceImage, names: &Vocabulary, config: &BuildConfig) -> Known {
    let pixels = image.size.pixels();
    let passes = |area: u64, least: u32, per_10000: u32| {
        area >= u64::from(least) && area * 10_000 >= u64::from(per_10000) * pixels
    };
    let mut known = Known {
        split: image.split,
        kept: BTreeMap::new(),
        seen: BTreeMap::new(),
        whole: BTreeSet::new(),
        areas: BTreeMap::new(),
    };
    for object in &image.objects {
        let label = names.class_label(object.class).to_owned();
        known.seen.insert(label.clone(), seen_parts(object, names, config));
        let area = object.mask.area();
        let limits = &config.objects;
        if (limits.skip_incomplete && !object.is_complete)
            || !passes(area, limits.min_area, limits.min_area_per_10000)
        {
            continue;
        }
        let limits = &config.parts;
        let kept = object.parts.iter().filter(|part| {
            let found = part.mask.area();
            let inside = part.mask.intersection_area(&object.mask).unwrap();
            !limits.skip.contains(&names.part_label(part.part).to_owned())
                && passes(found, limits.min_area, limits.min_area_per_10000)
                && found * 10_000 >= area * u64::from(limits.min_of_object_per_10000)
                && inside * 10_000 >= found * u64::from(limits.min_inside_per_10000)
        });
        let kept = kept.map(|part| names.part_label(part.part).to_owned()).collect();
        known.kept.insert(label.clone(), kept);
        known.areas.insert(label.clone(), area);
        if object.is_complete {
            known.whole.insert(label);
        }
    }
    known
}

fn seen_parts(object: &SourceObject, names: &Vocabulary, config: &BuildConfig) -> Labels {
    let readable = object.parts.iter().map(|part| part.part);
    let all = readable.chain(object.unreadable_parts.iter().copied());
    let labels = all.map(|part| names.part_label(part).to_owned());
    labels.filter(|label| !config.parts.skip.contains(label)).collect()
}

/// Checks every rule for all samples of a data set.
pub(crate) fn check(data: &Data, readings: &[Reading], config: &BuildConfig) {
    let known = known_images(readings, config);
    let mut used_regions = BTreeSet::new();
    let mut used_images = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for (split, samples) in &data.samples {
        let mut uses: BTreeMap<&str, u32> = BTreeMap::new();
        for sample in samples {
            assert!(ids.insert(&sample.sample_id), "{} comes twice", sample.sample_id);
            check_sample(data, sample, *split, &known, config);
            used_regions.extend(&sample.region_ids);
            for image in &sample.image_ids {
                used_images.insert(image.clone());
                *uses.entry(image).or_default() += 1;
            }
        }
        let most = if *split == Split::Test { config.test.max_uses } else { config.pairs.max_uses };
        assert!(uses.values().all(|count| *count <= most), "{split}: an image is shown too often");
    }
    // The object of a part that is named is there as well.
    let objects = data.regions.values().filter(|region| region.part_label.is_none());
    let objects: BTreeMap<(&str, &str), u32> = objects
        .map(|region| ((region.image_id.as_str(), region.object_label.as_str()), region.region_id))
        .collect();
    let of_parts: Vec<u32> = used_regions
        .iter()
        .map(|id| &data.regions[id])
        .map(|region| objects[&(region.image_id.as_str(), region.object_label.as_str())])
        .collect();
    used_regions.extend(of_parts);
    assert_eq!(used_regions, data.regions.keys().copied().collect(), "regions without samples");
    assert_eq!(used_images, data.images.keys().cloned().collect(), "images without samples");
    for (split, samples) in &data.samples {
        let counts = &data.record.splits[split];
        assert_eq!(counts.samples, samples.len() as u64);
        let cells: u64 = counts.cells.values().flat_map(|cells| cells.values()).sum();
        let pairs: u64 = counts.class_pairs.iter().flat_map(|pair| pair.samples.values()).sum();
        assert_eq!((cells, pairs), (counts.samples, counts.samples));
    }
    check_balance(data, config);
}

fn check_balance(data: &Data, config: &BuildConfig) {
    let filled = data.record.test_cells.iter().filter(|cell| cell.pairs > 0);
    let counts: BTreeSet<u64> = filled.map(|cell| cell.pairs).collect();
    assert!(counts.len() <= 1, "the cells of the test split hold {counts:?}");
    for cell in &data.record.test_cells {
        assert!(cell.pairs <= u64::from(config.test.pairs_per_cell));
        let found = data.samples[&Split::Test]
            .iter()
            .filter(|sample| sample.source == cell.source && sample.subtask == cell.subtask);
        assert_eq!(found.count() as u64, cell.pairs);
    }
}

fn check_sample(
    data: &Data,
    sample: &SampleRecord,
    split: Split,
    known: &BTreeMap<String, Known>,
    config: &BuildConfig,
) {
    let id = &sample.sample_id;
    let [first, second] = sample.image_ids.as_slice() else { panic!("{id}: not a pair") };
    assert_ne!(first, second, "{id}: an image is paired with itself");
    let images = [&known[first], &known[second]];
    assert!(images.iter().all(|image| image.split == split), "{id}: an image of another split");

    let groups = answer_text::parse(&sample.answer, 2).unwrap();
    let named: Vec<u8> = groups.iter().flat_map(|group| group.images.clone()).collect();
    assert_eq!(named, sample.image_index, "{id}");
    assert_eq!(named.len(), sample.region_ids.len(), "{id}");
    assert!(named.len() <= config.answers.max_segments as usize, "{id}: too many masks");
    assert!(!groups.is_empty(), "{id}: nothing is grounded");
    let mut regions = sample.region_ids.iter().zip(&named).map(|(region, image)| {
        let region = &data.regions[region];
        assert_eq!(region.image_id, sample.image_ids[usize::from(*image) - 1], "{id}");
        region
    });
    // By group: the label in question, and the images.
    let mut objects: Named<'_> = BTreeMap::new();
    let mut parts: Named<'_> = BTreeMap::new();
    for group in &groups {
        let of_group: Vec<&RegionRecord> = regions.by_ref().take(group.images.len()).collect();
        let label = of_group[0].part_label.as_ref().unwrap_or(&of_group[0].object_label);
        let article = group.phrase.strip_suffix(label.as_str()).unwrap();
        assert!(["", "a ", "an ", "the "].contains(&article), "{id}: {}", group.phrase);
        for region in &of_group {
            assert_eq!(region.part_label.is_some(), of_group[0].part_label.is_some(), "{id}");
            assert_eq!(region.part_label.as_ref().unwrap_or(&region.object_label), label, "{id}");
        }
        let list = if of_group[0].part_label.is_some() { &mut parts } else { &mut objects };
        assert!(list.insert(label, group.images.clone()).is_none(), "{id}: {label} comes twice");
    }
    assert!(parts.len() <= config.answers.max_parts as usize, "{id}: too many parts");
    if split == Split::Test {
        assert!(!sample.ambiguous, "{id}: an ambiguous test sample");
    }
    check_ambiguity(sample, images);
    match sample.subtask {
        Task::CommonObjects => check_objects(sample, images, &objects, &parts),
        _ => check_parts(sample, images, (&objects, &parts), config),
    }
}

fn check_ambiguity(sample: &SampleRecord, [first, second]: [&Known; 2]) {
    let shared = first.seen.keys().filter(|label| second.seen.contains_key(*label));
    let hides = shared.clone().any(|l| !first.whole.contains(l) || !second.whole.contains(l));
    if hides {
        assert!(sample.ambiguous, "{}: a shared object was dropped", sample.sample_id);
    }
}

fn check_objects(
    sample: &SampleRecord,
    [first, second]: [&Known; 2],
    objects: &Named<'_>,
    parts: &Named<'_>,
) {
    let shared: Labels =
        first.kept.keys().filter(|label| second.kept.contains_key(*label)).cloned().collect();
    let named: Labels = objects.keys().map(|label| (*label).to_owned()).collect();
    assert_eq!(named, shared, "{}", sample.sample_id);
    assert!(objects.values().all(|images| *images == [1, 2]) && parts.is_empty());
    assert!(shared.contains(&sample.class_a) && sample.class_a == sample.class_b);
}

fn check_parts(
    sample: &SampleRecord,
    [first, second]: [&Known; 2],
    (objects, parts): (&Named<'_>, &Named<'_>),
    config: &BuildConfig,
) {
    let (id, a, b) = (&sample.sample_id, &sample.class_a, &sample.class_b);
    let expected: Named<'_> = match (objects.is_empty(), a == b) {
        (true, _) => BTreeMap::new(),
        (false, true) => [(a.as_str(), vec![1, 2])].into(),
        (false, false) => [(a.as_str(), vec![1]), (b.as_str(), vec![2])].into(),
    };
    assert_eq!(*objects, expected, "{id}");
    let (kept_a, kept_b) = (&first.kept[a], &second.kept[b]);
    let (seen_a, seen_b) = (&first.seen[a], &second.seen[b]);
    let with = |images: &[u8]| -> Labels {
        let found = parts.iter().filter(|(_, found)| *found == images);
        found.map(|(label, _)| (*label).to_owned()).collect()
    };
    let common: Labels = kept_a.intersection(kept_b).cloned().collect();
    let unique = [
        kept_a.difference(seen_b).cloned().collect::<Labels>(),
        kept_b.difference(seen_a).cloned().collect(),
    ];
    assert!(!common.is_empty(), "{id}: nothing is common");
    let segments = config.answers.max_segments as usize - 2 * usize::from(!objects.is_empty());
    if sample.subtask == Task::CommonParts {
        let most = (config.answers.max_parts as usize).min(segments / 2);
        let named = with(&[1, 2]);
        assert_eq!((named.len(), parts.len()), (common.len().min(most), named.len()), "{id}");
        assert!(named.is_subset(&common), "{id}");
        // What is kept in an image is common, unique, or dropped in the other one.
        for (kept, seen, other, unique) in
            [(kept_a, seen_b, kept_b, &unique[0]), (kept_b, seen_a, kept_a, &unique[1])]
        {
            let hidden: Labels =
                kept.iter().filter(|p| seen.contains(*p) && !other.contains(*p)).cloned().collect();
            assert_eq!(common.len() + unique.len() + hidden.len(), kept.len(), "{id}");
        }
        return;
    }
    let most = (config.answers.max_parts as usize).min(segments);
    let named = [with(&[1]), with(&[2])];
    let count: usize = unique.iter().map(Labels::len).sum();
    assert_eq!(parts.len(), count.min(most), "{id}");
    for (named, unique) in named.iter().zip(&unique) {
        assert!(named.is_subset(unique), "{id}");
        assert_eq!(named.is_empty(), unique.is_empty(), "{id}: a side is left out");
    }
}
