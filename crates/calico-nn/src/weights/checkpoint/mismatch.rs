//! What is wrong with the tensors of a checkpoint.

use std::path::PathBuf;

/// Everything in which a checkpoint differs from what the model asks for.
#[derive(Debug, Default)]
pub struct Mismatch {
    /// The checkpoint folder.
    pub folder: PathBuf,
    /// Names that the model needs and the files lack.
    pub missing: Vec<String>,
    /// Names in the files that the model does not know.
    pub unexpected: Vec<String>,
    /// Tensors of another shape: name, expected, found.
    pub misshaped: Vec<(String, Vec<usize>, Vec<usize>)>,
    /// Tensors stored in a type that they never have: name, expected, found.
    pub mistyped: Vec<(String, &'static str, String)>,
    /// Names found in more than one file.
    pub duplicate: Vec<String>,
    /// Tensors that hold NaN or infinity.
    pub not_finite: Vec<String>,
}

impl Mismatch {
    pub(super) fn is_empty(&self) -> bool {
        self.problems() == 0
    }

    fn problems(&self) -> usize {
        self.missing.len()
            + self.unexpected.len()
            + self.misshaped.len()
            + self.mistyped.len()
            + self.duplicate.len()
            + self.not_finite.len()
    }
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the weights in {} do not fit its config.json ({} problems); restore the files or the \
             config they were made for",
            self.folder.display(),
            self.problems()
        )?;
        let mut list = |title: &str, lines: Vec<String>| -> std::fmt::Result {
            /// More than this would scroll the first problem off the screen.
            const SHOWN: usize = 20;
            if lines.is_empty() {
                return Ok(());
            }
            write!(f, "\n  {title} ({}):", lines.len())?;
            for line in lines.iter().take(SHOWN) {
                write!(f, "\n    {line}")?;
            }
            if lines.len() > SHOWN {
                write!(f, "\n    … and {} more", lines.len() - SHOWN)?;
            }
            Ok(())
        };
        list("missing", self.missing.clone())?;
        list("unexpected", self.unexpected.clone())?;
        let shapes = self.misshaped.iter();
        let shapes =
            shapes.map(|(name, want, got)| format!("{name}: expected {want:?}, found {got:?}"));
        list("wrong shape", shapes.collect())?;
        let types = self.mistyped.iter();
        let types = types.map(|(name, want, got)| format!("{name}: expected {want}, found {got}"));
        list("wrong type", types.collect())?;
        list("stored twice", self.duplicate.clone())?;
        list("holding NaN or infinity", self.not_finite.clone())
    }
}
