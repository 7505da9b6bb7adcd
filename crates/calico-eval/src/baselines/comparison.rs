use serde::Serialize;

use super::{Baseline, BaselineName};
use crate::Row;
use crate::report::Group;

/// A model beside the baselines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The baselines.
    pub rows: Vec<Baseline>,
    /// How far the model's mean S-IoU is above that of the best baseline.
    pub s_iou_margin: Margin,
    /// How far the model's mean strict Recall is above that of the best baseline.
    pub recall_strict_margin: Margin,
}

/// How far a model is above the best baseline, by one metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Margin {
    /// The best baseline; of equal ones the first.
    pub best: BaselineName,
    /// The model's percentage minus that of the baseline; negative if the model is worse.
    pub points: f64,
}

impl Comparison {
    /// Compares the means over the sub-tasks; `None` without baselines.
    pub fn new(model: &Group, rows: Vec<Baseline>) -> Option<Self> {
        let margin = |metric: fn(&Row) -> f64| -> Option<Margin> {
            let mut best: Option<(BaselineName, f64)> = None;
            for row in &rows {
                let value = metric(&row.scores.overall);
                if best.is_none_or(|(_, most)| value > most) {
                    best = Some((row.name, value));
                }
            }
            let (best, most) = best?;
            // Six decimals hide the last bits of a difference.
            let points = ((metric(&model.overall) - most) * 1e6).round() / 1e6;
            Some(Margin { best, points })
        };
        let s_iou_margin = margin(|row| row.s_iou)?;
        let recall_strict_margin = margin(|row| row.recall_strict)?;
        Some(Self { rows, s_iou_margin, recall_strict_margin })
    }

    /// The margins in words.
    pub(crate) fn summary(&self) -> String {
        let words = |title: &str, margin: Margin| {
            let (points, side) = if margin.points < 0.0 {
                (-margin.points, "below")
            } else {
                (margin.points, "above")
            };
            format!("{points:.1} points of {title} {side} {}", margin.best.title())
        };
        let s_iou = words("S-IoU", self.s_iou_margin);
        let recall = words("strict Recall", self.recall_strict_margin);
        format!("The model is {s_iou} and {recall}, the best baseline by each")
    }
}
