//! Curves over the steps of a run, as SVG and as pictures of the same layout.

mod axis;
mod layout;
mod number;
mod smoothing;
mod thinning;

use std::path::PathBuf;

use calico_image::Frame;

use crate::{OutputFolder, ResultError};

/// Numbers over steps, as lines.
#[derive(Debug, Clone, PartialEq)]
pub struct LineChart {
    /// What it shows.
    pub title: String,
    /// A line below the title; may be empty.
    pub note: String,
    /// What goes from left to right: whole numbers.
    pub x_axis: String,
    /// What goes from the bottom to the top, with its unit if it has one.
    pub y_axis: String,
    /// How the values are spread.
    pub scale: Scale,
    /// The lines; several have a legend.
    pub lines: Vec<Line>,
    /// Where something begins, in order.
    pub marks: Vec<Mark>,
}

/// How values are spread from the bottom to the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences are equally far apart.
    Linear,
    /// Equal ratios are equally far apart; values that are not positive are left out.
    Logarithmic,
}

/// A number for each of some steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What the number is.
    pub name: String,
    /// Steps, rising, and their numbers; the line is broken where one is not finite.
    ///
    /// Of more points than the chart has columns the smallest and the largest of each are drawn.
    pub points: Vec<(f64, f64)>,
    /// Whether the points are drawn faintly, below a line that smooths them, piece by piece; few
    /// points never are.
    pub smooth: bool,
}

/// A vertical line with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// The step.
    pub at: f64,
    /// What begins there.
    pub label: String,
}

impl LineChart {
    /// The chart as an SVG document, light or dark as the reader's system.
    pub fn svg(&self) -> Result<String, ResultError> {
        Ok(layout::draw(self)?.svg(&self.title))
    }

    /// The chart as a picture on white.
    pub fn picture(&self) -> Result<Frame, ResultError> {
        layout::draw(self)?.picture()
    }

    /// Writes `{stem}.svg` and `{stem}.png`; returns the paths.
    pub fn write(&self, folder: &OutputFolder, stem: &str) -> Result<[PathBuf; 2], ResultError> {
        layout::draw(self)?.write(&self.title, folder, stem)
    }
}

#[cfg(test)]
mod tests;
