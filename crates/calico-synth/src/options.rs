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
    /// Groups in the largest data set.
    pub const MOST_GROUPS: u64 = 1_000_000;

    /// Whether all of it can be drawn.
    pub(crate) fn check(&self) -> Result<(), SynthError> {
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
        let total = self.groups.iter().fold(0u64, |sum, (_, groups)| sum.saturating_add(*groups));
        if self.groups.iter().any(|(_, groups)| *groups == 0) || total > Self::MOST_GROUPS {
            let expected = format!("1 to {} groups", Self::MOST_GROUPS);
            return wrong("number of groups", total.to_string(), expected);
        }
        if let Some((_, groups)) = self.groups.iter().find(|(_, groups)| groups % 3 != 0) {
            let expected = "a multiple of 3, so that each sub-task has as many".into();
            return wrong("number of groups", groups.to_string(), expected);
        }
        Ok(())
    }
}
