//! The grammar of grounded answers, read from token ids.
//!
//! ```text
//! answer := text (group text)*
//! group  := <p> phrase </p> ([SEG] (IMAGEn))+
//! ```

use std::ops::Range;

use calico_language::{Tokenizer, TokenizerError};
use serde::{Deserialize, Serialize};

/// What happens to a `[SEG]` that names no image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingIdentifier {
    /// It is dropped, with a warning.
    #[default]
    Drop,
    /// The n-th `[SEG]` of a phrase belongs to the n-th image, with a warning.
    RoundRobin,
}

/// How answers are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroundingConfig {
    /// What happens to a `[SEG]` that names no image.
    #[serde(default)]
    pub missing_identifier: MissingIdentifier,
}

/// One `[SEG]` that has a phrase and an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegToken {
    /// Index among the answer's tokens.
    pub token: usize,
    /// 0-based image.
    pub image: usize,
}

/// A phrase with the `[SEG]` tokens that follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroundedPhrase {
    /// The words between `<p>` and `</p>`.
    pub phrase: String,
    /// Their indices among the answer's tokens.
    pub tokens: Range<usize>,
    /// In the order of the text.
    pub segs: Vec<SegToken>,
}

/// Where an answer leaves the grammar. In a sentence that the user brings this is bad input; in
/// a generated one the segment is dropped with a warning, never guessed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrammarProblem {
    /// `[SEG]` before any phrase.
    #[error("[SEG] number {0} follows no phrase")]
    NoPhrase(usize),
    /// `[SEG]` inside `<p> … </p>`.
    #[error("[SEG] number {0} stands inside <p> … </p>")]
    InsidePhrase(usize),
    /// `[SEG]` without `(IMAGEn)`.
    #[error("[SEG] number {0} names no image")]
    NoImage(usize),
    /// An image that does not exist.
    #[error("[SEG] number {seg} names (IMAGE{image}), but the images are numbered 1 to {images}")]
    UnknownImage {
        /// Which `[SEG]`, from 1.
        seg: usize,
        /// The number it names.
        image: String,
        /// How many images there are.
        images: usize,
    },
    /// The same image twice for one phrase.
    #[error("[SEG] number {seg} names (IMAGE{image}) again for the same phrase")]
    RepeatedImage {
        /// Which `[SEG]`, from 1.
        seg: usize,
        /// The number it names, from 1.
        image: usize,
    },
    /// `<p>` without `</p>`, or the other way round.
    #[error("<p> and </p> do not pair up")]
    Unpaired,
    /// Nothing between `<p>` and `</p>`.
    #[error("phrase number {0} is empty")]
    EmptyPhrase(usize),
    /// A phrase that no `[SEG]` follows.
    #[error("the phrase {0:?} has no [SEG]")]
    NoSeg(String),
}

impl GrammarProblem {
    /// What the writer of a sentence can do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::NoPhrase(_) => "write <p> … </p> before it",
            Self::InsidePhrase(_) => "write it behind the </p>",
            Self::NoImage(_) => "write (IMAGE1), (IMAGE2), … behind it",
            Self::UnknownImage { .. } => "name an image that was given",
            Self::RepeatedImage { .. } => "name each image once per phrase",
            Self::Unpaired => "every phrase needs one of each, not nested",
            Self::EmptyPhrase(_) => "write words between <p> and </p>",
            Self::NoSeg(_) => "write [SEG] (IMAGE1) behind its </p>",
        }
    }

    /// Whether it is a `[SEG]` that belongs to no segment, unless an image is assigned to it.
    pub fn concerns_seg(&self) -> bool {
        !matches!(self, Self::Unpaired | Self::EmptyPhrase(_) | Self::NoSeg(_))
    }
}

/// An answer taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParsedAnswer {
    /// Phrases with at least one usable `[SEG]`, in the order of the text.
    pub phrases: Vec<GroundedPhrase>,
    /// What left the grammar.
    pub problems: Vec<GrammarProblem>,
}

impl ParsedAnswer {
    /// All usable `[SEG]` tokens with the phrase each belongs to, in the order of the text.
    pub fn segs(&self) -> impl Iterator<Item = (usize, SegToken)> {
        let phrases = self.phrases.iter().enumerate();
        phrases.flat_map(|(number, phrase)| phrase.segs.iter().map(move |seg| (number, *seg)))
    }
}

/// Takes an answer's tokens apart for `images` images.
///
/// The image of a `[SEG]` is the first identifier between it and the next structural token.
pub fn parse(
    ids: &[u32],
    images: usize,
    config: GroundingConfig,
    tokenizer: &Tokenizer,
) -> Result<ParsedAnswer, TokenizerError> {
    let mut parser = Parser::new(images, config, tokenizer);
    parser.read(ids)?;
    Ok(parser.finish())
}

struct Parser<'a> {
    images: usize,
    config: GroundingConfig,
    tokenizer: &'a Tokenizer,
    answer: ParsedAnswer,
    /// Start of the words of a phrase that is still open.
    open: Option<usize>,
    /// The last complete phrase; its `[SEG]` tokens are collected here.
    current: Option<GroundedPhrase>,
    /// `[SEG]` tokens that followed the current phrase, usable or not.
    seen: usize,
    phrase_count: usize,
    seg_count: usize,
}

impl<'a> Parser<'a> {
    fn new(images: usize, config: GroundingConfig, tokenizer: &'a Tokenizer) -> Self {
        Self {
            images,
            config,
            tokenizer,
            answer: ParsedAnswer::default(),
            open: None,
            current: None,
            seen: 0,
            phrase_count: 0,
            seg_count: 0,
        }
    }

    fn read(&mut self, ids: &[u32]) -> Result<(), TokenizerError> {
        let special = self.tokenizer.special();
        for (index, &id) in ids.iter().enumerate() {
            if id == special.phrase_start {
                self.close_group();
                if self.open.replace(index + 1).is_some() {
                    self.problem(GrammarProblem::Unpaired);
                }
            } else if id == special.phrase_end {
                self.end_phrase(ids, index)?;
            } else if id == special.seg {
                self.seg(ids, index)?;
            }
        }
        Ok(())
    }

    fn end_phrase(&mut self, ids: &[u32], index: usize) -> Result<(), TokenizerError> {
        let Some(start) = self.open.take() else {
            self.problem(GrammarProblem::Unpaired);
            return Ok(());
        };
        self.phrase_count += 1;
        let phrase = self.tokenizer.decode(ids.get(start..index).unwrap_or_default())?;
        if phrase.is_empty() {
            self.problem(GrammarProblem::EmptyPhrase(self.phrase_count));
            return Ok(());
        }
        self.seen = 0;
        self.current = Some(GroundedPhrase { phrase, tokens: start..index, segs: Vec::new() });
        Ok(())
    }

    fn seg(&mut self, ids: &[u32], index: usize) -> Result<(), TokenizerError> {
        self.seg_count += 1;
        let seg = self.seg_count;
        if self.open.is_some() {
            self.problem(GrammarProblem::InsidePhrase(seg));
            return Ok(());
        }
        let named = self.identifier(ids.get(index + 1..).unwrap_or_default())?;
        let images = self.images;
        if self.current.is_none() {
            self.problem(GrammarProblem::NoPhrase(seg));
            return Ok(());
        }
        self.seen += 1;
        let image = match named.map(|digits| (digits.parse::<usize>(), digits)) {
            Some((Ok(number), _)) if (1..=images).contains(&number) => Some(number - 1),
            Some((_, image)) => {
                self.problem(GrammarProblem::UnknownImage { seg, image, images });
                return Ok(());
            }
            None => None,
        };
        let image = match (image, self.config.missing_identifier) {
            (Some(image), _) => image,
            (None, missing) => {
                let turn = (self.seen - 1) % images.max(1);
                self.problem(GrammarProblem::NoImage(seg));
                if missing == MissingIdentifier::Drop {
                    return Ok(());
                }
                turn
            }
        };
        let Some(current) = &mut self.current else { return Ok(()) };
        if current.segs.iter().any(|seg| seg.image == image) {
            self.problem(GrammarProblem::RepeatedImage { seg, image: image + 1 });
            return Ok(());
        }
        current.segs.push(SegToken { token: index, image });
        Ok(())
    }

    /// The digits of the first `(IMAGEn)` before the next structural token.
    fn identifier(&self, rest: &[u32]) -> Result<Option<String>, TokenizerError> {
        let special = self.tokenizer.special();
        let structural = [special.seg, special.phrase_start, special.phrase_end, special.eos];
        let end = rest.iter().position(|id| structural.contains(id)).unwrap_or(rest.len());
        let text = self.tokenizer.decode(rest.get(..end).unwrap_or_default())?;
        Ok(text.split("(IMAGE").skip(1).find_map(|after| {
            let (digits, _) = after.split_once(')')?;
            let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            number.then(|| digits.to_owned())
        }))
    }

    /// Stores the current phrase, which no further `[SEG]` can follow.
    fn close_group(&mut self) {
        let Some(phrase) = self.current.take() else { return };
        if self.seen == 0 {
            self.problem(GrammarProblem::NoSeg(phrase.phrase));
        } else if !phrase.segs.is_empty() {
            self.answer.phrases.push(phrase);
        }
    }

    fn finish(mut self) -> ParsedAnswer {
        self.close_group();
        if self.open.is_some() {
            self.problem(GrammarProblem::Unpaired);
        }
        self.answer
    }

    fn problem(&mut self, problem: GrammarProblem) {
        self.answer.problems.push(problem);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn tokenizer() -> Tokenizer {
        let json = calico_language::byte_level_json(259).to_string();
        Tokenizer::parse(json.as_bytes(), Path::new("tokenizer.json")).unwrap()
    }

    fn parsed(text: &str, images: usize) -> ParsedAnswer {
        let tokenizer = tokenizer();
        let ids = tokenizer.encode(text).unwrap();
        parse(&ids, images, GroundingConfig::default(), &tokenizer).unwrap()
    }

    fn summary(answer: &ParsedAnswer) -> Vec<(&str, Vec<usize>)> {
        let phrases = answer.phrases.iter();
        phrases.map(|p| (p.phrase.as_str(), p.segs.iter().map(|s| s.image).collect())).collect()
    }

    #[test]
    fn common_and_unique_phrases_are_taken_apart() {
        let answer = parsed(
            "Both have <p> a handle </p> [SEG] (IMAGE1) [SEG] (IMAGE2), one <p> the lid </p> \
             [SEG] (IMAGE2).",
            2,
        );
        assert_eq!(summary(&answer), [("a handle", vec![0, 1]), ("the lid", vec![1])]);
        assert_eq!(answer.problems, []);
    }

    #[test]
    fn images_are_never_guessed() {
        use GrammarProblem as P;
        let unknown = |seg, image: &str| P::UnknownImage { seg, image: image.into(), images: 2 };
        let cases = [
            ("<p> a </p> [SEG] (IMAGE3)", unknown(1, "3")),
            ("<p> a </p> [SEG] (IMAGE0)", unknown(1, "0")),
            ("<p> a </p> [SEG] (IMAGE99999999999999999999)", unknown(1, "99999999999999999999")),
            ("<p> a </p> [SEG]", P::NoImage(1)),
            ("<p> a </p> [SEG] IMAGE1", P::NoImage(1)),
            ("[SEG] (IMAGE1)", P::NoPhrase(1)),
            ("<p> a [SEG] (IMAGE1) </p>", P::InsidePhrase(1)),
            ("<p> a </p>", P::NoSeg("a".into())),
            ("<p> </p> [SEG] (IMAGE1)", P::EmptyPhrase(1)),
            ("<p> a </p> </p> [SEG] (IMAGE1)", P::Unpaired),
            ("<p> a <p> b </p> [SEG] (IMAGE1)", P::Unpaired),
            ("<p> a </p> [SEG] (IMAGE1) <p> b", P::Unpaired),
            ("<p> a </p> [SEG] (IMAGE1) [SEG] (IMAGE1)", P::RepeatedImage { seg: 2, image: 1 }),
        ];
        for (text, problem) in cases {
            let answer = parsed(text, 2);
            assert!(answer.problems.contains(&problem), "{text}: {:?}", answer.problems);
        }
    }

    #[test]
    fn a_seg_after_an_unusable_phrase_does_not_join_an_earlier_one() {
        let answer = parsed("<p> a </p> [SEG] (IMAGE1) <p> </p> [SEG] (IMAGE2)", 2);
        assert_eq!(summary(&answer), [("a", vec![0])]);
        assert!(answer.problems.contains(&GrammarProblem::NoPhrase(2)));
    }

    #[test]
    fn round_robin_assigns_in_turn_and_says_so() {
        let tokenizer = tokenizer();
        let ids = tokenizer.encode("<p> a </p> [SEG] and [SEG]").unwrap();
        let config = GroundingConfig { missing_identifier: MissingIdentifier::RoundRobin };
        let answer = parse(&ids, 2, config, &tokenizer).unwrap();
        assert_eq!(summary(&answer), [("a", vec![0, 1])]);
        assert_eq!(answer.problems, [GrammarProblem::NoImage(1), GrammarProblem::NoImage(2)]);
    }
}
