//! What all addresses share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Bytes;
use calico_image::{DecodeOptions, ImageError, decode, inspect_bytes};
use calico_model::{Photograph, one_line};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Duration, timeout};

use super::openapi::document_of;
use crate::admission::{Memory, Share};
use crate::engine::Engine;
use crate::incoming::{Asked, Source, Upload};
use crate::metrics::Metrics;
use crate::problem::{Kind, Problem};
use crate::queue::{Queue, Ticket, Work};
use crate::remote::Fetcher;
use crate::settings::Settings;

/// Bytes of a pixel in memory while it is decoded: at most 16 bits of four channels.
const DECODED: u64 = 8;
/// Bytes of a pixel of a picture.
const KEPT: u64 = 3;

/// Requests in JSON that are read, and pictures that are decoded, at once: the model needs the processor,
/// too.
const DECODERS: usize = 2;

/// Results that are exported at once.
const EXPORTERS: usize = 1;

/// Pictures that are fetched at once.
const FETCHERS: usize = 8;

/// Whose turn it is to do work that takes a thread.
pub(super) struct Turns {
    pub(super) decode: Arc<Semaphore>,
    pub(super) export: Arc<Semaphore>,
    fetch: Arc<Semaphore>,
}

/// A turn, until it is dropped.
pub(super) struct Turn(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

impl Turns {
    fn new() -> Self {
        let of = |count| Arc::new(Semaphore::new(count));
        Self { decode: of(DECODERS), export: of(EXPORTERS), fetch: of(FETCHERS) }
    }
}

/// The state of the service.
pub(crate) struct App {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) settings: Settings,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) memory: Memory,
    pub(crate) queue: Queue,
    /// The content of `/openapi.json`.
    pub(super) description: String,
    fetcher: Option<Fetcher>,
    pub(super) turns: Turns,
    /// Whether only programs of this machine reach the service.
    pub(super) is_local: bool,
    is_stopping: AtomicBool,
    /// Requests that have no response yet.
    under_way: watch::Sender<usize>,
    /// Whether the time is over in which requests are answered.
    is_over: watch::Sender<bool>,
}

/// A request that has no response yet.
pub(super) struct UnderWay(watch::Sender<usize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl App {
    /// Starts the workers.
    pub(crate) fn start(
        engine: Arc<dyn Engine>,
        settings: Settings,
        is_local: bool,
    ) -> std::io::Result<Self> {
        let metrics = Arc::new(Metrics::new());
        let limits = &settings.limits;
        let queue = Queue::start(Arc::clone(&engine), Arc::clone(&metrics), limits)?;
        let description = document_of(&engine.identity().name, limits);
        Ok(Self {
            description,
            engine,
            metrics,
            memory: Memory::new(limits.memory_bytes),
            queue,
            fetcher: settings.access.remote_images.then(|| Fetcher::new(limits)),
            turns: Turns::new(),
            is_local,
            is_stopping: AtomicBool::new(false),
            under_way: watch::Sender::new(0),
            is_over: watch::Sender::new(false),
            settings,
        })
    }

    /// From now on the service is not ready, and new questions are refused.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }

    pub(super) fn enter(&self) -> UnderWay {
        self.under_way.send_modify(|count| *count += 1);
        UnderWay(self.under_way.clone())
    }

    /// Resolves when every request has its response, and every question its answer.
    pub(crate) async fn idle(&self) {
        let mut under_way = self.under_way.subscribe();
        // The sender lives as long as this.
        let _ = under_way.wait_for(|&count| count == 0).await;
        self.queue.idle().await;
    }

    /// Waits for a turn, as long as a question may wait.
    pub(super) async fn turn(&self, turns: &Arc<Semaphore>) -> Result<Turn, Problem> {
        let seconds = self.settings.limits.wait_seconds;
        let turn = timeout(Duration::from_secs(seconds), Arc::clone(turns).acquire_owned()).await;
        // The semaphore is never closed.
        turn.ok().and_then(Result::ok).map(Turn).ok_or_else(|| Problem::waited(seconds))
    }

    /// Lets go of everything that is not answered; returns how much that was, at least.
    pub(crate) fn abandon(&self) -> usize {
        let under_way = *self.under_way.borrow();
        let left = self.queue.abandon();
        self.is_over.send_replace(true);
        left.max(under_way)
    }

    /// Resolves when the time is over in which requests are answered.
    pub(super) async fn over(&self) {
        // The sender lives as long as this.
        let _ = self.is_over.subscribe().wait_for(|&is_over| is_over).await;
    }

    /// Does work aside, on a thread that may block. `held` is what the work takes: whoever asked
    /// may leave meanwhile, and the work goes on, so it keeps its turn and what it holds.
    pub(super) async fn aside<H, T>(
        &self,
        turn: Turn,
        held: H,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, H), Problem>
    where
        H: Send + 'static,
        T: Send + 'static,
    {
        let working = spawn_blocking(move || {
            let done = work();
            drop(turn);
            (done, held)
        });
        working.await.map_err(|error| {
            if error.is_panic() {
                self.metrics.panics.inc();
            }
            Problem::internal(&error)
        })
    }

    /// Hands a question to the queue, with its pictures decoded. `memory` is what the request
    /// itself takes.
    pub(crate) async fn ask(&self, asked: Asked, memory: Share) -> Result<Ticket, Problem> {
        let Asked { uploads, question, options } = asked;
        self.engine
            .check(uploads.len(), &question, &options)
            .map_err(|error| Problem::of_model(&error))?;
        let (photographs, memory) = self.photographs(uploads, memory).await?;
        self.queue.submit(Work { photographs, question, options, memory })
    }

    /// Fetches and decodes the pictures of a request; also returns the memory that they take.
    async fn photographs(
        &self,
        uploads: Vec<Upload>,
        memory: Share,
    ) -> Result<(Vec<Photograph>, Share), Problem> {
        let options = self.decode_options();
        let mut held = memory;
        let (mut files, mut pixels) = (Vec::new(), Vec::new());
        for (number, Upload { name, source }) in (1..).zip(uploads) {
            let bytes = match source {
                Source::Bytes(bytes) => bytes,
                Source::Address(address) => {
                    let (bytes, share) = self.fetch(number, address).await?;
                    held.join(share);
                    bytes
                }
            };
            let info = inspect_bytes(&bytes, &options).map_err(|error| refuse(number, &error))?;
            pixels.push(info.size.pixels());
            files.push((number, name, bytes));
        }
        // All at once: pictures that fit one by one, and not together, would wait for themselves.
        let kept = KEPT * pixels.iter().sum::<u64>();
        let scratch = DECODED * pixels.iter().max().unwrap_or(&0);
        self.memory.grow(&mut held, kept + scratch)?;
        let mut photographs = Vec::with_capacity(files.len());
        for (number, name, bytes) in files {
            let turn = self.turn(&self.turns.decode).await?;
            let frame;
            (frame, held) = self.aside(turn, held, move || decode(&bytes, &options)).await?;
            let frame = frame.map_err(|error| refuse(number, &error))?;
            photographs.push(Photograph { name, frame });
        }
        let kept = held.split(kept).unwrap_or(held);
        Ok((photographs, kept))
    }

    /// Fetches image `number` (from 1); also returns the memory that it takes.
    async fn fetch(&self, number: usize, address: String) -> Result<(Bytes, Share), Problem> {
        let Some(fetcher) = self.fetcher.clone() else {
            let detail = format!(
                "image {number} is an address, and this service fetches none; send the picture \
                 itself in base64, or start the service with --remote-images"
            );
            return Err(Problem::new(Kind::RemoteImage, detail));
        };
        // Who waits for a turn holds nothing.
        let turn = self.turn(&self.turns.fetch).await?;
        let share = self.memory.take(self.settings.limits.most_request_bytes() as u64)?;
        let work = move || fetcher.fetch(number, &address);
        let (bytes, mut share) = self.aside(turn, share, work).await?;
        let bytes = bytes?;
        let kept = share.split(bytes.len() as u64).unwrap_or(share);
        Ok((bytes, kept))
    }

    /// What the model wants, within what the service allows.
    pub(crate) fn decode_options(&self) -> DecodeOptions {
        let limits = &self.settings.limits;
        let wanted = self.engine.decode_options();
        DecodeOptions {
            max_pixels: wanted.max_pixels.min(limits.image_pixels),
            max_side: wanted.max_side.min(limits.image_side),
            ..wanted
        }
    }
}

/// Why image `number` (from 1) cannot be used.
fn refuse(number: usize, error: &ImageError) -> Problem {
    let is_large = matches!(
        error,
        ImageError::TooLarge { .. } | ImageError::SideTooLong { .. } | ImageError::Memory { .. }
    );
    let kind = if is_large { Kind::TooLarge } else { Kind::Image };
    Problem::new(kind, format!("image {number}: {}", one_line(error)))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use calico_model::{Observer, Question, SegmentError, SegmentOptions};
    use calico_result::{Model, Segmentation};
    use futures_util::FutureExt as _;

    use super::*;

    #[derive(Debug)]
    struct Nobody(Model);

    impl Engine for Nobody {
        fn identity(&self) -> &Model {
            &self.0
        }

        fn notice(&self) -> Option<&str> {
            None
        }

        fn decode_options(&self) -> DecodeOptions {
            DecodeOptions::default()
        }

        fn check(&self, _: usize, _: &Question, _: &SegmentOptions) -> Result<(), SegmentError> {
            Err(SegmentError::Stopped)
        }

        fn segment(
            &self,
            _: &[Photograph],
            _: &Question,
            _: &SegmentOptions,
            _: &mut dyn Observer,
        ) -> Result<Segmentation, SegmentError> {
            Err(SegmentError::Stopped)
        }
    }

    fn app(limits: crate::settings::Limits) -> App {
        let engine = Arc::new(Nobody(Model { name: "nobody".into(), preset: None }));
        App::start(engine, Settings { limits, ..Settings::default() }, true).unwrap()
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
    }

    #[test]
    fn work_keeps_its_turn_and_its_memory_when_nobody_waits_for_it_any_more() {
        runtime().block_on(async {
            let app = app(crate::settings::Limits::default());
            let (end, ended) = mpsc::channel::<()>();
            let share = app.memory.take(1 << 20).unwrap();
            let turn = app.turn(&app.turns.export).await.unwrap();
            let mut working = Box::pin(app.aside(turn, share, move || ended.recv()));
            assert!((&mut working).now_or_never().is_none());
            drop(working);
            assert_eq!(app.memory.taken(), 1 << 20);
            assert_eq!(app.turns.export.available_permits(), 0);
            end.send(()).unwrap();
            let turn = app.turn(&app.turns.export).await;
            assert!(turn.is_ok());
            while app.memory.taken() > 0 {
                tokio::task::yield_now().await;
            }
        });
    }

    #[test]
    fn a_turn_is_not_waited_for_for_ever() {
        let limits = crate::settings::Limits { wait_seconds: 1, ..Default::default() };
        runtime().block_on(async {
            let app = app(limits);
            let _turn = app.turn(&app.turns.export).await;
            let second = app.turn(&app.turns.export).await.map(|_| ());
            assert_eq!(second.unwrap_err().kind, Kind::Waited);
        });
    }
}
