//! Reading ahead: while batches are computed, a thread reads the next ones.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use super::workers::panicked;
use crate::lessons::{Lessons, ReadLesson};
use crate::{TrainError, TrainObserver};

/// How much a stage reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amount {
    /// Samples of a batch.
    pub(super) size: usize,
    /// Batches in all.
    pub(super) batches: u64,
    /// Batches that may wait until they are used.
    pub(super) ahead: usize,
}

/// The batches of a stage, in order.
///
/// The thread ends with the last batch, after an error, and when this is dropped.
pub(super) struct Reading {
    epoch_len: u64,
    /// Taken when nothing more is wanted: then the thread stops waiting.
    batches: Option<Receiver<Result<ReadLesson, TrainError>>>,
    thread: Option<JoinHandle<()>>,
}

impl Reading {
    /// Begins to read.
    ///
    /// # Errors
    /// If there can be no more threads.
    pub(super) fn begin(lessons: Box<dyn Lessons>, amount: Amount) -> Result<Self, TrainError> {
        let epoch_len = lessons.epoch_len();
        let (sender, batches) = sync_channel(amount.ahead);
        let thread = thread::Builder::new()
            .name("reading".into())
            .spawn(move || read(lessons, amount, &sender))
            .map_err(|error| TrainError::Internal(format!("no thread to read with: {error}")))?;
        Ok(Self { epoch_len, batches: Some(batches), thread: Some(thread) })
    }

    /// The next batch.
    ///
    /// # Errors
    /// If reading it failed; nothing comes after that.
    pub(super) fn next(&mut self) -> Result<ReadLesson, TrainError> {
        if let Some(Ok(read)) = self.batches.as_ref().map(Receiver::recv) {
            return read;
        }
        let ended = self.thread.take().map(JoinHandle::join);
        Err(match ended {
            Some(Err(panic)) => panicked("reading", panic.as_ref()),
            _ => TrainError::Internal("nothing is left to read".into()),
        })
    }

    /// The next batches, so many. What reading one of them was like is told at once, in order,
    /// also if a later one cannot be read.
    ///
    /// # Errors
    /// That of the first batch that could not be read; nothing comes after that.
    pub(super) fn next_batches(
        &mut self,
        count: usize,
        observer: &mut dyn TrainObserver,
    ) -> Result<Vec<ReadLesson>, TrainError> {
        let next = |_| {
            let mut read = self.next()?;
            read.warnings.drain(..).for_each(|warning| observer.warns(&warning));
            Ok(read)
        };
        (0..count).map(next).collect()
    }

    /// Samples in an epoch.
    pub(super) fn epoch_len(&self) -> u64 {
        self.epoch_len
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            // It has nobody left to tell of a panic.
            let _ = thread.join();
        }
    }
}

fn read(
    mut lessons: Box<dyn Lessons>,
    amount: Amount,
    sender: &SyncSender<Result<ReadLesson, TrainError>>,
) {
    for _ in 0..amount.batches {
        let read = lessons.read(amount.size);
        let is_last = read.is_err();
        if sender.send(read).is_err() || is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use calico_data::loader::Position;
    use calico_model::Calico;
    use calico_nn::Weights;

    use super::*;
    use crate::Losses;
    use crate::lessons::Lesson;

    /// Counts what is read, and fails or panics at a number.
    #[derive(Default)]
    struct Counted {
        read: Arc<AtomicU64>,
        fails_at: Option<u64>,
        panics_at: Option<u64>,
    }

    struct Nothing;

    impl Lesson for Nothing {
        fn losses(&self, _: &Calico, _: &Weights) -> Result<Losses, TrainError> {
            Err(TrainError::Internal("nothing was read".into()))
        }
    }

    impl Lessons for Counted {
        fn read(&mut self, size: usize) -> Result<ReadLesson, TrainError> {
            let number = self.read.fetch_add(1, Ordering::Relaxed) + 1;
            assert!(self.panics_at != Some(number), "batch {number}");
            if self.fails_at == Some(number) {
                return Err(TrainError::DoesNotFit(format!("batch {number}")));
            }
            let position = Position { taken: number * size as u64, ..Position::default() };
            let warnings = vec![format!("batch {number} is odd")];
            Ok(ReadLesson { lesson: Box::new(Nothing), position, warnings })
        }

        fn epoch_len(&self) -> u64 {
            7
        }
    }

    const AMOUNT: Amount = Amount { size: 3, batches: 5, ahead: 2 };

    fn taken(reading: &mut Reading) -> u64 {
        reading.next().unwrap().position.taken
    }

    #[test]
    fn batches_come_in_order_and_no_more_are_read_than_are_wanted() {
        let lessons = Counted::default();
        let read = Arc::clone(&lessons.read);
        let mut reading = Reading::begin(Box::new(lessons), AMOUNT).unwrap();
        assert_eq!(reading.epoch_len(), 7);
        let all: Vec<u64> = (0..5).map(|_| taken(&mut reading)).collect();
        assert_eq!(all, [3, 6, 9, 12, 15]);
        assert!(matches!(reading.next(), Err(TrainError::Internal(_))));
        assert_eq!(read.load(Ordering::Relaxed), 5);
    }

    #[test]
    fn an_error_is_told_when_its_batch_is_wanted() {
        let lessons = Counted { fails_at: Some(2), ..Counted::default() };
        let mut reading = Reading::begin(Box::new(lessons), AMOUNT).unwrap();
        assert_eq!(taken(&mut reading), 3);
        let error = reading.next().err().unwrap();
        assert_eq!(error.to_string(), "batch 2");
        assert!(matches!(reading.next(), Err(TrainError::Internal(_))));
    }

    /// Writes down what it is told.
    #[derive(Default)]
    struct Told(Vec<String>);

    impl TrainObserver for Told {
        fn warns(&mut self, warning: &str) {
            self.0.push(warning.to_owned());
        }
    }

    #[test]
    fn batches_are_told_in_order_also_if_a_later_one_cannot_be_read() {
        let lessons = Counted { fails_at: Some(4), ..Counted::default() };
        let mut reading = Reading::begin(Box::new(lessons), AMOUNT).unwrap();
        let mut told = Told::default();
        let read = reading.next_batches(2, &mut told).unwrap();
        assert_eq!(read.iter().map(|read| read.position.taken).collect::<Vec<_>>(), [3, 6]);
        assert_eq!(told.0, ["batch 1 is odd", "batch 2 is odd"]);
        let error = reading.next_batches(3, &mut told).err().unwrap();
        assert_eq!(error.to_string(), "batch 4");
        assert_eq!(told.0[2..], ["batch 3 is odd"]);
    }

    #[test]
    fn a_panic_is_an_error_when_its_batch_is_wanted() {
        let lessons = Counted { panics_at: Some(2), ..Counted::default() };
        let mut reading = Reading::begin(Box::new(lessons), AMOUNT).unwrap();
        assert_eq!(taken(&mut reading), 3);
        let error = reading.next().err().unwrap().to_string();
        assert!(error.contains("batch 2"), "{error}");
    }

    #[test]
    fn reading_ends_when_nobody_wants_more() {
        let lessons = Counted::default();
        let read = Arc::clone(&lessons.read);
        let endless = Amount { batches: u64::MAX, ..AMOUNT };
        let mut reading = Reading::begin(Box::new(lessons), endless).unwrap();
        assert_eq!(taken(&mut reading), 3);
        drop(reading);
        // The one that was taken, two that wait, and one in the hand.
        assert!(read.load(Ordering::Relaxed) <= 4);
        assert_eq!(Arc::strong_count(&read), 1, "the thread is gone");
    }
}
