//! Pages that show images with their masks: one file of HTML, without scripts.
//!
//! Masks are outlines over the picture, so a page stays sharp at any zoom and needs the picture
//! only as a link. A phrase under the pointer lights up its masks, by style sheets alone.

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
            ".pair:has(mark.g{group}:hover) .mask:not(.g{group})\
             {{fill-opacity:.06;stroke-opacity:.15}}\
             .pair:has(mark.g{group}:hover) .mask.g{group}{{fill-opacity:.75}}"
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

/// A picture with masks over it and a caption below. `link` is where the picture is; without one
/// the masks stand on grey.
///
/// Smaller masks lie on larger ones.
pub fn figure(size: Size, link: Option<&str>, caption: &str, layers: &[Layer<'_>]) -> String {
    let (width, height) = (size.width, size.height);
    let mut drawing = format!("<figure><svg viewBox=\"0 0 {width} {height}\" role=\"img\">");
    let _ = write!(drawing, "<title>{}</title>", escaped(caption));
    if let Some(link) = link {
        let link = escaped(link);
        let _ = write!(drawing, "<image href=\"{link}\" width=\"{width}\" height=\"{height}\"/>");
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
    let mut html = String::new();
    let mut group = 0;
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
        if is_phrase {
            group += 1;
            let color = palette::color(group);
            let _ = write!(
                html,
                "<mark class=\"g{group}\" style=\"background:{};color:{}\">{}</mark>",
                hex(color),
                hex(palette::text_color(color)),
                escaped(&joined),
            );
        } else {
            html.push_str(&escaped(&joined));
        }
    }
    html
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
        assert!(html.contains("mark.g24:hover") && !html.contains("mark.g25:hover"));
    }
}
