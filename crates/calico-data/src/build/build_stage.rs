use std::fmt;

use crate::Split;

/// What a build is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildStage {
    /// Images that are in two splits are removed; counted in images.
    Leaks,
    /// Small and broken regions are dropped; counted in images.
    Filter,
    /// Pairs of images are chosen; counted in samples.
    Choose(Split),
    /// The regions that answers name are found; counted in samples.
    Regions,
    /// Images and regions are written; counted in images.
    WriteRegions(Split),
    /// Questions and answers are written; counted in samples.
    WriteSamples(Split),
}

impl fmt::Display for BuildStage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leaks => formatter.write_str("comparing the splits"),
            Self::Filter => formatter.write_str("filtering objects and parts"),
            Self::Choose(split) => write!(formatter, "choosing pairs for {split}"),
            Self::Regions => formatter.write_str("finding the regions of all answers"),
            Self::WriteRegions(split) => write!(formatter, "writing the regions of {split}"),
            Self::WriteSamples(split) => write!(formatter, "writing the samples of {split}"),
        }
    }
}
