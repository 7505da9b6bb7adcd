//! The outlines as vector graphics: one drawing per image, without the photograph.

use std::fmt::Write as _;
use std::path::PathBuf;

use calico_image::{Mask, outlines};

use crate::{ImageEntry, OutputFolder, ResultError, Segment, Segmentation, palette};

pub(super) fn write(
    result: &Segmentation,
    folder: &OutputFolder,
) -> Result<Vec<PathBuf>, ResultError> {
    let mut paths = Vec::new();
    for image in &result.images {
        let layers = super::decoded(result, image.index)?;
        let name = format!("image{}.svg", image.index);
        paths.push(folder.write(&name, drawing(image, layers).as_bytes())?);
    }
    Ok(paths)
}

/// Units are the pixels of the original image. Smaller segments lie on larger ones.
fn drawing(image: &ImageEntry, mut layers: Vec<(&Segment, Mask)>) -> String {
    layers.sort_by_key(|(segment, _)| std::cmp::Reverse(segment.area));
    let (width, height) = (image.width, image.height);
    let mut paths = String::new();
    for (segment, mask) in &layers {
        let [red, green, blue] = palette::color(segment.group);
        // Writing to a string cannot fail.
        let _ = writeln!(
            paths,
            "  <path id=\"segment-{}\" fill=\"#{red:02x}{green:02x}{blue:02x}\" \
             data-role=\"{}\" data-group=\"{}\" d=\"{}\"><title>{}</title></path>",
            segment.id,
            segment.role.name(),
            segment.group,
            path_data(mask),
            escaped(&segment.label),
        );
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" fill-rule=\"evenodd\" fill-opacity=\"0.6\">\n  \
         <title>{}</title>\n{paths}</svg>\n",
        escaped(&image.file_name),
    )
}

/// One closed line per boundary; the even-odd rule cuts the holes out.
fn path_data(mask: &Mask) -> String {
    let mut data = String::new();
    for polygon in outlines(mask) {
        for ring in std::iter::once(&polygon.exterior).chain(&polygon.holes) {
            for (index, (x, y)) in ring.iter().enumerate() {
                let command = if index == 0 { 'M' } else { 'L' };
                let _ = write!(data, "{command}{x} {y}");
            }
            data.push('Z');
        }
    }
    data
}

/// Text for XML: the five special characters escaped, those that XML forbids replaced.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                safe.push(char::REPLACEMENT_CHARACTER);
            }
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ExportFormat, create_output_folder, export, sample};

    /// Fills path data by the even-odd rule at the centres of the pixels.
    fn filled(data: &str, mask: &Mask) -> Vec<bool> {
        let rings: Vec<Vec<(f64, f64)>> = data
            .split('Z')
            .filter(|ring| !ring.is_empty())
            .map(|ring| {
                let points = ring.split(['M', 'L']).skip(1);
                let pair = |p: &str| p.split_once(' ').map(|(x, y)| (x.parse(), y.parse()));
                points.map(|p| pair(p).unwrap()).map(|(x, y)| (x.unwrap(), y.unwrap())).collect()
            })
            .collect();
        let size = mask.size();
        let inside = |at: u32| {
            let (x, y) = (f64::from(at % size.width) + 0.5, f64::from(at / size.width) + 0.5);
            let crossings = rings.iter().flat_map(|ring| {
                let next = ring.iter().cycle().skip(1);
                ring.iter().zip(next)
            });
            crossings.filter(|(a, b)| a.0 > x && (a.1 > y) != (b.1 > y)).count() % 2 == 1
        };
        (0..size.height * size.width).map(inside).collect()
    }

    #[test]
    fn the_paths_fill_to_the_masks_holes_included() {
        let result = sample::segmentation();
        let scratch = tempfile::tempdir().unwrap();
        let folder = create_output_folder(scratch.path()).unwrap();
        let paths = export::write(&result, ExportFormat::Svg, &folder).unwrap();
        let drawing = std::fs::read_to_string(&paths[0]).unwrap();
        for segment in result.segments_in(1) {
            let start = drawing.find(&format!("id=\"segment-{}\"", segment.id)).unwrap();
            let data = drawing[start..].split(" d=\"").nth(1).unwrap().split('"').next().unwrap();
            let mask = segment.decode_mask().unwrap();
            assert_eq!(filled(data, &mask), mask.bits(), "segment {}", segment.id);
        }
        let second = std::fs::read_to_string(&paths[1]).unwrap();
        assert!(second.contains("<title>dog &amp; &quot;two&quot;.jpg</title>"), "{second}");
        assert!(second.contains(" d=\"\""), "an empty mask is an empty path");
    }

    #[test]
    fn characters_that_xml_forbids_are_replaced() {
        assert_eq!(escaped("a\u{1b}<b>"), "a\u{fffd}&lt;b&gt;");
    }
}
