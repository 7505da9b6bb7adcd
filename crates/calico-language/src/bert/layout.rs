//! What lies where in a folder: a plain BERT, or a sentence encoder of sentence-transformers.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::FolderProblem;
use super::file::{self, clipped, content};

/// How the states of a text become one row of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The mean of the last states, `[CLS]` and `[SEP]` included (GLaMM's evaluator,
    /// `eval/gcg/evaluate.py`).
    Mean,
    /// The same mean, scaled to length one (all-MiniLM-L6-v2).
    NormalisedMean,
}

/// How a folder wants its BERT used.
#[derive(Debug)]
pub(super) struct Layout {
    /// Where configuration, vocabulary and weights lie.
    pub(super) transformer: PathBuf,
    pub(super) pooling: Pooling,
    /// Whether this is a sentence encoder rather than a plain BERT.
    pub(super) sentences: bool,
    /// The longest text in tokens, where a file says so.
    pub(super) max_tokens: Option<u64>,
    /// Whether texts are lower-cased before the tokenizer sees them.
    pub(super) lower_case: bool,
    /// The width of a row, and the file that says so.
    pub(super) width: Option<(u64, PathBuf)>,
}

/// An entry of `modules.json`.
#[derive(Debug, Deserialize)]
struct Module {
    path: String,
    #[serde(rename = "type")]
    class: String,
}

impl Module {
    /// The class without its Python package, which changed between releases.
    fn kind(&self) -> &str {
        self.class.rsplit('.').next().unwrap_or_default()
    }
}

/// `sentence_bert_config.json`.
#[derive(Debug, Default, Deserialize)]
struct SentenceConfig {
    max_seq_length: Option<u64>,
    do_lower_case: Option<bool>,
}

impl Layout {
    /// Reads the small files of `folder` that say how its BERT is used; what is wrong with them
    /// is added to `problems`.
    pub(super) fn read(folder: &Path, problems: &mut Vec<FolderProblem>) -> Self {
        let mut layout = Self {
            transformer: folder.to_path_buf(),
            pooling: Pooling::Mean,
            sentences: false,
            max_tokens: None,
            lower_case: false,
            width: None,
        };
        let path = folder.join("modules.json");
        match file::json::<Vec<Module>>(&path) {
            Ok(Some(modules)) => layout.read_modules(folder, &path, &modules, problems),
            Ok(None) => {}
            Err(problem) => problems.push(problem),
        }
        layout
    }

    fn read_modules(
        &mut self,
        folder: &Path,
        path: &Path,
        modules: &[Module],
        problems: &mut Vec<FolderProblem>,
    ) {
        self.sentences = true;
        let kinds: Vec<&str> = modules.iter().map(Module::kind).collect();
        let (transformer, pooling) = match (kinds.as_slice(), modules) {
            (["Transformer", "Pooling"], [transformer, pooling]) => (transformer, pooling),
            (["Transformer", "Pooling", "Normalize"], [transformer, pooling, _]) => {
                self.pooling = Pooling::NormalisedMean;
                (transformer, pooling)
            }
            _ => {
                let reason = format!(
                    "holds the modules {}; expected Transformer, Pooling and perhaps Normalize",
                    clipped(&kinds.join(", "))
                );
                return problems.push(content(path, reason));
            }
        };
        for module in [transformer, pooling] {
            let name = Path::new(&module.path).file_name();
            if !module.path.is_empty() && name.is_none_or(|name| name != module.path.as_str()) {
                let reason = format!("{:?} is not a folder beside it", clipped(&module.path));
                return problems.push(content(path, reason));
            }
        }
        self.transformer = folder.join(&transformer.path);
        let parts = [
            self.read_pooling(&folder.join(&pooling.path).join("config.json")),
            self.read_sentence_config(),
            refuse_prompts(&folder.join("config_sentence_transformers.json")),
        ];
        problems.extend(parts.into_iter().filter_map(Result::err));
    }

    fn read_pooling(&mut self, path: &Path) -> Result<(), FolderProblem> {
        let missing =
            || FolderProblem::Missing { path: path.to_path_buf(), holds: "the kind of pooling" };
        let config: Map<String, Value> = file::json(path)?.ok_or_else(missing)?;
        let width = ["embedding_dimension", "word_embedding_dimension"].map(|key| config.get(key));
        let width = width.into_iter().flatten().find_map(Value::as_u64);
        self.width = width.map(|width| (width, path.to_path_buf()));
        // Releases since 5 write one key, earlier ones a flag per kind, of which none means mean.
        let found = match config.get("pooling_mode") {
            Some(Value::Array(modes)) if modes.len() == 1 => modes[0].to_string(),
            Some(mode) => mode.to_string(),
            None => {
                let flags = config.iter().filter(|(_, value)| **value == Value::Bool(true));
                let modes: Vec<&str> =
                    flags.filter_map(|(key, _)| key.strip_prefix("pooling_mode_")).collect();
                modes.join(" and ")
            }
        };
        if ["\"mean\"", "mean_tokens", ""].contains(&found.as_str()) {
            return Ok(());
        }
        Err(content(path, format!("pools by {}; expected the mean", clipped(&found))))
    }

    fn read_sentence_config(&mut self) -> Result<(), FolderProblem> {
        let config = file::json(&self.transformer.join("sentence_bert_config.json"))?;
        let SentenceConfig { max_seq_length, do_lower_case } = config.unwrap_or_default();
        self.max_tokens = max_seq_length;
        self.lower_case = do_lower_case.unwrap_or_default();
        Ok(())
    }
}

/// Words that are put before every text would change every row.
fn refuse_prompts(path: &Path) -> Result<(), FolderProblem> {
    let Some(config) = file::json::<Map<String, Value>>(path)? else {
        return Ok(());
    };
    let Some(name) = config.get("default_prompt_name").and_then(Value::as_str) else {
        return Ok(());
    };
    let prompt = config.get("prompts").and_then(|prompts| prompts.get(name));
    if prompt.and_then(Value::as_str) == Some("") {
        return Ok(());
    }
    let reason = format!("puts the prompt {:?} before every text; expected none", clipped(&name));
    Err(content(path, reason))
}
