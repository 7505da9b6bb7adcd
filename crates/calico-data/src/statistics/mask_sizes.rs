use serde::{Deserialize, Serialize};

/// The upper ends of the steps of [`MaskSizes`], in parts of 10,000 of the image.
pub const SIZE_LIMITS_PER_10000: [u64; 10] = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/// Number of masks by their share of the image; a step includes its upper end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskSizes {
    /// Masks of whole objects.
    pub objects: [u64; SIZE_LIMITS_PER_10000.len()],
    /// Masks of parts.
    pub parts: [u64; SIZE_LIMITS_PER_10000.len()],
}

impl MaskSizes {
    /// Counts a mask of `area` pixels in an image of `pixels`.
    pub(super) fn count(&mut self, is_part: bool, area: u64, pixels: u64) {
        let is_within =
            |limit: u64| u128::from(area) * 10_000 <= u128::from(limit) * u128::from(pixels);
        let step = SIZE_LIMITS_PER_10000.iter().position(|limit| is_within(*limit));
        let step = step.unwrap_or(SIZE_LIMITS_PER_10000.len() - 1);
        let counts = if is_part { &mut self.parts } else { &mut self.objects };
        counts[step] += 1;
    }

    /// The steps in words, in percent of the image: `2 to 5`.
    pub(super) fn steps() -> Vec<String> {
        let mut steps = Vec::new();
        let mut before = 0;
        for limit in SIZE_LIMITS_PER_10000 {
            steps.push(format!("{} to {}", percent(before), percent(limit)));
            before = limit;
        }
        steps
    }
}

fn percent(per_10000: u64) -> String {
    (per_10000 as f64 / 100.0).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_falls_into_the_step_of_its_share() {
        let mut sizes = MaskSizes::default();
        for area in [1, 10, 11, 10_000, 20_000] {
            sizes.count(true, area, 10_000);
        }
        sizes.count(false, 500, 10_000);
        assert_eq!(sizes.parts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!(sizes.objects, [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
        let steps = MaskSizes::steps();
        assert_eq!((steps[0].as_str(), steps[4].as_str()), ("0 to 0.1", "1 to 2"));
    }
}
