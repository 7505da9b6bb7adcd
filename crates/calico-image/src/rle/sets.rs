use super::{Rle, RunBuilder};
use crate::{ImageError, Size};

/// Masks as sets of pixels.
///
/// All work is done on runs; masks of different sizes are refused.
/// The results are canonical: no run but the first is empty, as in the codes of pycocotools.
impl Rle {
    /// The pixels of at least one mask, as pycocotools' `merge`; of no mask, the empty one.
    pub fn union<'a>(
        size: Size,
        masks: impl IntoIterator<Item = &'a Self>,
    ) -> Result<Self, ImageError> {
        let mut masks = masks.into_iter();
        let Some(first) = masks.next() else { return Ok(Self::empty(size)) };
        first.check_size(size)?;
        let Some(second) = masks.next() else { return Ok(first.clone()) };
        let mut spans: Vec<_> = first.spans().collect();
        let mut room = Self::MAX_RUNS;
        for mask in std::iter::once(second).chain(masks) {
            mask.check_size(size)?;
            spans.extend(mask.spans());
            // Many large masks must not take more memory than their union does, and those that
            // are joined must not be sorted again for each that comes.
            if spans.len() > room {
                join(&mut spans);
                if spans.len() > Self::MAX_RUNS {
                    let found = 2 * spans.len() as u64;
                    return Err(ImageError::TooManyRuns { found, most: Self::MAX_RUNS });
                }
                room = Self::MAX_RUNS.max(2 * spans.len());
            }
        }
        Self::from_spans(size, spans)
    }

    /// The pixels of both masks, as pycocotools' `merge` with `intersect`.
    pub fn intersection(&self, other: &Self) -> Result<Self, ImageError> {
        other.check_size(self.size)?;
        let mut builder = RunBuilder::with_capacity(self.counts.len().min(other.counts.len()) / 2);
        for (start, end) in self.common_spans(other) {
            builder.try_push(start, end)?;
        }
        builder.try_finish(self.size)
    }

    /// The pixels of this mask that are not in the other.
    pub fn difference(&self, other: &Self) -> Result<Self, ImageError> {
        other.check_size(self.size)?;
        let mut builder = RunBuilder::with_capacity(self.counts.len() / 2);
        let mut holes = other.spans().peekable();
        for (mut start, end) in self.spans() {
            while let Some(&(from, to)) = holes.peek() {
                if from >= end {
                    break;
                }
                if from > start {
                    builder.try_push(start, from)?;
                }
                start = start.max(to);
                if to > end {
                    // It may reach into the next span as well.
                    break;
                }
                holes.next();
            }
            if start < end {
                builder.try_push(start, end)?;
            }
        }
        builder.try_finish(self.size)
    }

    /// Number of pixels of both masks.
    pub fn intersection_area(&self, other: &Self) -> Result<u64, ImageError> {
        other.check_size(self.size)?;
        Ok(self.common_spans(other).map(|(start, end)| end - start).sum())
    }

    /// Intersection over union, as pycocotools' `iou`; 0 where nothing is common, so also of two
    /// empty masks.
    pub fn iou(&self, other: &Self) -> Result<f64, ImageError> {
        let common = self.intersection_area(other)?;
        Ok(ratio(common, self.area() + other.area() - common))
    }

    /// The part of this mask that lies in a crowd, as pycocotools' `iou` with `iscrowd`: the
    /// intersection over the area of this mask, or 0 where nothing is common.
    pub fn iou_with_crowd(&self, crowd: &Self) -> Result<f64, ImageError> {
        Ok(ratio(self.intersection_area(crowd)?, self.area()))
    }

    /// The mask of spans in any order.
    pub(crate) fn from_spans(size: Size, mut spans: Vec<(u64, u64)>) -> Result<Self, ImageError> {
        join(&mut spans);
        let mut builder = RunBuilder::with_capacity(spans.len().min(Self::MAX_RUNS / 2));
        for (start, end) in spans {
            builder.try_push(start, end)?;
        }
        builder.try_finish(size)
    }

    fn check_size(&self, size: Size) -> Result<(), ImageError> {
        if self.size == size {
            Ok(())
        } else {
            Err(ImageError::SizesDiffer { found: self.size, expected: size })
        }
    }

    /// The spans of the intersection, in order.
    fn common_spans<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (u64, u64)> + 'a {
        let (mut ours, mut theirs) = (self.spans(), other.spans());
        let (mut left, mut right) = (ours.next(), theirs.next());
        std::iter::from_fn(move || {
            loop {
                let ((from, to), (start, end)) = (left?, right?);
                if to <= end {
                    left = ours.next();
                } else {
                    right = theirs.next();
                }
                let common = (from.max(start), to.min(end));
                if common.0 < common.1 {
                    return Some(common);
                }
            }
        })
    }
}

/// Sorts spans and joins those that meet.
///
/// The spans of each mask are sorted already, and the stable sort merges such stretches.
fn join(spans: &mut Vec<(u64, u64)>) {
    spans.sort_by_key(|&(start, _)| start);
    spans.dedup_by(|next, last| {
        let meet = next.0 <= last.1;
        if meet {
            last.1 = last.1.max(next.1);
        }
        meet
    });
}

fn ratio(common: u64, all: u64) -> f64 {
    if common == 0 { 0.0 } else { common as f64 / all as f64 }
}
