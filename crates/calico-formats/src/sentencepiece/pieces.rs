use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::fault::{Fault, shown};
use super::limits;
use crate::FormatError;

/// What a piece is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceKind {
    /// Text.
    Normal,
    /// Stands for what no piece covers.
    Unknown,
    /// Never found in a text: the marks of begin and end.
    Control,
    /// Always found as a whole.
    UserDefined,
    /// Has an id, and is never in the result.
    Unused,
    /// One byte, `<0x00>` to `<0xFF>`, of a character that no piece covers.
    Byte,
}

impl PieceKind {
    /// The kind with this number, in a `SentencePiece` model and in a GGUF file.
    pub fn from_number(number: i32) -> Option<Self> {
        Some(match number {
            1 => Self::Normal,
            2 => Self::Unknown,
            3 => Self::Control,
            4 => Self::UserDefined,
            5 => Self::Unused,
            6 => Self::Byte,
            _ => return None,
        })
    }
}

/// A piece of text with an id: its place in the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Its text, with `▁` for blanks.
    pub text: String,
    /// Higher is merged earlier.
    pub score: f32,
    /// What it is for.
    pub kind: PieceKind,
}

/// How texts are cut into pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelKind {
    /// Byte-pair merges, best score first.
    Bpe,
    /// The most likely sequence of pieces.
    Unigram,
    /// Words.
    Word,
    /// Characters.
    Char,
}

/// What becomes of blanks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blanks {
    /// They become `▁`, which belongs to the word behind it.
    BeforeWords,
    /// They become `▁`, which belongs to the word before it.
    AfterWords,
    /// They stay blanks.
    Kept,
}

/// What happens to a text before it is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalization {
    /// The name of its rules; LLaMA's is `identity`.
    pub name: String,
    /// Whether there are rules that rewrite characters; LLaMA has none.
    pub rewrites: bool,
    /// Whether a text gets a blank that it does not have; LLaMA's does.
    pub add_dummy_prefix: bool,
    /// Whether blanks at the ends and repeated ones are dropped; LLaMA keeps them.
    pub remove_extra_whitespaces: bool,
    /// What becomes of blanks.
    pub blanks: Blanks,
}

impl Normalization {
    /// LLaMA's: a blank in front, and nothing else is changed.
    pub fn llama() -> Self {
        Self {
            name: "identity".into(),
            rewrites: false,
            add_dummy_prefix: true,
            remove_extra_whitespaces: false,
            blanks: Blanks::BeforeWords,
        }
    }
}

/// Ids of the pieces that stand around a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpecialIds {
    /// Begins a sequence.
    pub bos: Option<u32>,
    /// Ends a sequence.
    pub eos: Option<u32>,
    /// Fills up a sequence.
    pub pad: Option<u32>,
}

/// A tokenizer as the lists of a GGUF file hold it.
#[derive(Debug, Clone)]
pub struct Lists {
    /// Texts of the pieces, in the order of their ids.
    pub tokens: Vec<String>,
    /// Their scores.
    pub scores: Vec<f32>,
    /// Numbers of their kinds, see [`PieceKind::from_number`].
    pub kinds: Vec<i32>,
    /// How texts are cut: `llama` in a GGUF file is BPE, `t5` is unigram.
    pub model: ModelKind,
    /// What happens to a text before.
    pub normalization: Normalization,
    /// Ids that the file names.
    pub special: SpecialIds,
}

/// A tokenizer of `SentencePiece`, checked: texts are there and differ, scores are finite, one
/// piece stands for the unknown, and bytes have a piece each or none.
#[derive(Debug, Clone)]
pub struct Pieces {
    path: PathBuf,
    list: Vec<Piece>,
    model: ModelKind,
    normalization: Normalization,
    unknown: u32,
    special: SpecialIds,
    byte_fallback: bool,
}

impl Pieces {
    /// Takes a tokenizer from the lists of a GGUF file; `path` names it in errors.
    ///
    /// # Errors
    /// If the lists have different lengths or contradict themselves.
    pub fn from_lists(path: &Path, lists: Lists) -> Result<Self, FormatError> {
        let Lists { tokens, scores, kinds, model, normalization, special } = lists;
        let read = || {
            let counts = [tokens.len(), scores.len(), kinds.len()];
            if counts != [tokens.len(); 3] {
                let [tokens, scores, kinds] = counts;
                let reason = format!(
                    "found {tokens} tokens, {scores} scores and {kinds} kinds; expected as many of \
                     each"
                );
                return Err(Fault::broken("pieces", reason));
            }
            let rows = tokens.into_iter().zip(scores).zip(kinds).enumerate();
            let pieces = rows.map(|(id, ((text, score), number))| {
                let kind = PieceKind::from_number(number).ok_or_else(|| {
                    let reason = format!("found kind {number}, expected 1 to 6");
                    Fault::broken(place(id, &text), reason)
                })?;
                Ok(Piece { text, score, kind })
            });
            let pieces = pieces.collect::<Result<_, _>>()?;
            Self::checked(path, pieces, model, normalization, special)
        };
        read().map_err(|fault| fault.of(path))
    }

    /// A tokenizer, if its parts agree.
    pub(super) fn checked(
        path: &Path,
        mut list: Vec<Piece>,
        model: ModelKind,
        normalization: Normalization,
        special: SpecialIds,
    ) -> Result<Self, Fault> {
        if list.is_empty() || list.len() > limits::PIECES {
            let (found, most) = (list.len(), limits::PIECES);
            let reason = format!("found {found} pieces, expected 1 to {most}");
            return Err(Fault::broken("pieces", reason));
        }
        for (id, piece) in list.iter_mut().enumerate() {
            check_piece(piece).map_err(|reason| Fault::broken(place(id, &piece.text), reason))?;
            // There is one zero, so that equal scores have equal bits.
            piece.score += 0.0;
        }
        check_texts(&list)?;
        let unknown = unknown_id(&list)?;
        let byte_fallback = has_bytes(&list)?;
        for (name, id) in [("bos", special.bos), ("eos", special.eos), ("pad", special.pad)] {
            if let Some(id) = id.filter(|&id| id as usize >= list.len()) {
                let count = list.len();
                let reason = format!("the {name} id is {id}, but there are {count} pieces");
                return Err(Fault::broken("special ids", reason));
            }
        }
        let path = path.to_path_buf();
        Ok(Self { path, list, model, normalization, unknown, special, byte_fallback })
    }

    /// The file that they come from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The pieces in the order of their ids.
    pub fn pieces(&self) -> &[Piece] {
        &self.list
    }

    /// How texts are cut.
    pub fn model(&self) -> ModelKind {
        self.model
    }

    /// What happens to a text before it is cut.
    pub fn normalization(&self) -> &Normalization {
        &self.normalization
    }

    /// Id of the piece that stands for what no piece covers.
    pub fn unknown(&self) -> u32 {
        self.unknown
    }

    /// Ids of the pieces that stand around a text.
    pub fn special(&self) -> SpecialIds {
        self.special
    }

    /// Whether characters that no piece covers become bytes.
    pub fn byte_fallback(&self) -> bool {
        self.byte_fallback
    }
}

/// Where a piece is, for messages.
pub(super) fn place(id: usize, text: &str) -> String {
    format!("piece {id} ({})", shown(text))
}

/// What is wrong with a piece on its own.
fn check_piece(piece: &Piece) -> Result<(), String> {
    let (bytes, most) = (piece.text.len(), limits::PIECE_BYTES);
    if bytes == 0 || bytes > most {
        return Err(format!("its text has {bytes} bytes, expected 1 to {most}"));
    }
    if !piece.score.is_finite() {
        return Err(format!("its score is {}, expected a finite number", piece.score));
    }
    if piece.kind == PieceKind::Byte && byte_of(&piece.text).is_none() {
        return Err("it stands for a byte, expected a text from <0x00> to <0xFF>".into());
    }
    Ok(())
}

fn check_texts(pieces: &[Piece]) -> Result<(), Fault> {
    let mut ids: HashMap<&str, usize> = HashMap::with_capacity(pieces.len());
    for (id, piece) in pieces.iter().enumerate() {
        if let Some(earlier) = ids.insert(&piece.text, id) {
            let reason = format!("piece {earlier} has the same text; expected each text once");
            return Err(Fault::broken(place(id, &piece.text), reason));
        }
    }
    Ok(())
}

fn unknown_id(pieces: &[Piece]) -> Result<u32, Fault> {
    let unknown = |(id, piece): (usize, &Piece)| (piece.kind == PieceKind::Unknown).then_some(id);
    let mut ids = pieces.iter().enumerate().filter_map(unknown);
    let Some(id) = ids.next() else {
        let reason = "found no piece for the unknown, expected one, such as <unk>";
        return Err(Fault::broken("pieces", reason));
    };
    if let Some(second) = ids.next() {
        let reason = format!("found pieces {id} and {second} for the unknown, expected one");
        return Err(Fault::broken("pieces", reason));
    }
    Ok(id as u32)
}

/// Whether there are pieces for bytes: as texts differ, 256 are all.
fn has_bytes(pieces: &[Piece]) -> Result<bool, Fault> {
    let mut found = [false; 256];
    let bytes = pieces.iter().filter(|piece| piece.kind == PieceKind::Byte);
    for byte in bytes.filter_map(|piece| byte_of(&piece.text)) {
        if let Some(found) = found.get_mut(usize::from(byte)) {
            *found = true;
        }
    }
    let count = found.iter().filter(|&&found| found).count();
    match found.iter().position(|&found| !found) {
        Some(missing) if count > 0 => {
            let reason = format!(
                "found pieces for {count} bytes but none for byte {missing}; expected <0x00> to \
                 <0xFF> or none"
            );
            Err(Fault::broken("pieces", reason))
        }
        missing => Ok(missing.is_none()),
    }
}

/// The byte that the text of a piece stands for.
fn byte_of(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    let byte = u8::from_str_radix(digits, 16).ok()?;
    (format!("{byte:02X}") == digits).then_some(byte)
}
