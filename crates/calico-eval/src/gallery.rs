use std::cmp::Ordering;
use std::collections::BTreeMap;

use calico_result::Task;

use crate::{PairPrediction, PairScore, PairTruth};

/// The best and the worst predictions of each sub-task, kept while others pass by.
#[derive(Debug, Clone, PartialEq)]
pub struct Gallery {
    most: usize,
    tasks: BTreeMap<Task, Shelf>,
}

/// A prediction worth looking at.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// What should have been found.
    pub truth: PairTruth,
    /// What was found; empty where nothing was predicted.
    pub prediction: PairPrediction,
    /// What was counted.
    pub score: PairScore,
}

/// Both best first.
#[derive(Debug, Clone, PartialEq, Default)]
struct Shelf {
    best: Vec<Example>,
    worst: Vec<Example>,
}

impl Gallery {
    /// A gallery of `most` best and as many worst predictions per sub-task.
    pub fn new(most: usize) -> Self {
        Self { most, tasks: BTreeMap::new() }
    }

    /// Keeps a prediction if it is better or worse than those that are kept.
    pub(crate) fn offer(
        &mut self,
        truth: &PairTruth,
        prediction: Option<&PairPrediction>,
        score: &PairScore,
    ) {
        if self.most == 0 {
            return;
        }
        let shelf = self.tasks.entry(truth.subtask).or_default();
        let is_better = |other: &Example| order(score, &other.score) == Ordering::Less;
        let full = |examples: &[Example]| examples.len() == self.most;
        let joins_best = !full(&shelf.best) || shelf.best.last().is_some_and(is_better);
        let is_worse = |other: &Example| !is_better(other);
        let joins_worst = !full(&shelf.worst) || shelf.worst.first().is_some_and(is_worse);
        if !joins_best && !joins_worst {
            return;
        }
        let empty = || PairPrediction::empty(&truth.sample_id, truth.images.len());
        let example = Example {
            truth: truth.clone(),
            prediction: prediction.map_or_else(empty, PairPrediction::clone),
            score: score.clone(),
        };
        if joins_best {
            insert(&mut shelf.best, example.clone());
            shelf.best.truncate(self.most);
        }
        if joins_worst {
            insert(&mut shelf.worst, example);
            if shelf.worst.len() > self.most {
                shelf.worst.remove(0);
            }
        }
    }

    /// The sub-tasks that have examples.
    pub fn tasks(&self) -> impl Iterator<Item = Task> {
        self.tasks.keys().copied()
    }

    /// All examples; one among both the best and the worst comes twice.
    pub fn examples(&self) -> impl Iterator<Item = &Example> {
        self.tasks.values().flat_map(|shelf| shelf.best.iter().chain(&shelf.worst))
    }

    /// The best predictions of a sub-task, best first.
    pub fn best(&self, task: Task) -> &[Example] {
        self.tasks.get(&task).map_or(&[], |shelf| shelf.best.as_slice())
    }

    /// The worst predictions of a sub-task, worst first, without those that are among the best.
    pub fn worst(&self, task: Task) -> Vec<&Example> {
        let best = self.best(task);
        let worst = self.tasks.get(&task).map_or(&[][..], |shelf| shelf.worst.as_slice());
        let is_best = |example: &Example| {
            best.iter().any(|other| other.truth.sample_id == example.truth.sample_id)
        };
        worst.iter().rev().filter(|example| !is_best(example)).collect()
    }
}

/// Better before worse, and of equals by sample id, so that no order of reading matters.
fn order(a: &PairScore, b: &PairScore) -> Ordering {
    b.quality().total_cmp(&a.quality()).then_with(|| a.sample_id().cmp(b.sample_id()))
}

fn insert(examples: &mut Vec<Example>, example: Example) {
    let at = examples.partition_point(|other| order(&other.score, &example.score).is_lt());
    examples.insert(at, example);
}
