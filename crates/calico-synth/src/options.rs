use calico_data::Split;

use crate::{SynthError, render::Scene};

/// What is to be drawn.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct SynthOptions {
    /// Seed of every random decision; train, dev and test draw from streams of their own.
    pub seed: u64,
    /// Groups of pictures for each of the splits, by split.
    pub groups: Vec<(Split, u64)>,
    /// The longer side of a picture in pixels.
    pub size: u32,
    /// Pictures in a group.
    pub group_size: usize,
    /// Share from 0 to 1 of parts that wear the colour typical of their label.
    pub cue: f32,
}

impl SynthOptions {
    /// The shortest longer side of a picture in pixels: parts of an object need some to be seen.
    pub const LEAST_SIZE: u32 = 128;
    /// The longest.
    pub const MOST_SIZE: u32 = 512;
    /// Pictures in the largest group.
    pub const MOST_PICTURES: usize = 4;
    /// Groups in the largest data set, all splits together. The rows of a split are in memory until
    /// it is drawn: a train split of so many groups has some four million masks.
    pub const MOST_GROUPS: u64 = 100_000;
    /// The longer side of a picture where nothing else is asked for.
    pub const DEFAULT_SIZE: u32 = 160;
    /// Pictures in a group where nothing else is asked for.
    pub const DEFAULT_GROUP_SIZE: usize = 2;
    /// Share of parts in the colour of their label where nothing else is asked for.
    pub const DEFAULT_CUE: f32 = 0.3;

    /// Whether all of it can be drawn.
    pub fn check(&self) -> Result<(), SynthError> {
        let wrong = |what, found: String, expected: String| {
            Err(SynthError::Option { what, found, expected })
        };
        let sizes = Self::LEAST_SIZE..=Self::MOST_SIZE.min(Scene::MOST_SIDE);
        if !sizes.contains(&self.size) {
            let expected = format!("{} to {} pixels", sizes.start(), sizes.end());
            return wrong("size", self.size.to_string(), expected);
        }
        if !(2..=Self::MOST_PICTURES).contains(&self.group_size) {
            let expected = format!("2 to {} pictures", Self::MOST_PICTURES);
            return wrong("group size", self.group_size.to_string(), expected);
        }
        if !(0.0..=1.0).contains(&self.cue) {
            return wrong("cue", self.cue.to_string(), "0 to 1".into());
        }
        self.check_groups()
    }

    fn check_groups(&self) -> Result<(), SynthError> {
        let wrong = |what, found: String, expected: &str| {
            Err(SynthError::Option { what, found, expected: expected.into() })
        };
        if self.groups.is_empty() {
            return wrong("list of splits", "none".into(), "one split or more");
        }
        let mut total = 0_u64;
        for (at, (split, groups)) in self.groups.iter().enumerate() {
            // Each split has tables of its own, which a second one would write over.
            if self.groups.iter().take(at).any(|(other, _)| other == split) {
                return wrong("list of splits", format!("{split} twice"), "each split once");
            }
            if *groups == 0 || groups % 3 != 0 {
                let expected = "3 or a multiple of 3, so that each sub-task has as many";
                let found = format!("{groups} for the split {split}");
                return wrong("number of groups", found, expected);
            }
            total = total.saturating_add(*groups);
        }
        if total > Self::MOST_GROUPS {
            let found = format!("{total} for all splits together");
            let expected = format!("{} at most", Self::MOST_GROUPS);
            return wrong("number of groups", found, &expected);
        }
        Ok(())
    }
}
