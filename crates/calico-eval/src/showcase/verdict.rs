use serde::Serialize;

use crate::PairScore;

/// What an answer is worth as a whole, by the definition of exact answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// In every image the labels are the true ones, each mask overlaps its own by at least half,
    /// and nothing else is drawn.
    ExactlyRight,
    /// The labels are, and a mask is not.
    MasksOff,
    /// A label is missing, or one is too many.
    WrongLabels,
    /// The model failed.
    NoAnswer,
}

impl Verdict {
    pub(super) fn new(score: &PairScore) -> Self {
        if score.is_missing || score.has_failed {
            Self::NoAnswer
        } else if score.answer.masks {
            Self::ExactlyRight
        } else if score.answer.labels {
            Self::MasksOff
        } else {
            Self::WrongLabels
        }
    }

    /// The verdict in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::ExactlyRight => "exactly right",
            Self::MasksOff => "labels right, masks off",
            Self::WrongLabels => "wrong",
            Self::NoAnswer => "no answer",
        }
    }

    /// A sign that needs no colour to be told from the others.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::ExactlyRight => "✓",
            Self::MasksOff => "◐",
            Self::WrongLabels => "✗",
            Self::NoAnswer => "∅",
        }
    }

    /// The class of its colour in a page.
    pub(super) fn mood(self) -> &'static str {
        match self {
            Self::ExactlyRight => "right",
            Self::MasksOff => "off",
            Self::WrongLabels | Self::NoAnswer => "wrong",
        }
    }
}
