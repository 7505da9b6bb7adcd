//! Connections: accepted, timed out, drained.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, timeout_at};
use tokio_io_timeout::TimeoutStream;

use crate::api::{App, router};
use crate::engine::Engine;
use crate::settings::{SettingError, Settings};

/// Bytes of a request's head, and of what is read ahead of it.
const HEAD_BYTES: usize = 64 << 10;
const HEADERS: usize = 100;

/// Threads for connections; the model has its own.
const THREADS: usize = 2;

/// How long responses that are complete may take to leave, when the service stops.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// How long to wait before the next attempt to accept, when the system has no more of something.
const PAUSE: Duration = Duration::from_millis(100);

/// Why there is no service.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A setting is out of range.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The address cannot be listened at.
    #[error("cannot listen at {address}: is another program there, or is it not of this machine?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Threads cannot be started.
    #[error("cannot start the threads of the service")]
    Start(#[source] io::Error),
}

/// A service at an address. Whoever connects before it runs waits.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    settings: Settings,
}

/// Stops a service, from any thread.
#[derive(Debug, Clone)]
pub struct Stopper(watch::Sender<bool>);

impl Stopper {
    /// The service takes no new questions, answers those that it has, and ends.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Server {
    /// Listens at an address; port 0 is any that is free.
    ///
    /// # Errors
    /// If a setting is out of range, or nobody can listen there.
    pub fn bind(address: SocketAddr, settings: Settings) -> Result<Self, ServeError> {
        settings.check()?;
        let failed = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, stop: watch::Sender::new(false), settings })
    }

    /// Where the service is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops the service.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.stop.clone())
    }

    /// Serves until it is stopped. Returns how many questions were left without an answer, at
    /// least, because they took longer than there was time.
    ///
    /// # Errors
    /// If threads cannot be started.
    pub fn run(self, engine: Arc<dyn Engine>) -> Result<usize, ServeError> {
        let Self { listener, address, stop, settings } = self;
        let runtime = runtime().map_err(ServeError::Start)?;
        let app = Arc::new(
            App::start(engine, settings, address.ip().is_loopback()).map_err(ServeError::Start)?,
        );
        let left = runtime.block_on(async {
            let listener =
                tokio::net::TcpListener::from_std(listener).map_err(ServeError::Start)?;
            Ok(serve(listener, &app, stop.subscribe()).await)
        });
        // Whatever still runs belongs to questions that were let go.
        runtime.shutdown_background();
        left
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(THREADS).enable_all().thread_name("http").build()
}

/// Accepts connections until the service is stopped and idle, or the time to drain is over.
async fn serve(
    listener: tokio::net::TcpListener,
    app: &Arc<App>,
    mut stop: watch::Receiver<bool>,
) -> usize {
    let limits = &app.settings.limits;
    let service = router(Arc::clone(app));
    let graceful = GracefulShutdown::new();
    let free = Arc::new(Semaphore::new(limits.connections));
    // The sender lives as long as the server.
    let stopped = async move { stop.wait_for(|&stop| stop).await.is_ok() };
    let drained = async {
        stopped.await;
        tracing::info!("stopping: new questions are refused");
        app.stop();
        let end = Instant::now() + Duration::from_secs(limits.drain_seconds);
        let is_idle = timeout_at(end, app.idle()).await.is_ok();
        (end, if is_idle { 0 } else { app.abandon() })
    };
    tokio::pin!(drained);
    let (end, left) = loop {
        let accepted = async {
            // The semaphore is never closed.
            let place = Arc::clone(&free).acquire_owned().await.ok();
            (listener.accept().await, place)
        };
        tokio::select! {
            drained = &mut drained => break drained,
            (accepted, place) = accepted => match accepted {
                Ok((stream, _)) => {
                    let connection = connection(stream, app, service.clone(), &graceful, place);
                    tokio::spawn(connection);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    };
    drop(listener);
    // Responses leave as long as there is time, and a moment at least.
    let _ = timeout_at(end.max(Instant::now() + LAST_WORDS), graceful.shutdown()).await;
    if left > 0 {
        tracing::warn!(left, "the time to drain is over: questions are left without an answer");
    }
    left
}

/// The life of a connection.
fn connection(
    stream: tokio::net::TcpStream,
    app: &Arc<App>,
    service: Router,
    graceful: &GracefulShutdown,
    place: Option<OwnedSemaphorePermit>,
) -> impl Future<Output = ()> + use<> {
    let limits = &app.settings.limits;
    // Tokens are small and should leave at once.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(Duration::from_secs(limits.send_seconds)));
    let io = TokioIo::new(Box::pin(stream));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(limits.header_seconds))
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(io, TowerToHyperService::new(service));
    let connection = graceful.watch(connection);
    let app = Arc::clone(app);
    async move {
        let _open = Open::new(&app);
        if let Err(error) = connection.await {
            // Clients come and go as they like.
            tracing::debug!(%error, "a connection ended");
        }
        drop(place);
    }
}

/// A connection that is counted as long as it is there, whatever ends it.
struct Open<'a>(&'a App);

impl<'a> Open<'a> {
    fn new(app: &'a App) -> Self {
        app.metrics.connections.inc();
        Self(app)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.metrics.connections.dec();
    }
}
