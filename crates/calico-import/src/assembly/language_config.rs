//! What a file of a language model says of it.

use std::io::ErrorKind;
use std::path::Path;

use calico_formats::{TensorFile, read_small};
use calico_language::LlamaConfig;
use serde_json::{Map, Value};

use super::{ImportError, ImportProblem};

/// The file in which transformers describes a model.
const FILE: &str = "config.json";
/// A larger one is a mistake.
const LARGEST: u64 = 1 << 20;

/// Names of one dimension: in `config.json`, in GGUF, and what it is in ours.
type Dimension = (&'static str, &'static str, fn(&LlamaConfig) -> usize);

/// A dimension that a file names: its key there, its value, and what it is in ours.
type Said = (String, Value, fn(&LlamaConfig) -> usize);

const DIMENSIONS: [Dimension; 6] = [
    ("hidden_size", "embedding_length", |llm| llm.width),
    ("num_hidden_layers", "block_count", |llm| llm.depth),
    ("num_attention_heads", "attention.head_count", |llm| llm.num_heads),
    ("num_key_value_heads", "attention.head_count_kv", |llm| llm.num_kv_heads),
    ("intermediate_size", "feed_forward_length", |llm| llm.mlp_hidden),
    ("head_dim", "rope.dimension_count", LlamaConfig::head_width),
];

/// Keys of `config.json` that would change what a layer computes, and the values at which they do
/// not.
const ONLY: [(&str, &[&str]); 10] = [
    ("hidden_act", &["\"silu\"", "\"swish\""]),
    ("attention_bias", &["false"]),
    ("mlp_bias", &["false"]),
    ("pretraining_tp", &["1"]),
    ("sliding_window", &["null"]),
    (PARTIAL, &["1", "1.0"]),
    // Of Granite.
    ("embedding_multiplier", &["1", "1.0"]),
    ("residual_multiplier", &["1", "1.0"]),
    ("logits_scaling", &["1", "1.0"]),
    ("attention_multiplier", &["null"]),
];

/// Which share of a head is turned: at the top, or beside the base of the rotation.
const PARTIAL: &str = "partial_rotary_factor";

/// What is said of a language model.
#[derive(Debug, Default)]
pub(super) struct LanguageConfig {
    file: String,
    /// Key and value of each dimension that is named.
    dimensions: Vec<Said>,
    epsilon: Option<(String, Value)>,
    theta: Option<(String, Value)>,
    positions: Option<(String, Value)>,
    /// What this program does not do: key, value, what it may be.
    foreign: Vec<(String, String, String)>,
}

impl LanguageConfig {
    /// Reads the `config.json` in a folder; `None` if there is none, or it describes no language
    /// model.
    pub(super) fn of_folder(folder: &Path) -> Result<Option<Self>, ImportError> {
        let path = folder.join(FILE);
        let wrong = |reason: String| ImportError::Beside { path: path.clone(), reason };
        let bytes = match read_small(&path, LARGEST) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(error.to_string())),
        };
        let json: Map<String, Value> = serde_json::from_slice(&bytes)
            .map_err(|error| wrong(format!("expected the configuration of a model: {error}")))?;
        // Models of pictures and words keep that of their language model in a section.
        let sections = ["text_config", "llm_config"].map(|key| json.get(key)?.as_object().cloned());
        let json = sections.into_iter().flatten().next().unwrap_or(json);
        let file = path.display().to_string();
        Ok(json.contains_key("hidden_size").then(|| Self::of_json(file, &json)))
    }

    fn of_json(file: String, json: &Map<String, Value>) -> Self {
        let entry = |key: &str| json.get(key).filter(|value| !value.is_null());
        let named = |key: &str| Some((key.to_owned(), entry(key)?.clone()));
        let dimensions = DIMENSIONS.into_iter().filter_map(|(key, _, ours)| {
            let (key, value) = named(key)?;
            Some((key, value, ours))
        });
        let mut said = Self {
            file,
            dimensions: dimensions.collect(),
            epsilon: named("rms_norm_eps"),
            theta: named("rope_theta"),
            positions: named("max_position_embeddings"),
            foreign: Vec::new(),
        };
        for (key, values) in ONLY {
            if let Some(found) = entry(key).map(Value::to_string)
                && !values.contains(&found.as_str())
            {
                said.foreign.push((key.to_owned(), found, values.join(" or ")));
            }
        }
        // Newer files keep the base of the rotation and its scaling in one place.
        for key in ["rope_scaling", "rope_parameters"] {
            let rope = match entry(key) {
                Some(Value::Object(rope)) => rope,
                Some(other) => {
                    said.foreign.push((key.to_owned(), other.to_string(), UNSCALED.to_owned()));
                    continue;
                }
                None => continue,
            };
            let rope_entry = |key: &str| rope.get(key).filter(|value| !value.is_null());
            if let Some(theta) = rope_entry("rope_theta") {
                said.theta = Some((format!("{key}.rope_theta"), theta.clone()));
            }
            let is_other = |value: &&Value| value.as_f64() != Some(1.0);
            if let Some(part) = rope_entry(PARTIAL).filter(is_other) {
                said.foreign.push((format!("{key}.{PARTIAL}"), part.to_string(), "1".to_owned()));
            }
            let kind = rope_entry("rope_type").or_else(|| rope_entry("type"));
            let is_scaled = rope_entry("factor").is_some_and(|value| is_other(&value));
            if is_scaled || kind.is_some_and(|kind| kind != "default") {
                let found = Value::Object(rope.clone()).to_string();
                said.foreign.push((key.to_owned(), found, UNSCALED.to_owned()));
            }
        }
        said
    }

    /// Reads the header of a GGUF file.
    pub(super) fn of_gguf(file: &TensorFile) -> Self {
        let notes = file.notes();
        let architecture = notes.get("general.architecture").map_or("llama", String::as_str);
        let named = |key: &str| {
            let key = format!("{architecture}.{key}");
            let text = notes.get(&key)?;
            let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()));
            Some((key, value))
        };
        let dimensions = DIMENSIONS.into_iter().filter_map(|(_, key, ours)| {
            let (key, value) = named(key)?;
            Some((key, value, ours))
        });
        let mut foreign = Vec::new();
        if architecture != "llama" {
            let key = "general.architecture".to_owned();
            foreign.push((key, architecture.to_owned(), "llama".to_owned()));
        }
        if let Some((key, kind)) = named("rope.scaling.type").filter(|(_, kind)| kind != "none") {
            foreign.push((key, kind.to_string(), UNSCALED.to_owned()));
        }
        // The first is how files of 2023 say it; a factor of 1 scales nothing.
        for key in ["rope.scale_linear", "rope.scaling.factor"] {
            let scaled = named(key).filter(|(_, factor)| factor.as_f64() != Some(1.0));
            foreign.extend(scaled.map(|(key, found)| (key, found.to_string(), UNSCALED.into())));
        }
        Self {
            file: file.path().display().to_string(),
            dimensions: dimensions.collect(),
            epsilon: named("attention.layer_norm_rms_epsilon"),
            theta: named("rope.freq_base"),
            positions: named("context_length"),
            foreign,
        }
    }

    /// Compares sizes, and takes over what is none.
    pub(super) fn put_into(self, llm: &mut LlamaConfig, problems: &mut Vec<ImportProblem>) {
        let mut wrong = |key: String, found: String, expected: String| {
            problems.push(ImportProblem::Setting { file: self.file.clone(), key, found, expected });
        };
        for (key, found, ours) in self.dimensions {
            if found.as_u64() != Some(ours(llm) as u64) {
                let expected = format!("{}, as the configuration says", ours(llm));
                wrong(key, found.to_string(), expected);
            }
        }
        for (key, found, expected) in self.foreign {
            wrong(key, found, expected);
        }
        let numbers = [(self.epsilon, &mut llm.rms_eps), (self.theta, &mut llm.rope_theta)];
        for (said, ours) in numbers {
            let Some((key, value)) = said else { continue };
            match value.as_f64().filter(|value| *value > 0.0 && value.is_finite()) {
                Some(value) => *ours = value,
                None => wrong(key, value.to_string(), "a number above 0".into()),
            }
        }
        if let Some((key, value)) = self.positions {
            match value.as_u64().filter(|&value| value > 0 && value <= LONGEST) {
                Some(value) => llm.max_positions = value as usize,
                None => wrong(key, value.to_string(), format!("a number from 1 to {LONGEST}")),
            }
        }
    }
}

/// What is expected of a rotation.
const UNSCALED: &str = "no scaling of the rotation, which this program does not do";
/// No model has a longer context.
const LONGEST: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use calico_model::Preset;
    use serde_json::json;

    use super::*;

    fn llama() -> LlamaConfig {
        Preset::Full.config().unwrap().llm
    }

    /// The `config.json` of Vicuna v1.5, with changes.
    fn put(changes: &Value) -> (LlamaConfig, Vec<String>) {
        let mut json = json!({
            "architectures": ["LlamaForCausalLM"], "hidden_act": "silu", "hidden_size": 4096,
            "intermediate_size": 11008, "max_position_embeddings": 4096, "model_type": "llama",
            "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32,
            "pretraining_tp": 1, "rms_norm_eps": 1e-5, "rope_scaling": null,
            "tie_word_embeddings": false, "torch_dtype": "float16", "vocab_size": 32000,
        });
        let object = json.as_object_mut().unwrap();
        object.extend(changes.as_object().unwrap().clone());
        let (mut llm, mut problems) = (llama(), Vec::new());
        LanguageConfig::of_json("config.json".into(), object).put_into(&mut llm, &mut problems);
        (llm, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_is_no_size_is_taken_over() {
        let (llm, problems) = put(&json!({
            "rms_norm_eps": 1e-6, "rope_theta": 5e5, "max_position_embeddings": 2048,
        }));
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!((llm.rms_eps, llm.rope_theta, llm.max_positions), (1e-6, 5e5, 2048));
        let new_form = put(&json!({
            "rope_parameters": { "rope_theta": 5e5, "rope_type": "default" },
        }));
        assert_eq!((new_form.0.rope_theta, new_form.1.len()), (5e5, 0));
    }

    #[test]
    fn sizes_that_differ_and_what_is_not_done_are_listed() {
        let (_, problems) = put(&json!({
            "hidden_size": 5120, "num_hidden_layers": 40, "attention_bias": true,
            "rope_scaling": { "type": "linear", "factor": 2.0 }, "hidden_act": "gelu",
            "rms_norm_eps": "small", "max_position_embeddings": 0, "head_dim": 64,
            "sliding_window": 4096, "partial_rotary_factor": 0.5,
        }));
        assert_eq!(problems.len(), 10, "{problems:#?}");
        for other in [
            json!({ "logits_scaling": 8.0 }),
            json!({ "attention_multiplier": 0.0156 }),
            json!({ "rope_scaling": "linear" }),
            json!({ "rope_scaling": { "factor": 4.0 } }),
            json!({ "rope_parameters": { "rope_type": "default", "partial_rotary_factor": 0.5 } }),
        ] {
            assert_eq!(put(&other).1.len(), 1, "{other}");
        }
        assert_eq!(
            problems[0],
            "config.json says hidden_size = 5120; expected 4096, as the configuration says"
        );
        let scaling = &problems.iter().find(|problem| problem.contains("rope_scaling")).unwrap();
        assert!(scaling.contains("no scaling of the rotation"), "{scaling}");
    }

    #[test]
    fn a_folder_without_a_configuration_says_nothing_and_a_broken_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(LanguageConfig::of_folder(folder.path()).unwrap().is_none());
        let write = |text: &str| std::fs::write(folder.path().join(FILE), text).unwrap();
        write("{\"model_type\": \"sam\"}");
        assert!(LanguageConfig::of_folder(folder.path()).unwrap().is_none());
        write("[");
        let error = LanguageConfig::of_folder(folder.path()).unwrap_err();
        assert!(matches!(error, ImportError::Beside { .. }), "{error}");
    }
}
