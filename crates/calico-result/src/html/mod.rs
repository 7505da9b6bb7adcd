//! Pages that show images with their masks: one file of HTML, without scripts.
//!
//! Masks are outlines over the picture, so a page stays sharp at any zoom and needs the picture
//! only as a link. A phrase under the pointer, or with the focus of the keyboard, lights up its
//! masks, by style sheets alone.

mod blocks;

use std::fmt::Write as _;

use calico_image::{Mask, Size};

use crate::markup::{self, Span};
use crate::palette;
use crate::xml::{hex, path_data};

pub use crate::xml::escaped;
pub use blocks::{chart, facts, folded_text, picture, table};

/// The phrases that light up; those of later groups stay still.
const LIT_GROUPS: u32 = 24;

/// A mask over a picture.
#[derive(Debug, Clone, Copy)]
pub struct Layer<'a> {
    /// The mask, of the size of the picture.
    pub mask: &'a Mask,
    /// The group of the phrase, from 1, which gives the colour.
    pub group: u32,
    /// What the mask shows.
    pub label: &'a str,
}

/// A whole page around a body of HTML.
pub fn page(title: &str, body: &str) -> String {
    let mut lit = String::new();
    for group in 1..=LIT_GROUPS {
        // Writing to a string cannot fail.
        let _ = write!(
            lit,
            ".pair:has(mark.g{group}:is(:hover,:focus)) .mask:not(.g{group})\
             {{fill-opacity:.06;stroke-opacity:.15}}\
             .pair:has(mark.g{group}:is(:hover,:focus)) .mask.g{group}{{fill-opacity:.75}}"
        );
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>\n{}{lit}\n</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        escaped(title),
        include_str!("style.css"),
    )
}

/// Pictures that several figures of a page show, held once: id, size and address of each. A figure
/// shows one if its link is the id behind a `#`.
pub fn shared_pictures<'a>(pictures: impl Iterator<Item = (&'a str, Size, &'a str)>) -> String {
    let mut html = String::from("<svg class=\"shared\" aria-hidden=\"true\"><defs>\n");
    for (id, Size { height, width }, link) in pictures {
        // Writing to a string cannot fail.
        let _ = writeln!(
            html,
            "<image id=\"{}\" href=\"{}\" width=\"{width}\" height=\"{height}\"/>",
            escaped(id),
            escaped(link),
        );
    }
    html.push_str("</defs></svg>\n");
    html
}

/// A picture with masks over it and a caption below. `link` is where the picture is, or names one
/// of the [`shared_pictures`]; without one the masks stand on grey.
///
/// Smaller masks lie on larger ones.
pub fn figure(size: Size, link: Option<&str>, caption: &str, layers: &[Layer<'_>]) -> String {
    let (width, height) = (size.width, size.height);
    let mut drawing = format!("<figure><svg viewBox=\"0 0 {width} {height}\" role=\"img\">");
    let _ = write!(drawing, "<title>{}</title>", escaped(caption));
    if let Some(link) = link {
        let is_shared = link.starts_with('#');
        let link = escaped(link);
        let _ = if is_shared {
            write!(drawing, "<use href=\"{link}\"/>")
        } else {
            write!(drawing, "<image href=\"{link}\" width=\"{width}\" height=\"{height}\"/>")
        };
    }
    let mut layers: Vec<(u64, &Layer<'_>)> =
        layers.iter().map(|layer| (layer.mask.area(), layer)).collect();
    layers.sort_by_key(|(area, _)| std::cmp::Reverse(*area));
    for (_, layer) in layers {
        let color = hex(palette::color(layer.group));
        let _ = write!(
            drawing,
            "<path class=\"mask g{}\" fill-rule=\"evenodd\" fill=\"{color}\" stroke=\"{color}\" \
             d=\"{}\"><title>{}</title></path>",
            layer.group,
            path_data(layer.mask),
            escaped(layer.label),
        );
    }
    let _ = writeln!(drawing, "</svg><figcaption>{}</figcaption></figure>", escaped(caption));
    drawing
}

/// A grounded answer as a sentence, each phrase on a plate in the colour of its masks; phrases
/// are groups, numbered from 1 in the order of the text.
pub fn sentence(answer: &str) -> String {
    let mut group = 0;
    sentence_in_groups(answer, |_| {
        group += 1;
        Some(group)
    })
}

/// A grounded answer as a sentence, where `group_of` tells the group of a phrase, from 1, by its
/// words; a phrase of no group stands out without a colour.
pub fn sentence_in_groups(answer: &str, mut group_of: impl FnMut(&str) -> Option<u32>) -> String {
    let mut html = String::new();
    for span in markup::spans(answer) {
        let (words, is_phrase) = match span {
            Span::Words(words) => (words, false),
            Span::Phrase(words, _) => (words, true),
        };
        let joined = words.split_whitespace().collect::<Vec<_>>().join(" ");
        if joined.is_empty() {
            continue;
        }
        if !html.is_empty() && !markup::closes(&joined) {
            html.push(' ');
        }
        if !is_phrase {
            html.push_str(&escaped(&joined));
        } else if let Some(group) = group_of(&joined) {
            html.push_str(&plate(&joined, group, ""));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(html, "<mark class=\"plain\">{}</mark>", escaped(&joined));
        }
    }
    html
}

/// Labels on plates in the colours of their groups, each with a note beside it; the keyboard
/// reaches the plates.
pub fn legend(labels: &[(u32, &str, String)]) -> String {
    let mut html = String::from("<ul class=\"legend\">\n");
    for (group, label, note) in labels {
        let plate = plate(label, *group, " tabindex=\"0\"");
        // Writing to a string cannot fail.
        let _ = writeln!(html, "<li>{plate} {}</li>", escaped(note));
    }
    html.push_str("</ul>\n");
    html
}

/// Words in the colour of a group; `attributes` begin with a blank.
fn plate(words: &str, group: u32, attributes: &str) -> String {
    let color = palette::color(group);
    format!(
        "<mark class=\"g{group}\"{attributes} style=\"background:{};color:{}\">{}</mark>",
        hex(color),
        hex(palette::text_color(color)),
        escaped(words),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_marked_and_punctuation_stays_close() {
        let html = sentence("They share <p> a <b> </p> [SEG] (IMAGE1) [SEG] (IMAGE2) .");
        assert_eq!(
            html,
            "They share <mark class=\"g1\" style=\"background:#e69f00;color:#000000\">\
             a &lt;b&gt;</mark>."
        );
    }

    #[test]
    fn phrases_take_the_groups_that_they_are_given() {
        let group_of = |words: &str| (words == "a lid").then_some(3);
        let html = sentence_in_groups("Both have <p> a lid </p> and <p> a cap </p>.", group_of);
        assert!(html.starts_with("Both have <mark class=\"g3\" style="), "{html}");
        assert!(html.ends_with("and <mark class=\"plain\">a cap</mark>."), "{html}");
        let html = legend(&[(2, "<i>", "half & half".to_owned())]);
        assert!(html.contains("class=\"g2\" tabindex=\"0\""), "{html}");
        assert!(html.contains("&lt;i&gt;</mark> half &amp; half</li>"), "{html}");
    }

    #[test]
    fn a_shared_picture_is_held_once_and_shown_by_its_id() {
        let size = Size::new(4, 6);
        let held = shared_pictures([("p1", size, "data:image/png;base64,\"")].into_iter());
        assert!(held.contains("<image id=\"p1\" href=\"data:image/png;base64,&quot;\""), "{held}");
        let shown = figure(size, Some("#p1"), "a picture", &[]);
        assert!(shown.contains("<use href=\"#p1\"/>") && !shown.contains("<image"), "{shown}");
    }

    #[test]
    fn small_masks_lie_on_large_ones_and_names_cannot_break_the_page() {
        let size = Size::new(4, 4);
        let (small, large) = (Mask::filled(Size::new(1, 1)), Mask::filled(size));
        let layers = [
            Layer { mask: &small, group: 1, label: "\"><script>" },
            Layer { mask: &large, group: 2, label: "whole" },
        ];
        let html = figure(size, Some("a\"b.jpg"), "<i>", &layers);
        assert!(!html.contains("<script") && !html.contains("<i>"), "{html}");
        assert!(html.contains("href=\"a&quot;b.jpg\""), "{html}");
        assert!(html.find("whole").unwrap() < html.find("&lt;script").unwrap(), "{html}");
    }

    #[test]
    fn a_page_is_complete_and_without_scripts() {
        let html = page("a & b", "<p>x</p>\n");
        assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>\n"));
        assert!(html.contains("<title>a &amp; b</title>") && !html.contains("<script"));
        assert!(html.contains("mark.g24:is") && !html.contains("mark.g25:is"));
    }
}
