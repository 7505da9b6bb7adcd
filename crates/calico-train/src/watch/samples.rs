//! Pictures of single predictions.

use calico_image::Frame;
use calico_result::{Answer, Segmentation, pictures};

use super::WatchError;

/// A picture of a prediction above the truth, as the bytes of a PNG file: the question, the images
/// side by side with the masks, and the answer in words, phrases in the colours of their masks.
///
/// A label has one colour in both. `frames` are the images, in order and original size.
pub fn draw_prediction(
    prediction: &Segmentation,
    truth: &Segmentation,
    frames: &[Frame],
) -> Result<Vec<u8>, WatchError> {
    Ok(pictures::png(&pictures::comparison(prediction, truth, frames)?)?)
}

/// What a picture shows, in one line: the answers found and those that are true.
pub fn caption(prediction: &Segmentation, truth: &Segmentation) -> String {
    let words = |result: &Segmentation| {
        let answers: Vec<&str> = result.answers.iter().map(said).collect();
        if answers.is_empty() { "nothing".to_owned() } else { answers.join(" ") }
    };
    format!("Predicted: {} Truth: {}", words(prediction), words(truth))
}

fn said(answer: &Answer) -> &str {
    if answer.plain_text.is_empty() { "nothing" } else { &answer.plain_text }
}

#[cfg(test)]
mod tests {
    use calico_image::{Mask, Size};
    use calico_result::{ImageEntry, Model, Role, Scores, Segment, SegmentOrigin, Task};

    use super::*;

    fn result(phrase: &str, is_whole: bool) -> (Segmentation, Vec<Frame>) {
        let size = Size::new(24, 32);
        let entry = |index| ImageEntry::new(index, format!("{index}.png").as_ref(), size);
        let model = Model { name: "tiny".to_owned(), preset: None };
        let mut result = Segmentation::new(model, vec![entry(1), entry(2)]);
        let mask = if is_whole { Mask::filled(size) } else { Mask::empty(size) };
        let segment = |image| {
            let origin = SegmentOrigin {
                id: image,
                phrase: phrase.to_owned(),
                image,
                role: Role::CommonPart,
                group: 1,
                parent: None,
            };
            Segment::new(origin, &mask, Scores::new(None, None, 1.0))
        };
        let text = format!("Both have <p> {phrase} </p> [SEG] (IMAGE1) [SEG] (IMAGE2).");
        let segments = vec![segment(1), segment(2)];
        result.answers.push(Answer::new(Some(Task::CommonParts), "Which?", &text, segments));
        let frame = || Frame::new(size, vec![120; 24 * 32 * 3]).unwrap();
        (result, vec![frame(), frame()])
    }

    #[test]
    fn a_picture_is_a_png_that_depends_on_prediction_and_truth() {
        let (truth, frames) = result("a lid", true);
        let (other, _) = result("a lid", false);
        let right = draw_prediction(&truth, &truth, &frames).unwrap();
        let wrong = draw_prediction(&other, &truth, &frames).unwrap();
        assert!(right.starts_with(b"\x89PNG") && right != wrong);
        assert_eq!(right, draw_prediction(&truth, &truth, &frames).unwrap());
        assert!(draw_prediction(&truth, &truth, &frames[..1]).is_err());
    }

    #[test]
    fn a_caption_says_what_was_found_and_what_is_true() {
        let (truth, _) = result("a lid", true);
        let (mut found, _) = result("a spout", true);
        let line = caption(&found, &truth);
        assert_eq!(line, "Predicted: Both have a spout. Truth: Both have a lid.");
        found.answers.clear();
        assert!(caption(&found, &truth).starts_with("Predicted: nothing Truth: Both"));
    }
}
