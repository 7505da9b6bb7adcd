use calico_formats::Element;

use crate::listed::listed;

/// Why the names of a file cannot be translated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TranslateError {
    /// There is nothing to translate.
    #[error("found no tensors; expected a file with weights")]
    Empty,
    /// No map recognises the names.
    #[error(
        "the names of the tensors are those of no known family; list them and write a name map \
         of your own{}",
        closest(.close)
    )]
    NoFamily {
        /// The maps that know some of the names, the one that knows most first.
        close: Vec<Close>,
    },
    /// Several maps fit equally well.
    #[error("the names of the tensors fit several families, {}; name the one to use with `--map NAME`", .0.join(", "))]
    Several(Vec<String>),
    /// The family is known, and is one that cannot be used.
    #[error("this is {title}: {reason}")]
    Refused {
        /// The family.
        title: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The tensors contradict each other or the map; all problems.
    #[error("as a file of {title}, the tensors cannot be used:{}", listed(.problems))]
    Unusable {
        /// The family.
        title: String,
        /// Everything that is wrong.
        problems: Vec<NameProblem>,
    },
}

/// A map that knows some names of a file but does not recognise it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// Name of the map.
    pub map: String,
    /// Whose files it is about.
    pub title: String,
    /// Of a hundred names, how many it knows.
    pub percent: usize,
    /// The names by which it would have recognised the file.
    pub missing: Vec<String>,
}

impl std::fmt::Display for Close {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { map, title, percent, missing } = self;
        let missing = missing.join(" nor ");
        write!(f, "{map} ({title}) knows {percent} % of the names, but there is no {missing}")
    }
}

fn closest(close: &[Close]) -> String {
    if close.is_empty() { String::new() } else { format!("; close came:{}", listed(close)) }
}

/// One thing that is wrong with the tensors of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    /// Two tensors would be the same tensor of ours.
    #[error("both {first} and {second} would become {ours}; expected one of them")]
    Twice {
        /// The name of ours.
        ours: String,
        /// One tensor.
        first: String,
        /// The other.
        second: String,
    },
    /// Of a tensor that lies in parts, some are not there.
    #[error("{ours} is made of {}, but there is no {}", .found.join(", "), .missing.join(", "))]
    Incomplete {
        /// The name of ours.
        ours: String,
        /// The parts that are there.
        found: Vec<String>,
        /// The parts that are not.
        missing: Vec<String>,
    },
    /// Parts that lie under each other differ in their rows.
    #[error(
        "{ours} is made of {first} of shape {first_shape:?} and {second} of shape \
         {second_shape:?}; expected shapes that differ in the first axis only"
    )]
    Stack {
        /// The name of ours.
        ours: String,
        /// One part.
        first: String,
        /// Its shape.
        first_shape: Vec<usize>,
        /// Another.
        second: String,
        /// Its shape.
        second_shape: Vec<usize>,
    },
    /// A tensor cannot be cut into equal parts.
    #[error("{tensor} has the shape {shape:?}; expected rows that make {parts} equal parts")]
    Cut {
        /// The tensor.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// How many parts.
        parts: usize,
    },
    /// A tensor and the one that it should repeat differ.
    #[error(
        "{repeated} should repeat {used}, but has the shape {repeated_shape:?} in place of \
         {used_shape:?}"
    )]
    Repeated {
        /// The one that would be used.
        used: String,
        /// Its shape.
        used_shape: Vec<usize>,
        /// The one that should repeat it.
        repeated: String,
        /// Its shape.
        repeated_shape: Vec<usize>,
    },
    /// A weight that is no float.
    #[error(
        "{tensor} holds values of {element}; expected floats, so save the model in f16 or bf16 \
         instead of quantised"
    )]
    Element {
        /// The tensor.
        tensor: String,
        /// What it holds.
        element: Element,
    },
    /// A word of names that should be the same everywhere is not: several adapters in one file.
    #[error(
        "in {first} the {placeholder} is `{first_word}`, and in {second} it is `{second_word}`; \
         expected one, so save each on its own"
    )]
    Word {
        /// The placeholder of the map.
        placeholder: String,
        /// A tensor.
        first: String,
        /// What stands there.
        first_word: String,
        /// Another.
        second: String,
        /// What stands there.
        second_word: String,
    },
}
