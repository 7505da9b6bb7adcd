//! What all drawn objects have in common.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use calico_data::{Stream, answer_text};
use calico_synth::classes::{Class, classes};
use calico_synth::{Figure, Pose};

/// Poses of each class that are looked at.
const POSES: u32 = 300;

fn figures(class: &'static Class) -> impl Iterator<Item = Figure> {
    (0..POSES).map(|number| {
        let mut stream = Stream::new(5, class.label, &number.to_string());
        (class.draw)(&mut Pose::new(&mut stream))
    })
}

#[test]
fn there_are_enough_classes_groups_and_parts_and_many_parts_are_shared() {
    let labels: BTreeSet<&str> = classes().map(|class| class.label).collect();
    assert!(labels.len() >= 20 && labels.len() == classes().count());
    let groups: BTreeSet<_> = classes().map(|class| class.group).collect();
    assert!(groups.len() >= 6);
    let parts: BTreeSet<&str> = classes().flat_map(|class| class.parts).copied().collect();
    assert!(parts.len() >= 40, "{}", parts.len());
    let owners = |part: &str| classes().filter(|class| class.parts.contains(&part)).count();
    assert!(parts.iter().filter(|part| owners(part) > 1).count() >= 12);
    assert!(labels.iter().chain(&parts).all(|label| answer_text::is_phrase(label)));
}

#[test]
fn classes_of_a_group_share_a_part_and_some_differ_in_one() {
    let parts = |class: &Class| class.parts.iter().copied().collect::<BTreeSet<_>>();
    for first in classes() {
        let others = classes().filter(|other| other.group == first.group);
        let others: Vec<_> = others.filter(|other| other.label != first.label).collect();
        for second in &others {
            let shared = parts(first).intersection(&parts(second)).count();
            assert!(shared > 0, "{} and {} share nothing", first.label, second.label);
        }
        assert!(others.iter().any(|second| parts(second) != parts(first)), "{}", first.label);
    }
}

#[test]
fn every_part_is_drawn_by_some_pose_and_no_other() {
    for class in classes() {
        let declared: BTreeSet<&str> = class.parts.iter().copied().collect();
        let drawn: BTreeSet<&str> =
            figures(class).flat_map(|figure| figure.pieces).map(|piece| piece.part).collect();
        assert_eq!(drawn, declared, "{}", class.label);
    }
}

#[test]
fn objects_fill_their_square_and_stay_within_it() {
    for class in classes() {
        for figure in figures(class) {
            let boxes: Vec<_> = figure.pieces.iter().map(|piece| piece.path.bounds()).collect();
            let least = |side: fn(&tiny_skia::Rect) -> f32| {
                boxes.iter().map(side).fold(f32::INFINITY, f32::min)
            };
            let most = |side: fn(&tiny_skia::Rect) -> f32| {
                boxes.iter().map(side).fold(f32::NEG_INFINITY, f32::max)
            };
            let (left, top) = (least(tiny_skia::Rect::left), least(tiny_skia::Rect::top));
            let (right, bottom) = (most(tiny_skia::Rect::right), most(tiny_skia::Rect::bottom));
            let label = class.label;
            assert!(left >= -1.1 && top >= -1.1, "{label}: {left} {top}");
            assert!(right <= 1.1 && bottom <= 1.1, "{label}: {right} {bottom}");
            assert!((right - left).max(bottom - top) > 1.1, "{label} is small");
        }
    }
}

#[test]
fn equal_streams_draw_equal_objects_and_others_draw_others() {
    for class in classes() {
        let text = |figure: Figure| format!("{figure:?}");
        let first: Vec<String> = figures(class).take(8).map(text).collect();
        let again: Vec<String> = figures(class).take(8).map(text).collect();
        assert_eq!(first, again);
        let distinct: BTreeSet<&String> = first.iter().collect();
        assert!(distinct.len() >= 7, "{}", class.label);
    }
}
