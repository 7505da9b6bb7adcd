use std::collections::HashMap;
use std::io::{self, BufRead};
use std::path::Path;

use serde::Deserialize;

use super::line::PairLine;
use super::lines::{Lines, Next};
use super::{Fault, Header, LineProblem, SCHEMA_ID};
use crate::{EvalError, PairPrediction, Truths};

/// The most faults of a file that are told at once.
const MOST_PROBLEMS: usize = 50;

/// Reads a predictions file line by line, so that only one sample's masks are in memory.
pub struct PredictionReader<'t, R> {
    truths: &'t Truths,
    lines: Lines<R>,
    header: Option<Header>,
    /// Whether the first line was looked at.
    has_begun: bool,
    /// The line of each sample that was read.
    seen: HashMap<usize, usize>,
}

impl<'t, R: BufRead> PredictionReader<'t, R> {
    /// A reader of predictions for these samples.
    pub fn new(from: R, truths: &'t Truths) -> Self {
        let lines = Lines::new(from);
        Self { truths, lines, header: None, has_begun: false, seen: HashMap::new() }
    }

    /// What the first line told, once a line was read.
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// The next prediction with the index of its sample in the truths, or what is wrong with its
    /// line; `None` at the end.
    pub fn advance(&mut self) -> io::Result<Option<Result<(usize, PairPrediction), LineProblem>>> {
        loop {
            let fault = match self.lines.advance()? {
                Next::End => return Ok(None),
                Next::TooLong => Fault::TooLong,
                Next::Line => match self.take_header() {
                    Ok(true) => continue,
                    Ok(false) => match self.prediction() {
                        Ok(found) => return Ok(Some(Ok(found))),
                        Err(fault) => fault,
                    },
                    Err(fault) => fault,
                },
            };
            return Ok(Some(Err(LineProblem { line: self.lines.number(), fault })));
        }
    }

    /// Hands all predictions on, one after the other, and returns the header; `path` names the
    /// file in errors.
    ///
    /// A file with faults is read to its end, and all of them are told; from the first one on
    /// nothing is handed on.
    pub fn read_all(
        mut self,
        path: &Path,
        mut take: impl FnMut(usize, PairPrediction) -> Result<(), EvalError>,
    ) -> Result<Option<Header>, EvalError> {
        let unreadable = |source| EvalError::Read { path: path.to_owned(), source };
        let (mut problems, mut more): (Vec<LineProblem>, usize) = (Vec::new(), 0);
        while let Some(line) = self.advance().map_err(unreadable)? {
            match line {
                Ok((index, prediction)) if problems.is_empty() => take(index, prediction)?,
                Ok(_) => {}
                Err(problem) if problems.len() < MOST_PROBLEMS => problems.push(problem),
                Err(_) => more += 1,
            }
        }
        if problems.is_empty() {
            Ok(self.header)
        } else {
            Err(EvalError::Predictions { path: path.to_owned(), problems, more })
        }
    }

    /// Whether the line is the header, which only the first can be.
    fn take_header(&mut self) -> Result<bool, Fault> {
        if std::mem::replace(&mut self.has_begun, true) {
            return Ok(false);
        }
        self.header = header(self.lines.line())?;
        Ok(self.header.is_some())
    }

    fn prediction(&mut self) -> Result<(usize, PairPrediction), Fault> {
        let line: PairLine = serde_json::from_slice(self.lines.line()).map_err(Fault::Malformed)?;
        let Some((index, truth)) = self.truths.find(&line.sample_id) else {
            return Err(Fault::UnknownSample { sample_id: line.sample_id });
        };
        if let Some(&first) = self.seen.get(&index) {
            return Err(Fault::RepeatedSample { sample_id: line.sample_id, first });
        }
        self.seen.insert(index, self.lines.number());
        Ok((index, line.prediction(truth)?))
    }
}

/// The header, if the first line is one.
pub(super) fn header(line: &[u8]) -> Result<Option<Header>, Fault> {
    #[derive(Deserialize)]
    struct Schema {
        schema: Option<String>,
    }
    // What is no object at all is a fault of the line, whatever it was meant to be.
    let Schema { schema } = serde_json::from_slice(line).map_err(Fault::Malformed)?;
    match schema {
        None => Ok(None),
        Some(found) if found != SCHEMA_ID => Err(Fault::Schema { found }),
        Some(_) => serde_json::from_slice(line).map(Some).map_err(Fault::Malformed),
    }
}
