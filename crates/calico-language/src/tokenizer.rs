//! Text to token ids and back, with the added tokens of grounded conversations.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The seven tokens that GLaMM adds to its base tokenizer, in its order.
pub const ADDED_TOKENS: [&str; 7] =
    ["<im_start>", "<im_end>", "<bbox>", "<point>", "[SEG]", "<p>", "</p>"];

/// Ids of the tokens that carry structure. They are read from the tokenizer, never assumed:
/// LISA and GLaMM number them differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialTokens {
    /// `<s>`
    pub bos: u32,
    /// `</s>`
    pub eos: u32,
    /// `<im_start>`
    pub image_start: u32,
    /// `<im_end>`
    pub image_end: u32,
    /// `[SEG]`
    pub seg: u32,
    /// `<p>`
    pub phrase_start: u32,
    /// `</p>`
    pub phrase_end: u32,
}

/// Why a tokenizer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The file is not a tokenizer.
    #[error("{path} is not a usable tokenizer.json: {reason}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A token that must be one id is not.
    #[error(
        "the tokenizer turns {token} into {found}; it must be exactly one id of its own, so add \
         it to the tokenizer's added tokens"
    )]
    NotOneId {
        /// The token.
        token: &'static str,
        /// What came out.
        found: String,
    },
    /// The tokenizer failed on a text, or none can be learnt.
    #[error("the tokenizer failed: {0}")]
    Encode(String),
}

/// A tokenizer with the added tokens of grounded conversations.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    special: SpecialTokens,
    /// Added tokens and their ids, longest first.
    added: Vec<(String, u32)>,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    pub fn open(path: &Path) -> Result<Self, TokenizerError> {
        let read = |path: &Path| {
            // Before it is opened: opening a pipe would wait for somebody who writes.
            if !path.metadata()?.is_file() {
                return Err(std::io::Error::other("not a regular file"));
            }
            std::fs::read(path)
        };
        let bytes = read(path)
            .map_err(|source| TokenizerError::Read { path: path.to_path_buf(), source })?;
        Self::parse(&bytes, path)
    }

    /// Reads the text of a `tokenizer.json`; `path` names it in errors.
    ///
    /// Proves that every special token is exactly one id: a tokenizer that splits `[SEG]` would
    /// otherwise run and ground nothing.
    pub fn parse(json: &[u8], path: &Path) -> Result<Self, TokenizerError> {
        let format = |reason| TokenizerError::Format { path: path.to_path_buf(), reason };
        let mut inner =
            tokenizers::Tokenizer::from_bytes(json).map_err(|error| format(error.to_string()))?;
        // Both would change prompts without a word.
        inner.with_truncation(None).map_err(|error| format(error.to_string()))?;
        inner.with_padding(None);
        // The library numbers added tokens by their order and ignores the ids of the file.
        let file: Value =
            serde_json::from_slice(json).map_err(|error| format(error.to_string()))?;
        if !matches!(file["model"]["dropout"].as_f64(), None | Some(0.0)) {
            return Err(format("model.dropout is set, so equal texts give other tokens".into()));
        }
        for token in file["added_tokens"].as_array().into_iter().flatten() {
            let (content, id) = (token["content"].as_str().unwrap_or_default(), &token["id"]);
            let loaded = inner.token_to_id(content);
            if loaded.map(u64::from) != id.as_u64() {
                let loaded = loaded.map_or("none".to_owned(), |id| id.to_string());
                let reason = format!("{content} has id {id} in the file but is loaded as {loaded}");
                return Err(format(reason));
            }
        }
        let mut added: Vec<(String, u32)> = inner
            .get_added_tokens_decoder()
            .into_iter()
            .map(|(id, token)| (token.content, id))
            .filter(|(content, _)| !content.is_empty())
            .collect();
        added.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then(a.cmp(b)));
        let one_id = |token: &'static str| {
            let encoding = inner
                .encode(token, false)
                .map_err(|error| TokenizerError::Encode(error.to_string()))?;
            let listed = added.iter().find(|(content, _)| content == token);
            match (encoding.get_ids(), listed) {
                ([id], Some((_, added))) if id == added => Ok(*id),
                ([_], None) => {
                    Err(TokenizerError::NotOneId { token, found: "a plain word".into() })
                }
                (ids, _) => {
                    let found = format!("{} ids ({})", ids.len(), encoding.get_tokens().join(" "));
                    Err(TokenizerError::NotOneId { token, found })
                }
            }
        };
        let special = SpecialTokens {
            bos: one_id("<s>")?,
            eos: one_id("</s>")?,
            image_start: one_id("<im_start>")?,
            image_end: one_id("<im_end>")?,
            seg: one_id("[SEG]")?,
            phrase_start: one_id("<p>")?,
            phrase_end: one_id("</p>")?,
        };
        Ok(Self { inner, special, added })
    }

    /// Ids of the structural tokens.
    pub fn special(&self) -> SpecialTokens {
        self.special
    }

    /// One more than the highest id.
    pub fn vocab_size(&self) -> usize {
        let highest = self.inner.get_vocab(true).into_values().max();
        highest.map_or(0, |id| id as usize + 1)
    }

    /// Token ids of a text, without `<s>`.
    ///
    /// Blanks on both sides of an added token are dropped, and every piece of text between added
    /// tokens is encoded on its own, with its own leading blank where the tokenizer has one: the
    /// rule of the tokenizer that upstream trained with.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let mut ids = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let next = self.next_added(rest);
            let (plain, id, after) = match next {
                Some((at, token, id)) => (&rest[..at], Some(id), &rest[at + token.len()..]),
                None => (rest, None, ""),
            };
            let plain = plain.trim_matches(' ');
            if !plain.is_empty() {
                let encoding = self
                    .inner
                    .encode(plain, false)
                    .map_err(|error| TokenizerError::Encode(error.to_string()))?;
                ids.extend_from_slice(encoding.get_ids());
            }
            ids.extend(id);
            rest = after;
        }
        Ok(ids)
    }

    /// The first added token in a text: where it starts, its text, its id.
    fn next_added(&self, text: &str) -> Option<(usize, &str, u32)> {
        let found = self.added.iter().filter_map(|(token, id)| {
            text.find(token.as_str()).map(|at| (at, token.as_str(), *id))
        });
        // `added` is sorted longest first and `min_by_key` keeps the first of equals.
        found.min_by_key(|(at, _, _)| *at)
    }

    /// The text of token ids, blanks around added tokens; what is no UTF-8 becomes U+FFFD.
    pub fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        let mut pieces: Vec<String> = Vec::new();
        let mut plain: Vec<u32> = Vec::new();
        let flush = |plain: &mut Vec<u32>, pieces: &mut Vec<String>| {
            if plain.is_empty() {
                return Ok(());
            }
            let text = self
                .inner
                .decode(plain, false)
                .map_err(|error| TokenizerError::Encode(error.to_string()))?;
            plain.clear();
            let text = text.trim_matches(' ');
            if !text.is_empty() {
                pieces.push(text.to_owned());
            }
            Ok(())
        };
        for &id in ids {
            match self.added.iter().find(|(_, added)| *added == id) {
                Some((token, _)) => {
                    flush(&mut plain, &mut pieces)?;
                    pieces.push(token.clone());
                }
                None => plain.push(id),
            }
        }
        flush(&mut plain, &mut pieces)?;
        Ok(pieces.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::byte_level_json;

    fn tiny() -> Tokenizer {
        parse(&byte_level_json(259)).unwrap()
    }

    fn parse(json: &Value) -> Result<Tokenizer, TokenizerError> {
        Tokenizer::parse(json.to_string().as_bytes(), Path::new("tokenizer.json"))
    }

    /// A small tokenizer in LLaMA's form: blanks are `▁`, every text gets a leading one.
    fn llama_like() -> Tokenizer {
        let mut json = byte_level_json(265);
        json["normalizer"] = json!({ "type": "Sequence", "normalizers": [
            { "type": "Prepend", "prepend": "▁" },
            { "type": "Replace", "pattern": { "String": " " }, "content": "▁" },
        ]});
        json["decoder"] = json!({ "type": "Sequence", "decoders": [
            { "type": "Replace", "pattern": { "String": "▁" }, "content": " " },
            { "type": "ByteFallback" }, { "type": "Fuse" },
            { "type": "Strip", "content": " ", "start": 1, "stop": 0 },
        ]});
        let vocab = json["model"]["vocab"].as_object_mut().unwrap();
        for (id, token) in (259..265).zip(["▁", "(", ")", "a", "1", "2"]) {
            vocab.remove(&format!("<unused_{id}>"));
            vocab.insert(token.into(), id.into());
        }
        parse(&json).unwrap()
    }

    /// Gives the added tokens behind the base vocabulary the ids of their order.
    fn renumber_added(json: &mut Value) {
        for (id, token) in (259..).zip(&mut json["added_tokens"].as_array_mut().unwrap()[3..]) {
            token["id"] = id.into();
        }
    }

    #[test]
    fn a_grounded_sentence_survives_the_round_trip() {
        let text = "They share <p> a handle </p> [SEG] (IMAGE1) [SEG] (IMAGE2).";
        for tokenizer in [tiny(), llama_like()] {
            assert_eq!(tokenizer.decode(&tokenizer.encode(text).unwrap()).unwrap(), text);
        }
    }

    #[test]
    fn blanks_around_added_tokens_are_dropped() {
        let tokenizer = tiny();
        let tight = tokenizer.encode("</p>[SEG](IMAGE1)").unwrap();
        assert_eq!(tokenizer.encode("</p>  [SEG] (IMAGE1)").unwrap(), tight);
        assert_eq!(tight[..2], [tokenizer.special().phrase_end, tokenizer.special().seg]);
        assert_eq!(tight[2], 3 + u32::from(b'('));
    }

    #[test]
    fn every_piece_between_added_tokens_gets_its_own_leading_blank() {
        let tokenizer = llama_like();
        let special = tokenizer.special();
        assert_eq!(
            tokenizer.encode("a</p> [SEG] (1)").unwrap(),
            [259, 262, special.phrase_end, special.seg, 259, 260, 263, 261]
        );
    }

    #[test]
    fn text_outside_the_vocabulary_falls_back_to_bytes() {
        let tokenizer = tiny();
        let ids = tokenizer.encode("ü😀").unwrap();
        assert_eq!(ids.len(), 6);
        assert_eq!(tokenizer.decode(&ids).unwrap(), "ü😀");
        assert_eq!(tokenizer.decode(&ids[..1]).unwrap(), "\u{fffd}");
    }

    #[test]
    fn a_tokenizer_that_splits_seg_is_refused_by_name() {
        let mut json = byte_level_json(259);
        json["added_tokens"].as_array_mut().unwrap().remove(7);
        renumber_added(&mut json);
        let error = parse(&json).unwrap_err();
        assert!(matches!(error, TokenizerError::NotOneId { token: "[SEG]", .. }), "{error}");
    }

    #[test]
    fn ids_are_read_from_the_file() {
        let mut json = byte_level_json(259);
        let added = json["added_tokens"].as_array_mut().unwrap();
        // LISA adds [SEG] before the image markers.
        let seg = added.remove(7);
        added.insert(3, seg);
        let shuffled = parse(&json).unwrap_err();
        assert!(matches!(shuffled, TokenizerError::Format { .. }), "{shuffled}");
        renumber_added(&mut json);
        let special = parse(&json).unwrap().special();
        assert_eq!((special.seg, special.image_start), (259, 260));
    }

    #[test]
    fn truncation_and_padding_of_the_file_are_ignored_and_dropout_is_refused() {
        let mut json = byte_level_json(259);
        json["truncation"] = json!({
            "direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0,
        });
        json["padding"] = json!({
            "strategy": { "Fixed": 64 }, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "<unk>",
        });
        assert_eq!(parse(&json).unwrap().encode("hello").unwrap().len(), 5);
        json["model"]["dropout"] = json!(0.1);
        assert!(matches!(parse(&json), Err(TokenizerError::Format { .. })));
    }

    #[test]
    fn fillers_put_the_added_tokens_where_llama_has_them() {
        let tokenizer = parse(&byte_level_json(32_000)).unwrap();
        assert_eq!(tokenizer.special().seg, 32_004);
        assert_eq!(tokenizer.vocab_size(), 32_007);
    }

    #[test]
    fn a_file_that_is_no_tokenizer_is_a_typed_error() {
        for text in ["", "{", "[]", "{}"] {
            let error = Tokenizer::parse(text.as_bytes(), Path::new("tokenizer.json"));
            assert!(matches!(error, Err(TokenizerError::Format { .. })), "{text}");
        }
    }
}
