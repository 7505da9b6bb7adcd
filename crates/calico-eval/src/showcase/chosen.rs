use super::{Choice, ChosenSample};

/// What a [`Choice`](super::Choice) has drawn, in the order of the draw.
#[derive(Debug, Clone)]
pub struct Chosen<'a> {
    pub(super) choice: Choice,
    /// The samples of the sub-tasks, one sub-task after the other.
    pub(super) pairs: Vec<ChosenSample<'a>>,
    /// One image with two partners: two samples each.
    pub(super) cases: Vec<[ChosenSample<'a>; 2]>,
}

impl Chosen<'_> {
    /// How many questions there are to ask.
    pub fn questions(&self) -> usize {
        self.pairs.len() + 2 * self.cases.len()
    }

    /// The ids of all samples, cases last.
    pub fn sample_ids(&self) -> impl Iterator<Item = &str> {
        let all = self.pairs.iter().chain(self.cases.iter().flatten());
        all.map(|chosen| chosen.sample.sample_id.as_str())
    }
}
