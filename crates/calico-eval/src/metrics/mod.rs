//! What is measured in one image, and what becomes of many.

mod average_precision;
mod detections;
mod unit;

pub(crate) use average_precision::average_precision;
pub(crate) use detections::{Detection, HIT, detections};
pub(crate) use unit::{LabelScore, Unit, UnitInput};
