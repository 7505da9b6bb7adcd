//! A small document for tests.

use calico_image::{Mask, Rle, Size};

use proptest::{bool, collection, prelude::*};

use crate::{AnnotatedImage, Document, Kind, Origin, Region};

/// Two images: the first with an object, a part of it and a common part of its own, the second
/// with a free region, a unique part and an object of the same label.
pub(crate) fn document() -> Document {
    let size = Size::new(6, 7);
    let region = |id, label: &str, kind, parent, rectangle| Region {
        id,
        label: label.to_owned(),
        kind,
        parent,
        group: None,
        mask: mask(size, rectangle),
        score: None,
        origin: Origin::Human,
    };
    let image = |id: &str, regions| AnnotatedImage {
        id: format!("set/{id}"),
        file_name: format!("train/{id}.jpg"),
        size,
        regions,
        notes: Vec::new(),
    };
    let chair = region(1, "chair", Kind::Object, None, [0, 0, 5, 6]);
    let leg = region(2, "leg", Kind::Part, Some(1), [1, 3, 2, 3]);
    let seat = region(3, "seat", Kind::CommonPart, None, [1, 1, 4, 2]);
    let thing = region(4, "thing", Kind::Other, None, [0, 0, 0, 0]);
    let lamp = region(5, "leg", Kind::Object, None, [2, 0, 5, 6]);
    let shade = region(6, "leg", Kind::UniquePart, Some(5), [3, 1, 1, 1]);
    Document {
        name: "sample".to_owned(),
        images: vec![image("1", vec![chair, leg, seat]), image("2", vec![thing, lamp, shade])],
        notes: Vec::new(),
    }
}

/// A mask of the rectangle of left, top, width and height.
pub(crate) fn mask(size: Size, [left, top, width, height]: [u32; 4]) -> Rle {
    let inside = |y, x| (top..top + height).contains(&y) && (left..left + width).contains(&x);
    let rows = (0..size.height).flat_map(|y| (0..size.width).map(move |x| (y, x)));
    let bits = rows.map(|(y, x)| inside(y, x)).collect();
    Rle::from_mask(&Mask::new(size, bits).unwrap())
}

/// Random masks of random sizes, which may be empty.
pub(crate) fn masks() -> impl Strategy<Value = Rle> {
    (1_u32..20, 1_u32..20, 0.0..=1.0).prop_flat_map(|(height, width, density)| {
        let bits = collection::vec(bool::weighted(density), (height * width) as usize);
        bits.prop_map(move |bits| {
            Rle::from_mask(&Mask::new(Size::new(height, width), bits).unwrap())
        })
    })
}
