use serde::Serialize;

/// How well a true mask was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TargetOverlap {
    /// Its label, normalised.
    pub label: String,
    /// The largest overlap with a predicted mask of its label, `IoU` in percent; 0 without one.
    pub iou: f64,
}
