use super::CocoListing;

/// What counts as a record, and how large one may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordLimit {
    /// How many lists and objects a record is in, itself included.
    pub(crate) depth: u32,
    /// The most bytes.
    pub(crate) bytes: u64,
}

impl Default for RecordLimit {
    fn default() -> Self {
        // File, list of records, record.
        Self { depth: 3, bytes: CocoListing::MAX_RECORD_BYTES }
    }
}

/// What is too large in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Excess {
    /// A text.
    String,
    /// A number, or something else without quotes.
    Token,
    /// A record.
    Record,
    /// Lists and objects in each other.
    Depth,
}

/// Follows the outline of JSON text, so that what is too large is refused before the parser takes
/// memory for it. Whether the text is JSON at all is left to the parser.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) limit: RecordLimit,
    /// Position of the next byte.
    at: u64,
    depth: u32,
    inside: Inside,
    /// Where the text, the token or the space between them began.
    began: u64,
    /// Where the innermost record began.
    record_began: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Inside {
    #[default]
    Space,
    Token,
    String,
    /// A text, behind a backslash.
    Escape,
}

impl Scan {
    /// The most bytes of a number; those of a text and of a record are checked after every piece.
    const MAX_TOKEN_BYTES: u64 = 4096;

    /// Looks at the next bytes. What is too large comes with how many of them were in order.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Result<(), (usize, Excess)> {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            rest = match self.inside {
                Inside::String => self.text(rest),
                Inside::Escape => {
                    self.inside = Inside::String;
                    self.advance(after)
                }
                Inside::Space | Inside::Token => {
                    let before = bytes.len() - rest.len();
                    self.outline(byte).map_err(|excess| (before, excess))?;
                    self.advance(after)
                }
            };
        }
        self.check_lengths().map_err(|excess| (bytes.len(), excess))
    }

    fn advance<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        self.at += 1;
        rest
    }

    /// Reads on to the end of a text, or to the next escape.
    fn text<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some(length) = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\')) else {
            self.at += bytes.len() as u64;
            return &[];
        };
        self.inside = if bytes[length] == b'"' { Inside::Space } else { Inside::Escape };
        self.at += length as u64 + 1;
        &bytes[length + 1..]
    }

    /// Reads a byte outside of a text.
    fn outline(&mut self, byte: u8) -> Result<(), Excess> {
        match byte {
            b'"' => (self.inside, self.began) = (Inside::String, self.at),
            b'{' | b'[' => {
                self.inside = Inside::Space;
                self.depth += 1;
                if self.depth == self.limit.depth {
                    self.record_began = self.at;
                }
                if self.depth > CocoListing::MAX_DEPTH {
                    return Err(Excess::Depth);
                }
            }
            b'}' | b']' => {
                self.inside = Inside::Space;
                self.depth = self.depth.saturating_sub(1);
            }
            b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' => self.inside = Inside::Space,
            _ if self.inside == Inside::Space => {
                (self.inside, self.began) = (Inside::Token, self.at);
            }
            _ if self.at - self.began >= Self::MAX_TOKEN_BYTES => return Err(Excess::Token),
            _ => {}
        }
        Ok(())
    }

    fn check_lengths(&self) -> Result<(), Excess> {
        let is_string = matches!(self.inside, Inside::String | Inside::Escape);
        let is_record = self.depth >= self.limit.depth;
        if is_string && self.at - self.began > CocoListing::MAX_STRING_BYTES {
            Err(Excess::String)
        } else if is_record && self.at - self.record_began > self.limit.bytes {
            Err(Excess::Record)
        } else {
            Ok(())
        }
    }
}
