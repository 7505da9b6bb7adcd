//! A result as text for people.

use std::fmt::Write as _;

use calico_result::{Answer, Segmentation, Task, terminal};

/// The answers, each with a line per segment; a headline per answer where there are several.
pub(crate) fn text(result: &Segmentation, colored: bool) -> String {
    let sentence = if colored { terminal::colored } else { terminal::plain };
    let mut text = String::new();
    for (number, answer) in result.answers.iter().enumerate() {
        if number > 0 {
            text.push('\n');
        }
        if result.answers.len() > 1 {
            let _ = writeln!(text, "{}", answer.task.map_or("Answer", Task::title));
        }
        let sentence = sentence(answer);
        let sentence = if sentence.is_empty() { "(an empty answer)" } else { &sentence };
        let _ = writeln!(text, "{sentence}");
        segments(answer, &mut text);
    }
    text
}

/// One line per segment: label, image, role and share of the image.
fn segments(answer: &Answer, text: &mut String) {
    if answer.segments.is_empty() {
        text.push_str("  no masks\n");
    }
    let labels: Vec<String> =
        answer.segments.iter().map(|segment| terminal::harmless(&segment.label)).collect();
    let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
    for (segment, label) in answer.segments.iter().zip(labels) {
        let role = segment.role.name().replace('_', " ");
        let percent = segment.area_ratio * 100.0;
        let _ = writeln!(
            text,
            "  {label:width$}  image {}  {role:11}  {percent:5.1} % of the image",
            segment.image
        );
    }
}

/// What the reader should know, one sentence each.
pub(crate) fn warnings(result: &Segmentation) -> Vec<String> {
    let mut warnings = result.warnings.clone();
    for answer in &result.answers {
        let task = answer.task.filter(|_| result.answers.len() > 1);
        let place = task.map_or_else(String::new, |task| format!("{}: ", task.title()));
        warnings.extend(answer.warnings.iter().map(|warning| format!("{place}{warning}")));
    }
    warnings.iter().map(|warning| terminal::harmless(warning)).collect()
}
