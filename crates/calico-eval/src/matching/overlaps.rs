use calico_image::{ImageError, Rle};

/// The `IoU` of every target with every prediction of one image.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Overlaps {
    targets: usize,
    predictions: usize,
    /// Shape `[targets, predictions]`.
    values: Vec<f64>,
}

impl Overlaps {
    /// Of masks; the `IoU` of two empty masks is 0.
    pub(crate) fn new(targets: &[&Rle], predictions: &[&Rle]) -> Result<Self, ImageError> {
        let mut values = Vec::with_capacity(targets.len() * predictions.len());
        for target in targets {
            for prediction in predictions {
                values.push(prediction.iou(target)?);
            }
        }
        Ok(Self { targets: targets.len(), predictions: predictions.len(), values })
    }

    #[cfg(test)]
    pub(crate) fn from_rows(rows: &[Vec<f64>]) -> Self {
        let predictions = rows.first().map_or(0, Vec::len);
        Self { targets: rows.len(), predictions, values: rows.concat() }
    }

    pub(crate) fn targets(&self) -> usize {
        self.targets
    }

    pub(crate) fn predictions(&self) -> usize {
        self.predictions
    }

    pub(crate) fn at(&self, target: usize, prediction: usize) -> f64 {
        self.values[target * self.predictions + prediction]
    }
}
