//! What is measured, in the text format of Prometheus.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Bounds of the histograms, in seconds: from a small model's token to a large model's answer.
const BOUNDS: [f64; 15] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0];

fn histogram() -> Histogram {
    Histogram::new(BOUNDS)
}

/// What a request was and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RequestLabels {
    pub(crate) route: String,
    pub(crate) status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RouteLabels {
    pub(crate) route: String,
}

/// How a question ended: `complete`, `left` by whoever asked, or the kind of a problem.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OutcomeLabels {
    pub(crate) outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The measures of a service.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) requests: Family<RequestLabels, Counter>,
    pub(crate) request_seconds: Histograms<RouteLabels>,
    pub(crate) connections: Gauge,
    pub(crate) waiting: Gauge,
    pub(crate) answering: Gauge,
    pub(crate) wait_seconds: Histogram,
    pub(crate) first_token_seconds: Histogram,
    stage_seconds: Histograms<StageLabels>,
    pub(crate) tokens: Counter,
    pub(crate) masks: Counter,
    pub(crate) known_images: Counter,
    pub(crate) new_images: Counter,
    pub(crate) questions: Family<OutcomeLabels, Counter>,
    pub(crate) panics: Counter,
    request_bytes: Gauge,
    cached_bytes: Gauge,
    resident_bytes: Gauge<f64, AtomicU64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("calico");
        let metrics = Self {
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(histogram),
            connections: Gauge::default(),
            waiting: Gauge::default(),
            answering: Gauge::default(),
            wait_seconds: histogram(),
            first_token_seconds: histogram(),
            stage_seconds: Family::new_with_constructor(histogram),
            tokens: Counter::default(),
            masks: Counter::default(),
            known_images: Counter::default(),
            new_images: Counter::default(),
            questions: Family::default(),
            panics: Counter::default(),
            request_bytes: Gauge::default(),
            cached_bytes: Gauge::default(),
            resident_bytes: Gauge::default(),
            registry: Registry::default(),
        };
        let r = &mut registry;
        let m = &metrics;
        r.register("requests", "Requests by address and code", m.requests.clone());
        timed(r, "request", "From the head of a request to its response", &m.request_seconds);
        r.register("connections", "Open connections", m.connections.clone());
        r.register("queue_waiting", "Questions that wait", m.waiting.clone());
        r.register("answering", "Questions that are being answered", m.answering.clone());
        timed(r, "queue_wait", "From a question to the begin of its work", &m.wait_seconds);
        let help = "From a question to the first token of its answer";
        timed(r, "first_token", help, &m.first_token_seconds);
        timed(r, "stage", "Time in a stage of the model", &m.stage_seconds);
        r.register("tokens", "Tokens written", m.tokens.clone());
        r.register("masks", "Masks drawn", m.masks.clone());
        r.register("image_cache_hits", "Images that were known", m.known_images.clone());
        r.register("image_cache_misses", "Images that were not known", m.new_images.clone());
        r.register("questions", "Questions by how they ended", m.questions.clone());
        r.register("panics", "Requests that ended in a panic", m.panics.clone());
        let help = "Memory that requests and their pictures take";
        r.register_with_unit("request_memory", help, Unit::Bytes, m.request_bytes.clone());
        let help = "Memory of encoded images that are kept";
        r.register_with_unit("image_cache", help, Unit::Bytes, m.cached_bytes.clone());
        let help = "Memory of the process";
        r.register_with_unit("resident_memory", help, Unit::Bytes, m.resident_bytes.clone());
        Self { registry, ..metrics }
    }

    /// A stage took so long.
    pub(crate) fn stage(&self, stage: &'static str, took: Duration) {
        self.stage_seconds.get_or_create(&StageLabels { stage }).observe(took.as_secs_f64());
    }

    /// All measures as text.
    pub(crate) fn text(
        &self,
        request_bytes: u64,
        cached_bytes: usize,
    ) -> Result<String, std::fmt::Error> {
        self.request_bytes.set(request_bytes as i64);
        self.cached_bytes.set(cached_bytes as i64);
        if let Some(bytes) = calico_nn::process::resident_bytes() {
            self.resident_bytes.set(bytes as f64);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Registers a measure of time.
fn timed<M>(registry: &mut Registry, name: &str, help: &str, metric: &M)
where
    M: prometheus_client::registry::Metric + Clone,
{
    registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_are_told_with_units() {
        let metrics = Metrics::new();
        metrics.stage("sam_encoder", Duration::from_millis(30));
        metrics.waiting.set(3);
        let text = metrics.text(4096, 5).unwrap();
        for line in [
            "calico_stage_seconds_bucket{le=\"0.05\",stage=\"sam_encoder\"} 1",
            "calico_queue_waiting 3",
            "calico_request_memory_bytes 4096",
            "calico_image_cache_bytes 5",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} is missing: {text}");
        }
    }
}
