use std::fmt::Write as _;

use calico_formats::FormatError;
use calico_formats::sentencepiece::{
    Blanks, ModelKind, Normalization, PieceKind, Pieces, to_tokenizer_json,
};
use calico_result::terminal;
use indicatif::HumanCount;
use serde_json::{Map, Value, json};

use super::contents::name_of;
use crate::stream;

/// What pieces are for, in the order of their numbers.
const KINDS: [(PieceKind, &str); 6] = [
    (PieceKind::Normal, "text"),
    (PieceKind::Unknown, "unknown"),
    (PieceKind::Control, "control"),
    (PieceKind::UserDefined, "user"),
    (PieceKind::Unused, "unused"),
    (PieceKind::Byte, "byte"),
];

/// What a tokenizer of `SentencePiece` is, as text or JSON.
pub(super) fn report(pieces: &Pieces, as_json: bool) -> anyhow::Result<String> {
    // A list of merges takes a moment, and is the only way to know.
    let refused = to_tokenizer_json(pieces).err().map(|error| match error {
        FormatError::Refused { reason, .. } => reason,
        error => error.to_string(),
    });
    let refused = refused.as_deref();
    if as_json { stream::json(&json(pieces, refused)) } else { Ok(text(pieces, refused)) }
}

fn counts(pieces: &Pieces) -> Vec<(&'static str, u64)> {
    let of_kind = |kind| pieces.pieces().iter().filter(|piece| piece.kind == kind).count() as u64;
    let counts = KINDS.into_iter().map(|(kind, name)| (name, of_kind(kind)));
    counts.filter(|(_, count)| *count > 0).collect()
}

/// The marks that have a piece: what each is for, its text and its id.
fn marks(pieces: &Pieces) -> Vec<(&'static str, &str, u32)> {
    let special = pieces.special();
    let marks = [
        ("unknown", Some(pieces.unknown())),
        ("begin", special.bos),
        ("end", special.eos),
        ("fill", special.pad),
    ];
    let named = |(name, id): (&'static str, Option<u32>)| {
        let piece = pieces.pieces().get(id? as usize)?;
        Some((name, piece.text.as_str(), id?))
    };
    marks.into_iter().filter_map(named).collect()
}

fn cut_by(model: ModelKind) -> &'static str {
    match model {
        ModelKind::Bpe => "byte-pair merges",
        ModelKind::Unigram => "likelihood (unigram)",
        ModelKind::Word => "words",
        ModelKind::Char => "characters",
    }
}

fn before(normalization: &Normalization) -> Vec<&'static str> {
    let Normalization { rewrites, add_dummy_prefix, remove_extra_whitespaces, blanks, .. } =
        normalization;
    let blanks = match blanks {
        Blanks::BeforeWords => "blanks belong to the word behind them",
        Blanks::AfterWords => "blanks belong to the word before them",
        Blanks::Kept => "blanks stay blanks",
    };
    let steps = [
        (*rewrites, "characters are rewritten"),
        (*remove_extra_whitespaces, "extra blanks are dropped"),
        (*add_dummy_prefix, "a blank is put in front"),
        (true, blanks),
    ];
    steps.into_iter().filter_map(|(holds, step)| holds.then_some(step)).collect()
}

fn text(pieces: &Pieces, refused: Option<&str>) -> String {
    let mut text = String::new();
    let mut line = |title: &str, content: String| {
        let _ = writeln!(text, "{title:15}{}", terminal::harmless(&content));
    };
    line("file", name_of(pieces.path()));
    line("format", "SentencePiece".to_owned());
    let counts =
        counts(pieces).into_iter().map(|(kind, count)| format!("{} {kind}", HumanCount(count)));
    let all = HumanCount(pieces.pieces().len() as u64);
    line("pieces", format!("{all}: {}", counts.collect::<Vec<_>>().join(", ")));
    line("cut by", cut_by(pieces.model()).to_owned());
    line("before", before(pieces.normalization()).join(", "));
    let marks = marks(pieces).into_iter().map(|(name, text, id)| format!("{name} {text} {id}"));
    line("marks", marks.collect::<Vec<_>>().join("  "));
    line(
        "becomes",
        match refused {
            None => "a tokenizer.json that gives the same ids".to_owned(),
            Some(reason) => format!("no tokenizer.json: {reason}"),
        },
    );
    text
}

fn json(pieces: &Pieces, refused: Option<&str>) -> Value {
    let kinds = counts(pieces).into_iter().map(|(kind, count)| (kind.to_owned(), count.into()));
    let marks = marks(pieces)
        .into_iter()
        .map(|(name, text, id)| (name.to_owned(), json!({ "text": text, "id": id })));
    json!({
        "path": pieces.path().display().to_string(),
        "format": "SentencePiece",
        "pieces": pieces.pieces().len(),
        "kinds": kinds.collect::<Map<_, _>>(),
        "cut_by": cut_by(pieces.model()),
        "before": before(pieces.normalization()),
        "marks": marks.collect::<Map<_, _>>(),
        "tokenizer_json": { "possible": refused.is_none(), "reason": refused },
    })
}
