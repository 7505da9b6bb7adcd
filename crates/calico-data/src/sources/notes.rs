use crate::{Code, Level, Problem};

/// What was found wrong with an image and its annotations, or with a file.
#[derive(Debug, Default)]
pub(super) struct Notes {
    findings: Vec<Finding>,
    position: usize,
    /// Number of annotations that are dropped because something is wrong with them.
    pub(super) dropped: u64,
}

#[derive(Debug)]
struct Finding {
    position: usize,
    code: Code,
    annotation: Option<i64>,
    detail: String,
}

impl Notes {
    /// Sorts what comes next to the annotation at a position, however often one goes through
    /// them; what is noted before the first call comes first.
    pub(super) fn turn_to(&mut self, position: usize) {
        self.position = position + 1;
    }

    /// Sorts what comes next to the image itself.
    pub(super) fn turn_to_image(&mut self) {
        self.position = 0;
    }

    /// Notes a finding about the image itself.
    pub(super) fn image(&mut self, code: Code, detail: impl Into<String>) {
        self.push(code, None, detail.into());
    }

    /// Notes a finding about an annotation that is kept.
    pub(super) fn annotation(&mut self, code: Code, id: i64, detail: impl Into<String>) {
        self.push(code, Some(id), detail.into());
    }

    /// Notes a finding about an annotation that is dropped because of it.
    pub(super) fn dropped(&mut self, code: Code, id: i64, detail: impl Into<String>) {
        // What is worth knowing only is no fault of the source.
        self.dropped += u64::from(code.level() > Level::Information);
        self.push(code, Some(id), detail.into());
    }

    fn push(&mut self, code: Code, annotation: Option<i64>, detail: String) {
        self.findings.push(Finding { position: self.position, code, annotation, detail });
    }

    /// The findings as lines of the report. `image` is the name in the image's record.
    pub(super) fn into_problems(
        mut self,
        source: &str,
        split: &str,
        image: Option<&str>,
    ) -> impl Iterator<Item = Problem> {
        self.findings.sort_by_key(|finding| finding.position);
        let (source, split) = (source.to_owned(), split.to_owned());
        let image = image.map(shortened);
        self.findings.into_iter().map(move |finding| Problem {
            level: finding.code.level(),
            code: finding.code,
            source: source.clone(),
            split: split.clone(),
            image: image.clone(),
            annotation: finding.annotation,
            detail: finding.detail,
        })
    }
}

/// A text of a file in a message: whoever wrote it may have meant harm.
fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}
