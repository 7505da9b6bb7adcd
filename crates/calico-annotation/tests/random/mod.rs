//! Random documents.

use calico_annotation::{AnnotatedImage, Document, Kind, Origin, Region};
use calico_image::{Mask, Rle, Size};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Documents of up to three images with up to four regions each, as every format can hold them:
/// the regions of an image have one origin.
pub(crate) fn documents() -> impl Strategy<Value = Document> {
    vec(images(), 0..4).prop_map(|mut images| {
        let mut id = 0;
        for (number, image) in images.iter_mut().enumerate() {
            image.id = format!("set/{number}");
            let first = id + 1;
            for region in &mut image.regions {
                id += 1;
                region.id = id;
                // A drawn parent only says that there is one: the first region of the image.
                region.parent = region.parent.filter(|_| id > first).map(|_| first);
            }
        }
        Document { name: "a <name> & more".to_owned(), images, notes: Vec::new() }
    })
}

fn images() -> impl Strategy<Value = AnnotatedImage> {
    let sizes = (1_u32..20, 1_u32..20).prop_map(|(height, width)| Size::new(height, width));
    (sizes, texts(), any::<bool>()).prop_flat_map(|(size, file_name, is_drawn)| {
        let origin = if is_drawn { Origin::Human } else { Origin::Prediction };
        vec(regions(size, origin), 0..5).prop_map(move |regions| AnnotatedImage {
            id: String::new(),
            file_name: file_name.clone(),
            size,
            regions,
            notes: Vec::new(),
        })
    })
}

fn regions(size: Size, origin: Origin) -> impl Strategy<Value = Region> {
    let kinds = prop::sample::select(Kind::ALL.to_vec());
    let scores = option::of(-2.0_f64..2.0);
    let links = (option::of(Just(0_u32)), option::of(1_u32..9));
    (texts(), kinds, links, masks(size), scores).prop_map(
        move |(label, kind, (parent, group), mask, score)| Region {
            id: 0,
            label,
            kind,
            parent,
            group,
            mask,
            score,
            origin,
        },
    )
}

fn masks(size: Size) -> impl Strategy<Value = Rle> {
    (0.0..=1.0).prop_flat_map(move |density| {
        let bits = vec(proptest::bool::weighted(density), size.pixels() as usize);
        bits.prop_map(move |bits| Rle::from_mask(&Mask::new(size, bits).unwrap()))
    })
}

/// Texts with everything that JSON, XML and URLs escape.
fn texts() -> impl Strategy<Value = String> {
    "[a-c:/<>&\"'%#?\\\\é日 ]{1,8}"
}
