//! The tensors of a BERT under the names of its file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use calico_nn::Weights;
use calico_nn::weights::checkpoint::{Checkpoint, CheckpointError, CheckpointSource};
use calico_nn::weights::{Recorder, TensorSpec, WeightSource};
use candle_core::{Device, Tensor};

use super::{Bert, BertConfig};

/// What files of pre-training put before the names of the encoder.
const PREFIX: &str = "bert.";

/// A weight file whose names and shapes are those of a configuration.
#[derive(Debug)]
pub(super) struct StoredBert {
    checkpoint: Checkpoint,
    /// Our names to those of the file.
    names: BTreeMap<String, String>,
}

/// The weight files of a folder, without the tensors that take no part in encoding.
pub(super) fn open(folder: &Path) -> Result<Checkpoint, CheckpointError> {
    Ok(Checkpoint::open(folder)?.without(is_unused))
}

impl StoredBert {
    /// Compares the headers with what `config` asks for; all differences come back at once.
    pub(super) fn new(
        checkpoint: Checkpoint,
        config: &BertConfig,
    ) -> Result<Self, CheckpointError> {
        let specs = tensor_specs(config);
        let stored = stored_specs(&specs, &checkpoint.names().collect());
        checkpoint.verify(&stored)?;
        let names = specs.into_iter().zip(stored).map(|(ours, file)| (ours.name, file.name));
        Ok(Self { checkpoint, names: names.collect() })
    }

    /// Reads the weights.
    pub(super) fn load(self, config: &BertConfig) -> Result<Bert, LoadError> {
        let file = CheckpointSource::new(self.checkpoint, Device::Cpu);
        let source = Renamed { file: Arc::clone(&file), names: self.names };
        let bert = Bert::load(config, &Weights::new(Arc::new(source)))?;
        file.finish()?;
        Ok(bert)
    }
}

/// Why weights whose headers fit cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) enum LoadError {
    /// Some are not numbers.
    Values(#[from] CheckpointError),
    /// They cannot be put together.
    Compute(#[from] candle_core::Error),
}

/// Answers requests for our names with tensors of the file.
struct Renamed {
    file: Arc<CheckpointSource>,
    names: BTreeMap<String, String>,
}

impl WeightSource for Renamed {
    fn tensor(&self, spec: &TensorSpec) -> candle_core::Result<Tensor> {
        let Some(name) = self.names.get(&spec.name) else {
            candle_core::bail!("{} is no tensor of a BERT", spec.name);
        };
        self.file.tensor(&TensorSpec { name: name.clone(), ..spec.clone() })
    }
}

/// Every tensor of a BERT, in the order in which its modules ask for them.
fn tensor_specs(config: &BertConfig) -> Vec<TensorSpec> {
    let recorder = Arc::new(Recorder::default());
    // A configuration that cannot be built was refused when it was read; what is recorded until
    // then is what will be missed.
    let _ = Bert::load(config, &Weights::new(Arc::clone(&recorder) as _));
    recorder.specs()
}

/// The same tensors under the names of a file that holds `names`.
fn stored_specs(specs: &[TensorSpec], names: &BTreeSet<&str>) -> Vec<TensorSpec> {
    let prefixed = names.iter().any(|name| name.starts_with(PREFIX));
    let prefix = if prefixed { PREFIX } else { "" };
    let stored = specs.iter().map(|spec| {
        let name = format!("{prefix}{}", spec.name);
        // The spelling of TensorFlow, which bert-base-uncased keeps.
        let old = name
            .replace("LayerNorm.weight", "LayerNorm.gamma")
            .replace("LayerNorm.bias", "LayerNorm.beta");
        let name = if names.contains(old.as_str()) { old } else { name };
        TensorSpec { name, ..spec.clone() }
    });
    stored.collect()
}

/// Whether a tensor takes no part in encoding: the heads of pre-training, the pooler, and the
/// numbers of the positions.
fn is_unused(name: &str) -> bool {
    let inner = name.strip_prefix(PREFIX).unwrap_or(name);
    name.starts_with("cls.") || inner.starts_with("pooler.") || inner == "embeddings.position_ids"
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// A published file: its configuration, and the shape of every tensor.
    fn published(name: &str) -> (BertConfig, BTreeMap<String, Vec<usize>>) {
        let layouts = include_str!("../../../../goldens/bert/layouts.json");
        let layouts: Value = serde_json::from_str(layouts).unwrap();
        let config = BertConfig::parse(layouts[name]["config"].to_string().as_bytes()).unwrap();
        (config, serde_json::from_value(layouts[name]["tensors"].clone()).unwrap())
    }

    #[test]
    fn the_published_files_hold_what_is_asked_for_and_nothing_unknown() {
        for (name, tensors, parameters) in
            [("bert-base-uncased", 197, 108_891_648), ("all-MiniLM-L6-v2", 101, 22_565_376)]
        {
            let (config, mut file) = published(name);
            let specs = tensor_specs(&config);
            assert_eq!(specs.len(), tensors, "{name}");
            assert_eq!(specs.iter().map(TensorSpec::len).sum::<usize>(), parameters, "{name}");
            let names = file.keys().map(String::as_str).collect();
            for spec in stored_specs(&specs, &names) {
                assert_eq!(file.remove(&spec.name), Some(spec.shape), "{name}: {}", spec.name);
            }
            let left: Vec<_> = file.keys().filter(|name| !is_unused(name)).collect();
            assert!(left.is_empty(), "{name}: {left:?}");
            assert!(file.len() >= 3, "{name}: {file:?}");
        }
    }
}
