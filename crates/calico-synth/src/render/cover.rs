use tiny_skia::{FillRule, Mask, Path, Transform};

/// The samples within an outline, of the part of the map that they can lie in.
pub(super) struct Cover {
    left: usize,
    top: usize,
    mask: Mask,
}

impl Cover {
    /// Fills an outline, given in samples, within a map of a width and a height; `None` if it
    /// lies outside.
    pub(super) fn of(path: &Path, [width, height]: [usize; 2]) -> Option<Self> {
        let bounds = path.bounds();
        // Casts of floats saturate, so outlines far outside end at the edges.
        let [left, top] = [bounds.left(), bounds.top()].map(|side| side.floor() as usize);
        let right = (bounds.right().ceil() as usize).min(width);
        let bottom = (bounds.bottom().ceil() as usize).min(height);
        if right <= left || bottom <= top {
            return None;
        }
        let mut mask = Mask::new((right - left) as u32, (bottom - top) as u32)?;
        let shift = Transform::from_translate(-(left as f32), -(top as f32));
        mask.fill_path(path, FillRule::Winding, false, shift);
        Some(Self { left, top, mask })
    }

    /// The runs of samples, as rows and ranges of columns of the map.
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, usize, &[u8])> {
        let rows = self.mask.data().chunks_exact(self.mask.width() as usize);
        rows.enumerate().map(|(row, samples)| (self.top + row, self.left, samples))
    }
}
