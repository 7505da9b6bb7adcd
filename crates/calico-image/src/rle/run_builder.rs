use super::Rle;
use crate::{ImageError, Size};

/// Writes a run-length code from its foreground, span by span.
///
/// The code is canonical: no run but the first is empty, unless one before it is too long for a
/// count.
pub(crate) struct RunBuilder {
    counts: Vec<u32>,
    /// Where the last foreground run ends.
    end: u64,
}

impl RunBuilder {
    pub(crate) const fn new() -> Self {
        Self { counts: Vec::new(), end: 0 }
    }

    /// With room for this many spans.
    pub(crate) fn with_capacity(spans: usize) -> Self {
        Self { counts: Vec::with_capacity(2 * spans + 1), end: 0 }
    }

    /// Adds the foreground pixels `start..end`, which is at least one and behind all others.
    pub(crate) fn push(&mut self, start: u64, end: u64) {
        debug_assert!(self.end <= start && start < end);
        match self.counts.last_mut() {
            Some(last) if self.end == start => {
                let joined = u64::from(*last) + (end - start);
                self.counts.pop();
                self.push_run(joined);
            }
            _ => {
                self.push_run(start - self.end);
                self.push_run(end - start);
            }
        }
        self.end = end;
    }

    /// Adds the pixels `start..end` as [`push`](Self::push) does, unless the code gets too long.
    pub(crate) fn try_push(&mut self, start: u64, end: u64) -> Result<(), ImageError> {
        self.check(end - self.end)?;
        self.push(start, end);
        Ok(())
    }

    /// The code, filled up with background.
    pub(crate) fn finish(mut self, size: Size) -> Rle {
        let rest = size.pixels() - self.end;
        if self.counts.is_empty() {
            return Rle::empty(size);
        }
        if rest > 0 {
            self.push_run(rest);
        }
        Rle { size, counts: self.counts }
    }

    /// The code as [`finish`](Self::finish) makes it, unless it gets too long.
    pub(crate) fn try_finish(self, size: Size) -> Result<Rle, ImageError> {
        if !self.counts.is_empty() {
            self.check(size.pixels() - self.end)?;
        }
        Ok(self.finish(size))
    }

    /// A run too long for a count goes on after an empty run of the other value.
    fn push_run(&mut self, mut length: u64) {
        while length > LONGEST_RUN {
            self.counts.extend([u32::MAX, 0]);
            length -= LONGEST_RUN;
        }
        self.counts.push(length as u32);
    }

    /// Whether another background and foreground run of this many pixels together fit.
    fn check(&self, pixels: u64) -> Result<(), ImageError> {
        let found = self.counts.len() as u64 + 2 + runs_within(pixels);
        if found > Rle::MAX_RUNS as u64 {
            return Err(ImageError::TooManyRuns { found, most: Rle::MAX_RUNS });
        }
        Ok(())
    }
}

const LONGEST_RUN: u64 = u32::MAX as u64;

/// The most counts that are needed beside the last one for a run of this many pixels.
pub(super) const fn runs_within(pixels: u64) -> u64 {
    2 * (pixels / LONGEST_RUN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touching_spans_become_one_run() {
        let mut builder = RunBuilder::new();
        for (start, end) in [(0, 2), (2, 3), (5, 6)] {
            builder.push(start, end);
        }
        assert_eq!(builder.finish(Size::new(2, 5)).counts(), [0, 3, 2, 1, 4]);
    }

    #[test]
    fn runs_too_long_for_a_count_go_on_behind_an_empty_run() {
        let size = Size::new(1 << 17, 1 << 16);
        let mut builder = RunBuilder::new();
        builder.push(0, 1 << 32);
        builder.push(1 << 32, (1 << 32) + 4);
        let rle = builder.finish(size);
        assert_eq!(rle.counts(), [0, u32::MAX, 0, 5, u32::MAX - 3]);
        assert_eq!(Rle::from_counts(size, rle.counts().to_vec()).unwrap(), rle);
    }

    #[test]
    fn a_code_of_too_many_runs_is_refused_before_it_is_written() {
        let mut builder = RunBuilder::new();
        let error = builder.try_push(1 << 60, (1 << 60) + 1).unwrap_err();
        assert!(matches!(error, ImageError::TooManyRuns { .. }), "{error}");
        builder.try_push(0, 1).unwrap();
        let error = builder.try_finish(Size::new(1 << 30, 1 << 30)).unwrap_err();
        assert!(matches!(error, ImageError::TooManyRuns { .. }), "{error}");
    }
}
