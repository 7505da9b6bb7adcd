use std::collections::BTreeSet;

use calico_data::Stream;
use calico_result::Task;

use super::Kind;
use super::cast::{Cast, parts};
use crate::classes::Class;
use crate::render::{Look, Palette};
use crate::scene::{Manner, Role, Viewpoint, Wanted};

/// Half the side of an object's square, as shares of the shorter side of its picture: of an object
/// whose parts are asked about,
const LARGE: [f32; 2] = [0.36, 0.47];
/// of one beside it,
const SMALL: [f32; 2] = [0.16, 0.22];
/// and of all objects where any of them may be asked about.
const EQUAL: [f32; 2] = [0.25, 0.34];

/// Pictures that are asked about together.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) pictures: Vec<Vec<Wanted>>,
    pub(crate) manner: Manner,
    pub(crate) asks: Vec<Ask>,
}

/// A question.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) task: Task,
    /// The pictures that it is about, from 0.
    pub(crate) pictures: Vec<usize>,
}

impl Group {
    /// Choices of objects until a group is given up: whether a figure has an optional part is
    /// chance.
    pub(crate) const TRIES: u32 = 200;

    /// Chooses the objects of a case. `None` if none of [`TRIES`](Self::TRIES) choices gives what
    /// its kind asks for, as where there are no classes to choose from.
    pub(crate) fn choose(
        kind: Kind,
        (size, cue, pictures): (u32, f32, usize),
        stream: &mut Stream,
    ) -> Option<Self> {
        let mut look = Look { cue, palette: Palette::Familiar, is_uniform: false };
        let mut viewpoint = Viewpoint::Usual;
        match kind {
            Kind::Correspondence(_) => {
                (look.cue, look.is_uniform) = (0.0, true);
                viewpoint = Viewpoint::Unusual;
            }
            Kind::Unseen(_) => (look.cue, look.palette) = (0.0, Palette::Unseen),
            // A few of each in every split: nothing is learnt that is never shown.
            _ => {
                look.is_uniform = stream.happens(1_000);
                if stream.happens(1_000) {
                    viewpoint = Viewpoint::Unusual;
                }
            }
        }
        let count = if matches!(kind, Kind::Three(_)) { 3 } else { pictures };
        let mut cast = Cast { stream };
        let chosen = match kind {
            Kind::Context => cast.context()?,
            Kind::Nothing { task: Task::CommonObjects, .. } => cast.nothing_common(count),
            Kind::Nothing { task, is_alone } => cast.nothing(task, count, is_alone)?,
            Kind::Plain(Task::CommonObjects)
            | Kind::Correspondence(Task::CommonObjects)
            | Kind::Unseen(Task::CommonObjects)
            | Kind::Three(Task::CommonObjects) => cast.common_object(count)?,
            Kind::Plain(task) | Kind::Correspondence(task) | Kind::Three(task) => {
                cast.parts(task, count, false)?
            }
            Kind::Unseen(task) => cast.parts(task, count, true)?,
        };
        let asks = match kind {
            Kind::Context => [1, 2]
                .map(|partner| Ask { task: Task::CommonObjects, pictures: vec![0, partner] })
                .to_vec(),
            Kind::Plain(task)
            | Kind::Correspondence(task)
            | Kind::Unseen(task)
            | Kind::Nothing { task, .. }
            | Kind::Three(task) => vec![Ask { task, pictures: (0..count).collect() }],
        };
        Some(Self { pictures: chosen, manner: Manner { size, look, viewpoint }, asks })
    }
}

impl Cast<'_> {
    /// One class in all pictures, and one or two others in each, in no other picture.
    fn common_object(&mut self, count: usize) -> Option<Vec<Vec<Wanted>>> {
        let class = self.class(|_| true)?;
        let mut taken = vec![class.label];
        let pictures = (0..count).map(|_| {
            let mut objects = vec![self.object(class, EQUAL, Role::Whole)];
            self.add_others(&mut objects, &mut taken);
            self.shuffled(objects)
        });
        Some(pictures.collect())
    }

    /// One picture with two objects, and a partner for each of them.
    fn context(&mut self) -> Option<Vec<Vec<Wanted>>> {
        let first = self.class(|_| true)?;
        let second = self.class(|class| class.label != first.label)?;
        let mut taken = vec![first.label, second.label];
        let both = [first, second].map(|class| self.object(class, EQUAL, Role::Whole));
        let mut pictures = vec![self.shuffled(both.to_vec())];
        for class in [first, second] {
            let mut objects = vec![self.object(class, EQUAL, Role::Whole)];
            self.add_others(&mut objects, &mut taken);
            pictures.push(self.shuffled(objects));
        }
        Some(pictures)
    }

    /// One or two objects of classes that are not taken yet.
    fn add_others(&mut self, objects: &mut Vec<Wanted>, taken: &mut Vec<&'static str>) {
        for _ in 0..self.few() {
            if let Some(other) = self.class(|class| !taken.contains(&class.label)) {
                taken.push(other.label);
                objects.push(self.object(other, EQUAL, Role::Distractor));
            }
        }
    }

    /// An object in each picture whose parts can be compared, and others that cannot.
    fn parts(&mut self, task: Task, count: usize, is_held_out: bool) -> Option<Vec<Vec<Wanted>>> {
        let chosen = (0..Group::TRIES).find_map(|_| {
            let [first, second] = self.pair(is_held_out)?;
            let objects = self.large(&[first, second], count);
            let found = compare(&objects);
            // Objects are compared by what they share.
            let fits = found.common > 0 && (task == Task::CommonParts || found.unique > 0);
            fits.then_some(objects)
        });
        Some(self.with_others(chosen?))
    }

    /// A picture for each object, with one or two small ones beside it that nothing compares.
    fn with_others(&mut self, objects: Vec<Wanted>) -> Vec<Vec<Wanted>> {
        let mut taken = objects.iter().map(|object| object.class.group).collect();
        let with_others = objects.into_iter().map(|object| {
            let others = self.few();
            let mut picture = self.distractors(others, SMALL, &mut taken);
            picture.push(object);
            self.shuffled(picture)
        });
        with_others.collect()
    }

    /// Pictures that share no object.
    fn nothing_common(&mut self, count: usize) -> Vec<Vec<Wanted>> {
        let mut taken = Vec::new();
        let pictures = (0..count).map(|_| {
            let mut objects = Vec::new();
            self.add_others(&mut objects, &mut taken);
            if objects.len() == 1 {
                self.add_others(&mut objects, &mut taken);
            }
            self.shuffled(objects)
        });
        pictures.collect()
    }

    /// Pictures that share no part, or whose compared objects have no part of their own.
    fn nothing(&mut self, task: Task, count: usize, is_alone: bool) -> Option<Vec<Vec<Wanted>>> {
        (0..Group::TRIES).find_map(|_| {
            let objects = if task == Task::UniqueParts {
                let class = self.class(|_| true)?;
                self.large(&[class], count)
            } else {
                let first = self.class(|_| true)?;
                let second = self.class(|class| class.group != first.group)?;
                self.large(&[first, second], count)
            };
            let found = compare(&objects);
            let is_empty =
                if task == Task::UniqueParts { found.unique == 0 } else { found.common == 0 };
            if !is_empty {
                return None;
            }
            if is_alone {
                return Some(objects.into_iter().map(|object| vec![object]).collect());
            }
            let pictures = self.with_others(objects);
            // Where no objects can be compared, any of a picture may be meant.
            let is_fair = task == Task::UniqueParts || !share_a_part(&pictures);
            is_fair.then_some(pictures)
        })
    }

    /// An object for each picture: the first class in the first, the last in all others.
    fn large(&mut self, classes: &[&'static Class], count: usize) -> Vec<Wanted> {
        let of_picture = |at: usize| classes.get(at).or(classes.last()).copied();
        (0..count)
            .filter_map(of_picture)
            .map(|class| self.object(class, LARGE, Role::Parts))
            .collect()
    }

    /// One or, less often, two.
    fn few(&mut self) -> u64 {
        1 + u64::from(self.stream.happens(4_000))
    }

    /// In an order of its own: which object lies over which.
    fn shuffled(&mut self, mut objects: Vec<Wanted>) -> Vec<Wanted> {
        for end in (1..objects.len()).rev() {
            objects.swap(end, self.stream.below(end as u64 + 1) as usize);
        }
        objects
    }
}

/// How many parts all objects have, and how many just one.
struct Compared {
    common: usize,
    unique: usize,
}

fn compare(objects: &[Wanted]) -> Compared {
    let of_each: Vec<BTreeSet<&str>> = objects.iter().map(|object| parts(&object.figure)).collect();
    let all: BTreeSet<&str> = of_each.iter().flatten().copied().collect();
    let owners = |part: &str| of_each.iter().filter(|parts| parts.contains(part)).count();
    Compared {
        common: all.iter().filter(|part| owners(part) == objects.len()).count(),
        unique: all.iter().filter(|part| owners(part) == 1).count(),
    }
}

/// Whether some part is in every picture, whatever object it belongs to.
fn share_a_part(pictures: &[Vec<Wanted>]) -> bool {
    let seen = |objects: &Vec<Wanted>| -> BTreeSet<&str> {
        objects.iter().flat_map(|object| parts(&object.figure)).collect()
    };
    let common = pictures.iter().map(seen).reduce(|common, seen| &common & &seen);
    common.is_some_and(|common| !common.is_empty())
}
