use std::path::PathBuf;

/// Why released files cannot be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReleasedError {
    /// The map is wrong.
    #[error("the map of the released files is wrong: {reason}")]
    Map {
        /// What is wrong, all of it.
        reason: String,
    },
    /// None of the documents is there.
    #[error(
        "found none of the documents of the map in {root:?}, expected {expected}: name the folder \
         that holds them, or set documents.paths in the map",
        root = root.display()
    )]
    NoDocument {
        /// The folder.
        root: PathBuf,
        /// The paths that were looked for.
        expected: String,
    },
    /// A document has none of the lists that its shape names.
    #[error(
        "in {path:?}: found {found}, expected {expected}: inspect the document and set \
         {keys} in the map",
        path = path.display()
    )]
    Shape {
        /// The document.
        path: PathBuf,
        /// Its outermost keys.
        found: String,
        /// The lists that the map names.
        expected: String,
        /// The keys of the map that name them.
        keys: String,
    },
    /// No sample was understood.
    #[error(
        "found no sample that can be used: {reasons}; inspect the documents and correct the map"
    )]
    NoSamples {
        /// The most frequent of the reasons.
        reasons: String,
    },
}
