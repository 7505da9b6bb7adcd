use crate::PatternError;
use crate::listed::listed;

/// Why a name map cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// It is no TOML, or has keys that no map has.
    #[error("{file} is not a name map")]
    Toml {
        /// The file.
        file: String,
        /// Where, and what was expected.
        #[source]
        source: toml::de::Error,
    },
    /// It contradicts itself; all problems.
    #[error("the name map {file} cannot be used:{}", listed(.problems))]
    Wrong {
        /// The file.
        file: String,
        /// Everything that is wrong.
        problems: Vec<MapProblem>,
    },
}

/// One thing that is wrong with a name map.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapProblem {
    /// A pattern is none, or does not fit the one on its other side.
    #[error("{key}: `{pattern}`: {source}")]
    Pattern {
        /// Where in the file.
        key: String,
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        source: PatternError,
    },
    /// Some names match two patterns.
    #[error(
        "`{first}` and `{second}` match the same names; expected one line for each name, \
         so make one of the two more exact"
    )]
    Overlap {
        /// One pattern.
        first: String,
        /// The other.
        second: String,
    },
    /// It takes too long to find out whether some names match two patterns.
    #[error(
        "`{}` and `{}` are too long to be compared with all others; expected patterns as long as \
         names",
        crate::listed::start(.first), crate::listed::start(.second)
    )]
    Long {
        /// One pattern.
        first: String,
        /// The other.
        second: String,
    },
    /// A list is too short.
    #[error("{key}: found {found}; expected {expected}")]
    TooFew {
        /// Where in the file.
        key: String,
        /// How many there are.
        found: usize,
        /// How many there have to be.
        expected: &'static str,
    },
    /// The map uses another that is not there.
    #[error("use: found no map `{name}`; there are {}", .known.join(", "))]
    NoMap {
        /// The name of the other map.
        name: String,
        /// What could be used.
        known: Vec<String>,
    },
    /// A map with so many lines would take long to check.
    #[error(
        "found {found} patterns and used maps, expected {} or fewer; join lines with placeholders",
        super::MOST_PATTERNS
    )]
    TooMany {
        /// How many there are, at least.
        found: usize,
    },
}
