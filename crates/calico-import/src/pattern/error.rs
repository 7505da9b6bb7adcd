/// What is wrong with a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is empty.
    #[error("it is empty; expected the name of a tensor")]
    Empty,
    /// A brace without its other half.
    #[error("a brace stands alone; expected `{{name}}`, or `{{{{` for a brace of the name itself")]
    Brace,
    /// What stands between the braces is no placeholder.
    #[error(
        "`{{{0}}}` is no placeholder; expected small letters, and after a colon what may stand \
         there: `{{i}}`, `{{kind}}`, `{{p:q|k|v}}`"
    )]
    Name(String),
    /// Two options of which one begins the other: it would not be clear which is meant.
    #[error("of `{{{name}}}`, the option `{short}` begins the option `{long}`; write two lines")]
    Options {
        /// The placeholder.
        name: String,
        /// The shorter one.
        short: String,
        /// The longer one.
        long: String,
    },
    /// A placeholder appears twice.
    #[error("`{{{0}}}` appears twice; expected a name for each placeholder")]
    Twice(String),
    /// It is not clear where a placeholder ends.
    #[error("it is not clear where `{{{name}}}` ends; expected {expected} after it")]
    End {
        /// The placeholder.
        name: String,
        /// What may follow.
        expected: &'static str,
    },
    /// One side has a placeholder that the other has not.
    #[error("`{{{0}}}` has no value; expected a placeholder of the tensor that it is made of")]
    Unbound(String),
    /// What a placeholder held would be lost.
    #[error("`{{{0}}}` is lost; expected it on the other side too, or `{{_{0}}}` to drop it")]
    Lost(String),
}
