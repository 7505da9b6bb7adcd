use std::slice;

use super::Rle;

/// The foreground runs of a code as positions `(start, end)`, in order; none is empty.
///
/// Two of them touch where the code holds an empty run of background between them.
pub(crate) struct Spans<'a> {
    pairs: slice::Iter<'a, [u32; 2]>,
    end: u64,
}

impl Iterator for Spans<'_> {
    type Item = (u64, u64);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // A last run without a partner is background.
            let &[background, foreground] = self.pairs.next()?;
            let start = self.end + u64::from(background);
            self.end = start + u64::from(foreground);
            if foreground > 0 {
                return Some((start, self.end));
            }
        }
    }
}

impl Rle {
    /// The foreground, span by span.
    pub(crate) fn spans(&self) -> Spans<'_> {
        Spans { pairs: self.counts.as_chunks().0.iter(), end: 0 }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Rle, Size};

    #[test]
    fn empty_runs_are_left_out() {
        let counts = vec![0, 0, 1, 2, 0, 1, 3, 0, 3];
        let rle = Rle::from_counts(Size::new(2, 5), counts).unwrap();
        assert_eq!(rle.spans().collect::<Vec<_>>(), [(1, 3), (3, 4)]);
    }
}
