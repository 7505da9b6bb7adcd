/// The least scores of detections that are used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Of whole objects.
    pub object: f64,
    /// Of parts.
    pub part: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { object: 0.5, part: 0.5 }
    }
}
