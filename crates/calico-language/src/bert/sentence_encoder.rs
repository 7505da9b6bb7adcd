//! Texts to rows of numbers.

use std::path::Path;

use candle_core::{Device, Tensor};

use super::error::{BertError, FolderProblem, FolderProblems};
use super::file::{self, content};
use super::layout::{Layout, Pooling};
use super::stored::{self, LoadError, StoredBert};
use super::word_piece::WordPiece;
use super::{Bert, BertConfig};

/// Longest text of a sentence encoder whose files say nothing, in tokens.
const SENTENCE_TOKENS: u64 = 256;
/// Longest text of a plain BERT, in tokens, as GLaMM's evaluator has it.
const PLAIN_TOKENS: u64 = 512;
/// The least that a text needs: `[CLS]`, `[SEP]` and one token between them.
const LEAST_TOKENS: usize = 3;

/// Tokens that are encoded together: enough to keep the cores busy, few enough that all states
/// of a layer stay near them.
const TOKENS_AT_ONCE: usize = 1 << 11;

/// A BERT that gives texts a row of numbers each, on the CPU in f32.
///
/// The cosine of two rows says how alike the texts are. Rows are not kept: whoever meets the
/// same text again and again keeps them.
#[derive(Debug, Clone)]
pub struct SentenceEncoder {
    bert: Bert,
    word_piece: WordPiece,
    pooling: Pooling,
    max_tokens: usize,
    width: usize,
}

impl SentenceEncoder {
    /// Reads a folder as published for transformers (`config.json`, `model.safetensors`, and
    /// `vocab.txt` or `tokenizer.json`) or for sentence-transformers (`modules.json` besides).
    ///
    /// The former pools by [`Pooling::Mean`] and takes 512 tokens; the latter does as its files
    /// say, and takes 256 tokens where they say nothing.
    ///
    /// # Errors
    /// [`BertError::Folder`] with everything that is missing or wrong.
    pub fn open(folder: &Path) -> Result<Self, BertError> {
        let refused =
            |problems| BertError::Folder(FolderProblems { folder: folder.to_path_buf(), problems });
        if !folder.is_dir() {
            return Err(refused(vec![FolderProblem::NotAFolder(folder.to_path_buf())]));
        }
        let mut problems = Vec::new();
        let layout = Layout::read(folder, &mut problems);
        let transformer = &layout.transformer;
        let config = read_config(transformer, &mut problems);
        let word_piece = kept(WordPiece::open(transformer), &mut problems);
        let weights = stored::open(transformer).map_err(FolderProblem::Weights);
        let weights = kept(weights, &mut problems);
        let (mut stored, mut max_tokens) = (None, None);
        if let Some(config) = &config {
            stored = weights.and_then(|weights| {
                let stored = StoredBert::new(weights, config).map_err(FolderProblem::Weights);
                kept(stored, &mut problems)
            });
            max_tokens = check(&layout, config, word_piece.as_ref(), &mut problems);
        }
        let (Some(config), Some(word_piece), Some(stored), Some(max_tokens), true) =
            (config, word_piece, stored, max_tokens, problems.is_empty())
        else {
            return Err(refused(problems));
        };
        let bert = stored.load(&config).map_err(|error| match error {
            LoadError::Values(error) => refused(vec![FolderProblem::Weights(error)]),
            LoadError::Compute(error) => error.into(),
        })?;
        Ok(Self { bert, word_piece, pooling: layout.pooling, max_tokens, width: config.width })
    }

    /// How states become rows.
    pub fn pooling(&self) -> Pooling {
        self.pooling
    }

    /// The longest text in tokens, `[CLS]` and `[SEP]` included; the rest of a longer one is not
    /// seen.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// The numbers of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The ids of a text, as the encoder sees them.
    pub fn token_ids(&self, text: &str) -> Result<Vec<u32>, BertError> {
        self.word_piece.encode(text, self.max_tokens)
    }

    /// A row of [`SentenceEncoder::width`] numbers for each text, in their order.
    ///
    /// # Errors
    /// [`BertError::LongText`] if a text has more than 65,536 bytes.
    pub fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, BertError> {
        let ids = texts.iter().map(|text| self.token_ids(text)).collect::<Result<Vec<_>, _>>()?;
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_by_key(|&text| ids[text].len());
        let mut rows = vec![Vec::new(); texts.len()];
        // Texts of one length need no padding, so a row cannot depend on its neighbours.
        for equal in order.chunk_by(|&a, &b| ids[a].len() == ids[b].len()) {
            let tokens = ids[equal[0]].len();
            for batch in equal.chunks((TOKENS_AT_ONCE / tokens).max(1)) {
                let flat: Vec<u32> = batch.iter().flat_map(|&text| ids[text].clone()).collect();
                let flat = Tensor::from_vec(flat, (batch.len(), tokens), &Device::Cpu)?; // [B, T]
                let pooled = self.bert.forward(&flat)?.mean(1)?.to_vec2::<f32>()?; // [B, D]
                for (&text, row) in batch.iter().zip(pooled) {
                    rows[text] = self.pooling.finish(row);
                }
            }
        }
        Ok(rows)
    }
}

impl Pooling {
    /// What becomes of a mean.
    fn finish(self, mut mean: Vec<f32>) -> Vec<f32> {
        /// Keeps a row of zeros what it is, as torch's `normalize` does.
        const LEAST_LENGTH: f64 = 1e-12;
        if self == Self::NormalisedMean {
            let squares: f64 = mean.iter().map(|&value| f64::from(value).powi(2)).sum();
            let length = squares.sqrt().max(LEAST_LENGTH);
            for value in &mut mean {
                *value = (f64::from(*value) / length) as f32;
            }
        }
        mean
    }
}

/// A value, or one more problem.
fn kept<T>(read: Result<T, FolderProblem>, problems: &mut Vec<FolderProblem>) -> Option<T> {
    read.map_err(|problem| problems.push(problem)).ok()
}

fn read_config(folder: &Path, problems: &mut Vec<FolderProblem>) -> Option<BertConfig> {
    let path = folder.join("config.json");
    let json = kept(file::required(&path, "the dimensions"), problems)?;
    match BertConfig::parse(&json) {
        Ok(config) => Some(config),
        Err(reasons) => {
            problems.extend(reasons.into_iter().map(|reason| content(&path, reason)));
            None
        }
    }
}

/// Whether the other parts of a folder fit its configuration; the longest text if they do.
fn check(
    layout: &Layout,
    config: &BertConfig,
    word_piece: Option<&WordPiece>,
    problems: &mut Vec<FolderProblem>,
) -> Option<usize> {
    let sentence_config = layout.transformer.join("sentence_bert_config.json");
    if let Some(word_piece) = word_piece {
        let (highest, rows) = (word_piece.highest_id(), config.vocab_size);
        if highest as usize >= rows {
            let reason = format!("its highest id is {highest}, but vocab_size is {rows}");
            problems.push(content(word_piece.path(), reason));
        }
        if layout.lower_case && !word_piece.lowercases() {
            let reason = "do_lower_case is true before a tokenizer that keeps the case";
            problems.push(content(&sentence_config, format!("{reason}; expected false")));
        }
    }
    let width = config.width as u64;
    if let Some((pooled, path)) = layout.width.as_ref().filter(|(pooled, _)| *pooled != width) {
        let reason = format!("pools rows of {pooled}, but hidden_size is {width}");
        problems.push(content(path, reason));
    }
    let positions = config.max_positions;
    let (stated, path) = match layout.max_tokens {
        Some(stated) => (stated, sentence_config),
        None if layout.sentences => {
            let stated = word_piece.and_then(WordPiece::max_tokens).unwrap_or(SENTENCE_TOKENS);
            let path = layout.transformer.join("tokenizer_config.json");
            (stated.min(positions as u64), path)
        }
        None => (PLAIN_TOKENS.min(positions as u64), layout.transformer.join("config.json")),
    };
    let fitting = usize::try_from(stated).ok();
    let fitting = fitting.filter(|tokens| (LEAST_TOKENS..=positions).contains(tokens));
    if fitting.is_none() {
        let reason = format!(
            "texts may have {stated} tokens; expected {LEAST_TOKENS} to {positions}, the \
             max_position_embeddings of config.json"
        );
        problems.push(content(&path, reason));
    }
    fitting
}
