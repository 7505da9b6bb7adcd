//! What each segment is: object, common part, unique part; and whose part.

use std::collections::BTreeSet;

use calico_image::Rle;
use calico_result::{Role, Task};

/// A part must lie in its object with at least this share of its pixels.
const INSIDE: f64 = 0.8;

/// A mask with its phrase, before it has a role.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// Number of the phrase in the answer, from 0.
    pub(crate) phrase: usize,
    /// 0-based image.
    pub(crate) image: usize,
    /// Its words.
    pub(crate) label: String,
    /// The region: its run lengths, since many masks of a large photograph would fill the memory.
    pub(crate) region: Rle,
}

/// Roles and parents (indices into `segments`), in the order of `segments`.
///
/// The words do not say which phrase is an object, so the masks decide: a phrase that holds
/// another one in some image, and lies in none itself, is an object in all images; the smallest
/// object that holds a part is its parent. Asked for parts, an answer names an object before its
/// parts, so that a part in which another one lies is not taken for their object. Among the rest, a
/// phrase seen in every image is common and one seen in exactly one is unique (paper §3.1); where
/// the question asked for the other kind, the role is left open.
pub(crate) fn assign(
    task: Option<Task>,
    images: usize,
    segments: &[Named],
) -> Vec<(Role, Option<usize>)> {
    let objects = match task {
        Some(Task::CommonObjects) => segments.iter().map(|segment| segment.phrase).collect(),
        _ => object_phrases(task, segments),
    };
    segments
        .iter()
        .map(|segment| {
            if objects.contains(&segment.phrase) {
                return (Role::Object, None);
            }
            let parent = holders(segment, segments)
                .filter(|(_, holder)| objects.contains(&holder.phrase))
                .min_by_key(|(index, holder)| (holder.region.area(), *index))
                .map(|(index, _)| index);
            (part_role(task, images, segments, segment, parent), parent)
        })
        .collect()
}

/// Phrases that hold another segment somewhere and are held nowhere. A phrase means the same in
/// every image, also where nothing of its object is grounded.
fn object_phrases(task: Option<Task>, segments: &[Named]) -> BTreeSet<usize> {
    let mut holding = BTreeSet::new();
    let mut held = BTreeSet::new();
    for segment in segments {
        for (_, holder) in holders(segment, segments) {
            holding.insert(holder.phrase);
            held.insert(segment.phrase);
        }
    }
    let is_first = |phrase: &usize| {
        segments.iter().filter(|segment| segment.phrase == *phrase).any(|segment| {
            let mut there = segments.iter().filter(|other| other.image == segment.image);
            there.all(|other| other.phrase >= *phrase)
        })
    };
    let objects = holding.difference(&held).copied();
    objects.filter(|phrase| task.is_none() || is_first(phrase)).collect()
}

fn part_role(
    task: Option<Task>,
    images: usize,
    segments: &[Named],
    segment: &Named,
    parent: Option<usize>,
) -> Role {
    let seen_in = segments.iter().filter(|other| other.phrase == segment.phrase).count();
    let common = images > 1 && seen_in == images;
    let unique = images > 1 && seen_in == 1;
    match task {
        Some(Task::CommonParts) if common => Role::CommonPart,
        Some(Task::UniqueParts) if unique => Role::UniquePart,
        None if parent.is_some() && common => Role::CommonPart,
        None if parent.is_some() && unique => Role::UniquePart,
        _ => Role::Other,
    }
}

/// Larger segments of other words in the same image in which this one lies, with their index.
fn holders<'a>(
    segment: &'a Named,
    segments: &'a [Named],
) -> impl Iterator<Item = (usize, &'a Named)> {
    let area = segment.region.area();
    segments.iter().enumerate().filter(move |(_, other)| {
        area > 0
            && other.image == segment.image
            && other.label != segment.label
            && other.region.area() > area
            // Regions of one image have one size.
            && other
                .region
                .intersection_area(&segment.region)
                .is_ok_and(|shared| shared as f64 >= INSIDE * area as f64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use calico_image::{Mask, Size};

    /// A 10 x 10 mask whose columns `from..to` are foreground.
    fn columns(phrase: usize, image: usize, from: usize, to: usize) -> Named {
        let bits = (0..100).map(|i| (from..to).contains(&(i % 10))).collect();
        let mask = Mask::new(Size::new(10, 10), bits).unwrap();
        Named { phrase, image, label: format!("label {phrase}"), region: Rle::from_mask(&mask) }
    }

    #[test]
    fn objects_hold_parts_and_parts_name_their_object() {
        let segments =
            [columns(0, 0, 0, 8), columns(1, 1, 0, 9), columns(2, 0, 0, 3), columns(2, 1, 0, 3)];
        let found = assign(Some(Task::CommonParts), 2, &segments);
        assert_eq!(
            found,
            [
                (Role::Object, None),
                (Role::Object, None),
                (Role::CommonPart, Some(0)),
                (Role::CommonPart, Some(1))
            ]
        );
    }

    #[test]
    fn a_phrase_has_one_role_in_all_images() {
        // The unique part lies in the object of image 1; image 2 shows the object alone.
        let segments = [columns(0, 0, 0, 8), columns(0, 1, 0, 8), columns(1, 0, 0, 2)];
        let found = assign(Some(Task::UniqueParts), 2, &segments);
        let wanted = [(Role::Object, None), (Role::Object, None), (Role::UniquePart, Some(0))];
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_part_without_a_grounded_object_has_no_parent() {
        let segments = [columns(0, 0, 0, 3), columns(0, 1, 0, 3), columns(1, 0, 6, 9)];
        let common = assign(Some(Task::CommonParts), 2, &segments);
        assert_eq!(common[0], (Role::CommonPart, None));
        // Asked for common parts, a phrase of one image is neither.
        assert_eq!(common[2], (Role::Other, None));
        let unique = assign(Some(Task::UniqueParts), 2, &segments);
        assert_eq!((unique[0].0, unique[2].0), (Role::Other, Role::UniquePart));
    }

    #[test]
    fn a_part_in_which_another_one_lies_is_no_object() {
        // A claw in a head, behind a handle outside of both; and two handles, one in the other.
        let segments = [columns(0, 0, 8, 10), columns(1, 0, 0, 8), columns(2, 0, 0, 2)];
        let found = assign(Some(Task::UniqueParts), 2, &segments);
        assert_eq!(found, [(Role::UniquePart, None); 3]);
        let alike = [columns(0, 0, 0, 8), columns(0, 0, 0, 2)];
        let mut alike = alike.map(|segment| Named { label: "handle".into(), ..segment });
        alike[1].phrase = 1;
        assert_eq!(assign(None, 2, &alike), [(Role::Other, None); 2]);
    }

    #[test]
    fn a_free_question_gives_roles_only_where_the_masks_show_them() {
        let segments = [columns(0, 0, 0, 8), columns(1, 0, 0, 2), columns(2, 1, 0, 2)];
        let found = assign(None, 2, &segments);
        let wanted = [(Role::Object, None), (Role::UniquePart, Some(0)), (Role::Other, None)];
        assert_eq!(found, wanted);
    }

    #[test]
    fn empty_masks_and_single_images_claim_nothing() {
        let segments = [columns(0, 0, 0, 8), columns(1, 0, 0, 0), columns(2, 0, 1, 3)];
        let found = assign(None, 1, &segments);
        let wanted = [(Role::Object, None), (Role::Other, None), (Role::Other, Some(0))];
        assert_eq!(found, wanted);
    }
}
