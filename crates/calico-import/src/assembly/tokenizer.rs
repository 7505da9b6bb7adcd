//! The tokenizer of a language model, with the tokens of grounded conversations.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use calico_formats::sentencepiece::{
    Lists, ModelKind, Normalization, Pieces, SpecialIds, to_tokenizer_json,
};
use calico_formats::{FileFormat, List, TensorFile};
use calico_language::{ADDED_TOKENS, Tokenizer};
use calico_model::ModelError;
use serde_json::{Value, json};

use super::{ImportError, Source};

/// Names under which a tokenizer lies beside a language model, the better one first.
const NAMES: [&str; 2] = ["tokenizer.json", "tokenizer.model"];
/// Where programs of the time of LLaMA keep tokens that were added to a `tokenizer.model`.
const ADDED_FILE: &str = "added_tokens.json";
/// A larger file is a mistake.
const LARGEST: u64 = 64 << 20;
/// Rows of a table of tokens that may be there for the sake of speed only.
const PADDING: usize = 64;

/// The text of the `tokenizer.json` of a model whose table of tokens has `rows` rows.
///
/// It is made of `file`, a `tokenizer.json` or a `tokenizer.model`; without one, of what lies
/// beside or in the language model among `sources`. Tokens that GLaMM adds get the ids that
/// `added_tokens.json` beside it gives them, or else those behind the last one, in GLaMM's order.
///
/// # Errors
/// If there is no tokenizer, it cannot be used, or it belongs to another table of tokens.
pub fn tokenizer_json(
    file: Option<&Path>,
    sources: &[Source],
    rows: usize,
) -> Result<String, ImportError> {
    let (path, mut json) = match file {
        Some(path) => (path.to_path_buf(), read(path)?),
        None => found(sources)?,
    };
    add_tokens(&path, &mut json)?;
    let text = format!("{json}\n");
    let tokenizer = Tokenizer::parse(text.as_bytes(), &path).map_err(ModelError::from)?;
    let ids = tokenizer.vocab_size();
    if ids > rows || ids + PADDING <= rows {
        let reason = format!(
            "it has {ids} tokens, the {} of grounded conversations included, but the table of the \
             language model has {rows} rows; take the tokenizer that belongs to it",
            ADDED_TOKENS.len()
        );
        return Err(ImportError::Beside { path, reason });
    }
    Ok(text)
}

/// The tokenizer of the language model among the sources.
fn found(sources: &[Source]) -> Result<(PathBuf, Value), ImportError> {
    let language = sources.iter().find(|source| source.makes("llm.model.embed_tokens."));
    let Some(language) = language.or(sources.first()) else {
        return Err(ImportError::NoTokenizer(PathBuf::new()));
    };
    for name in NAMES {
        let path = language.folder().join(name);
        if path.exists() {
            let json = read(&path)?;
            return Ok((path, json));
        }
    }
    if let [file, ..] = language.files().files()
        && file.format() == FileFormat::Gguf
    {
        return Ok((file.path().to_path_buf(), of_gguf(file)?));
    }
    Err(ImportError::NoTokenizer(language.path().to_path_buf()))
}

/// Reads a `tokenizer.json`, or makes one of a `tokenizer.model`; the first byte tells.
fn read(path: &Path) -> Result<Value, ImportError> {
    let wrong = |reason: String| ImportError::Beside { path: path.to_path_buf(), reason };
    let size = fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
    if size > LARGEST {
        return Err(wrong(format!("it has {size} bytes; expected at most {LARGEST}")));
    }
    let bytes = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
        return serde_json::from_slice(&bytes)
            .map_err(|error| wrong(format!("expected a tokenizer.json: {error}")));
    }
    Ok(to_tokenizer_json(&Pieces::from_model_file(path)?)?)
}

/// Makes a `tokenizer.json` of the lists in a GGUF file.
fn of_gguf(file: &TensorFile) -> Result<Value, ImportError> {
    let path = file.path();
    let kind = file.notes().get("tokenizer.ggml.model").map_or("", String::as_str);
    if kind != "llama" {
        let reason = format!(
            "its tokenizer is of the kind {kind:?}; expected \"llama\". Name a tokenizer.json with \
             `--tokenizer FILE`"
        );
        return Err(ImportError::Beside { path: path.to_path_buf(), reason });
    }
    let list = |name: &str| file.lists().get(&format!("tokenizer.ggml.{name}"));
    let tokens = match list("tokens") {
        Some(List::Texts(tokens)) => tokens.clone(),
        _ => Vec::new(),
    };
    let scores = match list("scores") {
        Some(List::Floats(scores)) => scores.clone(),
        _ => Vec::new(),
    };
    let kinds = match list("token_type") {
        // What does not fit is no kind either.
        Some(List::Ints(kinds)) => {
            kinds.iter().map(|&kind| i32::try_from(kind).unwrap_or(-1)).collect()
        }
        _ => Vec::new(),
    };
    let (model, normalization) = (ModelKind::Bpe, Normalization::llama());
    let special = SpecialIds::default();
    let lists = Lists { tokens, scores, kinds, model, normalization, special };
    Ok(to_tokenizer_json(&Pieces::from_lists(path, lists)?)?)
}

/// Adds the tokens of grounded conversations that are not there.
fn add_tokens(path: &Path, json: &mut Value) -> Result<(), ImportError> {
    let known = added_beside(path)?;
    let ids = |json: &Value| -> Vec<(String, u64)> {
        let vocabulary = json["model"]["vocab"].as_object().into_iter().flatten();
        let words = vocabulary.filter_map(|(word, id)| Some((word.clone(), id.as_u64()?)));
        let added = json["added_tokens"].as_array().into_iter().flatten();
        let added = added.filter_map(|token| {
            Some((token["content"].as_str()?.to_owned(), token["id"].as_u64()?))
        });
        words.chain(added).collect()
    };
    let there = ids(json);
    let Some(mut next) = there.iter().map(|(_, id)| id + 1).max() else { return Ok(()) };
    let is_there = |token: &str| there.iter().any(|(word, _)| word == token);
    // In the order of their ids, which the reader of the file insists on.
    let mut missing: Vec<(u64, String)> = Vec::new();
    for (token, id) in &known {
        if !is_there(token) {
            missing.push((*id, token.clone()));
            next = next.max(id + 1);
        }
    }
    for token in ADDED_TOKENS {
        if !is_there(token) && !known.contains_key(token) {
            missing.push((next, token.to_owned()));
            next += 1;
        }
    }
    missing.sort();
    let Some(object) = json.as_object_mut() else { return Ok(()) };
    let list = object.entry("added_tokens").or_insert_with(|| json!([]));
    if let Some(list) = list.as_array_mut() {
        list.extend(missing.into_iter().map(|(id, content)| {
            json!({
                "id": id, "content": content, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true,
            })
        }));
    }
    Ok(())
}

/// Tokens and ids of the `added_tokens.json` beside a tokenizer.
fn added_beside(path: &Path) -> Result<BTreeMap<String, u64>, ImportError> {
    let path = path.with_file_name(ADDED_FILE);
    let wrong = |reason: String| ImportError::Beside { path: path.clone(), reason };
    let size = match fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(wrong(error.to_string())),
    };
    if size > LARGEST {
        return Err(wrong(format!("it has {size} bytes; expected at most {LARGEST}")));
    }
    let text = fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_str(&text)
        .map_err(|error| wrong(format!("expected an object of tokens and their ids: {error}")))
}

#[cfg(test)]
mod tests {
    use calico_language::byte_level_json;

    use super::*;

    /// A tokenizer without the tokens of grounded conversations, of 259 tokens.
    fn base() -> Value {
        let mut json = byte_level_json(259);
        json["added_tokens"].as_array_mut().unwrap().truncate(3);
        json
    }

    fn write(folder: &Path, name: &str, json: &Value) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, json.to_string()).unwrap();
        path
    }

    fn parsed(path: &Path, rows: usize) -> Result<Tokenizer, ImportError> {
        let text = tokenizer_json(Some(path), &[], rows)?;
        Ok(Tokenizer::parse(text.as_bytes(), path).unwrap())
    }

    #[test]
    fn missing_tokens_come_behind_the_last_one_in_the_order_of_glamm() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), "tokenizer.json", &base());
        let tokenizer = parsed(&path, 266).unwrap();
        assert_eq!((tokenizer.special().image_start, tokenizer.special().seg), (259, 263));
        let whole = write(folder.path(), "tokenizer.json", &byte_level_json(259));
        assert_eq!(parsed(&whole, 266).unwrap().special(), tokenizer.special());
    }

    #[test]
    fn ids_of_added_tokens_are_those_of_the_file_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), "tokenizer.json", &base());
        let beside = json!({ "[SEG]": 259, "<im_start>": 260, "<im_end>": 261 });
        write(folder.path(), ADDED_FILE, &beside);
        let special = parsed(&path, 266).unwrap().special();
        assert_eq!((special.seg, special.image_start, special.phrase_end), (259, 260, 265));
    }

    #[test]
    fn a_tokenizer_of_another_table_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), "tokenizer.json", &base());
        for rows in [265, 266 + PADDING] {
            let error = parsed(&path, rows).unwrap_err().to_string();
            assert!(error.contains("266 tokens") && error.contains(&rows.to_string()), "{error}");
        }
        assert!(parsed(&path, 265 + PADDING).is_ok());
        let error = tokenizer_json(None, &[], 266).unwrap_err();
        assert!(matches!(error, ImportError::NoTokenizer(_)), "{error}");
    }
}
