use std::io::{self, Read};

/// The most bytes of one entry of a list.
const MOST: usize = 32 << 20;

/// Passes JSON on, and fails when one entry of a list gets too long, before a parser has it in
/// memory.
pub(super) struct ItemLimit<R> {
    from: R,
    /// Entries are parted by the commas at most this deep.
    list_depth: usize,
    depth: usize,
    /// Bytes since the last such comma.
    item: usize,
    in_text: bool,
    is_escaped: bool,
}

impl<R: Read> ItemLimit<R> {
    pub(super) fn new(from: R, list_depth: usize) -> Self {
        Self { from, list_depth, depth: 0, item: 0, in_text: false, is_escaped: false }
    }

    fn watch(&mut self, byte: u8) {
        self.item += 1;
        if self.in_text {
            if self.is_escaped {
                self.is_escaped = false;
            } else if byte == b'\\' {
                self.is_escaped = true;
            } else if byte == b'"' {
                self.in_text = false;
            }
            return;
        }
        match byte {
            b'"' => self.in_text = true,
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            b',' if self.depth <= self.list_depth => self.item = 0,
            _ => {}
        }
    }
}

impl<R: Read> Read for ItemLimit<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        for &byte in &buffer[..count] {
            self.watch(byte);
        }
        if self.item > MOST {
            let text = format!("an entry of more than {MOST} bytes; simplify its mask");
            return Err(io::Error::other(text));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(text: &[u8], list_depth: usize) -> io::Result<u64> {
        io::copy(&mut ItemLimit::new(text, list_depth), &mut io::sink())
    }

    #[test]
    fn entries_are_counted_one_by_one() {
        let entry = format!("{{\"a\\\",\":[{}1]}},", "1,".repeat(MOST / 4));
        let text = format!("[{}1]", entry.repeat(4));
        assert_eq!(length(text.as_bytes(), 1).unwrap(), text.len() as u64);
        assert!(length(text.as_bytes(), 0).is_err());
    }

    #[test]
    fn a_long_text_is_stopped_early() {
        let endless = io::Read::chain(&b"[\""[..], io::repeat(b','));
        let mut limit = ItemLimit::new(endless, 1);
        let passed = io::copy(&mut limit, &mut io::sink());
        assert!(passed.is_err() && limit.item < 2 * MOST);
    }
}
