//! The masks drawn on the photographs: one overlay per image, and a sheet with everything.

mod canvas;
pub mod chart;
mod comparison;
mod coverage;
mod drawing;
mod grid;
mod label_layout;
pub mod line_chart;
mod overlay;
mod paragraph;
mod placement;
mod ruler;
mod sheet;
mod typeface;

use std::io;
use std::path::PathBuf;

use calico_image::{Frame, Mask};

use crate::{Answer, OutputFolder, ResultError, Segment, Segmentation, png_file};

pub use comparison::comparison;
pub use overlay::overlay;
pub use sheet::sheet;

/// The name of the sheet in an output folder.
pub const SHEET_NAME: &str = "sheet.png";

/// Writes every picture of a result; returns the paths, the sheet last.
///
/// `photographs` are the images of the result, in order and original size.
///
/// - `image1_overlay.png`, …: all segments of the image, parts over objects. With one answer,
///   which is the common case, that is the answer.
/// - `image1_common_parts.png`, …: the segments of one answer, only when several answers have
///   segments, since together they crowd a picture. An answer without a task of its own counts:
///   `image1_answer2.png`.
/// - `sheet.png`: all images side by side with the text, one block per answer.
pub fn write(
    result: &Segmentation,
    photographs: &[Frame],
    folder: &OutputFolder,
) -> Result<Vec<PathBuf>, ResultError> {
    result.check_photographs(photographs)?;
    let mut paths = Vec::new();
    let mut save = |name: String, picture: &Frame| -> Result<(), ResultError> {
        let draw = |file: &mut _| png_file::colors(file, picture).map_err(io::Error::from);
        paths.push(folder.write_with(&name, draw)?);
        Ok(())
    };
    let named = answers_to_draw_alone(result);
    for (image, photograph) in result.images.iter().zip(photographs) {
        let index = image.index;
        let all: Vec<_> = result.segments_in(index).collect();
        save(format!("image{index}_overlay.png"), &overlay(photograph, &all)?)?;
        for (name, answer) in &named {
            let own: Vec<_> = answer.segments.iter().filter(|s| s.image == index).collect();
            save(format!("image{index}_{name}.png"), &overlay(photograph, &own)?)?;
        }
    }
    save(SHEET_NAME.to_owned(), &sheet(result, photographs)?)?;
    Ok(paths)
}

/// A picture as the bytes of a PNG file.
pub fn png(picture: &Frame) -> Result<Vec<u8>, ResultError> {
    let mut bytes = Vec::new();
    png_file::colors(&mut bytes, picture).map_err(io::Error::from).map_err(ResultError::Encode)?;
    Ok(bytes)
}

/// The answers with segments and their names in files, if there are several.
fn answers_to_draw_alone(result: &Segmentation) -> Vec<(String, &Answer)> {
    let with_segments = result.answers.iter().zip(1..).filter(|(a, _)| !a.segments.is_empty());
    let answers: Vec<(&Answer, u32)> = with_segments.collect();
    if answers.len() < 2 {
        return Vec::new();
    }
    let name = |&(answer, number): &(&Answer, u32)| {
        let alone = answer
            .task
            .filter(|_| answers.iter().filter(|(other, _)| other.task == answer.task).count() == 1);
        alone.map_or_else(|| format!("answer{number}"), |task| task.name().to_owned())
    };
    answers.iter().map(|found| (name(found), found.0)).collect()
}

/// A segment with its mask in pixels.
struct Layer<'a> {
    segment: &'a Segment,
    mask: Mask,
}

/// Decodes masks and sorts them for drawing: objects below parts, large below small.
fn layers<'a>(segments: &[&'a Segment]) -> Result<Vec<Layer<'a>>, ResultError> {
    let decode = |&segment: &&'a Segment| Ok(Layer { segment, mask: segment.decode_mask()? });
    let mut layers = segments.iter().map(decode).collect::<Result<Vec<_>, ResultError>>()?;
    layers.sort_by_key(|layer| {
        (layer.segment.role.is_part(), std::cmp::Reverse(layer.segment.area), layer.segment.id)
    });
    Ok(layers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{create_output_folder, sample};

    fn names(result: &Segmentation) -> Vec<String> {
        let scratch = tempfile::tempdir().unwrap();
        let folder = create_output_folder(scratch.path()).unwrap();
        let paths = write(result, &sample::photographs(), &folder).unwrap();
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        paths.iter().map(name).collect()
    }

    #[test]
    fn several_answers_are_drawn_together_and_alone() {
        let mut result = sample::segmentation();
        assert_eq!(
            names(&result),
            [
                "image1_overlay.png",
                "image1_common_objects.png",
                "image1_common_parts.png",
                "image2_overlay.png",
                "image2_common_objects.png",
                "image2_common_parts.png",
                "sheet.png"
            ]
        );
        result.answers[0].task = None;
        result.answers[1].task = None;
        assert_eq!(names(&result)[1..3], ["image1_answer1.png", "image1_answer2.png"]);
    }

    #[test]
    fn one_answer_is_drawn_once() {
        let mut result = sample::segmentation();
        result.answers.truncate(1);
        assert_eq!(names(&result), ["image1_overlay.png", "image2_overlay.png", "sheet.png"]);
    }

    #[test]
    fn other_photographs_than_those_of_the_result_are_refused() {
        let result = sample::segmentation();
        let mut photographs = sample::photographs();
        photographs.reverse();
        let scratch = tempfile::tempdir().unwrap();
        let folder = create_output_folder(scratch.path()).unwrap();
        let error = write(&result, &photographs, &folder);
        assert!(matches!(error, Err(ResultError::PhotographSize { image: 1, .. })));
        let error = write(&result, &photographs[..1], &folder);
        assert!(matches!(error, Err(ResultError::PhotographCount { found: 1, expected: 2 })));
    }
}
