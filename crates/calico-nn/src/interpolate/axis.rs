//! Linear interpolation along one axis: which two neighbours each place lies between.

/// Where the places of a resized axis lie on the original one.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    /// For each new place: the neighbour below, the neighbour above, the share of the latter.
    pub(super) places: Vec<(usize, usize, f32)>,
}

impl Axis {
    /// As PyTorch's `interpolate` with `align_corners = false`.
    pub(super) fn new(from: usize, to: usize) -> Self {
        let scale = from as f32 / to as f32;
        let place = |i: usize| {
            let position = ((i as f32 + 0.5) * scale - 0.5).max(0.0);
            let low = (position as usize).min(from.saturating_sub(1));
            (low, (low + 1).min(from.saturating_sub(1)), position - low as f32)
        };
        Self { places: (0..to).map(place).collect() }
    }

    /// For each original place: the new places that it takes part in, and its shares there.
    pub(super) fn transposed(&self, from: usize) -> Vec<Vec<(usize, f32)>> {
        let mut takers = vec![Vec::new(); from];
        for (i, &(low, high, fraction)) in self.places.iter().enumerate() {
            for (place, share) in [(low, 1.0 - fraction), (high, fraction)] {
                if let Some(takers) = takers.get_mut(place) {
                    takers.push((i, share));
                }
            }
        }
        takers
    }
}
