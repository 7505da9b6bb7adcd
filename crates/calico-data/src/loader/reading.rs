use std::sync::Arc;
use std::vec;

use rayon::prelude::*;

use super::order::{Order, Place};
use super::sample_store::Store;
use super::{BadReason, BadSample, Item, LoaderOptions, Position};
use crate::{DataError, SampleRecord};

/// The samples of one shard of one epoch, one after the other; after an error comes nothing.
///
/// Samples that cannot be used are told to [`on_bad`](Self::on_bad) and skipped; too many of them
/// are an error.
pub struct Loader {
    store: Arc<Store>,
    options: LoaderOptions,
    order: Order,
    position: Position,
    /// Samples of the current window, in order.
    window: vec::IntoIter<SampleRecord>,
    /// Bad samples before the one that was given last.
    bad_before: u32,
    is_finished: bool,
    on_bad: Box<dyn FnMut(&BadSample) + Send>,
}

impl Loader {
    pub(super) fn new(store: Arc<Store>, options: LoaderOptions) -> Result<Self, DataError> {
        let shard = options.shard;
        if shard.index >= shard.count {
            return Err(DataError::Shard { index: shard.index, count: shard.count });
        }
        let position = options.start;
        let order = Order::new(&store.rows, options.shuffle, position.epoch);
        let window = Vec::new().into_iter();
        let on_bad = Box::new(|_: &BadSample| {});
        let (bad_before, is_finished) = (0, false);
        Ok(Self { store, options, order, position, window, bad_before, is_finished, on_bad })
    }

    /// Calls a function for each sample that is skipped.
    #[must_use]
    pub fn on_bad(mut self, tell: impl FnMut(&BadSample) + Send + 'static) -> Self {
        self.on_bad = Box::new(tell);
        self
    }

    /// Where the next sample is: a loader that starts there goes on as this one does.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Number of samples of this shard in an epoch, also of bad ones.
    pub fn len(&self) -> u64 {
        let shard = self.options.shard;
        let all: u64 = self.store.rows.iter().map(|&rows| u64::from(rows)).sum();
        all.saturating_sub(shard.index).div_ceil(shard.count)
    }

    /// Whether this shard has no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Goes to the start of the next epoch.
    pub fn start_next_epoch(&mut self) {
        self.position = Position { epoch: self.position.epoch + 1, ..Position::default() };
        self.order = Order::new(&self.store.rows, self.options.shuffle, self.position.epoch);
        self.window = Vec::new().into_iter();
        self.is_finished = false;
    }

    /// Counts the sample that was given last as bad: the caller found out more than the loader
    /// looks at, such as a picture that cannot be decoded.
    ///
    /// # Errors
    ///
    /// If there are too many bad samples.
    pub fn reject(&mut self, item: &Item, reason: BadReason) -> Result<(), DataError> {
        self.position.bad_in_a_row = std::mem::take(&mut self.bad_before);
        self.skip(item.sample().sample_id.clone(), reason)
    }

    fn skip(&mut self, sample_id: String, reason: BadReason) -> Result<(), DataError> {
        self.position.bad += 1;
        self.position.bad_in_a_row = self.position.bad_in_a_row.saturating_add(1);
        let bad = BadSample { sample_id, reason };
        (self.on_bad)(&bad);
        let Position { taken, bad: count, bad_in_a_row, .. } = self.position;
        if !self.options.limits.are_passed(count, bad_in_a_row, taken) {
            return Ok(());
        }
        self.is_finished = true;
        let BadSample { sample_id, reason } = bad;
        Err(DataError::TooManyBad { bad: count, taken, sample_id, reason: Box::new(reason) })
    }

    /// Reads the rows of this shard in the window of the current position; `false` at the end.
    fn load_window(&mut self) -> Result<bool, DataError> {
        let shard = self.options.shard;
        let step = |taken: u64| taken.checked_mul(shard.count)?.checked_add(shard.index);
        let Some(position) = step(self.position.taken) else { return Ok(false) };
        let Some(window) = self.order.window_of(position) else { return Ok(false) };
        let first = (position - self.order.start(window)) as usize;
        let places = self.order.rows(window, &self.store.rows);
        let wanted = places.into_iter().skip(first).step_by(shard.count as usize);
        let mut wanted: Vec<(Place, usize)> = wanted.zip(0..).collect();
        wanted.sort_unstable();
        let store = &self.store;
        let by_block: Vec<&[(Place, usize)]> =
            wanted.chunk_by(|(a, _), (b, _)| a.block == b.block).collect();
        let read = |wanted: &&[(Place, usize)]| {
            let mut rows: Vec<Option<SampleRecord>> = match wanted.first() {
                Some((place, _)) => store.read(place.block)?.into_iter().map(Some).collect(),
                None => Vec::new(),
            };
            let taken = wanted
                .iter()
                .filter_map(|(place, at)| Some((*at, rows.get_mut(place.row as usize)?.take()?)));
            Ok(taken.collect::<Vec<(usize, SampleRecord)>>())
        };
        let read: Result<Vec<_>, DataError> = by_block.par_iter().map(read).collect();
        let mut rows: Vec<(usize, SampleRecord)> = read?.into_iter().flatten().collect();
        rows.sort_unstable_by_key(|(at, _)| *at);
        let rows: Vec<SampleRecord> = rows.into_iter().map(|(_, row)| row).collect();
        self.window = rows.into_iter();
        Ok(true)
    }

    fn next_item(&mut self) -> Result<Option<Item>, DataError> {
        loop {
            let Some(sample) = self.window.next() else {
                if self.load_window()? {
                    continue;
                }
                return Ok(None);
            };
            self.position.taken += 1;
            match Item::checked(&self.store, sample, self.options.check) {
                Ok(item) => {
                    self.bad_before = std::mem::take(&mut self.position.bad_in_a_row);
                    return Ok(Some(item));
                }
                Err(bad) => self.skip(bad.sample_id, bad.reason)?,
            }
        }
    }
}

impl Iterator for Loader {
    type Item = Result<Item, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_finished {
            return None;
        }
        let item = self.next_item().transpose();
        self.is_finished = !matches!(item, Some(Ok(_)));
        item
    }
}
