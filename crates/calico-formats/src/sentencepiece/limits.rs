//! What no honest tokenizer exceeds.

/// Bytes of a file: LLaMA's has half a megabyte, Gemma's of 262,144 pieces has five.
pub(super) const FILE_BYTES: u64 = 16 << 20;
/// Pieces of a model.
pub(super) const PIECES: usize = 1 << 19;
/// Bytes of a piece's text: the longest of LLaMA, 16 blanks, take 48.
pub(super) const PIECE_BYTES: usize = 512;
