//! Predictions beside the truth, drawn as outlines over the pictures.

use std::fmt::Write as _;

use calico_image::{Mask, Rle};
use calico_result::html::{Layer, escaped, figure, sentence};

use super::Pictures;
use crate::gallery::Example;
use crate::{Gallery, normalized_label};

/// The best and the worst of each sub-task.
pub(super) fn sections(body: &mut String, gallery: &Gallery, pictures: &Pictures) {
    for task in gallery.tasks() {
        let best: Vec<&Example> = gallery.best(task).iter().collect();
        for (which, examples) in [("best", best), ("worst", gallery.worst(task))] {
            if examples.is_empty() {
                continue;
            }
            // Writing to a string cannot fail.
            let _ = writeln!(body, "<h2>{}: {which}</h2>", task.title());
            for example in examples {
                section(body, example, pictures);
            }
        }
    }
}

fn section(body: &mut String, example: &Example, pictures: &Pictures) {
    let (truth, prediction) = (&example.truth, &example.prediction);
    let labels = labels(example);
    let _ = writeln!(
        body,
        "<section class=\"pair\"><header><b>{}</b><span>{}</span><span>{}</span>\
         <span>quality {:.1} %</span></header>",
        escaped(&truth.sample_id),
        escaped(&truth.source),
        escaped(&truth.class_pair()),
        100.0 * example.score.quality(),
    );
    // The colours of the masks and those of the sentence are both numbered by first appearance.
    let plates: Vec<String> = labels.iter().map(|label| format!("<p> {label} </p>")).collect();
    let _ = writeln!(body, "<p class=\"answer\">{}</p>", sentence(&plates.join(" ")));
    if let Some(answer) = &prediction.answer {
        let _ = writeln!(body, "<p class=\"question\">Answer: {}</p>", escaped(answer));
    }
    if let Some(failure) = &prediction.failure {
        let _ = writeln!(body, "<p class=\"warning\">The model failed: {}</p>", escaped(failure));
    }
    for (title, is_truth) in [("Truth", true), ("Prediction", false)] {
        body.push_str("<div class=\"images\">\n");
        for (index, image) in truth.images.iter().enumerate() {
            let masks: Vec<(&str, &Rle)> = if is_truth {
                image.targets.iter().map(|target| (target.label.as_str(), &target.mask)).collect()
            } else {
                let found = prediction.image(index).iter();
                found.map(|found| (found.label.as_str(), &found.mask)).collect()
            };
            // A mask too large for the memory is left out of the drawing.
            let drawn: Vec<(&str, Mask)> = masks
                .into_iter()
                .filter_map(|(label, mask)| Some((label, mask.to_mask().ok()?)))
                .collect();
            let layers: Vec<Layer<'_>> = drawn
                .iter()
                .map(|(label, mask)| Layer { mask, group: group(&labels, label), label })
                .collect();
            let caption = format!("{title}, IMAGE{}: {}", index + 1, image.image_id);
            let link = pictures.address(&image.image_id);
            body.push_str(&figure(image.size, link, &caption, &layers));
        }
        body.push_str("</div>\n");
    }
    body.push_str("</section>\n");
}

/// The distinct labels of an example, those of the truth first.
fn labels(example: &Example) -> Vec<String> {
    let wanted = example.truth.images.iter().flat_map(|image| &image.targets);
    let found = example.prediction.images.iter().flatten();
    let all = wanted.map(|it| &it.label).chain(found.map(|it| &it.label));
    let mut labels: Vec<String> = Vec::new();
    for label in all.map(|label| normalized_label(label)) {
        if !label.is_empty() && !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels
}

/// The number of a label's colour, from 1; unlabelled masks share the one after the last.
fn group(labels: &[String], label: &str) -> u32 {
    let label = normalized_label(label);
    let at = labels.iter().position(|known| *known == label).unwrap_or(labels.len());
    at as u32 + 1
}
