//! Settings from a file, the environment and flags; then the service.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;

use calico_mini::NAME;
use calico_model::CalicoConfig;
use calico_model::budget::{Request, modules};
use calico_serve::{Access, Limits, Secret, Server, Settings};
use serde::Deserialize;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::segment::Source;
use crate::args::{LimitArgs, LogFormat, LogLevel, ServeArgs};
use crate::failure::Failure;
use crate::stream;

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PORT: u16 = 8080;

/// Up to so many parameters, one answer leaves processors idle, so that several at once are
/// answered sooner.
const SMALL_MODEL: u64 = 100_000_000;

/// The content of the file of `--config`.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ServeFile {
    host: Option<IpAddr>,
    port: Option<u16>,
    model: Option<PathBuf>,
    cache: Option<PathBuf>,
    log: Option<LogFormat>,
    log_level: Option<LogLevel>,
    limits: Limits,
    access: Access,
}

/// Serves until it is told to stop.
pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let file = args.config.as_deref().map(ServeFile::read).transpose()?.unwrap_or_default();
    let format = args.log.or(file.log).unwrap_or(LogFormat::Text);
    let level = args.log_level.or(file.log_level).unwrap_or(LogLevel::Info);
    let (host, port) = (args.host.or(file.host), args.port.or(file.port));
    let model = args.model.clone().or(file.model);
    let cache = args.cache.clone().or(file.cache);
    let mut settings = Settings {
        limits: args.limits.over(&file.limits),
        access: access(args, file.access),
        is_built_in: model.is_none(),
    };
    start_log(format, level);

    let source = Source::choose(model.as_deref())?;
    if settings.limits.workers.is_none() {
        settings.limits.workers = Some(workers(source.config())?);
    }
    // Whoever has the port hears of it before the weights are read, which may take long.
    let is_open = settings.access.bearer_tokens.is_empty();
    let server = Server::bind((host.unwrap_or(HOST), port.unwrap_or(PORT)).into(), settings)?;
    let segmenter = source.load(cache.as_deref())?;
    let stopper = server.stopper();
    let mut is_stopping = false;
    let stop = move || {
        if std::mem::replace(&mut is_stopping, true) {
            std::process::exit(130);
        }
        stopper.stop();
    };
    ctrlc::set_handler(stop).map_err(anyhow::Error::from)?;

    let address = server.address();
    if is_open && !address.ip().is_loopback() {
        tracing::warn!(%address, "everybody who reaches this address may ask: no token is set");
    }
    tracing::info!(%address, model = model_name(model.as_deref()), "ready; Ctrl-C stops the service");
    stream::print(&format!("http://{address}\n"))?;
    server.run(Arc::new(segmenter))?;
    tracing::info!("stopped");
    Ok(())
}

fn model_name(model: Option<&Path>) -> String {
    model.map_or_else(|| NAME.to_owned(), |model| model.display().to_string())
}

impl ServeFile {
    fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display();
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::bad_input(format!("cannot read {name}: {error}")))?;
        let mut file: Self = toml::from_str(&text).map_err(|error| {
            Failure::bad_input(format!("{name} has settings that are not usable: {error}"))
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for place in [&mut file.model, &mut file.cache] {
            *place = place.take().map(|place| folder.join(place));
        }
        Ok(file)
    }
}

fn access(args: &ServeArgs, file: Access) -> Access {
    let or = |given: Vec<String>, other| if given.is_empty() { other } else { given };
    let tokens: Vec<Secret> = args.bearer_token.iter().map(Secret::new).collect();
    Access {
        bearer_tokens: if tokens.is_empty() { file.bearer_tokens } else { tokens },
        allowed_origins: or(args.allowed_origins.clone(), file.allowed_origins),
        remote_images: args.remote_images.unwrap_or(file.remote_images),
    }
}

impl LimitArgs {
    /// What is given here, and for the rest what the file says.
    fn over(&self, file: &Limits) -> Limits {
        Limits {
            workers: self.workers.or(file.workers),
            queue: self.queue.unwrap_or(file.queue),
            connections: self.connections.unwrap_or(file.connections),
            request_bytes: self.request_bytes.unwrap_or(file.request_bytes),
            memory_bytes: self.memory_bytes.unwrap_or(file.memory_bytes),
            text_bytes: self.text_bytes.unwrap_or(file.text_bytes),
            images: self.images.unwrap_or(file.images),
            image_pixels: self.image_pixels.unwrap_or(file.image_pixels),
            image_side: self.image_side.unwrap_or(file.image_side),
            answer_tokens: self.answer_tokens.unwrap_or(file.answer_tokens),
            header_seconds: self.header_seconds.unwrap_or(file.header_seconds),
            receive_seconds: self.receive_seconds.unwrap_or(file.receive_seconds),
            wait_seconds: self.wait_seconds.unwrap_or(file.wait_seconds),
            answer_seconds: self.answer_seconds.unwrap_or(file.answer_seconds),
            send_seconds: self.send_seconds.unwrap_or(file.send_seconds),
            drain_seconds: self.drain_seconds.unwrap_or(file.drain_seconds),
        }
    }
}

/// How many answers of a model are computed at once.
fn workers(config: &CalicoConfig) -> Result<usize, Failure> {
    let modules = modules(config, Request::default()).map_err(anyhow::Error::from)?;
    let parameters: u64 = modules.iter().map(|module| module.parameters).sum();
    let processors = available_parallelism().map_or(1, usize::from);
    Ok(if parameters > SMALL_MODEL { 1 } else { processors })
}

fn start_log(format: LogFormat, level: LogLevel) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let ours = Targets::new()
        .with_target("calico", level)
        .with_target("calico_serve", level)
        .with_default(level.min(LevelFilter::WARN));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let layer = match format {
        LogFormat::Text => lines.with_ansi(stream::is_colored()).with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // Only a second command in one process could find another log there.
    let _ = tracing_subscriber::registry().with(layer.with_filter(ours)).try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_sets_everything_and_its_paths_are_beside_it() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("calico.toml");
        let text = "host = '::1'\nport = 9\nmodel = 'm'\nlog = 'json'\n[limits]\nqueue = 3\n\
                    [access]\nbearer_tokens = ['t']\n";
        fs::write(&path, text).unwrap();
        let file = ServeFile::read(&path).unwrap();
        assert_eq!((file.port, file.limits.queue), (Some(9), 3));
        assert_eq!(file.model, Some(scratch.path().join("m")));
        assert_eq!(file.access.bearer_tokens, [Secret::new("t")]);
        for wrong in ["prot = 9", "[limits]\nqueue = -1", "host = 'here'"] {
            fs::write(&path, wrong).unwrap();
            assert!(ServeFile::read(&path).is_err(), "{wrong}");
        }
    }
}
