use std::collections::BTreeMap;

use calico_image::Frame;

use super::sheet::titled_sheet;
use crate::{Answer, ResultError, Segmentation};

/// One picture of a prediction above the truth, each as [`super::sheet`] draws an answer.
///
/// Phrases of one label have one colour in both. The n-th answers are those of one question;
/// `photographs` are the images of both, in order and original size.
pub fn comparison(
    prediction: &Segmentation,
    truth: &Segmentation,
    photographs: &[Frame],
) -> Result<Frame, ResultError> {
    truth.check_photographs(photographs)?;
    let mut both = Segmentation::new(prediction.model.clone(), prediction.images.clone());
    let mut titles = Vec::new();
    for index in 0..prediction.answers.len().max(truth.answers.len()) {
        let (found, wanted) = (prediction.answers.get(index), truth.answers.get(index));
        let task = found.or(wanted).and_then(|answer| answer.task);
        let task =
            task.map_or_else(String::new, |task| format!(": {}", task.title().to_lowercase()));
        if let Some(found) = found {
            titles.push(format!("Prediction{task}"));
            both.answers.push(recolored(found, wanted));
        }
        if let Some(wanted) = wanted {
            titles.push(format!("Truth{task}"));
            both.answers.push(wanted.clone());
        }
    }
    titled_sheet(&both, &titles, photographs)
}

/// An answer whose groups have the numbers of the same labels in the truth; other labels get
/// numbers that the truth does not use.
fn recolored(found: &Answer, wanted: Option<&Answer>) -> Answer {
    let truths = || wanted.into_iter().flat_map(|answer| &answer.segments);
    let mut free = truths().map(|segment| segment.group).max().unwrap_or(0);
    let mut groups: BTreeMap<u32, u32> = BTreeMap::new();
    let mut answer = found.clone();
    for segment in &mut answer.segments {
        let same = truths().find(|truth| truth.label.eq_ignore_ascii_case(&segment.label));
        let same = same.map(|truth| truth.group);
        let group = match groups.get(&segment.group) {
            Some(group) => *group,
            // Two phrases of one label stay two groups, or the text could not tell them apart.
            None => same
                .filter(|group| !groups.values().any(|taken| taken == group))
                .unwrap_or_else(|| {
                    free = free.saturating_add(1);
                    free
                }),
        };
        groups.insert(segment.group, group);
        segment.group = group;
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn labels_of_the_truth_keep_their_colour_and_others_get_a_new_one() {
        let truth = sample::segmentation().answers[1].clone();
        let mut found = truth.clone();
        for segment in &mut found.segments {
            segment.group += 7;
            if segment.label == "legs" {
                segment.label = "tail".to_owned();
            }
        }
        let groups: Vec<(String, u32)> = recolored(&found, Some(&truth))
            .segments
            .into_iter()
            .map(|s| (s.label, s.group))
            .collect();
        let head = truth.segments[0].clone();
        let legs = truth.segments[2].group;
        assert_eq!(groups[0], (head.label.clone(), head.group));
        assert_eq!(groups[1], (head.label, head.group));
        assert_eq!(groups[2], ("tail".to_owned(), legs + 1));
        assert_eq!(groups[2], groups[3]);
    }

    #[test]
    fn a_prediction_stands_above_the_truth_and_missing_answers_are_left_out() {
        let photographs = sample::photographs();
        let (mut prediction, mut truth) = (sample::segmentation(), sample::segmentation());
        prediction.answers.truncate(1);
        truth.answers.truncate(1);
        let two = comparison(&prediction, &truth, &photographs).unwrap().size().height;
        prediction.answers.clear();
        let one = comparison(&prediction, &truth, &photographs).unwrap().size().height;
        assert!(one < two && two < 2 * one, "{one} {two}");
    }

    #[test]
    fn other_photographs_than_those_of_the_truth_are_refused() {
        let result = sample::segmentation();
        let mut photographs = sample::photographs();
        photographs.reverse();
        let error = comparison(&result, &result, &photographs);
        assert!(matches!(error, Err(ResultError::PhotographSize { image: 1, .. })));
    }
}
