//! Dimensions of a BERT.

use serde_json::{Value, json};

use super::file::clipped;

/// Larger dimensions are no BERT: they are refused before anything is built.
const MOST: usize = 1 << 24;
/// The most layers.
const MOST_LAYERS: usize = 1 << 10;

/// Dimensions of a [`Bert`](super::Bert) (arXiv 1810.04805; names of transformers' `BertConfig`
/// shortened).
#[derive(Debug, Clone, PartialEq)]
pub struct BertConfig {
    /// Rows of the table of words.
    pub vocab_size: usize,
    /// Width `D` of a token.
    pub width: usize,
    /// Number of layers.
    pub depth: usize,
    /// Attention heads of a layer.
    pub num_heads: usize,
    /// Hidden width of a layer's feed-forward part.
    pub ffn_hidden: usize,
    /// Longest text, in tokens.
    pub max_positions: usize,
    /// Rows of the table of token types, of which only the first is used.
    pub token_types: usize,
    /// Epsilon of every normalisation.
    pub ln_eps: f64,
}

impl BertConfig {
    /// Reads a transformers `config.json`. Keys that change nothing in a forward pass are passed
    /// over; every value that is missing or wrong comes back in a line of its own.
    pub(super) fn parse(json: &[u8]) -> Result<Self, Vec<String>> {
        let json: Value = serde_json::from_slice(json).map_err(|error| vec![clipped(&error)])?;
        if !json.is_object() {
            return Err(vec!["not a JSON object".into()]);
        }
        let mut problems = Vec::new();
        // Other values of these keys are another network.
        for (key, expected) in [
            ("model_type", json!("bert")),
            ("hidden_act", json!("gelu")),
            ("position_embedding_type", json!("absolute")),
            ("is_decoder", json!(false)),
            ("add_cross_attention", json!(false)),
        ] {
            if let Some(found) = json.get(key).filter(|found| **found != expected) {
                problems.push(format!("{key} is {}; expected {expected}", clipped(found)));
            }
        }
        let mut dimension = |key: &str, most: usize| {
            let value = json.get(key);
            let number = value.and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
            let number = number.filter(|n| (1..=most).contains(n));
            if number.is_none() {
                let found = value.map_or("missing".into(), clipped);
                problems.push(format!("{key} is {found}; expected a number from 1 to {most}"));
            }
            number.unwrap_or_default()
        };
        let config = Self {
            vocab_size: dimension("vocab_size", MOST),
            width: dimension("hidden_size", MOST),
            depth: dimension("num_hidden_layers", MOST_LAYERS),
            num_heads: dimension("num_attention_heads", MOST),
            ffn_hidden: dimension("intermediate_size", MOST),
            max_positions: dimension("max_position_embeddings", MOST),
            token_types: dimension("type_vocab_size", MOST),
            // What transformers takes where the key is missing.
            ln_eps: json.get("layer_norm_eps").map_or(1e-12, |eps| eps.as_f64().unwrap_or(-1.0)),
        };
        if !(0.0..1.0).contains(&config.ln_eps) {
            let found = clipped(&json["layer_norm_eps"]);
            problems.push(format!("layer_norm_eps is {found}; expected a number from 0 to 1"));
        }
        let Self { width, num_heads, .. } = config;
        if num_heads > 0 && !width.is_multiple_of(num_heads) {
            problems.push(format!(
                "num_attention_heads is {num_heads}, which does not divide hidden_size {width}"
            ));
        }
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published configuration of bert-base-uncased.
    fn base() -> Value {
        json!({
            "architectures": ["BertForMaskedLM"], "attention_probs_dropout_prob": 0.1,
            "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": 768,
            "initializer_range": 0.02, "intermediate_size": 3072, "layer_norm_eps": 1e-12,
            "max_position_embeddings": 512, "model_type": "bert", "num_attention_heads": 12,
            "num_hidden_layers": 12, "pad_token_id": 0, "position_embedding_type": "absolute",
            "type_vocab_size": 2, "use_cache": true, "vocab_size": 30522,
        })
    }

    fn problems(json: &Value) -> Vec<String> {
        BertConfig::parse(json.to_string().as_bytes()).unwrap_err()
    }

    #[test]
    fn the_published_configuration_is_read() {
        let config = BertConfig::parse(base().to_string().as_bytes()).unwrap();
        let expected = BertConfig {
            vocab_size: 30522,
            width: 768,
            depth: 12,
            num_heads: 12,
            ffn_hidden: 3072,
            max_positions: 512,
            token_types: 2,
            ln_eps: 1e-12,
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let mut json = base();
        json["model_type"] = "roberta".into();
        json["hidden_act"] = "gelu_new".into();
        json["is_decoder"] = true.into();
        json["hidden_size"] = (-768).into();
        json["num_hidden_layers"] = 1_000_000_000.into();
        json["layer_norm_eps"] = "small".into();
        json["vocab_size"] = "x".repeat(1000).into();
        json.as_object_mut().unwrap().remove("type_vocab_size");
        let found = problems(&json);
        let keys = [
            "model_type",
            "hidden_act",
            "is_decoder",
            "vocab_size",
            "hidden_size",
            "num_hidden_layers",
            "type_vocab_size is missing",
            "layer_norm_eps",
        ];
        assert_eq!(found.len(), keys.len(), "{found:#?}");
        for (line, key) in found.iter().zip(keys) {
            assert!(line.starts_with(key) && line.len() < 200, "{key}: {line}");
        }
    }

    #[test]
    fn heads_that_do_not_divide_the_width_are_refused() {
        let mut json = base();
        json["num_attention_heads"] = 7.into();
        assert!(problems(&json)[0].contains("does not divide"));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["", "{", "[]", "null", "3", "\u{0}", &"[".repeat(100_000)] {
            assert_eq!(BertConfig::parse(text.as_bytes()).unwrap_err().len(), 1);
        }
    }
}
