//! What an evaluation can be told, and the words for it in files and on the command line.

use serde::{Deserialize, Serialize};

/// What the columns `ap50`, `miou` and `recall` mean.
///
/// The columns `miou_strict` and `recall_strict` are there in both modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// As GLaMM's evaluation of grounded conversations (`eval/gcg/evaluate.py`): scores are
    /// ignored, so predictions keep the order of the file; mIoU is the mean over matched pairs;
    /// Recall stops at the first pair that fails.
    #[default]
    Glamm,
    /// AP50 orders predictions by their scores, as COCO does, and a prediction without one has
    /// score 1; mIoU and Recall are the strict ones.
    Strict,
}

impl Mode {
    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Glamm => "glamm",
            Self::Strict => "strict",
        }
    }
}

/// How the predicted masks of an image are paired with the true ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assign {
    /// The pair with the largest `IoU` first, as GLaMM.
    #[default]
    Greedy,
    /// The pairs whose `IoUs` have the largest sum.
    Hungarian,
}

impl Assign {
    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Greedy => "greedy",
            Self::Hungarian => "hungarian",
        }
    }
}

/// What becomes of whole objects where parts are asked for.
///
/// Half of the answers about parts name the objects first, at random, and so may a model. The
/// definitions (GLaMM's evaluation) know no such difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartObjects {
    /// True objects are no targets, and predictions that bear the name of one of the pair's
    /// objects, and of no true part of the image, count neither for nor against.
    SetAside,
    /// Every region of the true answer is a target, and every prediction counts.
    #[default]
    Count,
}

impl PartObjects {
    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::SetAside => "set_aside",
            Self::Count => "count",
        }
    }
}

/// How Recall decides whether a label is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelTest {
    /// The cosine of two embeddings is at least 0.5; GLaMM takes those of BERT.
    Bert,
    /// The normalised labels are equal.
    Exact,
}

impl LabelTest {
    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bert => "bert",
            Self::Exact => "exact",
        }
    }
}

/// Everything that changes what the numbers mean, but for the text encoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EvalOptions {
    /// What the columns without a suffix mean.
    pub mode: Mode,
    /// How masks are paired.
    pub assign: Assign,
    /// What becomes of objects where parts are asked for.
    pub objects: PartObjects,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_files() {
        for mode in [Mode::Glamm, Mode::Strict] {
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.name());
        }
        for assign in [Assign::Greedy, Assign::Hungarian] {
            assert_eq!(serde_json::to_value(assign).unwrap(), assign.name());
        }
        for objects in [PartObjects::SetAside, PartObjects::Count] {
            assert_eq!(serde_json::to_value(objects).unwrap(), objects.name());
        }
        for test in [LabelTest::Bert, LabelTest::Exact] {
            assert_eq!(serde_json::to_value(test).unwrap(), test.name());
        }
    }
}
