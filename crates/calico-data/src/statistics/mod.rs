//! What a data set holds, in numbers: counted in one pass over its tables, block by block.

mod charts;
mod count;
mod grid;
mod mask_sizes;
mod split_statistics;
mod spread;
mod text;
mod tokens;

use std::collections::BTreeMap;
use std::path::PathBuf;

use calico_result::OutputFolder;
use calico_result::pictures::chart::Chart;
use serde::{Deserialize, Serialize};

use crate::{DataError, Split};

pub use count::statistics;
pub use mask_sizes::{MaskSizes, SIZE_LIMITS_PER_10000};
pub use split_statistics::{ClassPairSamples, LabelCount, SourceStatistics, SplitStatistics};
pub use spread::Spread;

/// What a data set holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statistics {
    /// By split.
    pub splits: BTreeMap<Split, SplitStatistics>,
}

impl Statistics {
    /// Tables of the most important numbers, for a terminal.
    pub fn to_text(&self) -> String {
        text::text(self)
    }

    /// Tables of the most important numbers, as Markdown.
    pub fn to_markdown(&self) -> String {
        text::markdown(self)
    }

    /// Four charts a split, with the stem of their file names.
    pub fn charts(&self) -> Vec<(String, Chart)> {
        let charts = |(split, statistics): (&Split, &SplitStatistics)| {
            charts::charts(*split, statistics)
                .map(|(stem, chart)| (format!("{split}_{stem}"), chart))
        };
        self.splits.iter().flat_map(charts).collect()
    }

    /// Writes the charts as SVG and PNG; returns the paths.
    pub fn write_charts(&self, folder: &OutputFolder) -> Result<Vec<PathBuf>, DataError> {
        let mut paths = Vec::new();
        for (stem, chart) in self.charts() {
            paths.extend(chart.write(folder, &stem)?);
        }
        Ok(paths)
    }
}

#[cfg(test)]
mod tests;
