//! The fields of a `SentencePiece` model file, whose form is the message `ModelProto`.

use std::path::Path;

use super::fault::Fault;
use super::wire::{Field, Message};
use super::{Blanks, ModelKind, Normalization, Piece, PieceKind, Pieces, SpecialIds, limits};
use crate::FormatError;
use crate::source::Source;
use crate::stand_in;

impl Pieces {
    /// Reads a `SentencePiece` model, such as LLaMA's `tokenizer.model`.
    ///
    /// # Errors
    /// If the file cannot be read, is no such model, or contradicts itself.
    pub fn from_model_file(path: &Path) -> Result<Self, FormatError> {
        let source = Source::open(path)?;
        check_size(source.len()).map_err(|fault| fault.of(path))?;
        Self::from_bytes(path, &source.read(0, source.len())?)
    }

    /// Reads a `SentencePiece` model that is in memory already; `path` names it in errors.
    ///
    /// # Errors
    /// As [`Pieces::from_model_file`].
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, FormatError> {
        if let Some((found, expected)) = no_model(bytes) {
            let (path, expected) = (path.to_path_buf(), expected.to_owned());
            return Err(FormatError::NotThis { path, found, expected });
        }
        let read = || {
            check_size(bytes.len() as u64)?;
            ModelFile::read(bytes)?.into_pieces(path)
        };
        read().map_err(|fault| fault.of(path))
    }
}

fn check_size(bytes: u64) -> Result<(), Fault> {
    if bytes <= limits::FILE_BYTES {
        return Ok(());
    }
    let reason = format!(
        "found {bytes} bytes, expected at most {}; name the tokenizer.model, not the model",
        limits::FILE_BYTES
    );
    Err(Fault::refused("file", reason))
}

/// What a file is that cannot be a model, and what was expected.
fn no_model(bytes: &[u8]) -> Option<(String, &'static str)> {
    // The tags of pieces, the trainer's and the normaliser's settings.
    if matches!(bytes.first(), Some(0x0a | 0x12 | 0x1a)) {
        return None;
    }
    let expected = "a SentencePiece model, such as LLaMA's tokenizer.model";
    Some(stand_in::of(bytes).unwrap_or_else(|| (stand_in::beginning(bytes), expected)))
}

/// What a file says, before it is checked.
#[derive(Debug)]
struct ModelFile {
    pieces: Vec<Piece>,
    trainer: Option<Trainer>,
    normalizer: Option<Normalization>,
}

/// What matters of the settings of the training.
#[derive(Debug)]
struct Trainer {
    model: ModelKind,
    byte_fallback: bool,
    whitespace_as_suffix: bool,
    /// Texts of the pieces that begin, end and fill up a sequence.
    bos: String,
    eos: String,
    pad: String,
}

impl Default for Trainer {
    fn default() -> Self {
        Self {
            model: ModelKind::Unigram,
            byte_fallback: false,
            whitespace_as_suffix: false,
            bos: "<s>".into(),
            eos: "</s>".into(),
            pad: "<pad>".into(),
        }
    }
}

impl ModelFile {
    fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let mut file = Self { pieces: Vec::new(), trainer: None, normalizer: None };
        let mut message = Message::whole(bytes);
        while let Some(field) = message.next()? {
            match field.number {
                1 => {
                    let count = file.pieces.len();
                    if count >= limits::PIECES {
                        let most = limits::PIECES;
                        return Err(field.broken(format!("found more than {most} pieces")));
                    }
                    file.pieces.push(read_piece(&field)?);
                }
                // Settings that are given twice complete each other.
                2 => file.trainer.get_or_insert_default().read(&field)?,
                3 => {
                    let normalizer = file.normalizer.get_or_insert_with(|| Normalization {
                        name: String::new(),
                        rewrites: false,
                        add_dummy_prefix: true,
                        remove_extra_whitespaces: true,
                        blanks: Blanks::BeforeWords,
                    });
                    read_normalizer(&field, normalizer)?;
                }
                _ => {}
            }
        }
        Ok(file)
    }

    fn into_pieces(self, path: &Path) -> Result<Pieces, Fault> {
        let missing = |what| {
            let reason = format!(
                "found {} pieces but no settings of the {what}; the file may be cut off: copy or \
                 download it again",
                self.pieces.len()
            );
            Fault::broken("file", reason)
        };
        let trainer = self.trainer.ok_or_else(|| missing("training"))?;
        let mut normalization = self.normalizer.ok_or_else(|| missing("normaliser"))?;
        if trainer.whitespace_as_suffix && normalization.blanks == Blanks::BeforeWords {
            normalization.blanks = Blanks::AfterWords;
        }
        let bytes = self.pieces.iter().any(|piece| piece.kind == PieceKind::Byte);
        if bytes != trainer.byte_fallback {
            let (pieces, setting) = if bytes { ("some", "off") } else { ("none", "on") };
            let reason = format!(
                "found {pieces} pieces for bytes although byte fallback is {setting}; expected 256 \
                 pieces with it and none without"
            );
            return Err(Fault::broken("pieces", reason));
        }
        let id = |text: &str| {
            let wanted = |piece: &Piece| piece.kind == PieceKind::Control && piece.text == text;
            self.pieces.iter().position(wanted).map(|id| id as u32)
        };
        let special =
            SpecialIds { bos: id(&trainer.bos), eos: id(&trainer.eos), pad: id(&trainer.pad) };
        Pieces::checked(path, self.pieces, trainer.model, normalization, special)
    }
}

fn read_piece(field: &Field<'_>) -> Result<Piece, Fault> {
    let mut piece = Piece { text: String::new(), score: 0.0, kind: PieceKind::Normal };
    let mut message = field.message()?;
    while let Some(field) = message.next()? {
        match field.number {
            1 => {
                let text = field.text()?;
                // Checked before it is copied.
                if text.len() > limits::PIECE_BYTES {
                    let most = limits::PIECE_BYTES;
                    let found = format!("found a piece of {} bytes", text.len());
                    return Err(field.broken(format!("{found}, expected at most {most}")));
                }
                text.clone_into(&mut piece.text);
            }
            2 => piece.score = field.float()?,
            3 => {
                let number = field.number()?;
                let kind = i32::try_from(number).ok().and_then(PieceKind::from_number);
                piece.kind = kind.ok_or_else(|| {
                    field.broken(format!("found a piece of kind {number}, expected 1 to 6"))
                })?;
            }
            _ => {}
        }
    }
    Ok(piece)
}

impl Trainer {
    fn read(&mut self, field: &Field<'_>) -> Result<(), Fault> {
        let mut message = field.message()?;
        while let Some(field) = message.next()? {
            let name = match field.number {
                3 => {
                    self.model = match field.number()? {
                        1 => ModelKind::Unigram,
                        2 => ModelKind::Bpe,
                        3 => ModelKind::Word,
                        4 => ModelKind::Char,
                        other => {
                            let reason = format!("found a model of type {other}, expected 1 to 4");
                            return Err(field.broken(reason));
                        }
                    };
                    continue;
                }
                24 => {
                    self.whitespace_as_suffix = field.switch()?;
                    continue;
                }
                35 => {
                    self.byte_fallback = field.switch()?;
                    continue;
                }
                46 => &mut self.bos,
                47 => &mut self.eos,
                48 => &mut self.pad,
                _ => continue,
            };
            // An empty name stands for the usual one.
            let text = field.text()?;
            if !text.is_empty() && text.len() <= limits::PIECE_BYTES {
                text.clone_into(name);
            }
        }
        Ok(())
    }
}

fn read_normalizer(field: &Field<'_>, normalizer: &mut Normalization) -> Result<(), Fault> {
    let mut message = field.message()?;
    while let Some(field) = message.next()? {
        match field.number {
            1 => normalizer.name = field.text()?.chars().take(limits::PIECE_BYTES).collect(),
            2 => normalizer.rewrites = !field.bytes()?.is_empty(),
            3 => normalizer.add_dummy_prefix = field.switch()?,
            4 => normalizer.remove_extra_whitespaces = field.switch()?,
            5 => {
                let escaped = field.switch()?;
                normalizer.blanks = if escaped { Blanks::BeforeWords } else { Blanks::Kept };
            }
            _ => {}
        }
    }
    Ok(())
}
