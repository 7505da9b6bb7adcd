//! The tokenizer of a language model, with the tokens of grounded conversations.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use calico_formats::sentencepiece::{
    Lists, ModelKind, Normalization, Pieces, SpecialIds, to_tokenizer_json,
};
use calico_formats::{FileFormat, List, TensorFile, read_small};
use calico_language::{ADDED_TOKENS, Tokenizer};
use calico_model::ModelError;
use serde_json::{Value, json};

use super::role::EMBED_TOKENS;
use super::{ImportError, Role, Source};

/// Names under which a tokenizer lies beside a language model, the better one first.
const NAMES: [&str; 2] = ["tokenizer.json", "tokenizer.model"];

/// The kind of tokenizer that the lists of a GGUF file are turned back from: pieces of SentencePiece.
const GGUF_KIND: &str = "llama";
/// Where programs of the time of LLaMA keep tokens that were added to a `tokenizer.model`.
const ADDED_FILE: &str = "added_tokens.json";
/// A larger file is a mistake.
const LARGEST: u64 = 64 << 20;
/// Rows of a table of tokens that may be there for the sake of speed only.
const PADDING: usize = 64;

/// A tokenizer for a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedTokenizer {
    /// The text of its `tokenizer.json`.
    pub json: String,
    /// Tokens of grounded conversations that no file knew: they got the ids behind the last one.
    pub added: Vec<String>,
}

/// The tokenizer of a model whose table of tokens has `rows` rows.
///
/// It is made of `file`, a `tokenizer.json` or a `tokenizer.model`; without one, of what lies
/// beside adapters that bring a table of tokens, or else beside or in the language model among
/// `sources`. Tokens that GLaMM adds get the ids that
/// `added_tokens.json` beside it gives them, or else those behind the last one, in GLaMM's order.
///
/// # Errors
/// If there is no tokenizer, it cannot be used, or it belongs to another table of tokens.
pub fn imported_tokenizer(
    file: Option<&Path>,
    sources: &[Source],
    rows: usize,
) -> Result<ImportedTokenizer, ImportError> {
    let (path, mut json) = match file {
        Some(path) => (path.to_path_buf(), read(path)?),
        None => found(sources)?,
    };
    let added = add_tokens(&path, &mut json)?;
    let counted = tokens(&json).into_values().max().map_or(0, |id| id.saturating_add(1));
    if counted > rows as u64 {
        return Err(ImportError::Beside { path, reason: other_table(&json, counted, rows) });
    }
    let text = format!("{json}\n");
    let tokenizer = Tokenizer::parse(text.as_bytes(), &path).map_err(ModelError::from)?;
    let ids = tokenizer.vocab_size();
    if ids > rows || ids + PADDING <= rows {
        return Err(ImportError::Beside { path, reason: other_table(&json, ids as u64, rows) });
    }
    Ok(ImportedTokenizer { json: text, added })
}

/// Why a tokenizer of `ids` tokens does not belong to a table of `rows` rows.
fn other_table(json: &Value, ids: u64, rows: usize) -> String {
    let least = (rows + 1).saturating_sub(PADDING);
    format!(
        "it has {ids} tokens, the {} of grounded conversations included, but the table \
         {EMBED_TOKENS} has {rows} rows; expected {least} to {rows} tokens: take the tokenizer \
         that belongs to the language model with `--tokenizer FILE`{}",
        ADDED_TOKENS.len(),
        beyond(json, rows)
    )
}

/// The first added token that has no row in the table, if there is one.
fn beyond(json: &Value, rows: usize) -> String {
    let added = json["added_tokens"].as_array().into_iter().flatten();
    let beyond = added.filter_map(|token| {
        let id = token["id"].as_u64().filter(|&id| id >= rows as u64)?;
        Some((id, token["content"].as_str()?))
    });
    let Some((id, token)) = beyond.min() else { return String::new() };
    format!("; its added token {token} has the id {id}, the last row is {}", rows.saturating_sub(1))
}

/// The tokenizer of the language model among the sources.
fn found(sources: &[Source]) -> Result<(PathBuf, Value), ImportError> {
    let has_table = |source: &&Source| source.makes(EMBED_TOKENS);
    let is_adapters = |source: &&Source| source.role() == Role::Adapters;
    // Who added tokens saved them with their rows; a base model beside knows fewer.
    let adapters = sources.iter().filter(has_table).filter(is_adapters);
    let others = sources.iter().filter(has_table).filter(|source| !is_adapters(source));
    let language = others.clone().next().or(sources.first());
    let Some(language) = language else {
        return Err(ImportError::NoTokenizer(PathBuf::new()));
    };
    for source in adapters {
        if let Some(found) = beside(source)? {
            return Ok(found);
        }
    }
    let gguf = language.files().files().first().filter(|file| file.format() == FileFormat::Gguf);
    // What lies beside a GGUF file may belong to another model; its own lists do not.
    if let Some(file) = gguf.filter(|file| kind_of_gguf(file) == GGUF_KIND) {
        return Ok((file.path().to_path_buf(), of_gguf(file)?));
    }
    if let Some(found) = beside(language)? {
        return Ok(found);
    }
    if let Some(file) = gguf {
        return Ok((file.path().to_path_buf(), of_gguf(file)?));
    }
    Err(ImportError::NoTokenizer(language.path().to_path_buf()))
}

/// The tokenizer in the folder of a source.
fn beside(source: &Source) -> Result<Option<(PathBuf, Value)>, ImportError> {
    let mut paths = NAMES.into_iter().map(|name| source.folder().join(name));
    let found = paths.find(|path| path.exists());
    found.map(|path| read(&path).map(|json| (path, json))).transpose()
}

/// Which tokenizer the lists in a GGUF file are of; empty if there are none.
fn kind_of_gguf(file: &TensorFile) -> &str {
    file.notes().get("tokenizer.ggml.model").map_or("", String::as_str)
}

/// Reads a `tokenizer.json`, or makes one of a `tokenizer.model`; the first byte tells.
fn read(path: &Path) -> Result<Value, ImportError> {
    let wrong = |reason: String| ImportError::Beside { path: path.to_path_buf(), reason };
    let bytes = read_small(path, LARGEST).map_err(|error| wrong(error.to_string()))?;
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
        return serde_json::from_slice(&bytes)
            .map_err(|error| wrong(format!("expected a tokenizer.json: {error}")));
    }
    Ok(to_tokenizer_json(&Pieces::from_model_file(path)?)?)
}

/// Makes a `tokenizer.json` of the lists in a GGUF file.
fn of_gguf(file: &TensorFile) -> Result<Value, ImportError> {
    let path = file.path();
    let kind = kind_of_gguf(file);
    if kind != GGUF_KIND {
        let reason = format!(
            "its tokenizer is of the kind {kind:?}; expected {GGUF_KIND:?}. Name a tokenizer.json with \
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
    // A file that says nothing means a blank in front, as LLaMA's tokenizer has it.
    let has_prefix = file.notes().get("tokenizer.ggml.add_space_prefix");
    let add_dummy_prefix = has_prefix.is_none_or(|has_prefix| has_prefix != "false");
    let normalization = Normalization { add_dummy_prefix, ..Normalization::llama() };
    let model = ModelKind::Bpe;
    let special = SpecialIds::default();
    let lists = Lists { tokens, scores, kinds, model, normalization, special };
    Ok(to_tokenizer_json(&Pieces::from_lists(path, lists)?)?)
}

/// Adds the tokens of grounded conversations that are not there; gives those that no file knew.
fn add_tokens(path: &Path, json: &mut Value) -> Result<Vec<String>, ImportError> {
    let known = added_beside(path)?;
    let there = tokens(json);
    check_agreement(path, &there, &known)?;
    let behind = |id: u64| id.saturating_add(1);
    let Some(mut next) = there.values().map(|&id| behind(id)).max() else {
        return Ok(Vec::new());
    };
    // In the order of their ids, which the reader of the file insists on.
    let mut missing: Vec<(u64, String)> = Vec::new();
    for (token, id) in &known {
        if !there.contains_key(token) {
            missing.push((*id, token.clone()));
            next = next.max(behind(*id));
        }
    }
    let is_new = |token: &&str| !there.contains_key(*token) && !known.contains_key(*token);
    let new: Vec<String> = ADDED_TOKENS.into_iter().filter(is_new).map(str::to_owned).collect();
    missing.extend((0..).map(|at| next.saturating_add(at)).zip(new.iter().cloned()));
    missing.sort();
    let Some(object) = json.as_object_mut() else { return Ok(Vec::new()) };
    let list = object.entry("added_tokens").or_insert_with(|| json!([]));
    if let Some(list) = list.as_array_mut() {
        list.extend(missing.into_iter().map(|(id, content)| {
            json!({
                "id": id, "content": content, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true,
            })
        }));
    }
    Ok(new)
}

/// All tokens of a `tokenizer.json`, with their ids.
fn tokens(json: &Value) -> BTreeMap<String, u64> {
    let vocabulary = json["model"]["vocab"].as_object().into_iter().flatten();
    let words = vocabulary.filter_map(|(word, id)| Some((word.clone(), id.as_u64()?)));
    let added = json["added_tokens"].as_array().into_iter().flatten();
    let added = added
        .filter_map(|token| Some((token["content"].as_str()?.to_owned(), token["id"].as_u64()?)));
    words.chain(added).collect()
}

/// Refuses ids of the file beside a tokenizer that other tokens have, and tokens that have other
/// ids.
fn check_agreement(
    path: &Path,
    there: &BTreeMap<String, u64>,
    known: &BTreeMap<String, u64>,
) -> Result<(), ImportError> {
    let holders: BTreeMap<u64, &String> = there.iter().map(|(token, id)| (*id, token)).collect();
    for (token, id) in known {
        let reason = match (there.get(token), holders.get(id)) {
            (Some(own), _) if own != id => format!("{} gives it the id {own}", path.display()),
            (None, Some(other)) => format!("in {} that is {other}", path.display()),
            _ => continue,
        };
        return Err(ImportError::Beside {
            path: path.with_file_name(ADDED_FILE),
            reason: format!(
                "gives {token} the id {id}, but {reason}; expected files of one tokenizer: name \
                 the right one with `--tokenizer FILE`"
            ),
        });
    }
    Ok(())
}

/// Tokens and ids of the `added_tokens.json` beside a tokenizer.
fn added_beside(path: &Path) -> Result<BTreeMap<String, u64>, ImportError> {
    let path = path.with_file_name(ADDED_FILE);
    let wrong = |reason: String| ImportError::Beside { path: path.clone(), reason };
    let bytes = match read_small(&path, LARGEST) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(wrong(error.to_string())),
    };
    serde_json::from_slice(&bytes)
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
        std::fs::write(&path, json.to_string()).unwrap();
        path
    }

    fn parsed(path: &Path, rows: usize) -> Result<Tokenizer, ImportError> {
        let made = imported_tokenizer(Some(path), &[], rows)?;
        Ok(Tokenizer::parse(made.json.as_bytes(), path).unwrap())
    }

    #[test]
    fn missing_tokens_come_behind_the_last_one_in_the_order_of_glamm() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), "tokenizer.json", &base());
        let tokenizer = parsed(&path, 266).unwrap();
        assert_eq!((tokenizer.special().image_start, tokenizer.special().seg), (259, 263));
        let whole = write(folder.path(), "tokenizer.json", &byte_level_json(259));
        assert_eq!(parsed(&whole, 266).unwrap().special(), tokenizer.special());
        let added = |path: &Path| imported_tokenizer(Some(path), &[], 266).unwrap().added;
        assert_eq!(added(&whole), Vec::<String>::new());
        let path = write(folder.path(), "tokenizer.json", &base());
        assert_eq!(added(&path), ADDED_TOKENS);
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

    fn refused(path: &Path, rows: usize) -> String {
        let error = parsed(path, rows).unwrap_err();
        assert!(error.is_bad_input());
        error.to_string()
    }

    #[test]
    fn added_tokens_beyond_the_table_are_named_however_large_their_ids_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), "tokenizer.json", &base());
        for id in [266, 300, u64::from(u32::MAX), u64::MAX - 9] {
            write(folder.path(), ADDED_FILE, &json!({ "[SEG]": id }));
            let message = refused(&path, 266);
            let says = format!("its added token [SEG] has the id {id}, the last row is 265");
            assert!(message.contains(&says) && message.contains("tokenizer.json"), "{message}");
            assert!(message.contains("expected 203 to 266 tokens"), "{message}");
        }
        write(folder.path(), ADDED_FILE, &json!({ "[SEG]": u64::MAX }));
        assert!(refused(&path, 266).contains("expected 203 to 266 tokens"));
    }

    #[test]
    fn files_of_two_tokenizers_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), "tokenizer.json", &byte_level_json(259));
        write(folder.path(), ADDED_FILE, &json!({ "[SEG]": 259 }));
        let message = refused(&path, 266);
        assert!(message.contains("added_tokens.json: gives [SEG] the id 259"), "{message}");
        assert!(message.contains("tokenizer.json gives it the id 263"), "{message}");
        write(folder.path(), ADDED_FILE, &json!({ "<pad>": 258 }));
        let message = refused(&path, 266);
        assert!(message.contains("gives <pad> the id 258, but in "), "{message}");
        assert!(message.contains("that is <0xFF>; expected files of one tokenizer"), "{message}");
        // What both say alike is no contradiction.
        write(folder.path(), ADDED_FILE, &json!({ "[SEG]": 263, "<unk>": 0 }));
        assert!(parsed(&path, 266).is_ok());
        write(folder.path(), ADDED_FILE, &json!(["[SEG]"]));
        assert!(refused(&path, 266).contains("expected an object of tokens and their ids"));
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
        let error = imported_tokenizer(None, &[], 266).unwrap_err();
        assert!(matches!(error, ImportError::NoTokenizer(_)), "{error}");
    }
}
