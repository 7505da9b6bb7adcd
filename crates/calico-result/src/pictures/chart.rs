//! Bar charts, as SVG and as pictures of the same layout.

mod bars;
mod columns;
mod frame;
mod ticks;

use std::path::PathBuf;

use calico_image::Frame;

use super::drawing::Drawing;
use crate::{OutputFolder, ResultError};

/// Numbers of things, by category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// A line below the title; may be empty.
    pub note: String,
    /// What the categories are, with their unit if they have one.
    pub category_axis: String,
    /// What is counted.
    pub value_axis: String,
    /// The categories, in order.
    pub categories: Vec<String>,
    /// What is counted for each category; several have a legend.
    pub series: Vec<Series>,
    /// Which way the bars go.
    pub direction: Direction,
}

/// A number for each category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// What is counted.
    pub name: String,
    /// As many as there are categories; missing ones are 0.
    pub values: Vec<u64>,
}

/// Which way bars go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From left to right, one below the other: for names.
    Right,
    /// From the bottom to the top, one beside the other: for steps of a scale.
    Up,
}

impl Chart {
    /// The chart as an SVG document.
    pub fn svg(&self) -> Result<String, ResultError> {
        Ok(self.drawing()?.svg(&self.title))
    }

    /// The chart as a picture.
    pub fn picture(&self) -> Result<Frame, ResultError> {
        self.drawing()?.picture()
    }

    /// Writes `{stem}.svg` and `{stem}.png`; returns the paths.
    pub fn write(&self, folder: &OutputFolder, stem: &str) -> Result<[PathBuf; 2], ResultError> {
        self.drawing()?.write(&self.title, folder, stem)
    }

    fn drawing(&self) -> Result<Drawing, ResultError> {
        match self.direction {
            Direction::Right => bars::draw(self),
            Direction::Up => columns::draw(self),
        }
    }

    fn value(&self, series: usize, category: usize) -> u64 {
        let values = self.series.get(series).map(|series| &series.values);
        values.and_then(|values| values.get(category)).copied().unwrap_or(0)
    }

    fn largest(&self) -> u64 {
        self.series.iter().flat_map(|series| &series.values).copied().max().unwrap_or(0)
    }
}

/// A number with commas between thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
