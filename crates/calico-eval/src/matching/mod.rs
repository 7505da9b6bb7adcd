//! Which predicted mask stands for which true one.

mod greedy;
mod hungarian;
mod overlaps;

pub(crate) use greedy::greedy;
pub(crate) use hungarian::hungarian;
pub(crate) use overlaps::Overlaps;

/// A prediction paired with a target; their `IoU` is above 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Match {
    pub(crate) target: usize,
    pub(crate) prediction: usize,
    pub(crate) iou: f64,
}
