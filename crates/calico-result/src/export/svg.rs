//! The outlines as vector graphics: one drawing per image, without the photograph.

use std::fmt::Write as _;
use std::path::PathBuf;

use calico_image::Mask;

use crate::xml::{escaped, hex, path_data};
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
        // Writing to a string cannot fail.
        let _ = writeln!(
            paths,
            "  <path id=\"segment-{}\" fill=\"{}\" data-role=\"{}\" data-group=\"{}\" d=\"{}\"><title>{}</title></path>",
            segment.id,
            hex(palette::color(segment.group)),
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
}
