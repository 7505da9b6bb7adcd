//! A small result for tests: a dog in two images, with common and unique parts.

use std::path::Path;

use calico_image::{Frame, Mask, Size};

use crate::{Answer, ImageEntry, Model, Role, Scores, Segment, SegmentOrigin, Segmentation, Task};

/// A mask of one rectangle: left, top, width, height.
pub(crate) fn rectangle(size: Size, [x, y, width, height]: [u32; 4]) -> Mask {
    let inside = |index: u64| {
        let (row, column) = (index / u64::from(size.width), index % u64::from(size.width));
        (u64::from(y)..u64::from(y + height)).contains(&row)
            && (u64::from(x)..u64::from(x + width)).contains(&column)
    };
    Mask::new(size, (0..size.pixels()).map(inside).collect()).unwrap()
}

/// Two photographs of different sizes in one colour each.
pub(crate) fn photographs() -> Vec<Frame> {
    [(Size::new(30, 40), 90), (Size::new(24, 16), 200)]
        .map(|(size, grey)| Frame::new(size, vec![grey; size.pixels() as usize * 3]).unwrap())
        .into()
}

/// Three answers: an object with a hole, two common parts of which one mask is empty, and none.
pub(crate) fn segmentation() -> Segmentation {
    let sizes = [Size::new(30, 40), Size::new(24, 16)];
    let images = [(1, "dog one.png"), (2, "dog & \"two\".jpg")];
    let images = images.map(|(index, name)| {
        ImageEntry::new(index, &Path::new("folder").join(name), sizes[index as usize - 1])
    });
    let model = Model { name: "tiny".into(), preset: Some("tiny".into()) };
    let mut result = Segmentation::new(model, images.into());

    let segment = |id, phrase: &str, (image, group, parent), mask: &Mask| {
        let role = if group == 1 { Role::Object } else { Role::CommonPart };
        let phrase = phrase.to_owned();
        let origin = SegmentOrigin { id, phrase, image, role, group, parent };
        Segment::new(origin, mask, Scores::new(Some(0.93), Some(0.71), 0.88))
    };
    let ring: Vec<bool> = rectangle(sizes[0], [4, 4, 30, 20])
        .bits()
        .iter()
        .zip(rectangle(sizes[0], [12, 10, 5, 5]).bits())
        .map(|(outer, inner)| *outer && !inner)
        .collect();
    let objects = vec![
        segment(1, "a dog", (1, 1, None), &Mask::new(sizes[0], ring).unwrap()),
        segment(2, "a dog", (2, 1, None), &rectangle(sizes[1], [0, 0, 16, 20])),
    ];
    let parts = vec![
        segment(3, "the  head", (1, 2, Some(1)), &rectangle(sizes[0], [4, 4, 8, 6])),
        segment(4, "the  head", (2, 2, Some(2)), &rectangle(sizes[1], [3, 0, 6, 6])),
        segment(5, "legs", (1, 3, Some(1)), &rectangle(sizes[0], [6, 18, 20, 6])),
        segment(6, "legs", (2, 3, Some(2)), &Mask::empty(sizes[1])),
    ];
    let tagged = "The images show <p> a dog </p> [SEG] (IMAGE1) [SEG] (IMAGE2).";
    let question = "Which object do the images share?";
    result.answers.push(Answer::new(Some(Task::CommonObjects), question, tagged, objects));
    let tagged = "Both have <p> the head </p> [SEG] (IMAGE1) [SEG] (IMAGE2) and \
                  <p> legs </p> [SEG] (IMAGE1) [SEG] (IMAGE2).";
    let question = "Which parts are common?";
    result.answers.push(Answer::new(Some(Task::CommonParts), question, tagged, parts));
    let question = "Which parts are unique?";
    let unique = "There are none.";
    result.answers.push(Answer::new(Some(Task::UniqueParts), question, unique, Vec::new()));
    result
}
