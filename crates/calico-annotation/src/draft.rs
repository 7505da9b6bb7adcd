//! Regions as a reader finds them, and how they become a document: numbers are given, links are
//! resolved, and what a document may not hold is left out with a message.

use std::collections::{HashMap, HashSet};

use calico_image::{Rle, Size};

use crate::document::is_plain;
use crate::findings::quoted;
use crate::limits::MAX_PIXELS;
use crate::{AnnotatedImage, AnnotationError, Document, Findings, Imported, Kind, Origin, Region};

/// A region before its links are resolved.
#[derive(Debug)]
pub(crate) struct DraftRegion {
    /// What the region is called in the file, unique in its image.
    pub(crate) key: String,
    /// The number that it should keep, if no other region has it.
    pub(crate) number: Option<u32>,
    pub(crate) label: String,
    pub(crate) kind: Kind,
    /// The key of its object.
    pub(crate) parent: Option<String>,
    pub(crate) group: Option<u32>,
    pub(crate) mask: Rle,
    pub(crate) score: Option<f64>,
    pub(crate) origin: Origin,
}

/// An image before its regions are.
#[derive(Debug)]
pub(crate) struct DraftImage {
    /// Empty if it has none but its file name.
    pub(crate) id: String,
    pub(crate) file_name: String,
    pub(crate) size: Size,
    pub(crate) notes: Vec<String>,
    pub(crate) regions: Vec<DraftRegion>,
}

/// The kind of this name; one that we do not know is told, and taken for another one.
pub(crate) fn kind(name: &str, place: &str, findings: &mut Findings) -> Kind {
    Kind::from_name(name).unwrap_or_else(|| {
        let other = Kind::Other;
        findings.add(format!("{place}: the kind {} is unknown: taken for {other}", quoted(name)));
        other
    })
}

/// The document of what was found.
pub(crate) fn finish(
    name: &str,
    notes: Vec<String>,
    drafts: Vec<DraftImage>,
    mut findings: Findings,
) -> Result<Imported, AnnotationError> {
    let mut drafts = sound_images(drafts, &mut findings);
    for draft in &mut drafts {
        keep_sound_regions(draft, &mut findings);
    }
    let mut numbers = Numbers::default();
    for region in drafts.iter_mut().flat_map(|draft| &mut draft.regions) {
        region.number = region.number.filter(|&number| numbers.used.insert(number));
    }
    let images = drafts.into_iter().map(|draft| image(draft, &mut numbers, &mut findings));
    let images = images.collect();
    let name = if is_plain(name) { name.to_owned() } else { String::new() };
    let document = Document { name, images, notes: sound_notes(notes, &mut findings) };
    document.check()?;
    Ok(Imported { document, findings })
}

/// The images that a document can hold.
fn sound_images(drafts: Vec<DraftImage>, findings: &mut Findings) -> Vec<DraftImage> {
    let mut ids = HashSet::new();
    let mut sound = Vec::with_capacity(drafts.len());
    for mut draft in drafts {
        if draft.id.is_empty() {
            draft.id.clone_from(&draft.file_name);
        }
        let fault = if draft.file_name.is_empty() {
            Some("has no file name".to_owned())
        } else if !is_plain(&draft.id) || !is_plain(&draft.file_name) {
            Some("has a control character in its name".to_owned())
        } else if draft.size.is_empty() || draft.size.pixels() > MAX_PIXELS {
            Some(format!("has the size {}, expected 1 to {MAX_PIXELS} pixels", draft.size))
        } else if !ids.insert(draft.id.clone()) {
            Some("comes a second time".to_owned())
        } else {
            None
        };
        match fault {
            None => sound.push(draft),
            Some(fault) => {
                findings.add(format!("image {} {fault}: left out", quoted(&draft.id)));
            }
        }
    }
    sound
}

/// Drops the regions that a document cannot hold.
fn keep_sound_regions(draft: &mut DraftImage, findings: &mut Findings) {
    let image = quoted(&draft.id);
    let mut keys = HashSet::new();
    let mut position = 0;
    draft.regions.retain_mut(|region| {
        position += 1;
        let key = quoted(&region.key);
        let mut tell = |fault: &str| findings.add(format!("image {image}: region {key} {fault}"));
        if region.label.is_empty() || !is_plain(&region.label) {
            tell("has no label, or a control character in it: left out");
            return false;
        }
        if region.score.is_some_and(|score| !score.is_finite()) {
            tell("has a score that is no number: score left out");
            region.score = None;
        }
        if region.key.is_empty() {
            // Nothing can refer to it; its position keeps it apart from the others.
            region.key = format!("#{position}");
        }
        if !keys.insert(region.key.clone()) {
            // Copied in an editor: the copy is as good as any region, but needs a number.
            tell("comes a second time: numbered anew");
            region.key = format!("{}#{position}", region.key);
            region.number = None;
        }
        true
    });
}

fn sound_notes(notes: Vec<String>, findings: &mut Findings) -> Vec<String> {
    let (sound, others): (Vec<_>, Vec<_>) =
        notes.into_iter().partition(|note| note.split(['\n', '\t']).all(is_plain));
    for note in others {
        findings.add(format!("note {} has a control character: left out", quoted(&note)));
    }
    sound
}

/// Numbers of regions, each given once.
#[derive(Default)]
struct Numbers {
    used: HashSet<u32>,
    last: u32,
}

impl Numbers {
    /// The smallest number, from 1, that no region has.
    fn fresh(&mut self) -> u32 {
        loop {
            self.last += 1;
            if self.used.insert(self.last) {
                return self.last;
            }
        }
    }
}

fn image(draft: DraftImage, numbers: &mut Numbers, findings: &mut Findings) -> AnnotatedImage {
    let mut ids = HashMap::new();
    let mut top = HashSet::new();
    for region in &draft.regions {
        let id = region.number.unwrap_or_else(|| numbers.fresh());
        ids.insert(region.key.clone(), id);
        if region.parent.is_none() {
            top.insert(id);
        }
    }
    let name = quoted(&draft.id);
    let resolve = |region: DraftRegion| {
        let parent = region.parent.and_then(|key| {
            let found = ids.get(&key).copied().filter(|id| top.contains(id));
            if found.is_none() {
                let (region, key) = (quoted(&region.key), quoted(&key));
                findings.add(format!(
                    "image {name}: region {region} names {key} as its object, which is no region \
                     of the image or a part itself: link left out"
                ));
            }
            found
        });
        Region {
            id: ids[&region.key],
            label: region.label,
            kind: region.kind,
            parent,
            group: region.group,
            mask: region.mask,
            score: region.score,
            origin: region.origin,
        }
    };
    let regions = draft.regions.into_iter().map(resolve).collect();
    let notes = sound_notes(draft.notes, findings);
    AnnotatedImage { id: draft.id, file_name: draft.file_name, size: draft.size, regions, notes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(key: &str, number: Option<u32>, parent: Option<&str>) -> DraftRegion {
        DraftRegion {
            key: key.to_owned(),
            number,
            label: "leg".to_owned(),
            kind: Kind::Part,
            parent: parent.map(str::to_owned),
            group: None,
            mask: Rle::empty(Size::new(2, 3)),
            score: None,
            origin: Origin::Human,
        }
    }

    fn draft(id: &str, regions: Vec<DraftRegion>) -> DraftImage {
        DraftImage {
            id: id.to_owned(),
            file_name: "a.jpg".to_owned(),
            size: Size::new(2, 3),
            notes: Vec::new(),
            regions,
        }
    }

    fn finished(drafts: Vec<DraftImage>) -> Imported {
        finish("", Vec::new(), drafts, Findings::default()).unwrap()
    }

    #[test]
    fn numbers_are_kept_once_and_otherwise_given_anew() {
        let first = draft("1", vec![region("x", None, None), region("y", Some(1), Some("x"))]);
        let second = draft("2", vec![region("x", Some(1), None), region("y", None, Some("x"))]);
        let imported = finished(vec![first, second]);
        let found: Vec<_> =
            imported.document.regions().map(|each| (each.id, each.parent)).collect();
        assert_eq!(found, [(2, None), (1, Some(2)), (3, None), (4, Some(3))]);
        assert!(imported.findings.is_empty());
    }

    #[test]
    fn links_that_lead_nowhere_or_to_a_part_are_left_out_with_a_message() {
        let regions = vec![
            region("object", None, None),
            region("part", None, Some("object")),
            region("deep", None, Some("part")),
            region("lost", None, Some("elsewhere")),
            region("own", None, Some("own")),
        ];
        let imported = finished(vec![draft("1", regions)]);
        let parents: Vec<_> = imported.document.regions().map(|each| each.parent).collect();
        assert_eq!(parents, [None, Some(1), None, None, None]);
        assert_eq!(imported.findings.messages().len(), 3);
        assert!(imported.findings.messages()[1].contains("`elsewhere`"));
    }

    #[test]
    fn regions_that_come_twice_are_numbered_anew_and_images_left_out_with_a_message() {
        let regions = vec![region("x", Some(7), None), region("x", Some(7), Some("x"))];
        let imported = finished(vec![draft("1", regions), draft("1", Vec::new())]);
        assert_eq!(imported.document.images.len(), 1);
        let found: Vec<_> =
            imported.document.regions().map(|each| (each.id, each.parent)).collect();
        assert_eq!(found, [(7, None), (1, Some(7))]);
        assert_eq!(imported.findings.messages().len(), 2);
    }

    #[test]
    fn what_a_document_may_not_hold_is_left_out_with_a_message() {
        let mut nameless = region("x", None, None);
        nameless.label.clear();
        let mut unsure = region("y", None, None);
        unsure.score = Some(f64::INFINITY);
        let mut huge = draft("2", Vec::new());
        huge.size = Size::new(u32::MAX, u32::MAX);
        let mut noted = draft("3", Vec::new());
        noted.notes = vec!["one\ntwo".to_owned(), "\u{1}".to_owned()];
        let drafts = vec![draft("1", vec![nameless, unsure]), huge, noted, draft("a\nb", vec![])];
        let imported = finished(drafts);
        assert_eq!(imported.document.images.len(), 2);
        assert_eq!(imported.document.images[0].regions[0].score, None);
        assert_eq!(imported.document.images[1].notes, ["one\ntwo"]);
        assert_eq!(imported.findings.messages().len(), 5);
    }

    #[test]
    fn an_image_without_an_id_goes_by_its_file_name() {
        assert_eq!(finished(vec![draft("", Vec::new())]).document.images[0].id, "a.jpg");
    }
}
