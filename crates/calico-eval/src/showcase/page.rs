use std::collections::BTreeMap;
use std::fmt::Write as _;

use calico_image::Size;
use calico_result::Task;
use calico_result::html::{self, escaped, shared_pictures, table};

use super::card::{Heading, card};
use super::{Exhibit, Showcase, Tally, Verdict};

const TITLES: [&str; 7] =
    ["", "shown", "exactly right", "labels right, masks off", "wrong", "no answer", "mean IoU, %"];

/// The showcase as one page without scripts, light or dark as the reader's system; the pictures
/// are in it.
pub fn page(showcase: &Showcase) -> String {
    let mut body = String::new();
    head(&mut body, showcase);
    let all = || showcase.pairs.iter().chain(showcase.cases.iter().flat_map(|case| &case.pairs));
    let mut shared: BTreeMap<&str, (String, Size)> = BTreeMap::new();
    for exhibit in all() {
        for (picture, image) in exhibit.pictures.iter().zip(&exhibit.truth.images) {
            let Some(picture) = picture else { continue };
            let number = shared.len() + 1;
            shared.entry(picture).or_insert_with(|| (format!("picture{number}"), image.size));
        }
    }
    let held = shared.iter().map(|(link, (id, size))| (id.as_str(), *size, *link));
    body.push_str(&shared_pictures(held));
    let shared = shared.into_iter().map(|(link, (id, _))| (link, id)).collect();
    for task in showcase.counts.keys() {
        section(&mut body, showcase, *task, &shared);
    }
    context(&mut body, showcase, &shared);
    html::page(&format!("Gallery of {}", showcase.model), &body)
}

/// What the page shows, what the reader must know, and the counts.
fn head(body: &mut String, showcase: &Showcase) {
    let partners = if showcase.cases.is_empty() { "" } else { ", and pictures with two partners" };
    // Writing to a string cannot fail.
    let _ = writeln!(
        body,
        "<h1>What {} answers</h1>\n<p class=\"lead\">Pairs of pictures for each of three \
         questions{partners}, at most {} of each, drawn at random with seed {} from {}. All that \
         were drawn are here, in the order of the draw, failures included. Point at a phrase, or \
         reach its plate with the Tab key, to light up its masks.</p>",
        escaped(&showcase.model),
        showcase.pairs_per_task,
        showcase.seed,
        escaped(&showcase.origin()),
    );
    if let Some(notice) = &showcase.notice {
        let _ = writeln!(body, "<p class=\"warning\">{}</p>", escaped(notice));
    }
    let mut rows: Vec<Vec<String>> =
        showcase.counts.iter().map(|(task, tally)| row(task.title(), tally)).collect();
    if !showcase.cases.is_empty() {
        let pairs = showcase.cases.iter().flat_map(|case| &case.pairs);
        rows.push(row("One picture, two partners", &Tally::new(pairs)));
    }
    body.push_str(&table(&TITLES, &rows));
    if let Some(context) = &showcase.context {
        let _ = writeln!(
            body,
            "<p><b>{} of {}</b> pictures ({:.0} %) are answered exactly right for both of their \
             partners.</p>",
            context.both_right, context.cases, context.context_accuracy
        );
    }
    body.push_str(
        "<p class=\"lead\">Exactly right: in every picture the labels are the true ones, each mask \
         overlaps its own by at least half, and nothing else is drawn. The mean IoU counts a missed \
         mask as 0; beside a label stand the overlaps of its masks in image 1, 2. These are few pairs: for a measurement, score hundreds with <code>calico \
         eval</code>.</p>\n",
    );
}

fn row(name: &str, tally: &Tally) -> Vec<String> {
    let counts =
        [tally.shown, tally.exactly_right, tally.masks_off, tally.wrong_labels, tally.no_answer];
    let mut cells = vec![name.to_owned()];
    cells.extend(counts.map(|count| count.to_string()));
    cells.push(tally.mean_iou.map_or_else(|| "–".to_owned(), |iou| format!("{iou:.1}")));
    cells
}

/// The pairs of a sub-task.
fn section(body: &mut String, showcase: &Showcase, task: Task, shared: &BTreeMap<&str, String>) {
    let prefix = task.name().replace('_', "-");
    let _ = writeln!(body, "<h2>{}</h2>", task.title());
    let marks = showcase.of_task(task).map(|exhibit| {
        let verdict = exhibit.verdict;
        (verdict.mood(), verdict.sign(), verdict.words().to_owned())
    });
    strip(body, &prefix, marks);
    for (exhibit, number) in showcase.of_task(task).zip(1..) {
        let (words, id) = (format!("Pair {number}"), format!("{prefix}-{number}"));
        card(body, exhibit, &Heading { tag: "h3", words: &words, id: &id }, shared);
    }
}

/// One picture with two partners.
fn context(body: &mut String, showcase: &Showcase, shared: &BTreeMap<&str, String>) {
    if showcase.cases.is_empty() {
        return;
    }
    body.push_str(
        "<h2>One picture, two partners</h2>\n<p class=\"lead\">The first picture holds two objects. \
         Which of them is common depends on the picture beside it.</p>\n",
    );
    let marks: Vec<(&str, &str, String)> = showcase
        .cases
        .iter()
        .map(|case| {
            let words = format!("{} of 2 partners exactly right", case.right());
            match case.right() {
                2 => ("right", Verdict::ExactlyRight.sign(), words),
                1 => ("off", "½", words),
                _ => ("wrong", Verdict::WrongLabels.sign(), words),
            }
        })
        .collect();
    strip(body, "partners", marks.iter().cloned());
    for ((case, (mood, sign, words)), number) in showcase.cases.iter().zip(&marks).zip(1..) {
        let _ = writeln!(
            body,
            "<section class=\"case {mood}\" id=\"partners-{number}\"><header><h3>Picture {number}</h3>\
             <span class=\"verdict {mood}\"><span aria-hidden=\"true\">{sign} </span>{words}</span>\
             </header>"
        );
        for (exhibit, letter) in case.pairs.iter().zip(["a", "b"]) {
            half(body, exhibit, &format!("partners-{number}{letter}"), letter, shared);
        }
        body.push_str("</section>\n");
    }
}

fn half(
    body: &mut String,
    exhibit: &Exhibit,
    id: &str,
    letter: &str,
    shared: &BTreeMap<&str, String>,
) {
    let words = if letter == "a" { "With the first partner" } else { "With the second partner" };
    card(body, exhibit, &Heading { tag: "h4", words, id }, shared);
}

/// A link to each card, in the colour and with the sign of what it is worth.
fn strip<'a>(
    body: &mut String,
    prefix: &str,
    marks: impl Iterator<Item = (&'a str, &'a str, String)>,
) {
    body.push_str("<ul class=\"strip\">\n");
    for ((mood, sign, words), number) in marks.zip(1..) {
        let _ = writeln!(
            body,
            "<li><a class=\"{mood}\" href=\"#{prefix}-{number}\" title=\"{words}\" \
             aria-label=\"{number}: {words}\">{sign}</a></li>"
        );
    }
    body.push_str("</ul>\n");
}
