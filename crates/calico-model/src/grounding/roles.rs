//! What each segment is: object, common part, unique part; and whose part.

use calico_image::Mask;
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
    /// The region.
    pub(crate) mask: Mask,
}

/// Roles and parents (indices into `segments`), in the order of `segments`.
///
/// The words do not say which phrase is an object, so the masks decide: a segment that holds
/// another one of its image is an object, and the smallest such holder is the parent. Among the
/// rest, a phrase seen in every image is common and one seen in exactly one is unique (paper
/// §3.1); where the question asked for the other kind, the role is left open.
pub(crate) fn assign(
    task: Option<Task>,
    images: usize,
    segments: &[Named],
) -> Vec<(Role, Option<usize>)> {
    let parents: Vec<Option<usize>> = (0..segments.len())
        .map(|part| match task {
            Some(Task::CommonObjects) => None,
            _ => smallest_holder(part, segments),
        })
        .collect();
    // The parent of a part is an object, so an object has no parent itself: chains of holders
    // keep their outermost link only.
    let holds_another = |index: usize| parents.contains(&Some(index));
    let is_object = |index: usize| holds_another(index) && parents.get(index) == Some(&None);
    segments
        .iter()
        .enumerate()
        .map(|(index, segment)| {
            let parent = parents.get(index).copied().flatten().filter(|&p| is_object(p));
            (role(task, images, segments, segment, is_object(index), parent), parent)
        })
        .collect()
}

fn role(
    task: Option<Task>,
    images: usize,
    segments: &[Named],
    segment: &Named,
    is_object: bool,
    parent: Option<usize>,
) -> Role {
    let seen_in = segments.iter().filter(|other| other.phrase == segment.phrase).count();
    let common = images > 1 && seen_in == images;
    let unique = images > 1 && seen_in == 1;
    match task {
        Some(Task::CommonObjects) => Role::Object,
        _ if is_object => Role::Object,
        Some(Task::CommonParts) if common => Role::CommonPart,
        Some(Task::UniqueParts) if unique => Role::UniquePart,
        None if parent.is_some() && common => Role::CommonPart,
        None if parent.is_some() && unique => Role::UniquePart,
        _ => Role::Other,
    }
}

/// The smallest segment of the same image that holds this one and is larger.
fn smallest_holder(part: usize, segments: &[Named]) -> Option<usize> {
    let segment = segments.get(part)?;
    let area = segment.mask.area();
    if area == 0 {
        return None;
    }
    segments
        .iter()
        .enumerate()
        .filter(|(_, other)| other.image == segment.image && other.phrase != segment.phrase)
        .filter(|(_, other)| other.mask.area() > area)
        .filter(|(_, other)| other.mask.intersection(&segment.mask) as f64 >= INSIDE * area as f64)
        .min_by_key(|(index, other)| (other.mask.area(), *index))
        .map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use calico_image::Size;

    /// A 10 x 10 mask whose columns `from..to` are foreground.
    fn columns(phrase: usize, image: usize, from: usize, to: usize) -> Named {
        let bits = (0..100).map(|i| (from..to).contains(&(i % 10))).collect();
        Named { phrase, image, mask: Mask::new(Size::new(10, 10), bits).unwrap() }
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
