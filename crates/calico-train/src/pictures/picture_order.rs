use calico_data::loader::{BadLimits, BadReason, Position};
use calico_data::{DataError, Permutation, Stream};
use rayon::prelude::*;

use super::{Refusal, SplitImages};
use crate::TrainError;

/// Where a training is among the pictures of its split: every epoch shows each of them once, in
/// an order of its own.
#[derive(Debug)]
pub(crate) struct PictureOrder {
    /// What the orders are drawn for.
    about: &'static str,
    seed: u64,
    order: Permutation,
    position: Position,
    pub(crate) limits: BadLimits,
    warnings: Vec<String>,
}

impl PictureOrder {
    /// The orders of `images` pictures that are drawn from a seed, from a position on.
    pub(crate) fn new(about: &'static str, seed: u64, images: u64, start: Position) -> Self {
        let stream = Stream::new(seed, about, &start.epoch.to_string());
        Self {
            about,
            seed,
            order: Permutation::new(images, stream),
            position: start,
            limits: BadLimits::default(),
            warnings: Vec::new(),
        }
    }

    /// What `load` makes of the next `size` pictures that can be used. It is given the epoch, the
    /// place of a picture, and where its warnings go; it runs on all cores.
    ///
    /// # Errors
    /// If no picture can be used, or too many cannot.
    pub(crate) fn next<T: Send>(
        &mut self,
        images: &SplitImages,
        size: usize,
        load: impl Fn(u64, u64, &mut Vec<String>) -> Result<T, Refusal> + Sync,
    ) -> Result<Vec<T>, TrainError> {
        let mut pictures = Vec::with_capacity(size);
        while pictures.len() < size {
            let left = self.order.len().saturating_sub(self.position.taken);
            if left == 0 {
                self.start_next_epoch()?;
                continue;
            }
            let count = left.min((size - pictures.len()) as u64);
            let next = self.position.taken..self.position.taken + count;
            let places: Vec<u64> = next.filter_map(|at| self.order.at(at)).collect();
            let epoch = self.position.epoch;
            let load = |place: &u64| {
                let mut warnings = Vec::new();
                (load(epoch, *place, &mut warnings), warnings)
            };
            let loaded: Vec<_> = places.par_iter().map(load).collect();
            for ((picture, warnings), place) in loaded.into_iter().zip(places) {
                self.position.taken += 1;
                self.warnings.extend(warnings);
                match picture {
                    Ok(picture) => {
                        self.position.bad_in_a_row = 0;
                        pictures.push(picture);
                    }
                    Err(Refusal::Bad(reason)) => self.skip(images.image_id(place), reason)?,
                    Err(Refusal::Failed(error)) => return Err(error),
                }
            }
        }
        Ok(pictures)
    }

    /// Where the next picture is.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// What was skipped or found damaged since this was asked last, one line each.
    pub(crate) fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    fn start_next_epoch(&mut self) -> Result<(), TrainError> {
        let Position { epoch, taken, bad, .. } = self.position;
        if bad == taken {
            let problems = vec!["data: no picture of the train split can be used".into()];
            return Err(TrainError::Mismatch { problems });
        }
        self.position = Position { epoch: epoch + 1, ..Position::default() };
        let stream = Stream::new(self.seed, self.about, &(epoch + 1).to_string());
        self.order = Permutation::new(self.order.len(), stream);
        Ok(())
    }

    fn skip(&mut self, image_id: &str, reason: BadReason) -> Result<(), TrainError> {
        self.position.bad += 1;
        self.position.bad_in_a_row = self.position.bad_in_a_row.saturating_add(1);
        self.warnings.push(format!("image {image_id} is skipped: {reason}"));
        let Position { taken, bad, bad_in_a_row, .. } = self.position;
        if self.limits.are_passed(bad, bad_in_a_row, taken) {
            let (sample_id, reason) = (image_id.to_owned(), Box::new(reason));
            return Err(DataError::TooManyBad { bad, taken, sample_id, reason }.into());
        }
        Ok(())
    }
}
