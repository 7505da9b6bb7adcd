//! One question on the page: the truth beside the model's answer.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use calico_image::{Mask, Rle};
use calico_result::html::{Layer, escaped, figure, legend, sentence_in_groups};

use super::{Exhibit, Verdict};
use crate::label_groups::LabelGroups;
use crate::normalized_label;

/// What stands above a card.
pub(super) struct Heading<'a> {
    /// Its rank among headings: `h3`.
    pub(super) tag: &'a str,
    /// Its words.
    pub(super) words: &'a str,
    /// The address of the card within the page.
    pub(super) id: &'a str,
}

/// Adds a card; `shared` are the ids of the pictures that the page holds, by their addresses.
pub(super) fn card(
    body: &mut String,
    exhibit: &Exhibit,
    heading: &Heading<'_>,
    shared: &BTreeMap<&str, String>,
) {
    let groups = LabelGroups::new(&exhibit.truth, &exhibit.prediction);
    let Heading { tag, words, id } = heading;
    // Writing to a string cannot fail.
    let _ = writeln!(
        body,
        "<section class=\"pair {}\" id=\"{id}\"><header><{tag}>{words}</{tag}>{}\
         <span>{}</span><span>{}</span><span>{}</span></header>",
        exhibit.verdict.mood(),
        badge(exhibit.verdict),
        iou(exhibit),
        escaped(&classes(exhibit)),
        escaped(&exhibit.sample_id),
    );
    if let Some(reason) = reason(exhibit) {
        let _ = writeln!(body, "<p class=\"reason\">{}</p>", escaped(&reason));
    }
    let question = exhibit.question.replace("<image> ", "");
    let _ =
        writeln!(body, "<p class=\"question\">{}</p>\n<div class=\"sides\">", escaped(&question));
    for is_truth in [true, false] {
        side(body, exhibit, is_truth, &groups, shared);
    }
    body.push_str("</div>\n");
    let labels = groups.labels();
    if !labels.is_empty() {
        let entries: Vec<(u32, &str, String)> = labels
            .iter()
            .map(|label| (groups.group(label), label.as_str(), note(exhibit, label)))
            .collect();
        body.push_str(&legend(&entries));
    }
    body.push_str("</section>\n");
}

/// The verdict as a plate.
pub(super) fn badge(verdict: Verdict) -> String {
    format!(
        "<span class=\"verdict {}\"><span aria-hidden=\"true\">{} </span>{}</span>",
        verdict.mood(),
        verdict.sign(),
        verdict.words()
    )
}

/// The answer and the masks of the truth, or those of the model.
fn side(
    body: &mut String,
    exhibit: &Exhibit,
    is_truth: bool,
    groups: &LabelGroups,
    shared: &BTreeMap<&str, String>,
) {
    let title = if is_truth { "Truth" } else { "Model" };
    let answer = if is_truth { Some(&exhibit.true_answer) } else { exhibit.answer.as_ref() };
    let answer = answer.map(|answer| sentence_in_groups(answer, |phrase| groups.find(phrase)));
    let answer = answer.filter(|answer| !answer.is_empty());
    let answer = answer.unwrap_or_else(|| "(nothing was said)".to_owned());
    let _ = writeln!(
        body,
        "<div class=\"side\"><h4>{title}</h4>\n<p class=\"answer\">{answer}</p>\n<div class=\"row\">"
    );
    for (index, image) in exhibit.truth.images.iter().enumerate() {
        let masks: Vec<(&str, &Rle)> = if is_truth {
            image.targets.iter().map(|target| (target.label.as_str(), &target.mask)).collect()
        } else {
            let found = exhibit.prediction.image(index).iter();
            found.map(|found| (found.label.as_str(), &found.mask)).collect()
        };
        // A mask too large for the memory is left out of the drawing.
        let drawn: Vec<(&str, Mask)> = masks
            .into_iter()
            .filter_map(|(label, mask)| Some((label, mask.to_mask().ok()?)))
            .collect();
        let layers: Vec<Layer<'_>> = drawn
            .iter()
            .map(|(label, mask)| Layer { mask, group: groups.group(label), label })
            .collect();
        let link = exhibit.pictures.get(index).and_then(Option::as_deref);
        let link = link.and_then(|link| shared.get(link)).map(|id| format!("#{id}"));
        let caption = caption(index + 1, &drawn);
        body.push_str(&figure(image.size, link.as_deref(), &caption, &layers));
    }
    body.push_str("</div></div>\n");
}

/// What a picture shows, for those who do not see it, too.
fn caption(number: usize, drawn: &[(&str, Mask)]) -> String {
    let labels: Vec<String> = drawn.iter().map(|(label, _)| normalized_label(label)).collect();
    let labels = if labels.is_empty() { "no mask".to_owned() } else { labels.join(", ") };
    format!("IMAGE{number}: {labels}")
}

fn classes(exhibit: &Exhibit) -> String {
    let [a, b] = &exhibit.classes;
    if a == b { a.clone() } else { format!("{a} and {b}") }
}

fn iou(exhibit: &Exhibit) -> String {
    exhibit.mean_iou.map_or_else(String::new, |iou| format!("mean IoU {iou:.1} %"))
}

/// Why the answer is not exactly right; `None` if it is.
pub(super) fn reason(exhibit: &Exhibit) -> Option<String> {
    if let Some(failure) = &exhibit.failure {
        return Some(format!("The model failed: {failure}"));
    }
    let mut reasons = Vec::new();
    for (image, number) in exhibit.images.iter().zip(1..) {
        let mut faults = Vec::new();
        if !image.missing.is_empty() {
            faults.push(format!("missing {}", image.missing.join(", ")));
        }
        if !image.extra.is_empty() {
            let names = image.extra.iter().map(|label| {
                if label.is_empty() { "a mask without a name" } else { label.as_str() }
            });
            faults.push(format!("too many {}", names.collect::<Vec<_>>().join(", ")));
        }
        if exhibit.verdict == Verdict::MasksOff {
            let weak = image.masks.iter().filter(|mask| mask.iou < 50.0);
            let weak: Vec<String> =
                weak.map(|mask| format!("{} overlaps {:.0} %", mask.label, mask.iou)).collect();
            faults.extend((!weak.is_empty()).then(|| weak.join(", ")));
        }
        if !faults.is_empty() {
            reasons.push(format!("In image {number}: {}.", faults.join("; ")));
        }
    }
    match exhibit.verdict {
        Verdict::ExactlyRight => None,
        _ if reasons.is_empty() => Some("Another number of masks than expected.".to_owned()),
        _ => Some(reasons.join(" ")),
    }
}

/// What became of a label in each of the images that it belongs to.
fn note(exhibit: &Exhibit, label: &str) -> String {
    let mut notes = Vec::new();
    for (image, number) in exhibit.images.iter().zip(1..) {
        if let Some(mask) = image.masks.iter().find(|mask| mask.label == label) {
            let is_missing = image.missing.iter().any(|missing| missing == label);
            let found =
                if is_missing { "missing".to_owned() } else { format!("{:.0} %", mask.iou) };
            notes.push(format!("{number}: {found}"));
        } else if image.extra.iter().any(|extra| extra == label) {
            notes.push(format!("{number}: too many"));
        }
    }
    notes.join(" · ")
}
