//! What the reader of an answer should know.

use calico_result::{Answer, Role, Task};

use super::Asked;
use crate::grounding::ParsedAnswer;

/// What the reader should know about an answer.
pub(super) fn warnings(
    asked: &Asked,
    parsed: &ParsedAnswer,
    answer: &Answer,
    images: usize,
) -> Vec<String> {
    let mut warnings: Vec<String> =
        parsed.problems.iter().map(|problem| format!("a segment was dropped: {problem}")).collect();
    if answer.truncated {
        warnings.push("the answer was cut at the token limit".into());
    }
    for segment in answer.segments.iter().filter(|segment| segment.area == 0) {
        warnings
            .push(format!("the mask of {:?} in image {} is empty", segment.label, segment.image));
    }
    for (number, phrase) in parsed.phrases.iter().enumerate() {
        let seen = phrase.segs.len();
        let role = answer.segments.iter().find(|s| s.phrase == phrase.phrase).map(|s| s.role);
        let misplaced = match asked.task {
            Some(Task::CommonObjects) if seen < images => "common object",
            Some(Task::CommonParts) if role == Some(Role::Other) => "common part",
            Some(Task::UniqueParts) if role == Some(Role::Other) => "unique part",
            _ => continue,
        };
        if images > 1 {
            warnings.push(format!(
                "phrase {} ({:?}) is no {misplaced}: it is grounded in {seen} of {images} images",
                number + 1,
                phrase.phrase
            ));
        }
    }
    warnings
}
