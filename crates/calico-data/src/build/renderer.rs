use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::content::content_of;
use super::corpus::{Corpus, Member};
use super::leaf::Planned;
use crate::wording::{Content, Wording};
use crate::{AnswerLimits, SampleRecord, Stream, Templates};

/// Puts planned samples into words. Each is a function of itself and the seed, so samples can be
/// made in any order and on any thread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Renderer<'a> {
    pub(crate) corpus: &'a Corpus,
    pub(crate) limits: &'a AnswerLimits,
    pub(crate) wording: &'a Wording,
    pub(crate) seed: u64,
}

impl Renderer<'_> {
    /// By region number: whether an answer names it.
    pub(crate) fn named_regions(&self, planned: &[Planned], is_named: &[AtomicBool]) {
        planned.par_iter().for_each(|sample| {
            let members = self.in_order(sample);
            let id = self.sample_id(sample, members);
            for slot in self.content(sample, members, &id).slots() {
                if let Some(is_named) = is_named.get(slot as usize) {
                    is_named.store(true, Ordering::Relaxed);
                }
            }
        });
    }

    /// The sample, with regions named as `region_ids` says for their numbers.
    pub(crate) fn sample(&self, sample: &Planned, region_ids: &[u32]) -> SampleRecord {
        let members = self.in_order(sample);
        let sample_id = self.sample_id(sample, members);
        let content = self.content(sample, members, &sample_id);
        let mut stream = Stream::new(self.seed, "words", &sample_id);
        let question = self.wording.question(sample.task, members.len(), &mut stream);
        let answer = self.wording.answer(sample.task, &content, &mut stream);
        let images = members.map(|member| self.corpus.image(member));
        let source = self.corpus.source_of(images[0]);
        let class = |member: Member| {
            source.vocabulary.class_label(self.corpus.entry(member).class).to_owned()
        };
        let region_id = |slot: &u32| region_ids.get(*slot as usize).copied().unwrap_or(u32::MAX);
        SampleRecord {
            source: source.name().to_owned(),
            subtask: sample.task,
            class_a: class(members[0]),
            class_b: class(members[1]),
            image_ids: images.map(|image| image.image_id.clone()).to_vec(),
            question: question.text,
            answer: answer.text,
            region_ids: answer.slots.iter().map(region_id).collect(),
            image_index: answer.images,
            template_ids: Templates {
                prefix: question.prefix,
                question: question.question,
                answer: answer.template,
            },
            ambiguous: sample.is_ambiguous,
            sample_id,
        }
    }

    /// The two objects in the order of the images: a coin decides, the same for all samples of two
    /// images.
    fn in_order(&self, sample: &Planned) -> [Member; 2] {
        let [a, b] = sample.members;
        let [low, high] = if a.image < b.image { [a, b] } else { [b, a] };
        let [one, other] = [low, high].map(|member| self.corpus.image(member));
        let id = format!("{}+{}", one.image_id, other.image_id);
        if Stream::new(self.seed, "order", &id).happens(5000) { [low, high] } else { [high, low] }
    }

    /// Source, sub-task and images: two images have one sample of a sub-task at most.
    fn sample_id(&self, sample: &Planned, members: [Member; 2]) -> String {
        let images = members.map(|member| self.corpus.image(member));
        let source = self.corpus.source_of(images[0]).name();
        let [one, other] = images.map(|image| stem(&image.image_id, source));
        format!("{source}/{}/{one}+{other}", sample.task.name())
    }

    fn content(&self, sample: &Planned, members: [Member; 2], id: &str) -> Content<'_> {
        let mut stream = Stream::new(self.seed, "content", id);
        content_of(self.corpus, sample.task, members, self.limits, &mut stream)
    }
}

/// An image's id without its source, and with no plus sign in it.
fn stem(image_id: &str, source: &str) -> String {
    let stem = image_id.strip_prefix(source).and_then(|rest| rest.strip_prefix('/'));
    stem.unwrap_or(image_id).replace('%', "%25").replace('+', "%2B")
}
