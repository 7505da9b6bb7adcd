//! What the reader of an answer should know.

use std::mem::discriminant;

use calico_result::{Answer, Role, Task};

use super::asked::Asked;
use crate::grounding::{GrammarProblem, MissingIdentifier, ParsedAnswer};

/// Warnings about an answer, but for its end.
pub(super) fn warnings(
    asked: &Asked,
    parsed: &ParsedAnswer,
    answer: &Answer,
    images: usize,
    missing: MissingIdentifier,
) -> Vec<String> {
    let mut warnings = grammar(&parsed.problems, missing);
    for segment in answer.segments.iter().filter(|segment| segment.area == 0) {
        warnings
            .push(format!("the mask of {:?} in image {} is empty", segment.label, segment.image));
    }
    if let Some(task) = asked.task.filter(|_| images > 1) {
        warnings.extend(misplaced(task, parsed, answer, images));
    }
    warnings
}

/// Why an answer of `written` tokens, of `most` that were allowed, ended before `</s>`.
pub(super) fn cut(asked: &Asked, written: usize, most: usize) -> &'static str {
    if written == asked.room {
        "the answer was cut where the model's context ends"
    } else if written == most {
        "the answer was cut at the token limit"
    } else {
        "the answer was stopped before its end"
    }
}

/// One line per kind of problem: a looping answer repeats one hundreds of times.
fn grammar(problems: &[GrammarProblem], missing: MissingIdentifier) -> Vec<String> {
    let mut kinds: Vec<(&GrammarProblem, usize)> = Vec::new();
    for problem in problems {
        match kinds.iter_mut().find(|(kind, _)| discriminant(*kind) == discriminant(problem)) {
            Some((_, count)) => *count += 1,
            None => kinds.push((problem, 1)),
        }
    }
    let line = |(problem, count): (&GrammarProblem, usize)| {
        let assigned = missing == MissingIdentifier::RoundRobin;
        let effect = match problem {
            GrammarProblem::NoImage(_) if assigned => "; it was assigned in turn",
            problem if problem.concerns_seg() => "; it was dropped",
            _ => "",
        };
        let others = if count > 1 { format!(" ({count} of this kind)") } else { String::new() };
        format!("{problem}{effect}{others}")
    };
    kinds.into_iter().map(line).collect()
}

/// Phrases that are not what was asked for.
fn misplaced(task: Task, parsed: &ParsedAnswer, answer: &Answer, images: usize) -> Vec<String> {
    let first_group = answer.segments.iter().map(|segment| segment.group).min().unwrap_or(1);
    let mut lines = Vec::new();
    for (phrase, group) in parsed.phrases.iter().zip(first_group..) {
        let mut own = answer.segments.iter().filter(|segment| segment.group == group);
        let open = own.any(|segment| segment.role == Role::Other);
        let seen = phrase.segs.len();
        let wanted = match task {
            Task::CommonObjects if seen < images => "common object",
            Task::CommonParts if open => "common part",
            Task::UniqueParts if open => "unique part",
            _ => continue,
        };
        lines.push(format!(
            "{:?} is no {wanted}: it is grounded in {seen} of {images} images",
            phrase.phrase
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_looping_answer_gives_one_line_per_kind() {
        let mut problems: Vec<_> = (1..=500).map(GrammarProblem::NoImage).collect();
        problems.push(GrammarProblem::Unpaired);
        assert_eq!(
            grammar(&problems, MissingIdentifier::Drop),
            [
                "[SEG] number 1 names no image; it was dropped (500 of this kind)",
                "<p> and </p> do not pair up"
            ]
        );
        let assigned = grammar(&problems[..1], MissingIdentifier::RoundRobin);
        assert_eq!(assigned, ["[SEG] number 1 names no image; it was assigned in turn"]);
    }
}
