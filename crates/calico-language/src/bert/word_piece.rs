//! Text to token ids, the way of BERT.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokenizers::normalizers::BertNormalizer;
use tokenizers::{NormalizerWrapper, Tokenizer};

use super::error::{BertError, FolderProblem};
use super::file::{self, clipped, content};

/// Tokens that stand for themselves wherever they occur; the first four must be there.
const SPECIAL: [&str; 5] = ["[CLS]", "[SEP]", "[UNK]", "[PAD]", "[MASK]"];
const REQUIRED: usize = 4;

/// The longest text: many times what fits into the positions of a BERT.
const MOST_BYTES: usize = 1 << 16;

/// Longest word that is cut into pieces, in characters. Cutting takes the square of it, so a file
/// cannot ask for more.
const MOST_WORD: u64 = 1000;

/// Cleans, splits and cuts a text into pieces of a vocabulary.
#[derive(Debug, Clone)]
pub(super) struct WordPiece {
    inner: Tokenizer,
    cls: u32,
    sep: u32,
    /// The file that holds the vocabulary.
    path: PathBuf,
    /// Longest text in tokens, where the files state it.
    max_tokens: Option<u64>,
}

/// `tokenizer_config.json`: how texts are cleaned, and their length, where it says so.
#[derive(Debug, Default, Deserialize)]
struct Cleaning {
    do_lower_case: Option<bool>,
    strip_accents: Option<bool>,
    tokenize_chinese_chars: Option<bool>,
    model_max_length: Option<f64>,
}

impl Cleaning {
    /// Whether a normaliser does all that is said here.
    fn agrees(&self, normalizer: BertNormalizer) -> bool {
        self.do_lower_case.is_none_or(|said| said == normalizer.lowercase)
            && self
                .tokenize_chinese_chars
                .is_none_or(|said| said == normalizer.handle_chinese_chars)
            && self
                .strip_accents
                .is_none_or(|said| said == normalizer.strip_accents.unwrap_or(normalizer.lowercase))
    }
}

impl WordPiece {
    /// Reads `tokenizer.json`, or else `vocab.txt`; how texts are cleaned is in the former and in
    /// `tokenizer_config.json`.
    ///
    /// Proves that every special token is exactly one id.
    pub(super) fn open(folder: &Path) -> Result<Self, FolderProblem> {
        let cleaning: Cleaning =
            file::json(&folder.join("tokenizer_config.json"))?.unwrap_or_default();
        let path = folder.join("tokenizer.json");
        let (path, json) = if let Some(json) = file::json(&path)? {
            (path, json)
        } else {
            let path = folder.join("vocab.txt");
            let bytes = file::required(&path, "the vocabulary, as would tokenizer.json")?;
            let json = json_of_lines(&bytes, &cleaning);
            let json = json.map_err(|reason| content(&path, reason))?;
            (path, json)
        };
        let inner = from_json(json, &cleaning).map_err(|reason| content(&path, reason))?;
        let [cls, sep, ..] = special_ids(&inner).map_err(|reason| content(&path, reason))?;
        // Files without a limit say 1e30.
        let max_tokens = cleaning.model_max_length.map(|length| length as u64);
        Ok(Self { inner, cls, sep, path, max_tokens })
    }

    /// The file that holds the vocabulary.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The longest text in tokens that the files allow, where they say so.
    pub(super) fn max_tokens(&self) -> Option<u64> {
        self.max_tokens
    }

    /// Whether upper and lower case give the same ids.
    pub(super) fn lowercases(&self) -> bool {
        match self.inner.get_normalizer() {
            Some(NormalizerWrapper::BertNormalizer(bert)) => bert.lowercase,
            _ => false,
        }
    }

    /// The highest id.
    pub(super) fn highest_id(&self) -> u32 {
        self.inner.get_vocab(true).into_values().max().unwrap_or_default()
    }

    /// The ids of a text between those of `[CLS]` and `[SEP]`, at most `max_tokens` of them
    /// (at least two), cut on the right.
    pub(super) fn encode(&self, text: &str, max_tokens: usize) -> Result<Vec<u32>, BertError> {
        if text.len() > MOST_BYTES {
            return Err(BertError::LongText { bytes: text.len(), most: MOST_BYTES });
        }
        let encoding = self.inner.encode_fast(text, false);
        let encoding = encoding.map_err(|error| BertError::Tokenize(clipped(&error)))?;
        let kept = encoding.len().min(max_tokens.saturating_sub(2));
        let mut ids = Vec::with_capacity(kept + 2);
        ids.push(self.cls);
        ids.extend_from_slice(&encoding.get_ids()[..kept]);
        ids.push(self.sep);
        Ok(ids)
    }
}

/// The `tokenizer.json` of a vocabulary of one token per line.
fn json_of_lines(bytes: &[u8], cleaning: &Cleaning) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8: {error}"))?;
    let mut vocabulary = Map::new();
    for (id, token) in text.lines().enumerate() {
        if let Some(earlier) = vocabulary.insert(token.to_owned(), id.into()) {
            let (token, line) = (clipped(&token), id + 1);
            return Err(format!("line {line} repeats the token {token:?} of id {earlier}"));
        }
    }
    let special = SPECIAL.iter().filter_map(|token| Some((token, vocabulary.get(*token)?)));
    let special = special.map(|(token, id)| {
        json!({
            "id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        })
    });
    Ok(json!({
        "version": "1.0",
        "added_tokens": special.collect::<Vec<_>>(),
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": true,
            "handle_chinese_chars": cleaning.tokenize_chinese_chars.unwrap_or(true),
            "strip_accents": cleaning.strip_accents,
            "lowercase": cleaning.do_lower_case.unwrap_or(true),
        },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary,
        },
    }))
}

/// A tokenizer from a `tokenizer.json`, which must be that of a BERT.
fn from_json(mut json: Value, cleaning: &Cleaning) -> Result<Tokenizer, String> {
    for (part, expected) in [
        ("model", "WordPiece"),
        ("normalizer", "BertNormalizer"),
        ("pre_tokenizer", "BertPreTokenizer"),
    ] {
        let found = &json[part]["type"];
        if found != expected {
            return Err(format!("{part} is {}; expected {expected}", clipped(found)));
        }
    }
    let longest = &json["model"]["max_input_chars_per_word"];
    if longest.as_u64().is_none_or(|longest| longest > MOST_WORD) {
        let found = clipped(longest);
        return Err(format!("max_input_chars_per_word is {found}; expected at most {MOST_WORD}"));
    }
    // What comes around the pieces is ours to add, and texts are cut to the length of the model.
    for part in ["truncation", "padding", "post_processor", "decoder"] {
        json[part] = Value::Null;
    }
    let inner = Tokenizer::from_bytes(json.to_string()).map_err(|error| clipped(&error))?;
    if let Some(NormalizerWrapper::BertNormalizer(bert)) = inner.get_normalizer()
        && !cleaning.agrees(*bert)
    {
        return Err("cleans texts in another way than tokenizer_config.json says".into());
    }
    // The library numbers added tokens itself and ignores the ids of the file.
    for token in json["added_tokens"].as_array().into_iter().flatten() {
        let (content, id) = (token["content"].as_str().unwrap_or_default(), &token["id"]);
        if inner.token_to_id(content).map(u64::from) != id.as_u64() {
            let (content, id) = (clipped(&content), clipped(id));
            return Err(format!("the added token {content} has id {id}, but another in the model"));
        }
    }
    Ok(inner)
}

/// The ids of the tokens that must be there, each proved to be one id of its own.
fn special_ids(inner: &Tokenizer) -> Result<[u32; REQUIRED], String> {
    let mut ids = [0; REQUIRED];
    let mut wrong = Vec::new();
    for (id, token) in ids.iter_mut().zip(SPECIAL) {
        let encoding = inner.encode(token, false).map_err(|error| clipped(&error))?;
        match (encoding.get_ids(), inner.token_to_id(token)) {
            ([only], Some(own)) if *only == own => *id = own,
            (pieces, _) => wrong.push(format!("{token} is {} ids", pieces.len())),
        }
    }
    if !wrong.is_empty() {
        return Err(format!("{}; expected one of its own for each", wrong.join(", ")));
    }
    // Longer than any word that is cut into pieces.
    let unknown = "x".repeat(MOST_WORD as usize + 1);
    let encoding = inner.encode(unknown, false).map_err(|error| clipped(&error))?;
    if encoding.get_ids() != [ids[2]] {
        return Err("an unknown word does not become [UNK]; expected that it does".into());
    }
    Ok(ids)
}
