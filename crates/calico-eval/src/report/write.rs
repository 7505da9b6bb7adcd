use std::path::PathBuf;

use calico_result::OutputFolder;

use super::{Pictures, Report, html, markdown};
use crate::{EvalError, Gallery};

/// Writes `scores.json`, `scores.md` and `index.html`; returns their paths.
pub fn write(
    report: &Report,
    gallery: &Gallery,
    pictures: &Pictures,
    folder: &OutputFolder,
) -> Result<Vec<PathBuf>, EvalError> {
    let files = [
        ("scores.json", report.to_json()?),
        ("scores.md", markdown(report)),
        ("index.html", html(report, gallery, pictures)),
    ];
    let write = |(name, text): (&str, String)| Ok(folder.write(name, text.as_bytes())?);
    files.into_iter().map(write).collect()
}
