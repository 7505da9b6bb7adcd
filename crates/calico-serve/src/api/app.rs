//! What all addresses share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Bytes;
use calico_image::{DecodeOptions, decode, inspect_bytes};
use calico_model::Photograph;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::task::spawn_blocking;

use super::openapi::document_of;
use crate::admission::{Memory, Share};
use crate::engine::Engine;
use crate::incoming::{Asked, Source, Upload};
use crate::metrics::Metrics;
use crate::problem::{Kind, Problem, chain};
use crate::queue::{Queue, Ticket, Work};
use crate::remote::Fetcher;
use crate::settings::Settings;

/// Bytes of a pixel in memory while it is decoded: at most 16 bits of four channels.
const DECODED: u64 = 8;
/// Bytes of a pixel of a picture.
const KEPT: u64 = 3;

/// Pictures that are decoded at once: the model needs the processor, too.
const DECODERS: usize = 2;

/// Pictures that are fetched at once.
const FETCHERS: usize = 8;

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
    fetchers: Semaphore,
    decoders: Semaphore,
    is_stopping: AtomicBool,
    /// Requests that have no response yet.
    under_way: watch::Sender<usize>,
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
    pub(crate) fn start(engine: Arc<dyn Engine>, settings: Settings) -> std::io::Result<Self> {
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
            fetchers: Semaphore::new(FETCHERS),
            decoders: Semaphore::new(DECODERS),
            is_stopping: AtomicBool::new(false),
            under_way: watch::Sender::new(0),
            settings,
        })
    }

    /// From now on the service is not ready, and new questions are refused.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
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

    /// Hands a question to the queue, with its pictures decoded. `memory` is what the request
    /// itself takes.
    pub(crate) async fn ask(&self, asked: Asked, memory: Share) -> Result<Ticket, Problem> {
        let Asked { uploads, question, options, .. } = asked;
        self.engine
            .check(uploads.len(), &question, &options)
            .map_err(|error| Problem::of_model(&error))?;
        self.queue.check_room()?;
        let mut photographs = Vec::with_capacity(uploads.len());
        let mut kept = self.memory.take(0)?;
        for (number, upload) in (1..).zip(uploads) {
            let (photograph, share) = self.photograph(number, upload).await?;
            photographs.push(photograph);
            kept.join(share);
        }
        drop(memory);
        self.queue.submit(Work { photographs, question, options, memory: kept })
    }

    /// Fetches and decodes image `number` (from 1).
    async fn photograph(
        &self,
        number: usize,
        upload: Upload,
    ) -> Result<(Photograph, Share), Problem> {
        let Upload { name, source } = upload;
        let (bytes, fetched) = match source {
            Source::Bytes(bytes) => (bytes, None),
            Source::Address(address) => {
                let bytes = self.fetch(number, address).await?;
                let share = self.memory.take(bytes.len() as u64)?;
                (bytes, Some(share))
            }
        };
        let options = self.decode_options();
        let refuse = move |error: &calico_image::ImageError| {
            let is_large = matches!(
                error,
                calico_image::ImageError::TooLarge { .. }
                    | calico_image::ImageError::SideTooLong { .. }
                    | calico_image::ImageError::Memory { .. }
            );
            let kind = if is_large { Kind::TooLarge } else { Kind::Image };
            Problem::new(kind, format!("image {number}: {}", chain(error)))
        };
        let info = inspect_bytes(&bytes, &options).map_err(|error| refuse(&error))?;
        let pixels = info.size.pixels();
        let kept = self.memory.take(KEPT * pixels)?;
        let scratch = self.memory.take(DECODED * pixels)?;
        let turn = self.turn_to_draw().await;
        let decoding = spawn_blocking(move || decode(&bytes, &options));
        let frame = decoding.await.map_err(|error| Problem::internal(&error))?;
        drop((turn, scratch, fetched));
        let frame = frame.map_err(|error| refuse(&error))?;
        Ok((Photograph { name, frame }, kept))
    }

    /// A turn for whoever draws: pictures are decoded and drawn a few at a time.
    pub(super) async fn turn_to_draw(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.decoders.acquire().await.ok()
    }

    async fn fetch(&self, number: usize, address: String) -> Result<Bytes, Problem> {
        let Some(fetcher) = self.fetcher.clone() else {
            let detail = format!(
                "image {number} is an address, and this service fetches none; send the picture \
                 itself in base64, or start the service with --remote-images"
            );
            return Err(Problem::new(Kind::RemoteImage, detail));
        };
        let _turn = self.fetchers.acquire().await;
        let fetching = spawn_blocking(move || fetcher.fetch(number, &address));
        fetching.await.map_err(|error| Problem::internal(&error))?
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
