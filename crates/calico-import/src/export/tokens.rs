//! A `tokenizer.json` as the lists of a GGUF file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use calico_formats::gguf::Value;
use calico_formats::sentencepiece::{
    Lists, ModelKind, Normalization, Pieces, SpecialIds, to_tokenizer_json,
};
use serde_json::Value as Json;

/// Numbers of the kinds of pieces, as `SentencePiece` and GGUF have them.
mod kind {
    pub(super) const NORMAL: i32 = 1;
    pub(super) const UNKNOWN: i32 = 2;
    pub(super) const CONTROL: i32 = 3;
    pub(super) const USER_DEFINED: i32 = 4;
    pub(super) const UNUSED: i32 = 5;
    pub(super) const BYTE: i32 = 6;
}

/// What stands for a blank.
const BLANK: &str = "▁";
/// Marks around a text; they are never found in one.
const CONTROL: [&str; 2] = ["<s>", "</s>"];

/// The tokenizer of a GGUF file.
#[derive(Debug, Clone, PartialEq)]
pub enum Tokens {
    /// Pieces that are merged as `SentencePiece` does, and whether that gives the tokens of the
    /// model for every text.
    Llama {
        /// Entries of the file.
        entries: Vec<(String, Value)>,
        /// Whether the model's own list of merges says the same.
        is_exact: bool,
    },
    /// None: the tokenizer has no form that GGUF knows. Readers have to be given ids.
    None,
}

impl Tokens {
    /// Of the text of a `tokenizer.json` whose model has `rows` rows; `None` if it is none.
    pub fn of_json(json: &str, rows: usize, path: &Path) -> Option<Self> {
        let json: Json = serde_json::from_str(json).ok()?;
        let pieces = pieces(&json, rows)?;
        if !is_llama(&json) {
            return Some(Self::None);
        }
        let is_exact = says_the_same(&json, &pieces, path);
        Some(Self::Llama { entries: entries(&json, pieces), is_exact })
    }

    /// The entries of the file.
    pub(super) fn into_entries(self) -> Vec<(String, Value)> {
        match self {
            Self::Llama { entries, .. } => entries,
            Self::None => {
                vec![("tokenizer.ggml.model".to_owned(), Value::Text("none".to_owned()))]
            }
        }
    }
}

/// Texts, scores and kinds, by id.
struct ByIds {
    texts: Vec<String>,
    scores: Vec<f32>,
    kinds: Vec<i32>,
}

/// The pieces of all rows; rows without a token are unused.
fn pieces(json: &Json, rows: usize) -> Option<ByIds> {
    let vocabulary = json["model"]["vocab"].as_object()?;
    let mut by_ids = ByIds {
        texts: (0..rows).map(|id| format!("<unused_{id}>")).collect(),
        scores: vec![0.0; rows],
        kinds: vec![kind::UNUSED; rows],
    };
    let scores = scores(json);
    let mut put = |id: &Json, text: &str, kind: i32| {
        let id = id.as_u64()? as usize;
        by_ids.texts.get_mut(id)?.replace_range(.., text);
        *by_ids.kinds.get_mut(id)? = kind;
        *by_ids.scores.get_mut(id)? = scores.get(text).copied().unwrap_or(0.0);
        Some(())
    };
    for (text, id) in vocabulary {
        let kind = match text.as_str() {
            text if is_byte(text) => kind::BYTE,
            text if text.starts_with("<unused_") => kind::UNUSED,
            _ => kind::NORMAL,
        };
        put(id, text, kind)?;
    }
    for token in json["added_tokens"].as_array().into_iter().flatten() {
        let text = token["content"].as_str()?;
        let kind = match text {
            _ if json["model"]["unk_token"] == text => kind::UNKNOWN,
            _ if CONTROL.contains(&text) => kind::CONTROL,
            _ => kind::USER_DEFINED,
        };
        put(&token["id"], text, kind)?;
    }
    Some(by_ids)
}

/// `<0xAB>`
fn is_byte(text: &str) -> bool {
    let hex = text.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
    hex.is_some_and(|hex| hex.len() == 2 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The text that each merge makes gets the score minus its place in the list, so that what is
/// merged earlier scores higher.
fn scores(json: &Json) -> BTreeMap<String, f32> {
    let mut scores = BTreeMap::new();
    for (rank, [left, right]) in merges(json).into_iter().enumerate() {
        scores.entry(left + &right).or_insert(-(rank as f32) - 1.0);
    }
    scores
}

/// The pairs of the list of merges, in either of its forms.
fn merges(json: &Json) -> Vec<[String; 2]> {
    let pair = |merge: &Json| match merge {
        Json::String(text) => {
            let (left, right) = text.split_once(' ')?;
            Some([left.to_owned(), right.to_owned()])
        }
        Json::Array(pair) => match pair.as_slice() {
            [Json::String(left), Json::String(right)] => Some([left.clone(), right.clone()]),
            _ => None,
        },
        _ => None,
    };
    json["model"]["merges"].as_array().into_iter().flatten().filter_map(pair).collect()
}

/// Whether texts are cut as LLaMA's are: byte-pair merges, bytes for the rest, `▁` for blanks.
fn is_llama(json: &Json) -> bool {
    let model = &json["model"];
    let steps = json["normalizer"]["normalizers"].as_array();
    let replaces = steps.into_iter().flatten().any(|step| {
        step["type"] == "Replace" && step["pattern"]["String"] == " " && step["content"] == BLANK
    });
    model["type"] == "BPE"
        && model["byte_fallback"] == true
        && json["pre_tokenizer"].is_null()
        && replaces
}

/// Whether a text gets a blank in front.
fn has_prefix(json: &Json) -> bool {
    let steps = json["normalizer"]["normalizers"].as_array();
    steps.into_iter().flatten().any(|step| step["type"] == "Prepend" && step["prepend"] == BLANK)
}

/// Whether the pieces, read again, are merged by the same list: pairs that the model does not
/// merge, but whose joint text is a piece, would be merged by readers of GGUF.
fn says_the_same(json: &Json, by_ids: &ByIds, path: &Path) -> bool {
    let lists = Lists {
        tokens: by_ids.texts.clone(),
        scores: by_ids.scores.clone(),
        kinds: by_ids.kinds.clone(),
        model: ModelKind::Bpe,
        normalization: Normalization {
            add_dummy_prefix: has_prefix(json),
            ..Normalization::llama()
        },
        special: SpecialIds::default(),
    };
    let again = Pieces::from_lists(path, lists).and_then(|pieces| to_tokenizer_json(&pieces));
    let set = |json: &Json| merges(json).into_iter().collect::<BTreeSet<_>>();
    again.is_ok_and(|again| set(&again) == set(json))
}

fn entries(json: &Json, by_ids: ByIds) -> Vec<(String, Value)> {
    let id = |token: &str| {
        let place = by_ids.texts.iter().position(|text| text == token);
        place.map(|id| Value::U32(id as u32))
    };
    let unknown = json["model"]["unk_token"].as_str().and_then(id);
    let [begin, end] = CONTROL.map(id);
    let named = [
        ("model", Some(Value::Text("llama".to_owned()))),
        ("bos_token_id", begin),
        ("eos_token_id", end),
        ("unknown_token_id", unknown),
        ("add_bos_token", Some(Value::Bool(true))),
        ("add_space_prefix", Some(Value::Bool(has_prefix(json)))),
        ("tokens", Some(Value::Texts(by_ids.texts))),
        ("scores", Some(Value::Floats(by_ids.scores))),
        ("token_type", Some(Value::Ints(by_ids.kinds))),
    ];
    let entry =
        |(name, value): (&str, Option<Value>)| Some((format!("tokenizer.ggml.{name}"), value?));
    named.into_iter().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use calico_language::{byte_level_json, learn_tokenizer};

    use super::*;

    fn of(json: &str, rows: usize) -> Tokens {
        Tokens::of_json(json, rows, Path::new("tokenizer.json")).unwrap()
    }

    #[test]
    fn a_tokenizer_of_bytes_alone_has_no_form() {
        assert_eq!(of(&byte_level_json(259).to_string(), 266), Tokens::None);
        assert!(Tokens::of_json("[]", 3, Path::new("x")).is_none());
    }

    #[test]
    fn a_learnt_tokenizer_becomes_pieces_with_scores() {
        let texts = (0..9).map(|_| "the handle the wheel the".to_owned());
        let json = learn_tokenizer(texts, 290).unwrap();
        let Tokens::Llama { entries, .. } = of(&json, 292) else { panic!("it is LLaMA's") };
        let entry = |name: &str| {
            let key = format!("tokenizer.ggml.{name}");
            entries.iter().find(|(other, _)| *other == key).unwrap().1.clone()
        };
        let Value::Texts(texts) = entry("tokens") else { panic!() };
        let Value::Ints(kinds) = entry("token_type") else { panic!() };
        let Value::Floats(scores) = entry("scores") else { panic!() };
        assert_eq!((texts.len(), kinds.len(), scores.len()), (292, 292, 292));
        assert_eq!(kinds[..4], [kind::UNKNOWN, kind::CONTROL, kind::CONTROL, kind::BYTE]);
        assert_eq!(kinds[291], kind::UNUSED, "a row that no token has");
        let seg = texts.iter().position(|text| text == "[SEG]").unwrap();
        assert_eq!(kinds[seg], kind::USER_DEFINED);
        let word = texts.iter().position(|text| text == "▁the").unwrap();
        let part = texts.iter().position(|text| text == "he").unwrap();
        assert!(scores[word] < scores[part] && scores[part] < 0.0, "parts are merged first");
        assert_eq!(entry("bos_token_id"), Value::U32(1));
        assert_eq!(entry("add_space_prefix"), Value::Bool(true));
    }
}
