//! Polygons and boxes: the fill covers its size and equals the slow rule that it stands for.
#![no_main]

use calico_image::{ImageError, Mask, Rle, Size};
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};

#[derive(Arbitrary, Debug)]
struct Input {
    size: Area,
    polygons: Vec<Numbers>,
    corners: [f64; 4],
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Area {
    Small(u8, u8),
    Large(u16, u16),
    Any(u32, u32),
}

#[derive(Arbitrary, Debug)]
enum Numbers {
    /// Within a small picture or not far outside, in steps of a tenth.
    Tenths(Vec<i16>),
    /// The same in steps of a third.
    Thirds(Vec<i16>),
    /// Within a very small picture.
    Tiny(Vec<i8>),
    Far(Vec<i32>),
    Any(Vec<f64>),
}

impl Numbers {
    fn values(&self) -> Vec<f64> {
        match self {
            Self::Tenths(tenths) => tenths.iter().map(|&n| f64::from(n % 4096) / 10.0).collect(),
            Self::Thirds(thirds) => thirds.iter().map(|&n| f64::from(n % 1024) / 3.0).collect(),
            Self::Tiny(tenths) => tenths.iter().map(|&n| f64::from(n) / 10.0).collect(),
            Self::Far(whole) => whole.iter().map(|&n| f64::from(n)).collect(),
            Self::Any(numbers) => numbers.clone(),
        }
    }
}

fuzz_target!(|input: Input| {
    let size = match input.size {
        Area::Small(height, width) => Size::new(height.into(), width.into()),
        Area::Large(height, width) => Size::new(height.into(), width.into()),
        Area::Any(height, width) => Size::new(height, width),
    };
    // Between these sizes, nothing but a long list of the longest runs is made.
    if (1 << 44..1 << 55).contains(&size.pixels()) {
        return;
    }
    let polygons: Vec<Vec<f64>> = input.polygons.iter().map(Numbers::values).collect();

    match Rle::from_polygons(size, &polygons) {
        Ok(rle) => {
            check(&rle);
            assert!(polygons.iter().all(|numbers| is_sound(numbers)));
            let list: Vec<_> = polygons
                .iter()
                .map(|numbers| Rle::from_polygons(size, std::slice::from_ref(numbers)))
                .collect::<Result<_, _>>()
                .expect("what a list does, one can");
            assert_eq!(Rle::union(size, &list).expect("as long as the list"), rle);
            for (numbers, filled) in polygons.iter().zip(&list) {
                if let Some(slow) = sampled(size, numbers) {
                    assert_eq!(filled, &slow, "{size} {numbers:?}");
                }
            }
        }
        Err(ImageError::PolygonLength { index, .. } | ImageError::PolygonNumber { index, .. }) => {
            assert!(!is_sound(&polygons[index]));
        }
        Err(ImageError::PolygonCrossings { .. } | ImageError::TooManyRuns { .. }) => {
            assert!(size.pixels() > 1 << 24 || polygons.len() > 1000);
        }
        Err(error) => panic!("{error}"),
    }

    check_box(size, input.corners);
    if let Some(&[left, top, width, height, ..]) = polygons.first().map(Vec::as_slice) {
        check_box(size, [left, top, width, height]);
    }
});

fn check_box(size: Size, corners: [f64; 4]) {
    if let Ok(rle) = Rle::from_box(size, corners) {
        check(&rle);
        let [left, top, width, height] = corners;
        let (right, bottom) = (left + width, top + height);
        let numbers = [left, top, left, bottom, right, bottom, right, top];
        if let Some(slow) = sampled(size, &numbers) {
            assert_eq!(rle, slow, "{size} {corners:?}");
        }
    }
}

fn is_sound(numbers: &[f64]) -> bool {
    let near = |number: &f64| number.abs() <= 400_000_000.0;
    numbers.len() >= 6 && numbers.len() % 2 == 0 && numbers.iter().all(near)
}

fn check(rle: &Rle) {
    let sum: u64 = rle.counts().iter().map(|&count| u64::from(count)).sum();
    let bare = rle.counts().is_empty() && rle.size().pixels() > 1 << 54;
    assert!(bare || sum == rle.size().pixels());
    if !bare {
        let text = rle.compressed();
        let read = Rle::from_compressed(rle.size(), &text).expect("what is written can be read");
        assert_eq!(&read, rle);
    }
    if rle.size().pixels() <= u64::from(u32::MAX) {
        assert!(rle.counts().iter().skip(1).all(|&count| count > 0));
    }
}

/// The rule of COCO's tools as it reads: walk along the outline in fifths of a pixel, and let the
/// pixels from there on change wherever the walk passes the middle of a column.
fn sampled(size: Size, numbers: &[f64]) -> Option<Rle> {
    let outside = |number: &f64| number.abs() > 5000.0;
    if size.height > 300 || size.width > 300 || numbers.len() > 100 || numbers.iter().any(outside) {
        return None;
    }
    let scaled: Vec<i32> = numbers.iter().map(|number| (5.0 * number + 0.5) as i32).collect();
    let corners: Vec<[i32; 2]> = scaled.chunks(2).map(|pair| [pair[0], pair[1]]).collect();
    let mut walk: Vec<[i32; 2]> = Vec::new();
    for (index, &start) in corners.iter().enumerate() {
        let stop = corners[(index + 1) % corners.len()];
        let lengths = [0, 1].map(|axis| (stop[axis] - start[axis]).abs());
        // Along the longer side there is a step for each fifth.
        let along = usize::from(lengths[0] < lengths[1]);
        let (low, high) = if start[along] <= stop[along] { (start, stop) } else { (stop, start) };
        let count = lengths[along];
        let slope = f64::from(high[1 - along] - low[1 - along]) / f64::from(count.max(1));
        let mut samples: Vec<[i32; 2]> = (0..=count)
            .map(|step| {
                let mut sample = [0; 2];
                sample[along] = low[along] + step;
                let across = f64::from(low[1 - along]) + slope * f64::from(step);
                sample[1 - along] = (across + 0.5) as i32;
                sample
            })
            .collect();
        if low != start {
            samples.reverse();
        }
        walk.extend(samples);
    }
    let (height, width) = (size.height as usize, size.width as usize);
    let mut changes = vec![false; height * width + 1];
    for pair in walk.windows(2) {
        let [[from, above], [to, below]] = [pair[0], pair[1]];
        if from == to {
            continue;
        }
        let column = (f64::from(from.min(to)) + 0.5) / 5.0 - 0.5;
        if column.fract() != 0.0 || column < 0.0 || column >= width as f64 {
            continue;
        }
        let row = (f64::from(above.min(below)) + 0.5) / 5.0 - 0.5;
        let row = row.clamp(0.0, height as f64).ceil();
        changes[column as usize * height + row as usize] ^= true;
    }
    let mut bits = vec![false; height * width];
    let mut value = false;
    for position in 0..height * width {
        value ^= changes[position];
        bits[position % height * width + position / height] = value;
    }
    Mask::new(size, bits).ok().map(|mask| Rle::from_mask(&mask))
}
