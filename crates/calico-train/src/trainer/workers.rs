//! Several batches at once, each on threads of its own.

use std::any::Any;
use std::thread;

use calico_model::panic_message;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::TrainError;

/// Computes several batches at once.
///
/// Matrices of a small model are too small to keep all cores busy with one batch. So each batch of
/// several gets a share of the threads for itself: operations use the pool that they run in.
#[derive(Debug)]
pub(super) struct Workers {
    pools: Vec<ThreadPool>,
}

impl Workers {
    /// For so many batches at once; each gets an equal share of the threads, at least one.
    ///
    /// # Errors
    /// If there cannot be so many threads.
    pub(super) fn new(together: usize) -> Result<Self, TrainError> {
        let together = together.max(1);
        let threads = (rayon::current_num_threads() / together).max(1);
        let pool = |number: usize| {
            ThreadPoolBuilder::new()
                .num_threads(threads)
                .thread_name(move |thread| format!("batch {number}, {thread}"))
                .build()
                .map_err(|error| TrainError::Internal(format!("no threads to train with: {error}")))
        };
        Ok(Self { pools: (0..together).map(pool).collect::<Result<_, _>>()? })
    }

    /// How many batches are computed at once.
    pub(super) fn count(&self) -> usize {
        self.pools.len()
    }

    /// What `compute` makes of tasks, in their order; as many tasks as there are workers, or fewer.
    ///
    /// # Errors
    /// That of the first task that fails or panics, when all have ended.
    pub(super) fn each<T: Send, R: Send>(
        &self,
        tasks: Vec<T>,
        compute: impl Fn(T) -> Result<R, TrainError> + Sync,
    ) -> Result<Vec<R>, TrainError> {
        if tasks.len() > self.count() {
            let (tasks, workers) = (tasks.len(), self.count());
            return Err(TrainError::Internal(format!("{tasks} tasks for {workers} workers")));
        }
        let compute = &compute;
        let results: Vec<Result<R, TrainError>> = thread::scope(|scope| {
            let begun: Vec<_> = self
                .pools
                .iter()
                .zip(tasks)
                .map(|(pool, task)| {
                    let run = move || pool.install(|| compute(task));
                    thread::Builder::new().spawn_scoped(scope, run)
                })
                .collect();
            let end = |thread: std::io::Result<thread::ScopedJoinHandle<'_, _>>| match thread {
                Ok(thread) => thread
                    .join()
                    .unwrap_or_else(|panic| Err(panicked("computing a batch", panic.as_ref()))),
                Err(error) => Err(TrainError::Internal(format!("no thread: {error}"))),
            };
            begun.into_iter().map(end).collect()
        });
        results.into_iter().collect()
    }
}

/// What is told of a panic.
pub(super) fn panicked(what: &str, panic: &(dyn Any + Send)) -> TrainError {
    let text = panic_message(panic).unwrap_or("no reason is known");
    TrainError::Internal(format!("{what} panicked: {text}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn results_come_in_order_from_threads_of_their_own() {
        let workers = Workers::new(3).unwrap();
        assert_eq!(workers.count(), 3);
        let all = (rayon::current_num_threads() / 3).max(1);
        // Nobody passes before all are there: they do run at once.
        let barrier = Barrier::new(3);
        let found = workers.each(vec![5, 6, 7], |task| {
            barrier.wait();
            Ok((2 * task, rayon::current_num_threads()))
        });
        assert_eq!(found.unwrap(), [(10, all), (12, all), (14, all)]);
        assert!(workers.each(vec![1, 2, 3, 4], Ok).is_err());
        assert_eq!(workers.each(vec![1], Ok).unwrap(), [1]);
    }

    #[test]
    fn the_first_failure_is_told_when_all_have_ended() {
        let workers = Workers::new(2).unwrap();
        let error = workers.each(vec![1, 2], |task| match task {
            1 => panic!("task {task}"),
            _ => Err::<(), _>(TrainError::DoesNotFit("second".into())),
        });
        let error = error.unwrap_err();
        assert!(matches!(&error, TrainError::Internal(text) if text.contains("task 1")), "{error}");
        // They are as good as new.
        assert_eq!(workers.each(vec![1, 2], Ok).unwrap(), [1, 2]);
    }
}
