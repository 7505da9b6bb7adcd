use serde_json::{Map, Value, json};

use super::fault::Fault;
use super::merges::merges;
use super::pieces::place;
use super::ranks::rank;
use super::{Blanks, ModelKind, Piece, PieceKind, Pieces};
use crate::FormatError;

/// What stands for a blank.
const BLANK: &str = "▁";

/// The `tokenizer.json` of a BPE model. For every text without added tokens it gives the ids of
/// `SentencePiece`.
///
/// Control pieces, the unknown and the pieces of users are *added tokens* of it. They are found as a
/// whole before anything else, and each text between them is a text of its own, with its own blank
/// in front: the rule of the models that were trained with such tokens. `SentencePiece` itself never
/// finds the first two in a text, and puts no blank behind the third. No mark is set around a text.
///
/// # Errors
/// If it is no BPE model, or one that a `tokenizer.json` cannot express.
pub fn to_tokenizer_json(pieces: &Pieces) -> Result<Value, FormatError> {
    convert(pieces).map_err(|fault| fault.of(pieces.path()))
}

fn convert(pieces: &Pieces) -> Result<Value, Fault> {
    check_settings(pieces)?;
    let list = pieces.pieces();
    let mut merges = merges(list)?;
    rank(&mut merges)?;
    let pairs: Vec<Value> = merges.iter().map(|merge| json!([merge.left, merge.right])).collect();
    let vocab: Map<String, Value> =
        list.iter().enumerate().map(|(id, piece)| (piece.text.clone(), id.into())).collect();
    let unknown = list.get(pieces.unknown() as usize).map(|piece| piece.text.as_str());
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added_tokens(list)?,
        "normalizer": normalizer(pieces),
        "pre_tokenizer": null,
        "post_processor": null,
        "decoder": decoder(pieces),
        "model": {
            "type": "BPE", "dropout": null, "unk_token": unknown,
            "continuing_subword_prefix": null, "end_of_word_suffix": null,
            "fuse_unk": true, "byte_fallback": pieces.byte_fallback(), "ignore_merges": false,
            "vocab": vocab, "merges": pairs,
        },
    }))
}

/// Refuses what no list of merges can do.
fn check_settings(pieces: &Pieces) -> Result<(), Fault> {
    const ADVICE: &str = "use the tokenizer.json that belongs to this model";
    let kind = match pieces.model() {
        ModelKind::Bpe => None,
        ModelKind::Unigram => Some("a unigram model"),
        ModelKind::Word => Some("a model of words"),
        ModelKind::Char => Some("a model of characters"),
    };
    if let Some(kind) = kind {
        let reason = format!("found {kind}, expected byte-pair encoding as LLaMA has it; {ADVICE}");
        return Err(Fault::refused("model", reason));
    }
    let normalization = pieces.normalization();
    if normalization.rewrites {
        let reason = format!(
            "found the rules `{}`, which rewrite characters; expected `identity` as LLaMA has it; \
             {ADVICE}",
            normalization.name.escape_debug()
        );
        return Err(Fault::refused("normaliser", reason));
    }
    let blanks = match normalization.blanks {
        Blanks::BeforeWords => return Ok(()),
        Blanks::AfterWords => "blanks that belong to the word before them",
        Blanks::Kept => "blanks that stay blanks",
    };
    let reason = format!("found {blanks}; expected {BLANK} before words; {ADVICE}");
    Err(Fault::refused("normaliser", reason))
}

fn added_tokens(list: &[Piece]) -> Result<Vec<Value>, Fault> {
    let mut tokens = Vec::new();
    for (id, piece) in list.iter().enumerate() {
        let special = match piece.kind {
            PieceKind::Unknown | PieceKind::Control => true,
            PieceKind::UserDefined => false,
            PieceKind::Normal | PieceKind::Unused | PieceKind::Byte => continue,
        };
        if !special && piece.text.contains(BLANK) {
            let reason = format!(
                "it is a user's piece with {BLANK}; expected one without, since added tokens are \
                 found before blanks become {BLANK}; use the tokenizer.json that belongs to this \
                 model"
            );
            return Err(Fault::refused(place(id, &piece.text), reason));
        }
        tokens.push(json!({
            "id": id, "content": piece.text, "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": special,
        }));
    }
    Ok(tokens)
}

fn normalizer(pieces: &Pieces) -> Value {
    let mut steps = Vec::new();
    if pieces.normalization().remove_extra_whitespaces {
        // At the end, a `▁` of the text itself is dropped as well.
        for (pattern, content) in [(r"\A +", ""), (r"[ ▁]+\z", ""), (" {2,}", " ")] {
            let pattern = json!({ "Regex": pattern });
            steps.push(json!({ "type": "Replace", "pattern": pattern, "content": content }));
        }
    }
    if pieces.normalization().add_dummy_prefix {
        steps.push(json!({ "type": "Prepend", "prepend": BLANK }));
    }
    steps.push(json!({ "type": "Replace", "pattern": { "String": " " }, "content": BLANK }));
    json!({ "type": "Sequence", "normalizers": steps })
}

fn decoder(pieces: &Pieces) -> Value {
    let mut steps =
        vec![json!({ "type": "Replace", "pattern": { "String": BLANK }, "content": " " })];
    if pieces.byte_fallback() {
        steps.push(json!({ "type": "ByteFallback" }));
    }
    steps.push(json!({ "type": "Fuse" }));
    if pieces.normalization().add_dummy_prefix {
        steps.push(json!({ "type": "Strip", "content": " ", "start": 1, "stop": 0 }));
    }
    json!({ "type": "Sequence", "decoders": steps })
}
