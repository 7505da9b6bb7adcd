use super::Rule;
use super::findings::TableFindings;
use super::nothing_rules;
use super::question;
use super::region_facts::{RegionFact, RegionFacts};
use super::split_images::SplitImages;
use super::subtask_rules;
use crate::answer_text::{self, AnswerGroup};
use crate::{BuildConfig, ImageRecord, SampleRecord, Split};

/// What is looked at in a row of samples.
pub(super) struct SampleRules<'a> {
    pub(super) images: &'a SplitImages,
    pub(super) other_images: &'a [SplitImages],
    pub(super) regions: &'a RegionFacts,
    pub(super) config: Option<&'a BuildConfig>,
}

/// A phrase of an answer with what is known of its masks.
pub(super) struct Phrase<'a> {
    pub(super) text: &'a str,
    /// The one-based image and the region of each `[SEG]`.
    pub(super) masks: Vec<(usize, &'a RegionFact)>,
}

impl<'a> SampleRules<'a> {
    /// Looks at a sample.
    pub(super) fn check(&self, sample: &SampleRecord, findings: &mut TableFindings) {
        let id = &sample.sample_id;
        let images = self.images_of(sample, findings);
        let count = sample.image_ids.len();
        if let Some(found) = question::fault(&sample.question, count) {
            let expected = format!("<image> (IMAGE1) to <image> (IMAGE{count}), each once");
            findings.add(Rule::QuestionImages, id, found, expected);
        }
        if sample.ambiguous && self.images.split == Split::Test {
            findings.add(Rule::TestClear, id, "an ambiguous sample", "clear ones in test");
        }
        let regions = self.regions_of(sample, findings);
        let groups = match answer_text::parse(&sample.answer, count) {
            Ok(groups) => groups,
            Err(error) => {
                findings.add(Rule::AnswerGrammar, id, error, "a grounded answer");
                return;
            }
        };
        if !are_in_order(sample, &groups, findings) {
            return;
        }
        // What a missing region would show is not known.
        let Some(regions) = regions.into_iter().collect::<Option<Vec<_>>>() else { return };
        if regions.is_empty() {
            if let Some(images) = images.into_iter().collect::<Option<Vec<_>>>() {
                nothing_rules::check(sample, &images, findings);
            }
            return;
        }
        let phrases = phrases(&groups, &regions);
        for phrase in &phrases {
            self.check_phrase(id, phrase, findings);
        }
        if let Some(config) = self.config {
            subtask_rules::check_size(sample, &phrases, &config.answers, findings);
        }
        if let Some(images) = images.into_iter().collect::<Option<Vec<_>>>() {
            subtask_rules::check(sample, &phrases, &images, self.regions, findings);
        }
    }

    /// The images of a sample, as far as they are in the table.
    fn images_of(
        &self,
        sample: &SampleRecord,
        findings: &mut TableFindings,
    ) -> Vec<Option<&'a ImageRecord>> {
        let id = &sample.sample_id;
        let ids = &sample.image_ids;
        let repeated = ids.iter().enumerate().find(|(at, id)| ids[..*at].contains(id));
        if let Some((_, image_id)) = repeated {
            findings.add(Rule::ImagesDiffer, id, format!("{image_id} twice"), "different images");
        } else if ids.len() < 2 {
            findings.add(Rule::ImagesDiffer, id, ids.len(), "two images or more");
        }
        let image = |image_id: &String| {
            let found = self.images.get(image_id);
            let elsewhere = self.other_images.iter().find(|other| other.get(image_id).is_some());
            match (found, elsewhere) {
                (Some(image), _) if image.source != sample.source => {
                    let found = format!("an image of {}", image.source);
                    findings.add(Rule::SampleSource, id, found, &sample.source);
                }
                (None, Some(other)) => {
                    let found = format!("{image_id}, an image of {}", other.split);
                    findings.add(Rule::SampleSplit, id, found, self.images.split);
                }
                (None, None) => {
                    findings.add(Rule::SampleImages, id, image_id, "an image of the table");
                }
                (Some(_), _) => {}
            }
            found
        };
        ids.iter().map(image).collect()
    }

    /// The regions of a sample with their images, as far as they are sound.
    fn regions_of(
        &self,
        sample: &SampleRecord,
        findings: &mut TableFindings,
    ) -> Vec<Option<(usize, &'a RegionFact)>> {
        let id = &sample.sample_id;
        let region = |(at, region_id): (usize, &u32)| {
            let Some(fact) = self.regions.get(*region_id) else {
                let found = format!("region {region_id}");
                findings.add(Rule::SampleRegions, id, found, "a region of the table");
                return None;
            };
            let index = usize::from(*sample.image_index.get(at)?);
            let Some(image_id) = index.checked_sub(1).and_then(|at| sample.image_ids.get(at))
            else {
                let expected = format!("1 to {}", sample.image_ids.len());
                findings.add(Rule::ImageIndex, id, index, expected);
                return None;
            };
            let place = self.images.place(image_id)?;
            if fact.image != place {
                let there = self.images.records.get(fact.image as usize);
                let there = there.map_or("no known image", |image| &image.image_id);
                let found = format!("region {region_id} in {there}");
                findings.add(Rule::RegionOfImage, id, found, image_id);
                return None;
            }
            Some((index, fact))
        };
        sample.region_ids.iter().enumerate().map(region).collect()
    }

    fn check_phrase(&self, id: &str, phrase: &Phrase<'_>, findings: &mut TableFindings) {
        let names = |label: &str| {
            let rest = phrase.text.strip_suffix(label);
            rest.is_some_and(|article| ["", "a ", "an ", "the "].contains(&article))
        };
        let wrong = phrase.masks.iter().find(|(_, fact)| !names(self.regions.label(fact)));
        if let Some((image, fact)) = wrong {
            let found = format!("{:?} for region {}", phrase.text, fact.region_id);
            let label = self.regions.label(fact);
            let expected = format!("its label {label:?} in image {image}");
            findings.add(Rule::PhraseLabel, &id, found, expected);
        }
    }
}

/// Whether there is a mask for each `[SEG]`, in the image that it names.
fn are_in_order(
    sample: &SampleRecord,
    groups: &[AnswerGroup<'_>],
    findings: &mut TableFindings,
) -> bool {
    let id = &sample.sample_id;
    let named: Vec<u8> = groups.iter().flat_map(|group| group.images.iter().copied()).collect();
    let (segments, regions) = (named.len(), sample.region_ids.len());
    let indices = sample.image_index.len();
    if segments != regions || segments != indices {
        let found = format!("{segments} of [SEG], {regions} regions, {indices} image indices");
        findings.add(Rule::MaskCount, id, found, "equally many");
        return false;
    }
    let differs = named.iter().zip(&sample.image_index).position(|(named, index)| named != index);
    if let Some(at) = differs {
        let found = format!("image {} for mask {}", sample.image_index[at], at + 1);
        findings.add(Rule::MaskOrder, id, found, format!("(IMAGE{}) as in the answer", named[at]));
    }
    differs.is_none()
}

fn phrases<'a>(groups: &[AnswerGroup<'a>], regions: &[(usize, &'a RegionFact)]) -> Vec<Phrase<'a>> {
    let mut rest = regions;
    let phrase = |group: &AnswerGroup<'a>| {
        let (masks, after) = rest.split_at(group.images.len().min(rest.len()));
        rest = after;
        Phrase { text: group.phrase, masks: masks.to_vec() }
    };
    groups.iter().map(phrase).collect()
}
