use calico_data::Stream;
use calico_image::Size;
use tiny_skia::Transform;

use super::*;
use crate::{Figure, Piece, SynthError, outline};

const LABELS: [&str; 8] = ["leg", "seat", "handle", "blade", "wheel", "head", "wing", "shade"];

fn look(cue: f32, is_uniform: bool) -> Look {
    Look { cue, palette: Palette::Familiar, is_uniform }
}

/// Two squares beside one another, and a bar across both of them.
fn figure() -> Figure {
    let piece = |part, path| Piece { part, path };
    Figure {
        pieces: vec![
            piece("leg", outline::rectangle([-0.9, -0.8], [0.0, 0.8], 0.0)),
            piece("seat", outline::rectangle([0.0, -0.8], [0.9, 0.8], 0.2)),
            piece("handle", outline::bar([-0.7, 0.3], [0.7, -0.3], 0.15)),
        ],
    }
}

fn placed(figure: Figure, parts: &[&'static str], transform: Transform) -> Placed {
    let mut stream = Stream::new(1, "test", "paints");
    let backdrop = Backdrop::draw(&look(0.5, false), &mut stream);
    let paints = Paint::of_parts(parts, &look(0.5, false), &backdrop, &mut stream);
    Placed { figure, transform, paints: parts.iter().copied().zip(paints).collect() }
}

fn scene(size: Size, objects: Vec<Placed>) -> Scene {
    let mut stream = Stream::new(2, "test", "scene");
    let backdrop = Backdrop::draw(&look(0.5, false), &mut stream);
    Scene { size, backdrop, light: Light::draw(&mut stream), objects, noise_seed: 3 }
}

/// Two objects, the second one in front of a corner of the first.
fn crowd() -> Scene {
    let parts = ["leg", "seat", "handle", "lid"];
    let at = |x, y, turn| {
        Transform::from_translate(x, y)
            .pre_scale(37.3, 37.3)
            .pre_concat(Transform::from_rotate(turn))
    };
    let objects = vec![
        placed(figure(), &parts, at(50.0, 45.0, 20.0)),
        placed(figure(), &parts, at(85.5, 70.2, -35.0)),
    ];
    scene(Size::new(100, 130), objects)
}

#[test]
fn parts_are_disjoint_and_together_their_object() {
    let rendered = render(&crowd()).unwrap();
    let pixels = rendered.frame.size().pixels() as usize;
    let mut owners = vec![0; pixels];
    for object in &rendered.shown {
        let mut of_object = vec![false; pixels];
        for part in &object.parts {
            assert_eq!(part.area, part.mask.area());
            assert!(part.whole >= part.area);
            for (at, _) in part.mask.bits().iter().enumerate().filter(|(_, bit)| **bit) {
                owners[at] += 1;
                of_object[at] = true;
            }
        }
        assert_eq!(of_object, object.mask.bits());
        assert_eq!(object.area, object.mask.area());
    }
    assert!(owners.iter().all(|count| *count <= 1) && owners.contains(&1));
}

#[test]
fn objects_in_front_hide_what_lies_behind() {
    let mut scene = crowd();
    let both = render(&scene).unwrap().shown;
    let front = scene.objects.split_off(1);
    let back_alone = render(&scene).unwrap().shown;
    let front_alone = render(&Scene { objects: front, ..scene }).unwrap().shown;
    assert!(both[0].area < back_alone[0].area);
    assert_eq!(both[0].whole, back_alone[0].area);
    for (part, alone) in both[0].parts.iter().zip(&back_alone[0].parts) {
        assert_eq!(part.whole, alone.area);
    }
    // Ties of three owners may go to the object behind.
    let lost = front_alone[0].area - both[1].area;
    assert!(lost < front_alone[0].area / 100, "{lost} pixels");
}

#[test]
fn parts_without_a_pixel_are_listed() {
    let shown = render(&crowd()).unwrap().shown;
    let lid = &shown[0].parts[3];
    assert_eq!((lid.part, lid.area, lid.whole), ("lid", 0, 0));
}

#[test]
fn a_turned_square_has_its_exact_area() {
    let square = || outline::rectangle([-0.7, -0.7], [0.7, 0.7], 0.0);
    for (turn, scale) in [(0.0, 60.0), (17.0, 60.0), (45.0, 55.5), (-71.3, 48.25)] {
        let transform = Transform::from_translate(90.3, 81.9)
            .pre_scale(scale, scale)
            .pre_concat(Transform::from_rotate(turn));
        let figure = Figure { pieces: vec![Piece { part: "leg", path: square() }] };
        let objects = vec![placed(figure, &["leg"], transform)];
        let shown = render(&scene(Size::new(170, 190), objects)).unwrap().shown;
        let exact = (1.4 * f64::from(scale)).powi(2);
        let found = shown[0].area as f64;
        assert!((found / exact - 1.0).abs() < 0.01, "{found} of {exact} at {turn} degrees");
    }
}

#[test]
fn equal_scenes_give_equal_bytes() {
    let [first, second] = [render(&crowd()).unwrap(), render(&crowd()).unwrap()];
    assert_eq!(first.frame, second.frame);
    let other = render(&Scene { noise_seed: 4, ..crowd() }).unwrap();
    assert_ne!(first.frame, other.frame);
    assert_eq!(first.shown[1].mask, other.shown[1].mask);
}

#[test]
fn pictures_and_masks_agree() {
    // The darkest backdrop and even light would still differ from a wholly covered pixel: the
    // object alone, on two backdrops, changes nothing within its mask but at its border.
    let mut first = crowd();
    first.light = Light::even();
    let mut second = first.clone();
    let mut stream = Stream::new(9, "test", "another backdrop");
    second.backdrop = Backdrop::draw(&look(0.0, false), &mut stream);
    let [first, second] = [render(&first).unwrap(), render(&second).unwrap()];
    let pixels =
        |rendered: &Rendered| -> Vec<[u8; 3]> { rendered.frame.pixels().as_chunks().0.to_vec() };
    let (left, right) = (pixels(&first), pixels(&second));
    let inside = |at: usize| first.shown.iter().any(|object| object.mask.bits()[at]);
    let count = |wanted: bool, is_same: bool| {
        (0..left.len())
            .filter(|&at| inside(at) == wanted && (left[at] == right[at]) == is_same)
            .count()
    };
    assert!(count(true, true) * 10 > count(true, false) * 90, "objects depend on the backdrop");
    assert!(count(false, false) > count(false, true) * 9, "the backdrop shows as an object");
}

#[test]
fn with_a_full_cue_every_part_has_its_typical_hue() {
    for seed in 0..50 {
        let mut stream = Stream::new(seed, "test", "typical");
        let backdrop = Backdrop::draw(&look(1.0, false), &mut stream);
        let paints = Paint::of_parts(&LABELS, &look(1.0, false), &backdrop, &mut stream);
        for (label, paint) in LABELS.iter().zip(paints) {
            let apart = (paint.base().hsv()[0] - typical::hue(label)).abs();
            assert!(apart.min(360.0 - apart) < 1.0, "{label} has {apart}");
        }
    }
}

#[test]
fn without_a_cue_hues_do_not_depend_on_the_part() {
    // Mean direction of the hues of each part, over scenes: far less than all of one hue.
    let mut sums = [[0.0_f32; 2]; LABELS.len()];
    let mut total = [0.0_f32; 2];
    let scenes = 1000;
    for seed in 0..scenes {
        let mut stream = Stream::new(seed, "test", "independent");
        let backdrop = Backdrop::draw(&look(0.0, false), &mut stream);
        let paints = Paint::of_parts(&LABELS, &look(0.0, false), &backdrop, &mut stream);
        for (sum, paint) in sums.iter_mut().zip(paints) {
            let (sine, cosine) = paint.base().hsv()[0].to_radians().sin_cos();
            for (axis, value) in [cosine, sine].into_iter().enumerate() {
                sum[axis] += value / scenes as f32;
                total[axis] += value / (scenes as f32 * LABELS.len() as f32);
            }
        }
    }
    for (label, sum) in LABELS.iter().zip(sums) {
        let apart = (sum[0] - total[0]).hypot(sum[1] - total[1]);
        assert!(apart < 0.15, "{label} leans by {apart}");
    }
}

#[test]
fn uniform_objects_wear_one_paint() {
    let mut stream = Stream::new(5, "test", "uniform");
    let backdrop = Backdrop::draw(&look(1.0, true), &mut stream);
    let paints = Paint::of_parts(&LABELS, &look(1.0, true), &backdrop, &mut stream);
    assert!(paints.iter().all(|paint| *paint == paints[0]));
}

#[test]
fn parts_differ_from_one_another_and_from_the_backdrop() {
    for palette in [Palette::Familiar, Palette::Unseen] {
        let (mut near_parts, mut near_backdrop, mut pairs) = (0, 0, 0);
        for seed in 0..200 {
            let mut stream = Stream::new(seed, "test", "apart");
            let look = Look { palette, ..look(0.3, false) };
            let backdrop = Backdrop::draw(&look, &mut stream);
            let paints = Paint::of_parts(&LABELS[..5], &look, &backdrop, &mut stream);
            for (number, paint) in paints.iter().enumerate() {
                let near = |other: Rgb, least| usize::from(paint.base().distance(other) < least);
                near_backdrop +=
                    backdrop.colors().iter().map(|other| near(*other, 0.12)).sum::<usize>();
                near_parts +=
                    paints[..number].iter().map(|other| near(other.base(), 0.07)).sum::<usize>();
                pairs += number;
            }
        }
        assert!(near_backdrop * 100 < pairs, "{near_backdrop} of {pairs} fade, {palette:?}");
        assert!(near_parts * 100 < pairs, "{near_parts} of {pairs} are alike, {palette:?}");
    }
}

#[test]
fn scenes_that_cannot_be_drawn_are_refused() {
    let small = Scene { size: Size::new(15, 40), ..crowd() };
    assert!(matches!(render(&small), Err(SynthError::Size { .. })));
    let mut flat = crowd();
    flat.objects[1].transform = Transform::from_scale(3.0, 0.0);
    assert!(matches!(render(&flat), Err(SynthError::Flat { object: 1 })));
    let mut bare = crowd();
    bare.objects[0].paints.remove(1);
    let error = render(&bare).unwrap_err();
    assert!(matches!(error, SynthError::Unpainted { object: 0, part: "seat" }));
}

#[test]
fn objects_far_outside_have_no_pixel() {
    let mut scene = crowd();
    scene.objects[0].transform = Transform::from_row(40.0, 0.0, 0.0, 40.0, -5e6, 1e7);
    let shown = render(&scene).unwrap().shown;
    assert_eq!((shown[0].area, shown[0].whole), (0, 0));
}
