//! Run-length codes: whatever is read covers its size, survives being written, and sets of pixels
//! follow their algebra.
#![no_main]

use calico_image::{ImageError, Mask, Rle, Size};
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    /// Rows, where they divide the pixels that the first code covers.
    height: u8,
    /// A size that the codes have nothing to do with.
    wrong: (u32, u32),
    texts: [&'a str; 2],
    counts: Vec<u32>,
    /// Eight pixels each, of two small masks.
    bits: [&'a [u8]; 2],
}

/// Masks of more pixels are not unpacked.
const UNPACKED: u64 = 1 << 18;

fuzz_target!(|input: Input<'_>| {
    let wrong = Size::new(input.wrong.0, input.wrong.1);
    // Between these sizes, nothing but a long list of the longest runs is made.
    if wrong.pixels() < 1 << 44 || wrong.pixels() > 1 << 55 {
        let empty = Rle::empty(wrong);
        assert!(empty.is_empty() && empty.bounding_box().is_none());
        assert_eq!(Rle::union(wrong, [&empty, &empty]).expect("no runs"), empty);
    }

    let texts = input.texts.map(|text| {
        let read = |size| Rle::from_compressed(size, text);
        if let Ok(rle) = read(wrong) {
            check(&rle);
        }
        covered(input.height, read)
    });
    let counts = covered(input.height, |size| Rle::from_counts(size, input.counts.clone()));
    for rle in texts.iter().chain([&counts]).flatten() {
        check(rle);
    }
    if let [Some(a), Some(b)] = &texts {
        check_pair(a, b);
    }

    let pixels = input.bits[0].len().min(input.bits[1].len()).min(512) * 8;
    let height = usize::from(input.height).max(1);
    let size = Size::new(height as u32, (pixels / height) as u32);
    let [a, b] = input.bits.map(|bytes| {
        let bits = bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
        let bits = bits.take(size.pixels() as usize).collect();
        Rle::from_mask(&Mask::new(size, bits).expect("as many bits as pixels"))
    });
    check_pair(&a, &b);
});

/// The code read with the size that its runs cover: at first with none, which tells how many.
fn covered(height: u8, read: impl Fn(Size) -> Result<Rle, ImageError>) -> Option<Rle> {
    let found = match read(Size::new(0, 0)) {
        Ok(rle) => return Some(rle),
        Err(ImageError::RunLength { found, .. }) => found,
        Err(_) => return None,
    };
    let height = u64::from(height).max(1);
    let height = if found % height == 0 { height } else { 1 };
    let width = u32::try_from(found / height).ok()?;
    Some(read(Size::new(height as u32, width)).expect("these runs cover this size"))
}

/// What holds for one code.
fn check(rle: &Rle) {
    let (size, pixels) = (rle.size(), rle.size().pixels());
    let sum: u64 = rle.counts().iter().map(|&count| u64::from(count)).sum();
    assert_eq!(sum, pixels);
    assert!(rle.area() <= pixels);
    assert_eq!(rle.is_empty(), rle.area() == 0);
    assert_eq!(rle.bounding_box().is_none(), rle.is_empty());
    let text = rle.compressed();
    assert_eq!(&Rle::from_compressed(size, &text).expect("what is written can be read"), rle);

    let canonical = rle.intersection(rle).expect("no longer than it was");
    assert_eq!(canonical.area(), rle.area());
    assert!(canonical.counts().len() <= rle.counts().len().max(1));
    if pixels <= UNPACKED {
        let mask = rle.to_mask().expect("small enough");
        assert_eq!(Rle::from_mask(&mask), canonical);
        assert_eq!(mask.bounding_box(), rle.bounding_box());
    }
}

/// What holds for two codes.
fn check_pair(a: &Rle, b: &Rle) {
    if a.size() != b.size() {
        assert!(matches!(a.iou(b), Err(ImageError::SizesDiffer { .. })));
        assert!(Rle::union(a.size(), [a, b]).is_err());
        return;
    }
    let all = Rle::union(a.size(), [a, b]).expect("few runs");
    let both = a.intersection(b).expect("few runs");
    let only = a.difference(b).expect("few runs");
    for rle in [&all, &both, &only] {
        check(rle);
        let empty = rle.counts().iter().skip(1).filter(|&&count| count == 0).count();
        assert!(empty as u64 <= rle.size().pixels() / u64::from(u32::MAX));
    }
    assert_eq!(all.area() + both.area(), a.area() + b.area());
    assert_eq!(only.area() + both.area(), a.area());
    assert_eq!(a.intersection_area(b).expect("same size"), both.area());
    assert!(only.intersection(b).expect("few runs").is_empty());
    let ratio = a.iou(b).expect("same size");
    assert!((0.0..=1.0).contains(&ratio) && (ratio > 0.0) == !both.is_empty());
    assert!(a.iou_with_crowd(b).expect("same size") >= ratio);
    if all.size().pixels() <= UNPACKED {
        let [a, b] = [a, b].map(|rle| rle.to_mask().expect("small enough"));
        let bits = |op: fn(bool, bool) -> bool| {
            let bits = a.bits().iter().zip(b.bits()).map(|(&a, &b)| op(a, b)).collect();
            Rle::from_mask(&Mask::new(a.size(), bits).expect("same size"))
        };
        assert_eq!(all, bits(|a, b| a | b));
        assert_eq!(both, bits(|a, b| a & b));
        assert_eq!(only, bits(|a, b| a & !b));
    }
}
