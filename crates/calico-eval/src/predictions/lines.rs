use std::io::{self, BufRead};

use super::MAX_LINE_BYTES;

/// Reads a file line by line, and keeps none that is too long.
pub(super) struct Lines<R> {
    from: R,
    /// The line that was read last, without its end.
    line: Vec<u8>,
    /// Its number, from 1.
    number: usize,
    /// Where it ends in the file, in bytes.
    end: u64,
}

/// What the next line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// One to look at, with its line end if that is there.
    Line,
    /// One that was read over.
    TooLong,
    /// There is no other.
    End,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, line: Vec::new(), number: 0, end: 0 }
    }

    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// The bytes of the line without blanks around.
    pub(super) fn line(&self) -> &[u8] {
        self.line.trim_ascii()
    }

    /// Whether the line ends as a line does, and was not cut.
    pub(super) fn is_whole(&self) -> bool {
        self.line.ends_with(b"\n")
    }

    /// Where the line ends in the file, in bytes.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Goes to the next line that is not blank.
    pub(super) fn advance(&mut self) -> io::Result<Next> {
        loop {
            self.line.clear();
            let mut piece = io::Read::take(&mut self.from, MAX_LINE_BYTES as u64 + 1);
            if piece.read_until(b'\n', &mut self.line)? == 0 {
                return Ok(Next::End);
            }
            self.number += 1;
            self.end += self.line.len() as u64;
            if self.line.len() > MAX_LINE_BYTES && !self.is_whole() {
                self.line.clear();
                self.skip_rest()?;
                return Ok(Next::TooLong);
            }
            if !self.line().is_empty() {
                return Ok(Next::Line);
            }
        }
    }

    fn skip_rest(&mut self) -> io::Result<()> {
        loop {
            let (used, is_end) = {
                let piece = self.from.fill_buf()?;
                match piece.iter().position(|&byte| byte == b'\n') {
                    Some(at) => (at + 1, true),
                    None => (piece.len(), piece.is_empty()),
                }
            };
            self.from.consume(used);
            self.end += used as u64;
            if is_end {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};

    use super::*;

    #[test]
    fn blank_lines_are_passed_over_and_counted() {
        let mut lines = Lines::new(&b"\n  \na\r\n\nb"[..]);
        assert_eq!(lines.advance().unwrap(), Next::Line);
        assert_eq!((lines.line(), lines.number(), lines.is_whole()), (&b"a"[..], 3, true));
        assert_eq!(lines.advance().unwrap(), Next::Line);
        assert_eq!((lines.line(), lines.number(), lines.is_whole()), (&b"b"[..], 5, false));
        assert_eq!(lines.advance().unwrap(), Next::End);
    }

    #[test]
    fn a_gigabyte_in_one_line_is_read_over_in_little_memory() {
        let endless = io::repeat(b'x').take(1 << 30).chain(&b"\nshort\n"[..]);
        let mut lines = Lines::new(BufReader::new(endless));
        assert_eq!(lines.advance().unwrap(), Next::TooLong);
        assert!(lines.line.capacity() <= 4 * MAX_LINE_BYTES);
        assert_eq!(lines.advance().unwrap(), Next::Line);
        assert_eq!((lines.line(), lines.end()), (&b"short"[..], (1 << 30) + 7));
    }
}
