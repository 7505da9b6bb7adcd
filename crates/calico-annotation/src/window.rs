//! Masks in reading order, which is what the codes of Label Studio and CVAT go by.

use calico_image::{BoundingBox, ImageError, Mask, Rle, Size};

/// The pixels of a rectangle of an image, row by row.
pub(crate) struct Window {
    pub(crate) corners: BoundingBox,
    bits: Vec<bool>,
}

impl Window {
    /// A rectangle of background. It takes memory for its pixels: check its size before.
    pub(crate) fn empty(corners: BoundingBox) -> Self {
        Self { corners, bits: vec![false; corners.width as usize * corners.height as usize] }
    }

    /// A whole image of background.
    pub(crate) fn whole(size: Size) -> Self {
        Self::empty(BoundingBox { x: 0, y: 0, width: size.width, height: size.height })
    }

    /// The smallest rectangle around a mask, or nothing if the mask has no pixel.
    pub(crate) fn around(mask: &Rle) -> Option<Self> {
        let mut window = Self::empty(mask.bounding_box()?);
        let BoundingBox { x: left, y: top, width, .. } = window.corners;
        for (x, from, to) in columns(mask) {
            for y in from..to {
                window.bits[((y - top) * width + x - left) as usize] = true;
            }
        }
        Some(window)
    }

    /// Makes the pixels `start..end`, counted row by row, foreground; they must be within.
    pub(crate) fn fill(&mut self, start: usize, end: usize) {
        self.bits[start..end].fill(true);
    }

    /// Number of pixels.
    pub(crate) fn pixels(&self) -> usize {
        self.bits.len()
    }

    /// Lengths of alternating background and foreground runs, row by row.
    pub(crate) fn runs(&self) -> Vec<u64> {
        runs(self.bits.len() as u64, self.spans(0, self.corners.width))
    }

    /// The runs of the whole image of which this is a part and the rest is background.
    pub(crate) fn image_runs(&self, size: Size) -> Vec<u64> {
        let first = u64::from(self.corners.y) * u64::from(size.width) + u64::from(self.corners.x);
        runs(size.pixels(), self.spans(first, size.width))
    }

    /// The foreground of each row, where row `y` begins at `first + y * stride`.
    fn spans(&self, first: u64, stride: u32) -> impl Iterator<Item = (u64, u64)> {
        let rows = self.bits.chunks(self.corners.width as usize);
        rows.zip(0..).flat_map(move |(row, y)| {
            let start = first + y * u64::from(stride);
            let mut at = 0;
            row.chunk_by(|a, b| a == b).filter_map(move |pixels| {
                let from = at;
                at += pixels.len() as u64;
                pixels[0].then_some((start + from, start + at))
            })
        })
    }

    /// The mask of an image of `size`, within which this lies.
    pub(crate) fn into_mask(self, size: Size) -> Result<Rle, ImageError> {
        let BoundingBox { x: left, y: top, width, height } = self.corners;
        let inner = Rle::from_mask(&Mask::new(Size::new(height, width), self.bits)?);
        if inner.size() == size {
            return Ok(inner);
        }
        let image_height = u64::from(size.height);
        let spans = columns(&inner).map(|(x, from, to)| {
            let start = u64::from(left + x) * image_height + u64::from(top);
            (start + u64::from(from), start + u64::from(to))
        });
        let runs = runs(size.pixels(), spans);
        // No image has more pixels than 32 bits can count.
        Rle::from_counts(size, runs.into_iter().map(|run| run as u32).collect())
    }
}

/// The foreground of a mask, column by column: `x`, first and last `y`, the last one exclusive.
fn columns(mask: &Rle) -> impl Iterator<Item = (u32, u32, u32)> {
    let height = u64::from(mask.size().height.max(1));
    let mut end = 0;
    let runs = mask.counts().iter().enumerate().filter_map(move |(index, &count)| {
        let start = end;
        end += u64::from(count);
        (index % 2 == 1 && count > 0).then_some((start, end))
    });
    runs.flat_map(move |(start, end)| {
        (start / height..=(end - 1) / height).map(move |x| {
            let from = start.max(x * height) - x * height;
            let to = end.min((x + 1) * height) - x * height;
            (x as u32, from as u32, to as u32)
        })
    })
}

/// Alternating runs from the foreground, in order; spans that touch become one.
fn runs(pixels: u64, spans: impl Iterator<Item = (u64, u64)>) -> Vec<u64> {
    let mut runs = Vec::new();
    let mut end = 0;
    for (start, stop) in spans {
        match runs.last_mut() {
            Some(last) if start == end => *last += stop - start,
            _ => runs.extend([start - end, stop - start]),
        }
        end = stop;
    }
    if end < pixels || runs.is_empty() {
        runs.push(pixels - end);
    }
    runs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sample;

    #[test]
    fn runs_go_along_the_rows() {
        let size = Size::new(3, 5);
        let window = Window::around(&sample::mask(size, [3, 1, 2, 2])).unwrap();
        assert_eq!(window.runs(), [0, 4]);
        assert_eq!(window.image_runs(size), [8, 2, 3, 2]);
        let edge = Window::around(&sample::mask(size, [0, 0, 5, 2])).unwrap();
        assert_eq!(edge.image_runs(size), [0, 10, 5]);
    }

    #[test]
    fn a_mask_without_a_pixel_has_no_window() {
        assert!(Window::around(&Rle::empty(Size::new(3, 5))).is_none());
        assert_eq!(Window::whole(Size::new(3, 5)).runs(), [15]);
    }

    proptest! {
        #[test]
        fn a_mask_comes_back_from_its_runs(mask in sample::masks()) {
            let size = mask.size();
            let around = Window::around(&mask);
            let image_runs = around.as_ref().map_or(vec![size.pixels()], |it| it.image_runs(size));
            let mut whole = Window::whole(size);
            let mut windows = vec![(Window::whole(size), image_runs)];
            if let Some(around) = around {
                windows.push((Window::empty(around.corners), around.runs()));
            }
            for (mut window, runs) in windows {
                let mut at = 0;
                for (index, &run) in runs.iter().enumerate() {
                    let end = at + run as usize;
                    if index % 2 == 1 {
                        window.fill(at, end);
                    }
                    at = end;
                }
                prop_assert_eq!(at, window.pixels());
                prop_assert_eq!(window.into_mask(size).unwrap(), mask.clone());
            }
            whole.fill(0, 0);
            prop_assert!(whole.into_mask(size).unwrap().is_empty());
        }
    }
}
