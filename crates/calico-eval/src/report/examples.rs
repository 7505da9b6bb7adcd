//! Predictions beside the truth, drawn as outlines over the pictures.

use std::fmt::Write as _;

use calico_image::{Mask, Rle};
use calico_result::html::{Layer, escaped, figure, sentence};

use super::Pictures;
use crate::Gallery;
use crate::gallery::Example;
use crate::label_groups::LabelGroups;

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
    let labels = LabelGroups::new(truth, prediction);
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
    let plates: Vec<String> =
        labels.labels().iter().map(|label| format!("<p> {label} </p>")).collect();
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
                .map(|(label, mask)| Layer { mask, group: labels.group(label), label })
                .collect();
            let caption = format!("{title}, IMAGE{}: {}", index + 1, image.image_id);
            let link = pictures.address(&image.image_id);
            body.push_str(&figure(image.size, link, &caption, &layers));
        }
        body.push_str("</div>\n");
    }
    body.push_str("</section>\n");
}
